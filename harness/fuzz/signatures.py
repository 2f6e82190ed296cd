"""Signatures that are odd, or wrong in one way: what the library that signs for us would never make."""

from __future__ import annotations

import hashlib
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from authenticator.attestation import der
from authenticator.cose import ES256, PrivateKey

N = ES256.order
"""The order of P-256."""
L = 2**252 + 27742317777372353535851937790883648493
"""The order of Ed25519's base point."""
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""DigestInfo of SHA-256 (RFC 8017 §9.2)."""


def encode(r: int, s: int) -> bytes:
    return der.sequence(der.integer(r), der.integer(s))


def numbers(signature: bytes) -> tuple[int, int]:
    return decode_dss_signature(signature)


def raw(signature: bytes) -> bytes:
    """r and s side by side, as IEEE P1363 has them."""
    r, s = numbers(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def other_s(signature: bytes) -> bytes:
    """The other of the two s that verify. One of the two is greater than n / 2, and keys send either."""
    r, s = numbers(signature)
    return encode(r, N - s)


def short(key: PrivateKey, message: bytes, random: Random, *, which: str) -> bytes:
    """A right signature whose r or s needs a byte less than most: one in 256 does."""
    secret = int.from_bytes(key.to_bytes(), "big")
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    while True:
        nonce = random.randrange(1, N)
        r = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x % N
        s = pow(nonce, -1, N) * (digest + r * secret) % N
        if (r if which == "r" else s) < 1 << 247:
            return encode(r, s)


def long_form(signature: bytes) -> bytes:
    """BER, not DER: the length in two bytes where one is enough."""
    return b"\x30\x81" + signature[1:]


def leading_zero(signature: bytes) -> bytes:
    """r with a zero that it does not need."""
    r, s = numbers(signature)
    octets = b"\x00" + r.to_bytes(r.bit_length() // 8 + 1, "big")
    return der.sequence(der.tlv(0x02, octets), der.integer(s))


def negative(signature: bytes) -> bytes:
    """r without the zero that keeps it positive, or taken below zero."""
    r, s = numbers(signature)
    octets = (r | 1 << 255).to_bytes(32, "big")
    return der.sequence(der.tlv(0x02, octets), der.integer(s))


def trailing_inside(signature: bytes) -> bytes:
    r, s = numbers(signature)
    return der.sequence(der.integer(r), der.integer(s), der.null())


def beyond_the_order(signature: bytes) -> bytes:
    """EdDSA: S + L verifies too, where S is not checked against L (RFC 8032 §5.1.7)."""
    s = int.from_bytes(signature[32:], "little") + L
    return signature[:32] + s.to_bytes(32, "little")


def pss(key: PrivateKey, message: bytes, random: Random) -> bytes:
    """RSASSA-PSS with SHA-256 (RFC 8017 §8.1.1), its salt from the seed: a replay is the same to the byte."""
    numbers_ = key.handle.private_numbers()
    n, d = numbers_.public_numbers.n, numbers_.d
    bits = n.bit_length() - 1
    size = (bits + 7) // 8
    salt = random.randbytes(32)
    digest = hashlib.sha256(bytes(8) + hashlib.sha256(message).digest() + salt).digest()
    block = bytes(size - 2 - 64) + b"\x01" + salt
    masked = bytearray(a ^ b for a, b in zip(block, _mask(digest, len(block)), strict=True))
    masked[0] &= 0xFF >> (8 * size - bits)
    encoded = bytes(masked) + digest + b"\xbc"
    made: int = pow(int.from_bytes(encoded, "big"), d, n)
    return made.to_bytes((n.bit_length() + 7) // 8, "big")


def _mask(seed: bytes, length: int) -> bytes:
    """MGF1 with SHA-256 (RFC 8017 §B.2.1)."""
    count = -(-length // 32)
    return b"".join(hashlib.sha256(seed + each.to_bytes(4, "big")).digest() for each in range(count))[:length]


def cube_root_forgery(message: bytes, size: int) -> bytes:
    """Bleichenbacher's forgery of 2006: for e = 3, padding in front, garbage behind, and no private key."""
    prefix = b"\x00\x01" + b"\xff" * 8 + b"\x00" + _SHA256_INFO + hashlib.sha256(message).digest()
    wanted = int.from_bytes(prefix + bytes(size - len(prefix)), "big")
    root = _cube_root(wanted) + 1
    return root.to_bytes(size, "big")


def _cube_root(value: int) -> int:
    low, high = 0, 1 << (value.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**3 <= value:
            low = middle
        else:
            high = middle - 1
    return low
