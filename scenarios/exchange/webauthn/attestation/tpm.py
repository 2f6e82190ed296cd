"""§8.3."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from scenarios.exchange.webauthn.attestation.chain import require_aaguid_extension, require_end_entity
from scenarios.exchange.webauthn.attestation.signatures import hash_of, require_signature
from scenarios.exchange.webauthn.attestation.subject import STEP, Statement, Subject
from scenarios.exchange.webauthn.refusal import Refused

_GENERATED_VALUE = 0xFF544347
_ATTEST_CERTIFY = 0x8017
_ALG_RSA, _ALG_ECC, _ALG_NULL = 0x0001, 0x0023, 0x0010
_HASHES = {0x0004: "sha1", 0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}
_CURVES: dict[int, type[ec.EllipticCurve]] = {
    0x0003: ec.SECP256R1,
    0x0004: ec.SECP384R1,
    0x0005: ec.SECP521R1,
}
_AIK_USAGE = x509.ObjectIdentifier("2.23.133.8.3")
_TPM_MANUFACTURER, _TPM_MODEL, _TPM_VERSION = (x509.ObjectIdentifier(f"2.23.133.2.{n}") for n in (1, 2, 3))
_VENDORS = frozenset(
    [
        "414D4400",
        "414E5400",
        "41544D4C",
        "4252434D",
        "4353434F",
        "464C5953",
        "474F4F47",
        "48504900",
        "48504500",
        "48495349",
        "49424D00",
        "49424D20",
        "49465800",
        "494E5443",
        "4C454E00",
        "4D534654",
        "4E534D20",
        "4E545A00",
        "4E544300",
        "51434F4D",
        "524F4343",
        "534D534E",
        "534D5343",
        "53544D20",
        "54584E00",
        "57454300",
        "5345414C",
        "FFFFF1D0",
    ]
)
"""The TCG's vendor ids; the last is the one FIDO's conformance tests use."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, count: int) -> bytes:
        if len(self._data) < count:
            raise Refused(STEP, "a structure of the TPM attestation is cut off")
        head, self._data = self._data[:count], self._data[count:]
        return head

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self) -> bytes:
        return self.take(self.number(2))

    def end(self) -> None:
        if self._data:
            raise Refused(STEP, "a structure of the TPM attestation has bytes after its end")


def verify(statement: Statement, subject: Subject) -> None:
    if statement.require("ver", str) != "2.0":
        raise Refused(STEP, "the TPM attestation is not of version 2.0")
    algorithm = statement.require("alg", int)
    signature = statement.require("sig", bytes)
    certify_info = statement.require("certInfo", bytes)
    public_area = statement.require("pubArea", bytes)
    # pubArea is the credential's key
    _require_same_key(public_area, subject.key)
    # certInfo speaks of this ceremony and of that pubArea
    info = _parse_certify_info(certify_info)
    digest = hashes.Hash(hash_of(algorithm))
    digest.update(subject.message)
    if info.extra_data != digest.finalize():
        raise Refused(STEP, "the TPM attestation's extraData is that of another ceremony")
    if info.name != _name_of(public_area):
        raise Refused(STEP, "the TPM attestation certifies another key")
    # x5c signs certInfo
    certificate = statement.certificates()[0]
    require_signature(certificate.public_key(), algorithm, signature, certify_info)
    _require_aik_certificate(certificate)
    require_aaguid_extension(certificate, subject.attested.aaguid)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CertifyInfo:
    extra_data: bytes
    name: bytes


def _parse_certify_info(data: bytes) -> _CertifyInfo:
    reader = _Reader(data)
    if reader.number(4) != _GENERATED_VALUE:
        raise Refused(STEP, "certInfo was not made by a TPM: its magic is wrong")
    if reader.number(2) != _ATTEST_CERTIFY:
        raise Refused(STEP, "certInfo is no TPM_ST_ATTEST_CERTIFY")
    reader.sized()  # qualifiedSigner
    extra_data = reader.sized()
    reader.take(17 + 8)  # clockInfo, firmwareVersion
    name = reader.sized()
    reader.sized()  # qualifiedName
    reader.end()
    return _CertifyInfo(extra_data=extra_data, name=name)


def _name_of(public_area: bytes) -> bytes:
    algorithm = public_area[2:4]
    name = _HASHES.get(int.from_bytes(algorithm, "big"))
    if name is None or name == "sha1":
        raise Refused(STEP, "the TPM key's nameAlg is none of ours")
    return algorithm + hashlib.new(name, public_area).digest()


def _require_same_key(public_area: bytes, key: Any) -> None:
    reader = _Reader(public_area)
    kind = reader.number(2)
    reader.number(2)  # nameAlg
    reader.number(4)  # objectAttributes
    reader.sized()  # authPolicy
    if reader.number(2) != _ALG_NULL:
        reader.take(4)  # symmetric: key bits and mode
    if reader.number(2) != _ALG_NULL:
        reader.take(2)  # scheme: hash
    same = False
    if kind == _ALG_RSA:
        reader.number(2)  # keyBits
        exponent = reader.number(4) or 65537
        modulus = int.from_bytes(reader.sized(), "big")
        same = isinstance(key, rsa.RSAPublicKey) and key.public_numbers() == rsa.RSAPublicNumbers(
            exponent, modulus
        )
    elif kind == _ALG_ECC:
        curve = _CURVES.get(reader.number(2))
        if reader.number(2) != _ALG_NULL:
            reader.take(2)  # kdf: hash
        x, y = (int.from_bytes(reader.sized(), "big") for _ in range(2))
        if isinstance(key, ec.EllipticCurvePublicKey) and curve is not None and isinstance(key.curve, curve):
            numbers = key.public_numbers()
            same = (numbers.x, numbers.y) == (x, y)
    else:
        raise Refused(STEP, "the TPM key's kind is none of ours")
    reader.end()
    if not same:
        raise Refused(STEP, "the TPM key is not the credential's")


def _require_aik_certificate(certificate: x509.Certificate) -> None:
    """§8.3.1."""
    if certificate.version is not x509.Version.v3:
        raise Refused(STEP, "the AIK certificate is not of version 3")
    if list(certificate.subject):
        raise Refused(STEP, "the AIK certificate's subject is not empty")
    extensions = certificate.extensions
    try:
        alternative = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        raise Refused(STEP, "the AIK certificate lacks its alternative name or its usage") from None
    if _AIK_USAGE not in list(usage):
        raise Refused(STEP, "the AIK certificate is for another usage")
    attributes = {
        attribute.oid: str(attribute.value)
        for name in alternative
        if isinstance(name, x509.DirectoryName)
        for attribute in name.value
    }
    if not all(attributes.get(oid) for oid in (_TPM_MANUFACTURER, _TPM_MODEL, _TPM_VERSION)):
        raise Refused(STEP, "the AIK certificate does not name its TPM")
    manufacturer = attributes[_TPM_MANUFACTURER]
    if not manufacturer.startswith("id:") or manufacturer[3:].upper() not in _VENDORS:
        raise Refused(STEP, "the AIK certificate's TPM is of an unknown vendor")
    require_end_entity(certificate)
