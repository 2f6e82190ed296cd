"""WebAuthn level 3 §8.3: a TPM certifies the credential's key with an attestation identity key (AIK)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from authenticator.attestation import der
from authenticator.attestation.format import AttestationSubject, Statement
from authenticator.attestation.pki import (
    EXTENDED_KEY_USAGE,
    SUBJECT_ALTERNATIVE_NAME,
    Authority,
    Extension,
    Template,
    authority_key_identifier,
    basic_constraints,
    derived_key,
    derived_serial,
    intermediate,
    issue,
    key_usage,
    name,
    subject_key_identifier,
    subject_public_key_info,
)
from authenticator.attestation.tpm_structures import (
    ATTESTATION_KEY,
    KEY_ALGORITHMS,
    Alg,
    CertifyInfo,
    entity_name,
    public_area,
    qualified_name,
)
from authenticator.cose import Algorithm, PrivateKey
from authenticator.profiles.profile import Profile

AIK_CERTIFICATE: Final = "2.23.133.8.3"
"""tcg-kp-AIKCertificate."""
MANUFACTURER, MODEL, VERSION = "2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3"

_SCHEMES: Final = {
    Algorithm.RS256: struct.pack(">HH", Alg.RSASSA, Alg.SHA256),
    Algorithm.ES256: struct.pack(">HH", Alg.ECDSA, Alg.SHA256),
}
"""TPMT_SIG_SCHEME of a restricted signing key, which must have one."""
_OWNER: Final = struct.pack(">I", 0x40000001)
"""TPM_RH_OWNER: the hierarchy all these keys are in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationIdentityKey:
    key: PrivateKey = field(repr=False)
    x5c: tuple[bytes, ...] = field(repr=False)
    storage_root: bytes
    """Qualified Name of the storage root key, the parent of the AIK and of every credential's key."""
    qualified_name: bytes


def aik_authority() -> Authority:
    return intermediate("stuntkey TEST TPM AIK CA")


def tpm_name(manufacturer: str, model: str, version: str) -> Extension:
    """TPM 2.0 EK profile §3.2.9: who made the TPM, as a directory name. One SET of three, as Windows' AIK CAs do it."""
    attributes = ((MANUFACTURER, manufacturer), (MODEL, model), (VERSION, version))
    names = der.sequence(
        der.set_of(*(der.sequence(der.oid(kind), der.utf8(text)) for kind, text in attributes))
    )
    return Extension(oid=SUBJECT_ALTERNATIVE_NAME, value=der.sequence(der.context(4, names)), critical=True)


def aik_template(profile: Profile, public_key: bytes) -> Template:
    """§8.3.1, in the order of Windows' AIK certificates."""
    return _aik_template(profile.aaguid, profile.attestation.tpm_manufacturer, public_key)


def _aik_template(aaguid: bytes, manufacturer: str, public_key: bytes) -> Template:
    return Template(
        issuer=aik_authority().subject,
        subject=name(),
        public_key=public_key,
        serial=derived_serial(f"AIK {aaguid.hex()}"),
        extensions=(
            key_usage(0),
            basic_constraints(ca=False),
            Extension(oid=EXTENDED_KEY_USAGE, value=der.sequence(der.oid(AIK_CERTIFICATE))),
            tpm_name(manufacturer, "stuntkey", "id:00010000"),
            authority_key_identifier(aik_authority()),
            subject_key_identifier(public_key),
        ),
    )


def attestation_identity_key(profile: Profile) -> AttestationIdentityKey:
    """A real TPM has one of its own; here all devices of a profile share it, as RSA keys are slow to make."""
    policy = profile.attestation
    return _attestation_identity_key(profile.aaguid, policy.tpm_manufacturer, policy.aik_algorithm)


@lru_cache(maxsize=64)
def _attestation_identity_key(
    aaguid: bytes, manufacturer: str, algorithm: Algorithm
) -> AttestationIdentityKey:
    key = derived_key(f"AIK {aaguid.hex()}", algorithm)
    authority = aik_authority()
    certificate = issue(_aik_template(aaguid, manufacturer, subject_public_key_info(key)), authority.key)
    storage_root_key = derived_key(f"storage root {aaguid.hex()}")
    storage_root = qualified_name(_OWNER, entity_name(public_area(storage_root_key, policy=b"")))
    area = public_area(key, attributes=ATTESTATION_KEY, policy=b"", scheme=_SCHEMES[algorithm])
    return AttestationIdentityKey(
        key=key,
        x5c=(certificate, *authority.chain),
        storage_root=storage_root,
        qualified_name=qualified_name(storage_root, entity_name(area)),
    )


def certify_info(subject: AttestationSubject, area: bytes) -> CertifyInfo:
    """What TPM2_Certify says of the credential's key. The AIK's hash is SHA-256 with every algorithm it may have."""
    aik = attestation_identity_key(subject.profile)
    key_name = entity_name(area)
    return CertifyInfo(
        qualified_signer=aik.qualified_name,
        extra_data=hashlib.sha256(subject.to_be_signed).digest(),
        clock=int(subject.clock.time() * 1000),
        reset_count=1,
        restart_count=0,
        firmware_version=0x0001_0000_0000_0000,
        name=key_name,
        qualified_name=qualified_name(aik.storage_root, key_name),
    )


class Tpm:
    fmt = "tpm"

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        return algorithm in KEY_ALGORITHMS

    def statement(self, subject: AttestationSubject) -> Statement:
        aik = attestation_identity_key(subject.profile)
        area = public_area(subject.key)
        info = certify_info(subject, area).encode()
        return {
            "ver": "2.0",
            "alg": int(aik.key.algorithm),
            "x5c": list(aik.x5c),
            # The standard says TPMT_SIGNATURE; Windows sends, and verifiers expect, the bare signature in it.
            "sig": aik.key.sign(info),
            "certInfo": info,
            "pubArea": area,
        }
