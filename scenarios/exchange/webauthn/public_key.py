"""COSE keys: only complete, well-formed ones of strong algorithms, and signatures by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa

from scenarios.exchange.webauthn.refusal import Refused

Verify = Callable[[bytes, bytes], None]
"""(signature, message): raises InvalidSignature."""

_CURVES: Mapping[int, tuple[int, ec.EllipticCurve, int, hashes.HashAlgorithm]] = {
    # algorithm: (COSE curve, curve, size of a coordinate, hash)
    -7: (1, ec.SECP256R1(), 32, hashes.SHA256()),
    -9: (1, ec.SECP256R1(), 32, hashes.SHA256()),
    -35: (2, ec.SECP384R1(), 48, hashes.SHA384()),
    -51: (2, ec.SECP384R1(), 48, hashes.SHA384()),
    -36: (3, ec.SECP521R1(), 66, hashes.SHA512()),
    -52: (3, ec.SECP521R1(), 66, hashes.SHA512()),
    -47: (8, ec.SECP256K1(), 32, hashes.SHA256()),
}
_EDWARDS = (-8, -19)
_RSA: Mapping[int, padding.AsymmetricPadding] = {
    -257: padding.PKCS1v15(),
    -37: padding.PSS(padding.MGF1(hashes.SHA256()), 32),
}
_ML_DSA: Mapping[int, tuple[Any, int]] = {
    -48: (mldsa.MLDSA44PublicKey, 1312),
    -49: (mldsa.MLDSA65PublicKey, 1952),
    -50: (mldsa.MLDSA87PublicKey, 2592),
}
_P25519 = 2**255 - 19
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _P25519 - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""y coordinates of the points whose order divides 8: keys with which every message verifies, or some."""


def load(key: Mapping[int, Any], step: str) -> tuple[Any, Verify]:
    """The public key as `cryptography` knows it, and the check of a signature by it."""
    algorithm = key.get(3)
    if type(algorithm) is not int or type(key.get(1)) is not int:
        raise Refused(step, "the credential public key lacks its kind or algorithm")
    if algorithm in _CURVES:
        return _elliptic(key, algorithm, step)
    if algorithm in _EDWARDS:
        return _edwards(key, step)
    if algorithm in _RSA:
        return _rsa(key, algorithm, step)
    if algorithm in _ML_DSA:
        return _ml_dsa(key, algorithm, step)
    raise Refused(step, f"the algorithm {algorithm} is none of ours")


def is_signed_by(verify: Verify, signature: bytes, message: bytes) -> bool:
    try:
        verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _require_members(key: Mapping[int, Any], kind: int, members: set[int], step: str) -> None:
    if key[1] != kind:
        raise Refused(step, "the key's kind does not fit its algorithm")
    if set(key) != {1, 3} | members:
        raise Refused(step, "the credential public key has too few or too many parameters")


def _elliptic(key: Mapping[int, Any], algorithm: int, step: str) -> tuple[Any, Verify]:
    number, curve, size, digest = _CURVES[algorithm]
    _require_members(key, 2, {-1, -2, -3}, step)
    x, y = key[-2], key[-3]
    if key[-1] != number:
        raise Refused(step, "the key's curve does not fit its algorithm")
    if not (isinstance(x, bytes) and isinstance(y, bytes) and len(x) == size == len(y)):
        raise Refused(step, f"the key's coordinates are not two of {size} bytes")
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)
    except ValueError:
        raise Refused(step, "the key's point is not on its curve") from None
    return public, lambda signature, message: public.verify(signature, message, ec.ECDSA(digest))


def _edwards(key: Mapping[int, Any], step: str) -> tuple[Any, Verify]:
    _require_members(key, 1, {-1, -2}, step)
    x = key[-2]
    if key[-1] != 6 or not isinstance(x, bytes) or len(x) != 32:
        raise Refused(step, "the key is no Ed25519 key")
    y = int.from_bytes(x, "little") & ((1 << 255) - 1)
    if y >= _P25519 or y in _SMALL_ORDER_Y:
        raise Refused(step, "the Ed25519 key is of small order or not canonical")
    try:
        public = ed25519.Ed25519PublicKey.from_public_bytes(x)
    except ValueError:
        raise Refused(step, "the Ed25519 key is no point") from None
    return public, public.verify


def _rsa(key: Mapping[int, Any], algorithm: int, step: str) -> tuple[Any, Verify]:
    _require_members(key, 3, {-1, -2}, step)
    n, e = key[-1], key[-2]
    if not (isinstance(n, bytes) and isinstance(e, bytes) and n[:1] != b"\x00" and e[:1] != b"\x00"):
        raise Refused(step, "the RSA key's numbers are not minimal byte strings")
    modulus, exponent = int.from_bytes(n, "big"), int.from_bytes(e, "big")
    if not 2048 <= modulus.bit_length() <= 4096 or modulus % 2 == 0:
        raise Refused(step, "the RSA modulus is even, or not of 2048 to 4096 bits")
    if exponent < 65537 or exponent % 2 == 0 or exponent.bit_length() > 32:
        raise Refused(step, "the RSA exponent is even, or not between 65537 and 2^32")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    scheme = _RSA[algorithm]
    return public, lambda signature, message: public.verify(signature, message, scheme, hashes.SHA256())


def _ml_dsa(key: Mapping[int, Any], algorithm: int, step: str) -> tuple[Any, Verify]:
    cls, size = _ML_DSA[algorithm]
    _require_members(key, 7, {-1}, step)
    if not isinstance(key[-1], bytes) or len(key[-1]) != size:
        raise Refused(step, f"the ML-DSA key has not {size} bytes")
    public = cls.from_public_bytes(key[-1])
    return public, lambda signature, message: public.verify(signature, message)
