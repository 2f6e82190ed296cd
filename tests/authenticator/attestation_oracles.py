"""Credentials to attest, and foreign verifiers to judge the statements: python-fido2 and py_webauthn."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cbor2
from fido2.attestation.base import Attestation, AttestationResult, verify_x509_chain
from fido2.webauthn import AuthenticatorData
from webauthn import verify_registration_response
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import AttestationFormat
from webauthn.registration.verify_registration_response import VerifiedRegistration

from authenticator import cbor
from authenticator.attestation import AttestationSubject, Statement, attested_aaguid, choose_format
from authenticator.attestation.pki import pem, root
from authenticator.authenticator_data import Flags, attested_credential_data, authenticator_data
from authenticator.cose import Algorithm, PrivateKey, generate_private_key
from authenticator.environment import SeededRandomness, SystemClock
from authenticator.profiles.profile import AttestationPolicy, Profile

RP_ID, ORIGIN, CHALLENGE = "example.com", "https://example.com", b"a challenge, for once"
CLIENT_DATA = json.dumps(
    {
        "type": "webauthn.create",
        "challenge": base64.urlsafe_b64encode(CHALLENGE).rstrip(b"=").decode(),
        "origin": ORIGIN,
    }
).encode()
AAGUID = bytes(range(16, 32))
CREDENTIAL_ID = hashlib.sha256(b"a credential id").digest()


def profile(*formats: str, certified: bool = True, **policy: Any) -> Profile:
    return Profile(
        name="attesting",
        title="A device that attests",
        aaguid=AAGUID,
        versions=("FIDO_2_0",),
        transports=("usb", "nfc"),
        algorithms=tuple(Algorithm),
        attestation=AttestationPolicy(formats=formats, certified=certified, **policy),
    )


@cache
def key(algorithm: Algorithm) -> PrivateKey:
    """RSA keys take a while to find, so each is made once."""
    return generate_private_key(algorithm, SeededRandomness(f"attestation {algorithm}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    fmt: str
    statement: Any
    data: bytes
    client_data: bytes = CLIENT_DATA

    @property
    def client_data_hash(self) -> bytes:
        return hashlib.sha256(self.client_data).digest()

    def fido2(self, *, root_certificate: bytes | None = None) -> AttestationResult:
        """Judged by python-fido2, its chain by the test root."""
        verifier = Attestation.for_type(self.fmt)()
        result = verifier.verify(self.statement, AuthenticatorData(self.data), self.client_data_hash)
        if result.trust_path:
            verify_x509_chain([*result.trust_path, root_certificate or root().certificate])
        return result

    def py_webauthn(self, *, root_certificate: bytes | None = None) -> VerifiedRegistration:
        trusted = pem(root_certificate or root().certificate)
        attestation_object = cbor2.dumps({"fmt": self.fmt, "attStmt": self.statement, "authData": self.data})
        credential_id = _base64url(CREDENTIAL_ID)
        return verify_registration_response(
            credential={
                "id": credential_id,
                "rawId": credential_id,
                "type": "public-key",
                "response": {
                    "clientDataJSON": _base64url(self.client_data),
                    "attestationObject": _base64url(attestation_object),
                },
            },
            expected_challenge=CHALLENGE,
            expected_rp_id=RP_ID,
            expected_origin=ORIGIN,
            supported_pub_key_algs=list(COSEAlgorithmIdentifier),
            pem_root_certs_bytes_by_fmt={fmt: [trusted] for fmt in AttestationFormat},
        )

    def but(self, **members: Any) -> Attested:
        """The same with other members in its statement."""
        return replace(self, statement={**self.statement, **members})

    def but_certificate(self, certificate: bytes) -> Attested:
        """The same with another certificate in front of its chain."""
        return self.but(x5c=[certificate, *self.statement["x5c"][1:]])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def subject(
    device: Profile, algorithm: Algorithm, preference: tuple[str, ...] = (), *, enterprise: bool = False
) -> AttestationSubject:
    chosen = choose_format(device, algorithm, preference, enterprise=enterprise)
    rp_id_hash = hashlib.sha256(RP_ID.encode()).digest()
    return AttestationSubject(
        profile=device,
        clock=SystemClock(),
        key=key(algorithm),
        credential_id=CREDENTIAL_ID,
        rp_id=RP_ID,
        rp_id_hash=rp_id_hash,
        authenticator_data=authenticator_data(
            rp_id_hash=rp_id_hash,
            flags=Flags.UP | Flags.UV,
            counter=7,
            attested=attested_credential_data(
                aaguid=attested_aaguid(device, chosen),
                credential_id=CREDENTIAL_ID,
                public_key=cbor.encode(key(algorithm).public_cose_key()),
            ),
            extensions=b"",
        ),
        client_data_hash=hashlib.sha256(CLIENT_DATA).digest(),
        enterprise=enterprise,
        serial_number=12345678,
    )


def attested(
    device: Profile, algorithm: Algorithm, preference: tuple[str, ...] = (), *, enterprise: bool = False
) -> Attested:
    """A credential of `device`, attested in the format it chooses."""
    what = subject(device, algorithm, preference, enterprise=enterprise)
    chosen = choose_format(device, algorithm, preference, enterprise=enterprise)
    statement: Statement = chosen.statement(what)
    return Attested(fmt=chosen.fmt, statement=statement, data=what.authenticator_data)


def flipped(data: bytes, position: int = -1) -> bytes:
    """With one bit of one byte turned over."""
    changed = bytearray(data)
    changed[position] ^= 0x01
    return bytes(changed)
