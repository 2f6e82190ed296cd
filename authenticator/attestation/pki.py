"""The test PKI: one root, intermediates below it, and the means to issue any certificate, a wrong one too.

Every key comes from a public label and every signature is deterministic, so the certificates are the same bytes on
every machine. That also means that anyone can sign in the root's name: it must never be trusted outside tests.

A certificate begins as a `Template`. To get a wrong one, `dataclasses.replace` a part of a right one and `issue` it:

    template = batch_template(profile)
    issue(replace(template, version=1), vendor_authority(profile).key)
    issue(without_extension(template, AAGUID), vendor_authority(profile).key)
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authenticator.attestation import der
from authenticator.cose import Algorithm, PrivateKey, generate_private_key, load_private_key

ROOT_NAME: Final = "stuntkey TEST ROOT, never trust it"
NOT_BEFORE: Final = datetime(2015, 1, 1, tzinfo=UTC)
NOT_AFTER: Final = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)

COUNTRY, STATE, ORGANIZATION, UNIT, COMMON_NAME = "2.5.4.6", "2.5.4.8", "2.5.4.10", "2.5.4.11", "2.5.4.3"
SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALTERNATIVE_NAME: Final = "2.5.29.17"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"

_SIGNATURE_ALGORITHMS: Final[dict[Algorithm, bytes]] = {
    Algorithm.ES256: der.sequence(der.oid("1.2.840.10045.4.3.2")),
    Algorithm.ES384: der.sequence(der.oid("1.2.840.10045.4.3.3")),
    Algorithm.ES512: der.sequence(der.oid("1.2.840.10045.4.3.4")),
    Algorithm.RS256: der.sequence(der.oid("1.2.840.113549.1.1.11"), der.null()),
    Algorithm.EDDSA: der.sequence(der.oid("1.3.101.112")),
}
"""What certificates may be signed with, as AlgorithmIdentifier (RFC 5280 §4.1.1.2)."""


# Keys


class _Derived:
    """Randomness that is none: the bytes follow from a label."""

    seeded = True

    def __init__(self, label: str) -> None:
        self._label = f"stuntkey test PKI: {label}".encode()
        self._blocks = 0

    def bytes(self, count: int) -> bytes:
        result = b""
        while len(result) < count:
            result += hashlib.sha512(self._label + self._blocks.to_bytes(8, "big")).digest()
            self._blocks += 1
        return result[:count]


@lru_cache(maxsize=512)
def derived_key(label: str, algorithm: Algorithm = Algorithm.ES256) -> PrivateKey:
    """The key that belongs to a label. Everyone can have it."""
    if algorithm in (Algorithm.RS256, Algorithm.PS256) and (found := found_rsa_keys().get(label)) is not None:
        return load_private_key(algorithm, bytes.fromhex(found))
    return generate_private_key(algorithm, _Derived(label))


@cache
def found_rsa_keys() -> dict[str, str]:
    """Label → its primes, as `PrivateKey.to_bytes` has them: the search takes most of a second, and ends here."""
    found: dict[str, str] = tomllib.loads(Path(__file__).with_name("rsa_keys.toml").read_text())
    return found


def derived_serial(label: str) -> int:
    """A certificate's serial number: positive, eight octets at most (RFC 5280 §4.1.2.2)."""
    return int.from_bytes(_Derived(f"serial number of {label}").bytes(8), "big") >> 1 or 1


def subject_public_key_info(key: PrivateKey) -> bytes:
    data: bytes = key.handle.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data


def key_identifier(public_key: bytes) -> bytes:
    """SHA-1 of the key's BIT STRING (RFC 5280 §4.2.1.2 method 1), as MDS3's key identifiers are too."""
    (_, info), *_ = der.children(public_key)
    bits = next(content for tag, content in der.children(info) if tag == 0x03)
    return hashlib.sha1(bits[1:], usedforsecurity=False).digest()


# Certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    oid: str
    value: bytes
    """DER, without the OCTET STRING around it."""
    critical: bool = False

    def encode(self) -> bytes:
        flag = (der.boolean(True),) if self.critical else ()
        return der.sequence(der.oid(self.oid), *flag, der.octet_string(self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A certificate before it is signed. Nothing is checked: wrong ones are wanted as well."""

    issuer: bytes
    subject: bytes
    public_key: bytes
    serial: int
    not_before: datetime = NOT_BEFORE
    not_after: datetime = NOT_AFTER
    extensions: tuple[Extension, ...] = ()
    version: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    subject: bytes
    key: PrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    """What follows a leaf in x5c: this certificate and those above it, the root left out."""


def issue(template: Template, key: PrivateKey) -> bytes:
    """The certificate, in DER, signed with the issuer's key (or whatever key a lie needs)."""
    algorithm = _SIGNATURE_ALGORITHMS[key.algorithm]
    extensions = der.sequence(*(each.encode() for each in template.extensions))
    to_be_signed = der.sequence(
        der.context(0, der.integer(template.version - 1)) if template.version != 1 else b"",
        der.integer(template.serial),
        algorithm,
        template.issuer,
        der.sequence(der.time(template.not_before), der.time(template.not_after)),
        template.subject,
        template.public_key,
        der.context(3, extensions) if template.extensions else b"",
    )
    return der.sequence(to_be_signed, algorithm, der.bit_string(key.sign(to_be_signed)))


def name(*attributes: tuple[str, str]) -> bytes:
    """A distinguished name: (object identifier, value) from the most general to the most special."""
    return der.sequence(
        *(
            der.set_of(
                der.sequence(der.oid(kind), der.printable(value) if kind == COUNTRY else der.utf8(value))
            )
            for kind, value in attributes
        )
    )


def with_extension(template: Template, extension: Extension) -> Template:
    """In place of the one with the same object identifier, or after all others."""
    kept = template.extensions
    if any(each.oid == extension.oid for each in kept):
        return replace(
            template, extensions=tuple(extension if each.oid == extension.oid else each for each in kept)
        )
    return replace(template, extensions=(*kept, extension))


def without_extension(template: Template, oid: str) -> Template:
    return replace(template, extensions=tuple(each for each in template.extensions if each.oid != oid))


def basic_constraints(*, ca: bool, path_length: int | None = None) -> Extension:
    parts = [der.boolean(True)] if ca else []
    if path_length is not None:
        parts.append(der.integer(path_length))
    return Extension(oid=BASIC_CONSTRAINTS, value=der.sequence(*parts), critical=True)


def key_usage(*bits: int) -> Extension:
    """RFC 5280 §4.2.1.3: 0 digitalSignature, 5 keyCertSign, 6 cRLSign, …"""
    return Extension(oid=KEY_USAGE, value=der.named_bits(*bits), critical=True)


def subject_key_identifier(public_key: bytes) -> Extension:
    return Extension(oid=SUBJECT_KEY_IDENTIFIER, value=der.octet_string(key_identifier(public_key)))


def authority_key_identifier(issuer: Authority) -> Extension:
    identifier = key_identifier(subject_public_key_info(issuer.key))
    value = der.sequence(der.context(0, identifier, constructed=False))
    return Extension(oid=AUTHORITY_KEY_IDENTIFIER, value=value)


# Authorities


@lru_cache(maxsize=1)
def root() -> Authority:
    key = derived_key("root")
    public_key = subject_public_key_info(key)
    subject = name((COMMON_NAME, ROOT_NAME))
    template = Template(
        issuer=subject,
        subject=subject,
        public_key=public_key,
        serial=derived_serial("root"),
        extensions=(basic_constraints(ca=True), key_usage(5, 6), subject_key_identifier(public_key)),
    )
    return Authority(subject=subject, key=key, certificate=issue(template, key), chain=())


@lru_cache(maxsize=256)
def intermediate(common_name: str, algorithm: Algorithm = Algorithm.ES256) -> Authority:
    """An authority directly below the root."""
    key = derived_key(f"intermediate {common_name}", algorithm)
    template = intermediate_template(common_name, subject_public_key_info(key))
    certificate = issue(template, root().key)
    return Authority(subject=template.subject, key=key, certificate=certificate, chain=(certificate,))


def intermediate_template(common_name: str, public_key: bytes) -> Template:
    return Template(
        issuer=root().subject,
        subject=name((COMMON_NAME, common_name)),
        public_key=public_key,
        serial=derived_serial(f"intermediate {common_name}"),
        extensions=(
            basic_constraints(ca=True, path_length=0),
            key_usage(5, 6),
            subject_key_identifier(public_key),
            authority_key_identifier(root()),
        ),
    )


def pem(certificate: bytes) -> bytes:
    text = base64.b64encode(certificate)
    lines = (text[at : at + 64] for at in range(0, len(text), 64))
    return b"\n".join((b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""))
