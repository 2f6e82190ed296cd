"""Attestation statements for the forge: each format in stages, so that one thing in it can be wrong."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from authenticator.attestation import AttestationSubject, android_key, apple, certificates, der, tpm
from authenticator.attestation.pki import (
    COMMON_NAME,
    Authority,
    Extension,
    Template,
    basic_constraints,
    derived_key,
    derived_serial,
    intermediate,
    issue,
    key_usage,
    name,
    root,
    subject_public_key_info,
    with_extension,
)
from authenticator.attestation.tpm_structures import public_area
from authenticator.cose import Algorithm, CoseKeyParameter, PrivateKey
from authenticator.environment import SystemClock
from authenticator.profiles.profile import AttestationPolicy, Profile
from harness.fuzz.edit import Stage

if TYPE_CHECKING:
    from harness.fuzz.forge import Forge


AAGUID: Final = bytes.fromhex("f1d0f022464f4ab2837e5eed00c0ffee")
"""Of the device the fuzzer plays. No real model has it."""
_CLOCK: Final = SystemClock()


@lru_cache(maxsize=8)
def device(aaguid: bytes) -> Profile:
    """The device whose factory certificates are used."""
    return Profile(
        name="forged",
        title="A device that the fuzzer plays",
        aaguid=aaguid,
        versions=("FIDO_2_0",),
        algorithms=tuple(Algorithm),
        attestation=AttestationPolicy(formats=("packed",), aik_algorithm=Algorithm.RS256),
    )


def make(forge: Forge, data: bytes, client_data_hash: bytes) -> tuple[str, Any]:
    fmt = forge.base.attestation
    statement = _FORMATS[fmt](forge, data, client_data_hash)
    return ("packed" if fmt == "self" else fmt), statement


def _none(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    return {}


def _self(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    key = forge.passkey.key
    return {"alg": int(key.algorithm), "sig": _sign(forge, key, data + client_data_hash)}


def _packed(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    profile = device(AAGUID)
    attester = certificates.batch_attester(profile)
    x5c = _chain(
        forge,
        certificates.batch_template(profile),
        certificates.vendor_authority(profile),
        cached=attester.x5c[0],
    )
    signature = _sign(forge, attester.key, data + client_data_hash)
    return {"alg": int(attester.key.algorithm), "sig": signature, "x5c": x5c}


def _fido_u2f(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    profile = device(AAGUID)
    attester = certificates.u2f_attester(profile)
    x5c = _chain(forge, certificates.u2f_template(profile), root(), cached=attester.x5c[0])
    point = forge.passkey.key.public_cose_key()
    message = b"\x00" + data[:32] + client_data_hash + forge.passkey.credential_id
    message += b"\x04" + point[CoseKeyParameter.X] + point[CoseKeyParameter.Y]
    return {"sig": _sign(forge, attester.key, message), "x5c": x5c}


def _tpm(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    subject = _subject(forge, data, client_data_hash)
    aik = tpm.attestation_identity_key(subject.profile)
    area = forge.stage(Stage.PUB_AREA, public_area(forge.passkey.key))
    info = forge.stage(Stage.CERT_INFO, tpm.certify_info(subject, area)).encode()
    template = tpm.aik_template(subject.profile, subject_public_key_info(aik.key))
    x5c = _chain(forge, template, tpm.aik_authority(), cached=aik.x5c[0])
    signature = _sign(forge, aik.key, info)
    return {
        "ver": "2.0",
        "alg": int(aik.key.algorithm),
        "x5c": x5c,
        "sig": signature,
        "certInfo": info,
        "pubArea": area,
    }


def _android_key(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    subject = _subject(forge, data, client_data_hash)
    description = forge.stage(
        Stage.KEY_DESCRIPTION,
        {
            "challenge": client_data_hash,
            "software": android_key.software_enforced(subject),
            "tee": android_key.tee_enforced(subject),
        },
    )
    template = with_extension(
        android_key.credential_template(subject),
        android_key.key_description(description["challenge"], description["software"], description["tee"]),
    )
    x5c = _chain(forge, template, android_key.keystore_authority(), after=(root().certificate,))
    signature = _sign(forge, forge.passkey.key, data + client_data_hash)
    return {"alg": int(forge.passkey.key.algorithm), "sig": signature, "x5c": x5c}


def _apple(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    subject = _subject(forge, data, client_data_hash)
    nonce = forge.stage(Stage.NONCE, hashlib.sha256(data + client_data_hash).digest())
    template = with_extension(
        apple.credential_template(subject),
        Extension(oid=apple.NONCE, value=der.sequence(der.context(1, der.octet_string(nonce)))),
    )
    return {"x5c": _chain(forge, template, apple.anonymisation_authority())}


def _compound(forge: Forge, data: bytes, client_data_hash: bytes) -> list[dict[str, Any]]:
    return [
        {"fmt": "packed", "attStmt": _packed(forge, data, client_data_hash)},
        {"fmt": "packed", "attStmt": _self(forge, data, client_data_hash)},
    ]


SAFETYNET_AUTHORITY: Final = "stuntkey TEST SafetyNet CA"


def _safetynet_key() -> PrivateKey:
    return derived_key("SafetyNet", Algorithm.RS256)


def safetynet_template() -> Template:
    return Template(
        issuer=intermediate(SAFETYNET_AUTHORITY).subject,
        subject=name((COMMON_NAME, "attest.android.com")),
        public_key=subject_public_key_info(_safetynet_key()),
        serial=derived_serial("SafetyNet"),
        extensions=(basic_constraints(ca=False), key_usage(0)),
    )


@lru_cache(maxsize=1)
def _safetynet_certificate() -> bytes:
    return issue(safetynet_template(), intermediate(SAFETYNET_AUTHORITY).key)


def _safetynet(forge: Forge, data: bytes, client_data_hash: bytes) -> dict[str, Any]:
    """§8.5, with ctsProfileMatch as SafetyNet's JWS had it."""
    x5c = _chain(
        forge, safetynet_template(), intermediate(SAFETYNET_AUTHORITY), cached=_safetynet_certificate()
    )
    header = forge.stage(
        Stage.JWS_HEADER, {"alg": "RS256", "x5c": [base64.b64encode(each).decode() for each in x5c]}
    )
    payload = forge.stage(
        Stage.JWS_PAYLOAD,
        {
            "nonce": base64.b64encode(hashlib.sha256(data + client_data_hash).digest()).decode(),
            "timestampMs": int(_CLOCK.time() * 1000) - 500,
            "apkPackageName": "com.google.android.gms",
            "apkDigestSha256": base64.b64encode(bytes(32)).decode(),
            "ctsProfileMatch": True,
            "apkCertificateDigestSha256": [base64.b64encode(bytes(32)).decode()],
            "basicIntegrity": True,
        },
    )
    signed = f"{_segment(header)}.{_segment(payload)}"
    signature = _sign(forge, _safetynet_key(), signed.encode())
    segment = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    return {"ver": "1", "response": f"{signed}.{segment}".encode()}


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


_FORMATS: Final[dict[str, Callable[[Forge, bytes, bytes], Any]]] = {
    "none": _none,
    "self": _self,
    "packed": _packed,
    "fido-u2f": _fido_u2f,
    "tpm": _tpm,
    "android-key": _android_key,
    "apple": _apple,
    "compound": _compound,
    "android-safetynet": _safetynet,
}


def _chain(
    forge: Forge,
    template: Template,
    authority: Authority,
    *,
    cached: bytes | None = None,
    after: tuple[bytes, ...] = (),
) -> list[bytes]:
    """x5c; the leaf is issued anew only where it is changed."""
    leaf = forge.stage(Stage.LEAF, template)
    issuer = forge.stage(Stage.LEAF_ISSUER, authority)
    if cached is not None and leaf is template and issuer is authority:
        certificate = cached
    else:
        certificate = issue(leaf, issuer.key)
    chain: list[bytes] = forge.stage(Stage.CHAIN, [certificate, *authority.chain, *after])
    return chain


def _sign(forge: Forge, key: PrivateKey, message: bytes) -> bytes:
    message = forge.stage(Stage.MESSAGE, message)
    signer: PrivateKey = forge.stage(Stage.SIGNER, key)
    signature: bytes = forge.stage(Stage.SIGNATURE, signer.sign(message))
    return signature


def _subject(forge: Forge, data: bytes, client_data_hash: bytes) -> AttestationSubject:
    return AttestationSubject(
        profile=device(AAGUID),
        clock=_CLOCK,
        key=forge.passkey.key,
        credential_id=forge.passkey.credential_id,
        rp_id=forge.rp_id,
        rp_id_hash=data[:32],
        authenticator_data=data,
        client_data_hash=client_data_hash,
    )


def rogue_root() -> Authority:
    """A root that nobody trusts, with a name of its own."""
    key = derived_key("rogue root")
    public_key = subject_public_key_info(key)
    subject = name((COMMON_NAME, "stuntkey rogue root"))
    template = Template(
        issuer=subject,
        subject=subject,
        public_key=public_key,
        serial=derived_serial("rogue root"),
        extensions=(basic_constraints(ca=True), key_usage(5, 6)),
    )
    return Authority(subject=subject, key=key, certificate=issue(template, key), chain=())


def long_ago() -> tuple[datetime, datetime]:
    return datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)


def far_ahead() -> tuple[datetime, datetime]:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3650)
    return start, start + timedelta(days=365)
