"""§8.2."""

from __future__ import annotations

from scenarios.exchange.webauthn.attestation.chain import require_attestation_certificate
from scenarios.exchange.webauthn.attestation.signatures import require_signature
from scenarios.exchange.webauthn.attestation.subject import STEP, Statement, Subject
from scenarios.exchange.webauthn.public_key import is_signed_by
from scenarios.exchange.webauthn.refusal import Refused


def verify(statement: Statement, subject: Subject) -> None:
    algorithm = statement.require("alg", int)
    signature = statement.require("sig", bytes)
    if "x5c" in statement.members:
        certificate = statement.certificates()[0]
        require_signature(certificate.public_key(), algorithm, signature, subject.message)
        require_attestation_certificate(certificate, subject.attested.aaguid)
        return
    # Self attestation: signed by the credential itself
    if "ecdaaKeyId" in statement.members:
        raise Refused(STEP, "ECDAA attestation is no longer accepted")
    if algorithm != subject.algorithm:
        raise Refused(STEP, "a self attestation's algorithm is that of the credential")
    if not is_signed_by(subject.verify, signature, subject.message):
        raise Refused(STEP, "the self attestation's signature is wrong")
