"""A private key as a COSE_Key, and back (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4, RFC 9964)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from authenticator.cose import ALGORITHMS, PrivateKey, load_private_key

_KTY, _ALG = 1, 3
_OKP, _EC2, _RSA, _AKP = 1, 2, 3, 7
_PRIVATE_PART = {_OKP: -4, _EC2: -4, _AKP: -2}
"""The parameter that holds the private key as `PrivateKey.to_bytes` gives it. RSA has several."""
_RSA_P, _RSA_Q = -4, -5


def private_cose_key(key: PrivateKey) -> dict[int, Any]:
    """The public COSE_Key, with the private parameters added."""
    cose = key.public_cose_key()
    if cose[_KTY] != _RSA:
        return cose | {_PRIVATE_PART[cose[_KTY]]: key.to_bytes()}
    handle = key.handle
    assert isinstance(handle, rsa.RSAPrivateKey)
    numbers = handle.private_numbers()
    # RFC 8230 §4: d, p, q, dP, dQ, qInv
    values = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return cose | {
        -3 - i: value.to_bytes((value.bit_length() + 7) // 8, "big") for i, value in enumerate(values)
    }


def load_private_cose_key(cose: Any) -> PrivateKey:
    """The key that `private_cose_key` made this of; ValueError says what is wrong with it."""
    if not isinstance(cose, dict):
        raise ValueError("a COSE_Key is a map")
    algorithm, kty = cose.get(_ALG), cose.get(_KTY)
    if type(algorithm) is not int or algorithm not in ALGORITHMS:
        raise ValueError(f"COSE algorithm {algorithm!r} is unknown")
    parts = [_RSA_P, _RSA_Q] if kty == _RSA else [_PRIVATE_PART.get(kty, -4) if type(kty) is int else -4]
    private = [cose.get(part) for part in parts]
    if any(type(part) is not bytes for part in private):
        raise ValueError("the private part is missing: this is a public key")
    try:
        key = load_private_key(algorithm, b"".join(part for part in private if part is not None))
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        raise ValueError("the private part is not a key of this algorithm") from None
    if private_cose_key(key) != cose:
        raise ValueError("its public and private parts do not belong together")
    return key
