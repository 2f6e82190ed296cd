"""§8.4."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scenarios.exchange.webauthn.attestation import der
from scenarios.exchange.webauthn.attestation.signatures import require_signature
from scenarios.exchange.webauthn.attestation.subject import STEP, Statement, Subject
from scenarios.exchange.webauthn.refusal import Refused

KEY_DESCRIPTION = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")
_PURPOSE, _ALL_APPLICATIONS, _ORIGIN = der.context(1), der.context(600), der.context(702)
_SIGN, _GENERATED = 2, 0


def verify(statement: Statement, subject: Subject) -> None:
    algorithm = statement.require("alg", int)
    signature = statement.require("sig", bytes)
    certificate = statement.certificates()[0]
    key = certificate.public_key()
    require_signature(key, algorithm, signature, subject.message)
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_bytes(*spki) != subject.key.public_bytes(*spki):
        raise Refused(STEP, "the Android certificate's key is not the credential's")
    try:
        extension = certificate.extensions.get_extension_for_oid(KEY_DESCRIPTION).value
    except x509.ExtensionNotFound:
        raise Refused(STEP, "the Android certificate has no key description") from None
    assert isinstance(extension, x509.UnrecognizedExtension)
    fields = list(der.single(extension.value, der.SEQUENCE))
    if (
        len(fields) < 8
        or fields[4].tag != der.OCTET_STRING
        or {fields[6].tag, fields[7].tag} != {der.SEQUENCE}
    ):
        raise Refused(STEP, "the Android key description is malformed")
    if fields[4].content != subject.client_data_hash:
        raise Refused(STEP, "the Android key was attested for another ceremony")
    software, tee = list(fields[6]), list(fields[7])
    if any(each.tag == _ALL_APPLICATIONS for each in (*software, *tee)):
        raise Refused(STEP, "the Android key is open to all applications")
    # Strict: only what the trusted execution environment vouches for
    origins = [element.integer() for each in tee if each.tag == _ORIGIN for element in each]
    if origins != [_GENERATED]:
        raise Refused(STEP, "the Android key was not generated in the device")
    purposes = [
        number.integer() for each in tee if each.tag == _PURPOSE for group in each for number in group
    ]
    if purposes != [_SIGN]:
        raise Refused(STEP, "the Android key may do something else than sign")
