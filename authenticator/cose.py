"""Signature algorithms: one small class each, its private key's bytes, its COSE form, its signature."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import IntEnum
from typing import Any, ClassVar, Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa

from authenticator.environment import Randomness
from authenticator.primes import seeded_rsa_primes


class Algorithm(IntEnum):
    """IANA's COSE algorithm identifiers."""

    ES256 = -7
    EDDSA = -8
    ESP256 = -9
    ED25519 = -19
    ES384 = -35
    ES512 = -36
    PS256 = -37
    ES256K = -47
    ML_DSA_44 = -48
    ML_DSA_65 = -49
    ML_DSA_87 = -50
    RS256 = -257


class CoseKeyParameter(IntEnum):
    KTY = 1
    ALG = 3
    CRV = -1
    X = -2
    Y = -3
    RSA_N = -1
    RSA_E = -2
    AKP_PUB = -1


class PrivateKey(Protocol):
    algorithm: Algorithm

    @property
    def handle(self) -> Any:
        """The key as `cryptography` knows it: certificates are built from it."""

    def sign(self, message: bytes, *, repeatable: bool = True) -> bytes:
        """`repeatable`: where the algorithm can, the same bytes for the same message; else it may be quicker."""

    def to_bytes(self) -> bytes:
        """The shortest bytes from which `load_private_key` makes the same key."""

    def public_cose_key(self) -> dict[int, Any]: ...


_EC_PRIVATE_KEY = (
    serialization.Encoding.DER,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
_RAW_PRIVATE = (serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())


class _EllipticCurve:
    """ECDSA. A repeatable signature is the deterministic one of RFC 6979, so that a run repeats from its seed."""

    algorithm: Algorithm
    curve: ClassVar[ec.EllipticCurve]
    crv: ClassVar[int]
    size: ClassVar[int]
    order: ClassVar[int]
    scheme: ClassVar[ec.ECDSA]
    quick_scheme: ClassVar[ec.ECDSA]
    __slots__ = ("_der", "handle")

    def __init__(self, handle: ec.EllipticCurvePrivateKey) -> None:
        self.handle = handle
        self._der: bytes | None = None

    @classmethod
    def generate(cls, random: Randomness) -> _EllipticCurve:
        if not random.seeded:
            return cls(ec.generate_private_key(cls.curve))
        scalar = int.from_bytes(random.bytes(cls.size + 8), "big") % (cls.order - 1) + 1
        return cls.from_bytes(scalar.to_bytes(cls.size, "big"))

    @classmethod
    def from_bytes(cls, data: bytes) -> _EllipticCurve:
        return cls(ec.derive_private_key(int.from_bytes(data, "big"), cls.curve))

    def _ec_private_key(self) -> bytes:
        """RFC 5915's ECPrivateKey. It holds both halves of the key, and is had for less than either."""
        if self._der is None:
            self._der = self.handle.private_bytes(*_EC_PRIVATE_KEY)
        return self._der

    def to_bytes(self) -> bytes:
        der = self._ec_private_key()
        # SEQUENCE (whose length takes two bytes on the widest curve), version, OCTET STRING
        start = 7 if der[1] < 0x80 else 8
        return der[start : start + self.size]

    def sign(self, message: bytes, *, repeatable: bool = True) -> bytes:
        return self.handle.sign(message, self.scheme if repeatable else self.quick_scheme)

    def public_cose_key(self) -> dict[int, Any]:
        der, size = self._ec_private_key(), self.size
        return {1: 2, 3: int(self.algorithm), -1: self.crv, -2: der[-2 * size : -size], -3: der[-size:]}


class ES256(_EllipticCurve):
    algorithm = Algorithm.ES256
    curve, crv, size = ec.SECP256R1(), 1, 32
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    quick_scheme = ec.ECDSA(hashes.SHA256())


class ESP256(ES256):
    """RFC 9864's fully specified name of ES256 on P-256."""

    algorithm = Algorithm.ESP256


class ES384(_EllipticCurve):
    algorithm = Algorithm.ES384
    curve, crv, size = ec.SECP384R1(), 2, 48
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
    scheme = ec.ECDSA(hashes.SHA384(), deterministic_signing=True)
    quick_scheme = ec.ECDSA(hashes.SHA384())


class ES512(_EllipticCurve):
    algorithm = Algorithm.ES512
    curve, crv, size = ec.SECP521R1(), 3, 66
    order = int(
        "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA"
        "51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
        16,
    )
    scheme = ec.ECDSA(hashes.SHA512(), deterministic_signing=True)
    quick_scheme = ec.ECDSA(hashes.SHA512())


class ES256K(_EllipticCurve):
    algorithm = Algorithm.ES256K
    curve, crv, size = ec.SECP256K1(), 8, 32
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    quick_scheme = ec.ECDSA(hashes.SHA256())


class EdDSA:
    """Ed25519 under its polymorphic COSE name."""

    algorithm = Algorithm.EDDSA
    __slots__ = ("handle",)

    def __init__(self, handle: ed25519.Ed25519PrivateKey) -> None:
        self.handle = handle

    @classmethod
    def generate(cls, random: Randomness) -> EdDSA:
        return cls.from_bytes(random.bytes(32))

    @classmethod
    def from_bytes(cls, data: bytes) -> EdDSA:
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(data))

    def to_bytes(self) -> bytes:
        return self.handle.private_bytes(*_RAW_PRIVATE)

    def sign(self, message: bytes, *, repeatable: bool = True) -> bytes:
        return self.handle.sign(message)

    def public_cose_key(self) -> dict[int, Any]:
        return {1: 1, 3: int(self.algorithm), -1: 6, -2: self.handle.public_key().public_bytes(*_RAW)}


class Ed25519(EdDSA):
    """RFC 9864's fully specified name of the same."""

    algorithm = Algorithm.ED25519


class _Rsa:
    algorithm: Algorithm
    padding: ClassVar[padding.AsymmetricPadding]
    __slots__ = ("handle",)
    BITS = 2048
    EXPONENT = 65537

    def __init__(self, handle: rsa.RSAPrivateKey) -> None:
        self.handle = handle

    @classmethod
    def generate(cls, random: Randomness) -> _Rsa:
        if not random.seeded:
            return cls(rsa.generate_private_key(cls.EXPONENT, cls.BITS))
        return cls._from_primes(*seeded_rsa_primes(random, cls.BITS, cls.EXPONENT))

    @classmethod
    def _from_primes(cls, p: int, q: int) -> _Rsa:
        e = cls.EXPONENT
        d = pow(e, -1, (p - 1) * (q - 1))
        numbers = rsa.RSAPrivateNumbers(
            p,
            q,
            d,
            rsa.rsa_crt_dmp1(d, p),
            rsa.rsa_crt_dmq1(d, q),
            rsa.rsa_crt_iqmp(p, q),
            rsa.RSAPublicNumbers(e, p * q),
        )
        return cls(numbers.private_key())

    @classmethod
    def from_bytes(cls, data: bytes) -> _Rsa:
        half = len(data) // 2
        return cls._from_primes(int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big"))

    def to_bytes(self) -> bytes:
        numbers = self.handle.private_numbers()
        half = self.BITS // 16
        return numbers.p.to_bytes(half, "big") + numbers.q.to_bytes(half, "big")

    def sign(self, message: bytes, *, repeatable: bool = True) -> bytes:
        return self.handle.sign(message, self.padding, hashes.SHA256())

    def public_cose_key(self) -> dict[int, Any]:
        numbers = self.handle.public_key().public_numbers()
        return {
            1: 3,
            3: int(self.algorithm),
            -1: numbers.n.to_bytes(self.BITS // 8, "big"),
            -2: numbers.e.to_bytes(3, "big"),
        }


class RS256(_Rsa):
    algorithm = Algorithm.RS256
    padding = padding.PKCS1v15()


class PS256(_Rsa):
    algorithm = Algorithm.PS256
    padding = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


class _MlDsa:
    """FIPS 204, as the COSE key type AKP (7) of RFC 9964."""

    algorithm: Algorithm
    load: Callable[[bytes], Any]
    __slots__ = ("_seed", "handle")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self.handle = self.load(seed)

    @classmethod
    def generate(cls, random: Randomness) -> _MlDsa:
        return cls(random.bytes(32))

    @classmethod
    def from_bytes(cls, data: bytes) -> _MlDsa:
        return cls(data)

    def to_bytes(self) -> bytes:
        return self._seed

    def sign(self, message: bytes, *, repeatable: bool = True) -> bytes:
        signature: bytes = self.handle.sign(message)
        return signature

    def public_cose_key(self) -> dict[int, Any]:
        return {1: 7, 3: int(self.algorithm), -1: self.handle.public_key().public_bytes(*_RAW)}


class MlDsa44(_MlDsa):
    algorithm = Algorithm.ML_DSA_44
    load = staticmethod(mldsa.MLDSA44PrivateKey.from_seed_bytes)


class MlDsa65(_MlDsa):
    algorithm = Algorithm.ML_DSA_65
    load = staticmethod(mldsa.MLDSA65PrivateKey.from_seed_bytes)


class MlDsa87(_MlDsa):
    algorithm = Algorithm.ML_DSA_87
    load = staticmethod(mldsa.MLDSA87PrivateKey.from_seed_bytes)


class _KeyClass(Protocol):
    algorithm: Algorithm

    def generate(self, random: Randomness) -> PrivateKey: ...
    def from_bytes(self, data: bytes) -> PrivateKey: ...


_CLASSES: tuple[Any, ...] = (
    ES256, ESP256, ES384, ES512, ES256K, EdDSA, Ed25519, RS256, PS256, MlDsa44, MlDsa65, MlDsa87,
)  # fmt: skip
ALGORITHMS: dict[int, _KeyClass] = {int(cls.algorithm): cls for cls in _CLASSES}


def generate_private_key(algorithm: int, random: Randomness) -> PrivateKey:
    return ALGORITHMS[algorithm].generate(random)


def load_private_key(algorithm: int, data: bytes) -> PrivateKey:
    """The key whose `to_bytes` gave `data`; ValueError if none did."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"COSE algorithm {algorithm} is unknown")
    return ALGORITHMS[algorithm].from_bytes(data)


def fingerprint(key: PrivateKey) -> str:
    """A short name for a key in listings and traces."""
    return hashlib.sha256(repr(sorted(key.public_cose_key().items())).encode()).hexdigest()[:16]
