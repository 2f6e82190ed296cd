"""Attestation statements, judged by others: what is genuine is accepted.

python-fido2 2.2 has no verifier for android-key and compound; py_webauthn 3 knows no ESP256, Ed25519 (-19), ES384 and
ES256K.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from attestation_oracles import CREDENTIAL_ID, Attested, attested, flipped, key, profile
from cryptography import x509
from fido2.attestation.base import AttestationType, InvalidAttestation
from fido2.attestation.tpm import TpmAttestationFormat, TpmPublicFormat

from authenticator.attestation.certificates import (
    SERIAL_NUMBER,
    U2F_TRANSPORTS,
    batch_attester,
    enterprise_attester,
    u2f_attestation,
)
from authenticator.attestation.pki import root
from authenticator.attestation.tpm_structures import public_area
from authenticator.cose import Algorithm

UNKNOWN_TO_PY_WEBAUTHN = {Algorithm.ESP256, Algorithm.ED25519, Algorithm.ES384, Algorithm.ES256K}


def certificate_of(statement: Attested, index: int = 0) -> x509.Certificate:
    return x509.load_der_x509_certificate(statement.statement["x5c"][index])


def extension_value(certificate: x509.Certificate, oid: str) -> bytes:
    value = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value
    assert isinstance(value, x509.UnrecognizedExtension)
    return value.value


@pytest.mark.parametrize("algorithm", Algorithm)
class TestEveryAlgorithm:
    def test_packed_self(self, algorithm: Algorithm) -> None:
        made = attested(profile("packed", certified=False), algorithm)
        assert made.statement.keys() == {"alg", "sig"}
        assert made.statement["alg"] == algorithm
        assert made.fido2().attestation_type is AttestationType.SELF
        if algorithm not in UNKNOWN_TO_PY_WEBAUTHN:
            assert made.py_webauthn().fmt == "packed"

    def test_packed_self_altered(self, algorithm: Algorithm) -> None:
        made = attested(profile("packed", certified=False), algorithm)
        for altered in (
            replace(made, data=flipped(made.data, 33)),
            made.but(sig=flipped(made.statement["sig"], 40)),
            replace(made, client_data=made.client_data + b" "),
        ):
            with pytest.raises(InvalidAttestation):
                altered.fido2()

    def test_packed_basic(self, algorithm: Algorithm) -> None:
        made = attested(profile("packed"), algorithm)
        assert made.statement["alg"] == Algorithm.ES256
        assert made.fido2().attestation_type is AttestationType.BASIC
        if algorithm not in UNKNOWN_TO_PY_WEBAUTHN:
            assert made.py_webauthn().fmt == "packed"

    def test_none(self, algorithm: Algorithm) -> None:
        made = attested(profile("none"), algorithm)
        assert made.statement == {}
        assert made.fido2().attestation_type is AttestationType.NONE

    def test_format_without_room_for_it_gives_way(self, algorithm: Algorithm) -> None:
        room = {
            "fido-u2f": {Algorithm.ES256},
            "apple": {Algorithm.ES256},
            "android-key": {Algorithm.ES256, Algorithm.RS256},
            "tpm": {
                Algorithm.ES256, Algorithm.ESP256, Algorithm.ES384, Algorithm.ES512,
                Algorithm.RS256, Algorithm.PS256,
            },
        }  # fmt: skip
        for fmt, algorithms in room.items():
            assert attested(profile(fmt), algorithm).fmt == (fmt if algorithm in algorithms else "none")
            expected = fmt if algorithm in algorithms else "packed"
            assert attested(profile(fmt, "packed"), algorithm).fmt == expected


TPM_ALGORITHMS = (Algorithm.RS256, Algorithm.PS256, Algorithm.ES256, Algorithm.ES384, Algorithm.ES512)


@pytest.mark.parametrize("aik_algorithm", [Algorithm.RS256, Algorithm.ES256])
@pytest.mark.parametrize("algorithm", TPM_ALGORITHMS)
def test_tpm(algorithm: Algorithm, aik_algorithm: Algorithm) -> None:
    made = attested(profile("tpm", aik_algorithm=aik_algorithm), algorithm)
    assert made.statement["alg"] == aik_algorithm
    assert made.fido2().attestation_type is AttestationType.ATT_CA
    if algorithm not in UNKNOWN_TO_PY_WEBAUTHN:
        assert made.py_webauthn().fmt == "tpm"


def test_tpm_structures() -> None:
    made = attested(profile("tpm"), Algorithm.ES256)
    area = TpmPublicFormat.parse(made.statement["pubArea"])
    info = TpmAttestationFormat.parse(made.statement["certInfo"])
    assert area.attributes == 0x00060472
    assert info.attested.name == area.name()
    assert info.data == hashlib.sha256(made.data + made.client_data_hash).digest()
    assert info.clock_info[3] is True
    assert len(info.name) == len(info.attested.qualified_name) == 34
    assert info.name != info.attested.qualified_name != info.attested.name
    # Windows' areas of RSA keys begin so: type, nameAlg, attributes, policy, no symmetric cipher, no scheme, 2048 bits.
    assert public_area(key(Algorithm.RS256))[:54].hex() == (
        "0001000b0006047200209dffcbf36c383ae699fb9868dc6dcb89d7153884be2803922c124158bfad22ae"
        "001000100800000000000100"
    )
    certificate = certificate_of(made)
    assert len(certificate.subject) == 0
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    (directory,) = names.value.get_values_for_type(x509.DirectoryName)
    assert {each.oid.dotted_string: each.value for each in directory} == {
        "2.23.133.2.1": "id:4D534654",
        "2.23.133.2.2": "stuntkey",
        "2.23.133.2.3": "id:00010000",
    }


def test_fido_u2f() -> None:
    made = attested(profile("fido-u2f"), Algorithm.ES256)
    assert len(made.statement["x5c"]) == 1
    assert made.data[37:53] == bytes(16)
    assert made.fido2().attestation_type is AttestationType.BASIC
    assert made.py_webauthn().fmt == "fido-u2f"
    # usb and nfc are bits 2 and 3 of five, so four are unused in the octet
    assert extension_value(certificate_of(made), U2F_TRANSPORTS) == bytes.fromhex("03020430")


def test_u2f_attestation() -> None:
    certificate, sign = u2f_attestation(profile("fido-u2f"))
    made = attested(profile("fido-u2f"), Algorithm.ES256)
    assert made.statement["x5c"] == [certificate]
    point = key(Algorithm.ES256).public_cose_key()
    message = (
        b"\x00" + made.data[:32] + made.client_data_hash + CREDENTIAL_ID + b"\x04" + point[-2] + point[-3]
    )
    made.but(sig=sign(message)).fido2()


def test_apple() -> None:
    made = attested(profile("apple"), Algorithm.ES256)
    assert made.statement.keys() == {"x5c"}
    assert made.fido2().attestation_type is AttestationType.ANON_CA
    assert made.py_webauthn().fmt == "apple"
    certificate = certificate_of(made)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=3)


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.RS256])
def test_android_key(algorithm: Algorithm) -> None:
    made = attested(profile("android-key"), algorithm)
    assert made.statement["alg"] == algorithm
    assert made.statement["x5c"][-1] == root().certificate
    assert made.py_webauthn().fmt == "android-key"


def test_enterprise() -> None:
    device = profile("packed", "none")
    made = attested(device, Algorithm.ES256, ("none",), enterprise=True)
    assert made.fmt == "packed"
    made.fido2()
    made.py_webauthn()
    # An OCTET STRING, not critical (WebAuthn level 3 §8.2.2)
    assert extension_value(certificate_of(made), SERIAL_NUMBER) == b"\x04\x08" + (12345678).to_bytes(8, "big")
    other = enterprise_attester(device, 12345679)
    assert other.x5c[0] != made.statement["x5c"][0]
    assert other.x5c[1:] == tuple(made.statement["x5c"][1:])
    with pytest.raises(x509.ExtensionNotFound):
        extension_value(certificate_of(attested(device, Algorithm.ES256)), SERIAL_NUMBER)


@pytest.mark.parametrize(
    ("formats", "parts"),
    [
        (("compound", "tpm", "packed", "fido-u2f", "none"), ["tpm", "packed"]),
        (("compound", "apple", "tpm"), ["apple", "tpm"]),
        (("packed", "compound", "none"), ["packed", "packed"]),
    ],
)
def test_compound(formats: tuple[str, ...], parts: list[str]) -> None:
    made = attested(profile(*formats), Algorithm.ES256, ("compound",))
    assert made.fmt == "compound"
    assert [part["fmt"] for part in made.statement] == parts
    assert len({repr(part) for part in made.statement}) == len(parts)
    for part in made.statement:
        whole = Attested(fmt=part["fmt"], statement=part["attStmt"], data=made.data)
        whole.fido2()
        whole.py_webauthn()


def test_compound_has_two_parts_or_is_not_had() -> None:
    assert attested(profile("compound", "packed", certified=False), Algorithm.ES256).fmt == "packed"
    assert attested(profile("compound", "apple", "none"), Algorithm.ES256).fmt == "apple"
    assert attested(profile("compound", "apple", "tpm"), Algorithm.RS256).fmt == "tpm"


def test_statements_do_not_share_their_chains() -> None:
    device = profile("packed")
    attested(device, Algorithm.ES256).statement["x5c"].clear()
    assert attested(device, Algorithm.ES256).statement["x5c"] == list(batch_attester(device).x5c)
