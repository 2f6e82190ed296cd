"""§8.6."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec

from scenarios.exchange.webauthn.attestation.signatures import require_signature
from scenarios.exchange.webauthn.attestation.subject import STEP, Statement, Subject
from scenarios.exchange.webauthn.refusal import Refused


def verify(statement: Statement, subject: Subject) -> None:
    signature = statement.require("sig", bytes)
    chain = statement.certificates()
    if len(chain) != 1:
        raise Refused(STEP, "a U2F attestation has exactly one certificate")
    key = chain[0].public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Refused(STEP, "the U2F attestation certificate's key is not on P-256")
    if subject.algorithm != -7:
        raise Refused(STEP, "a U2F credential is an ES256 key")
    if any(subject.attested.aaguid):
        raise Refused(STEP, "a U2F key has no AAGUID")
    point = b"\x04" + subject.attested.public_key[-2] + subject.attested.public_key[-3]
    message = (
        b"\x00" + subject.data.rp_id_hash + subject.client_data_hash + subject.attested.credential_id + point
    )
    require_signature(key, -7, signature, message)
