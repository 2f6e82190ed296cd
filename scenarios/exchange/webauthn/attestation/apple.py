"""§8.8."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scenarios.exchange.webauthn.attestation.subject import STEP, Statement, Subject
from scenarios.exchange.webauthn.refusal import Refused

NONCE_EXTENSION = x509.ObjectIdentifier("1.2.840.113635.100.8.2")


def verify(statement: Statement, subject: Subject) -> None:
    certificate = statement.certificates()[0]
    try:
        extension = certificate.extensions.get_extension_for_oid(NONCE_EXTENSION).value
    except x509.ExtensionNotFound:
        raise Refused(STEP, "the Apple certificate has no nonce") from None
    assert isinstance(extension, x509.UnrecognizedExtension)
    nonce = hashlib.sha256(subject.message).digest()
    # SEQUENCE { [1] { OCTET STRING nonce } }
    if extension.value != b"\x30\x24\xa1\x22\x04\x20" + nonce:
        raise Refused(STEP, "the Apple certificate's nonce is that of another ceremony")
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*spki) != subject.key.public_bytes(*spki):
        raise Refused(STEP, "the Apple certificate's key is not the credential's")
