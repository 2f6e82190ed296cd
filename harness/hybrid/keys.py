"""The key schedule: everything of a session follows from the QR code's or the link's secret."""

from __future__ import annotations

from enum import IntEnum

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from harness.hybrid.errors import HybridError


class Derived(IntEnum):
    """keyPurpose: what a derived value is for. Those above 3 are private to a phone."""

    EID_KEY = 1
    TUNNEL_ID = 2
    PSK = 3
    PAIRED_SECRET = 4
    IDENTITY_KEY_SEED = 5
    PER_CONTACT_ID_SECRET = 6


def derive(secret: bytes, purpose: Derived, size: int, salt: bytes = b"") -> bytes:
    info = int(purpose).to_bytes(4, "little")
    return HKDF(hashes.SHA256(), size, salt or None, info).derive(secret)


def eid_key(secret: bytes, client_nonce: bytes = b"") -> bytes:
    """The 64 bytes that seal an advert; of a linked session they depend on the client's nonce."""
    return derive(secret, Derived.EID_KEY, 64, client_nonce)


def tunnel_id(secret: bytes) -> bytes:
    return derive(secret, Derived.TUNNEL_ID, 16)


def psk(secret: bytes, eid: bytes) -> bytes:
    """The handshake's pre-shared key: knowing it proves that the advert was heard."""
    return derive(secret, Derived.PSK, 32, eid)


def compressed(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def uncompressed(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key at a compressed or uncompressed point; HybridError where there is none."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise HybridError(f"{len(point)} bytes are not a point on P-256") from None
