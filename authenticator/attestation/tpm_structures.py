"""TPM 2.0 structures (TPM 2.0 Library, part 2), as far as certifying a key needs them."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from authenticator.cose import Algorithm, CoseKeyParameter, PrivateKey

GENERATED_VALUE: Final = 0xFF544347
"""TPM_GENERATED_VALUE: 0xFF and "TCG". A TPM signs nothing from outside that begins so."""
ATTEST_CERTIFY: Final = 0x8017
"""TPM_ST_ATTEST_CERTIFY."""


class Alg(IntEnum):
    """TPM_ALG_ID, part 2 §6.3."""

    RSA = 0x0001
    SHA256 = 0x000B
    NULL = 0x0010
    RSASSA = 0x0014
    ECDSA = 0x0018
    ECC = 0x0023


class ObjectAttributes(IntFlag):
    """TPMA_OBJECT, part 2 §8.3."""

    FIXED_TPM = 1 << 1
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    USER_WITH_AUTH = 1 << 6
    NO_DA = 1 << 10
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18


_CURVES: Final = {
    Algorithm.ES256: 0x0003,
    Algorithm.ESP256: 0x0003,
    Algorithm.ES384: 0x0004,
    Algorithm.ES512: 0x0005,
}
"""TPM_ECC_CURVE, part 2 §6.4."""
_RSA: Final = (Algorithm.RS256, Algorithm.PS256)
KEY_ALGORITHMS: Final = frozenset((*_CURVES, *_RSA))

WINDOWS_KEY: Final = (
    ObjectAttributes.FIXED_TPM
    | ObjectAttributes.FIXED_PARENT
    | ObjectAttributes.SENSITIVE_DATA_ORIGIN
    | ObjectAttributes.USER_WITH_AUTH
    | ObjectAttributes.NO_DA
    | ObjectAttributes.DECRYPT
    | ObjectAttributes.SIGN
)
"""What Windows Hello's credential keys are made with."""
WINDOWS_POLICY: Final = bytes.fromhex("9dffcbf36c383ae699fb9868dc6dcb89d7153884be2803922c124158bfad22ae")
"""The authPolicy of Windows Hello's credential keys."""
ATTESTATION_KEY: Final = (
    ObjectAttributes.FIXED_TPM
    | ObjectAttributes.FIXED_PARENT
    | ObjectAttributes.SENSITIVE_DATA_ORIGIN
    | ObjectAttributes.USER_WITH_AUTH
    | ObjectAttributes.RESTRICTED
    | ObjectAttributes.SIGN
)


def sized(data: bytes) -> bytes:
    """TPM2B_…: a 16-bit length before the bytes."""
    return struct.pack(">H", len(data)) + data


def public_area(
    key: PrivateKey,
    *,
    attributes: int = WINDOWS_KEY,
    policy: bytes = WINDOWS_POLICY,
    scheme: bytes | None = None,
) -> bytes:
    """TPMT_PUBLIC, part 2 §12.2.4, with SHA-256 as nameAlg."""
    cose = key.public_cose_key()
    scheme = struct.pack(">H", Alg.NULL) if scheme is None else scheme
    head = struct.pack(">HI", Alg.SHA256, attributes) + sized(policy) + struct.pack(">H", Alg.NULL) + scheme
    if key.algorithm in _RSA:
        modulus = cose[CoseKeyParameter.RSA_N]
        # An exponent of 0 stands for 65537 (part 2 §12.2.3.5).
        return struct.pack(">H", Alg.RSA) + head + struct.pack(">HI", len(modulus) * 8, 0) + sized(modulus)
    point = sized(cose[CoseKeyParameter.X]) + sized(cose[CoseKeyParameter.Y])
    return struct.pack(">H", Alg.ECC) + head + struct.pack(">HH", _CURVES[key.algorithm], Alg.NULL) + point


def entity_name(area: bytes) -> bytes:
    """A key's Name (part 1 §16): nameAlg and the hash of its public area."""
    return struct.pack(">H", Alg.SHA256) + hashlib.sha256(area).digest()


def qualified_name(parent: bytes, name: bytes) -> bytes:
    """Part 1 §26.5: the hash of the parent's Qualified Name and the key's Name."""
    return struct.pack(">H", Alg.SHA256) + hashlib.sha256(parent + name).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifyInfo:
    """TPMS_ATTEST around a TPMS_CERTIFY_INFO, part 2 §10.12.8 and §10.12.3."""

    qualified_signer: bytes
    extra_data: bytes
    clock: int
    reset_count: int
    restart_count: int
    firmware_version: int
    name: bytes
    qualified_name: bytes
    safe: bool = True
    magic: int = GENERATED_VALUE
    type: int = ATTEST_CERTIFY

    def encode(self) -> bytes:
        return (
            struct.pack(">IH", self.magic, self.type)
            + sized(self.qualified_signer)
            + sized(self.extra_data)
            + struct.pack(">QII?", self.clock, self.reset_count, self.restart_count, self.safe)
            + struct.pack(">Q", self.firmware_version)
            + sized(self.name)
            + sized(self.qualified_name)
        )
