"""Signatures by certificates' keys, under the COSE algorithm a statement names."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from scenarios.exchange.webauthn.attestation.subject import STEP
from scenarios.exchange.webauthn.refusal import Refused

_HASHES: dict[int, hashes.HashAlgorithm] = {
    -7: hashes.SHA256(),
    -9: hashes.SHA256(),
    -35: hashes.SHA384(),
    -36: hashes.SHA512(),
    -257: hashes.SHA256(),
    -258: hashes.SHA384(),
    -37: hashes.SHA256(),
    -65535: hashes.SHA1(),
}


def hash_of(algorithm: int) -> hashes.HashAlgorithm:
    if algorithm not in _HASHES:
        raise Refused(STEP, f"the attestation's algorithm {algorithm} is none of ours")
    return _HASHES[algorithm]


def require_signature(key: Any, algorithm: int, signature: bytes, message: bytes) -> None:
    try:
        if isinstance(key, ed25519.Ed25519PublicKey) and algorithm in (-8, -19):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm in (-7, -9, -35, -36):
            key.verify(signature, message, ec.ECDSA(hash_of(algorithm)))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm in (-257, -258, -65535):
            key.verify(signature, message, padding.PKCS1v15(), hash_of(algorithm))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm == -37:
            key.verify(signature, message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        else:
            raise Refused(STEP, "the attestation's algorithm does not fit its certificate's key")
    except InvalidSignature:
        raise Refused(STEP, "the attestation's signature is wrong") from None
