"""Attestation statements, judged by others: what is genuine is accepted, what was altered is refused.

python-fido2 2.2 has no verifier for android-key and compound; py_webauthn 3 knows no ESP256, Ed25519 (-19), ES384 and
ES256K. What a verifier is not asked here, it cannot judge or wrongly lets pass; the comments say which.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attestation_oracles import CREDENTIAL_ID, Attested, attested, flipped, key, profile, subject
from cryptography import x509
from fido2.attestation.base import AttestationType, InvalidAttestation
from fido2.attestation.tpm import TpmAttestationFormat, TpmPublicFormat
from webauthn.helpers.exceptions import WebAuthnException

from authenticator.attestation import android_key, apple, der, tpm
from authenticator.attestation.certificates import (
    AAGUID,
    SERIAL_NUMBER,
    U2F_TRANSPORTS,
    batch_attester,
    batch_template,
    enterprise_attester,
    u2f_attestation,
    vendor_authority,
)
from authenticator.attestation.pki import (
    Extension,
    Template,
    basic_constraints,
    derived_key,
    intermediate,
    issue,
    name,
    root,
    subject_public_key_info,
    with_extension,
    without_extension,
)
from authenticator.attestation.tpm_structures import public_area
from authenticator.cose import Algorithm

REFUSALS = (InvalidAttestation, WebAuthnException, x509.ExtensionNotFound)
"""The last is python-fido2's for an AIK certificate that lacks an extension: it lets cryptography's error through."""
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


BOTH, FIDO2, PY_WEBAUTHN = ("fido2", "py_webauthn"), ("fido2",), ("py_webauthn",)


@dataclass(frozen=True, kw_only=True)
class Alteration:
    fmt: str
    what: str
    make: Callable[[Attested], Attested]
    refused_by: tuple[str, ...] = BOTH


def member_flipped(member: str, position: int = -1) -> Callable[[Attested], Attested]:
    return lambda made: made.but(**{member: flipped(made.statement[member], position)})


def certificate_flipped(made: Attested) -> Attested:
    """In its last byte, which is its signature's."""
    return made.but_certificate(flipped(made.statement["x5c"][0]))


def batch_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    device = profile("packed")

    def make(made: Attested) -> Attested:
        return made.but_certificate(issue(change(batch_template(device)), vendor_authority(device).key))

    return make


def aik_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    device = profile("tpm")

    def make(made: Attested) -> Attested:
        public_key = subject_public_key_info(tpm.attestation_identity_key(device).key)
        template = change(tpm.aik_template(device, public_key))
        return made.but_certificate(issue(template, tpm.aik_authority().key))

    return make


def certify_info(**changes: Any) -> Callable[[Attested], Attested]:
    """certInfo with other members, well signed."""
    device = profile("tpm")

    def make(made: Attested) -> Attested:
        info = tpm.certify_info(subject(device, Algorithm.ES256), made.statement["pubArea"])
        lie = replace(info, **changes).encode()
        return made.but(certInfo=lie, sig=tpm.attestation_identity_key(device).key.sign(lie))

    return make


def keystore_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    def make(made: Attested) -> Attested:
        template = change(android_key.credential_template(subject(profile("android-key"), Algorithm.ES256)))
        return made.but_certificate(issue(template, android_key.keystore_authority().key))

    return make


def described(
    *,
    challenge: bytes | None = None,
    software: dict[android_key.Tag, bytes] | None = None,
    tee: dict[android_key.Tag, bytes] | None = None,
) -> Callable[[Attested], Attested]:
    """A key description that tells something else."""
    what = subject(profile("android-key"), Algorithm.ES256)
    extension = android_key.key_description(
        challenge or what.client_data_hash,
        android_key.software_enforced(what) | (software or {}),
        android_key.tee_enforced(what) | (tee or {}),
    )
    return keystore_certificate(lambda template: with_extension(template, extension))


def credential_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    def make(made: Attested) -> Attested:
        what = replace(subject(profile("apple"), Algorithm.ES256), authenticator_data=made.data)
        template = change(apple.credential_template(what))
        return made.but_certificate(issue(template, apple.anonymisation_authority().key))

    return make


OTHER_KEY = subject_public_key_info(derived_key("some other key"))


def expired(template: Template) -> Template:
    return replace(
        template, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2020, 1, 2, tzinfo=UTC)
    )


STRANGER = derived_key("a CA nobody trusts")

ALTERATIONS = [
    *(
        Alteration(fmt=fmt, what="authenticator data", make=lambda made: replace(made, data=flipped(made.data, 36)))
        for fmt in ("packed", "tpm", "apple")
    ),
    *(
        Alteration(
            fmt=fmt, what="client data", make=lambda made: replace(made, client_data=made.client_data + b" ")
        )
        for fmt in ("packed", "fido-u2f", "tpm", "apple")
    ),
    *(
        Alteration(fmt=fmt, what="signature", make=member_flipped("sig", 12))
        for fmt in ("packed", "fido-u2f", "tpm")
    ),
    *(
        Alteration(fmt=fmt, what="certificate's signature", make=certificate_flipped)
        for fmt in ("packed", "fido-u2f", "tpm", "apple")
    ),
    Alteration(fmt="packed", what="other algorithm", make=lambda made: made.but(alg=-36), refused_by=FIDO2),
    Alteration(
        fmt="packed",
        what="chain swapped",
        make=lambda made: made.but(x5c=made.statement["x5c"][::-1]),
    ),
    Alteration(
        fmt="packed",
        what="signed by the credential's own key",
        make=lambda made: made.but(sig=key(Algorithm.ES256).sign(made.data + made.client_data_hash)),
    ),
    Alteration(
        fmt="packed",
        what="issued by a stranger in the CA's name",
        make=lambda made: made.but_certificate(issue(batch_template(profile("packed")), STRANGER)),
    ),
    # py_webauthn does not look into packed's certificates at all.
    Alteration(
        fmt="packed",
        what="other AAGUID",
        make=batch_certificate(
            lambda t: with_extension(t, Extension(oid=AAGUID, value=b"\x04\x10" + bytes(16)))
        ),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="AAGUID critical",
        make=batch_certificate(
            lambda t: with_extension(
                t, Extension(oid=AAGUID, value=b"\x04\x10" + profile().aaguid, critical=True)
            )
        ),
    ),
    Alteration(
        fmt="packed",
        what="CA:TRUE",
        make=batch_certificate(lambda t: with_extension(t, basic_constraints(ca=True))),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="no basic constraints",
        make=batch_certificate(lambda t: without_extension(t, "2.5.29.19")),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="wrong OU",
        make=batch_certificate(
            lambda t: replace(
                t, subject=name(("2.5.4.6", "SE"), ("2.5.4.10", "x"), ("2.5.4.11", "Other"), ("2.5.4.3", "x"))
            )
        ),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="version 1",
        make=batch_certificate(lambda t: replace(t, version=1, extensions=())),
        refused_by=FIDO2,
    ),
    # python-fido2 leaves dates to its caller.
    Alteration(
        fmt="packed",
        what="expired",
        make=batch_certificate(expired),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="fido-u2f",
        what="AAGUID not zero",
        make=lambda made: replace(made, data=flipped(made.data, 37)),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="fido-u2f",
        what="two certificates",
        make=lambda made: made.but(x5c=[*made.statement["x5c"], root().certificate]),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(fmt="tpm", what="version", make=lambda made: made.but(ver="1.2"), refused_by=PY_WEBAUTHN),
    Alteration(fmt="tpm", what="certInfo", make=member_flipped("certInfo", 60)),
    Alteration(fmt="tpm", what="pubArea", make=member_flipped("pubArea", 7)),
    Alteration(
        fmt="tpm",
        what="another key's pubArea",
        make=lambda made: made.but(pubArea=public_area(derived_key("some other key"))),
    ),
    Alteration(fmt="tpm", what="magic", make=certify_info(magic=0xFF544346)),
    Alteration(fmt="tpm", what="type", make=certify_info(type=0x8018)),
    Alteration(fmt="tpm", what="extraData", make=certify_info(extra_data=bytes(32))),
    Alteration(fmt="tpm", what="name", make=certify_info(name=b"\x00\x0b" + bytes(32))),
    Alteration(
        fmt="tpm",
        what="AIK with a subject",
        make=aik_certificate(lambda t: replace(t, subject=name(("2.5.4.3", "x")))),
    ),
    Alteration(
        fmt="tpm",
        what="AIK without key usage",
        make=aik_certificate(lambda t: without_extension(t, "2.5.29.37")),
    ),
    Alteration(
        fmt="tpm", what="AIK without names", make=aik_certificate(lambda t: without_extension(t, "2.5.29.17"))
    ),
    Alteration(
        fmt="tpm",
        what="AIK of an unknown maker",
        make=aik_certificate(lambda t: with_extension(t, tpm.tpm_name("id:00000000", "x", "id:1"))),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="tpm",
        what="AIK that is a CA",
        make=aik_certificate(lambda t: with_extension(t, basic_constraints(ca=True))),
    ),
    # python-fido2 does not compare credCert's key with the credential's.
    Alteration(
        fmt="apple",
        what="another key's certificate",
        make=credential_certificate(lambda t: replace(t, public_key=OTHER_KEY)),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="apple",
        what="no nonce",
        make=credential_certificate(lambda t: without_extension(t, apple.NONCE)),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="apple",
        what="expired",
        make=credential_certificate(expired),
        refused_by=PY_WEBAUTHN,
    ),
    *(
        Alteration(fmt="android-key", what=what, make=make, refused_by=PY_WEBAUTHN)
        for what, make in {
            "authenticator data": lambda made: replace(made, data=flipped(made.data, 36)),
            "client data": lambda made: replace(made, client_data=made.client_data + b" "),
            "signature": member_flipped("sig", 12),
            "certificate's signature": certificate_flipped,
            "no root": lambda made: made.but(x5c=made.statement["x5c"][:-1]),
            "another key's certificate": keystore_certificate(lambda t: replace(t, public_key=OTHER_KEY)),
            "other challenge": described(challenge=bytes(32)),
            "all applications, software": described(software={android_key.Tag.ALL_APPLICATIONS: der.null()}),
            "all applications, hardware": described(tee={android_key.Tag.ALL_APPLICATIONS: der.null()}),
            "imported": described(tee={android_key.Tag.ORIGIN: der.integer(2)}),
            "for decryption": described(tee={android_key.Tag.PURPOSE: der.set_of(der.integer(1))}),
        }.items()
    ),
]  # fmt: skip


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=lambda each: f"{each.fmt}: {each.what}")
def test_altered(alteration: Alteration) -> None:
    genuine = attested(profile(alteration.fmt), Algorithm.ES256)
    altered = alteration.make(genuine)
    for verifier in alteration.refused_by:
        getattr(genuine, verifier)()
        with pytest.raises(REFUSALS):
            getattr(altered, verifier)()


@pytest.mark.parametrize("fmt", ["packed", "fido-u2f", "tpm", "apple", "android-key"])
def test_another_root_does_not_vouch(fmt: str) -> None:
    made = attested(profile(fmt), Algorithm.ES256)
    stranger = intermediate("some other authority").certificate
    with pytest.raises(WebAuthnException):
        made.py_webauthn(root_certificate=stranger)
    if fmt != "android-key":
        with pytest.raises(InvalidAttestation):
            made.fido2(root_certificate=stranger)


def test_statements_do_not_share_their_chains() -> None:
    device = profile("packed")
    attested(device, Algorithm.ES256).statement["x5c"].clear()
    assert attested(device, Algorithm.ES256).statement["x5c"] == list(batch_attester(device).x5c)
