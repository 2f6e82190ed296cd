"""What a client reads out of authenticator data, which may have been altered on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import cbor2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_AAGUID = slice(37, 53)
_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04"
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorData:
    raw: bytes = field(repr=False)
    credential_id: bytes | None = None
    public_key: dict[int, Any] | None = None
    extensions: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes) -> AuthenticatorData:
        flags = raw[32] if len(raw) > 32 else 0
        rest, credential_id, public_key = raw[37:], None, None
        if flags & 0x40 and len(raw) >= 55:
            end = 55 + int.from_bytes(raw[53:55], "big")
            credential_id, rest = raw[55:end], raw[end:]
        extensions: dict[str, Any] = {}
        stream = BytesIO(rest)
        try:
            if credential_id is not None:
                public_key = cbor2.CBORDecoder(stream).decode()
            if flags & 0x80:
                extensions = cbor2.CBORDecoder(stream).decode()
        except (cbor2.CBORError, ValueError, TypeError, RecursionError):
            pass
        return cls(
            raw=raw,
            credential_id=credential_id,
            public_key=public_key if isinstance(public_key, dict) else None,
            extensions=extensions if isinstance(extensions, dict) else {},
        )

    def without_aaguid(self) -> bytes:
        if self.credential_id is None:
            return self.raw
        return self.raw[: _AAGUID.start] + bytes(16) + self.raw[_AAGUID.stop :]

    @property
    def algorithm(self) -> int | None:
        algorithm = self.public_key.get(3) if self.public_key is not None else None
        return algorithm if isinstance(algorithm, int) else None

    def subject_public_key_info(self) -> bytes | None:
        """The key as getPublicKey() gives it; None for one the client does not know."""
        key = self.public_key
        if key is None:
            return None
        x, y = key.get(-2), key.get(-3)
        if key.get(1) == 2 and key.get(-1) == 1 and isinstance(x, bytes) and isinstance(y, bytes):
            return _P256_SPKI + x + y
        if key.get(1) == 1 and key.get(-1) == 6 and isinstance(x, bytes):
            return _ED25519_SPKI + x
        try:
            return _spki(key)
        except (KeyError, TypeError, ValueError):  # a malformed key is one the client does not know
            return None


_CURVES: dict[int, ec.EllipticCurve] = {2: ec.SECP384R1(), 3: ec.SECP521R1(), 8: ec.SECP256K1()}


def _spki(key: dict[int, Any]) -> bytes | None:
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    if key[1] == 2:
        point = b"\x04" + key[-2] + key[-3]
        public_key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[key[-1]], point)
    elif key[1] == 3:
        modulus, exponent = int.from_bytes(key[-1], "big"), int.from_bytes(key[-2], "big")
        public_key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    else:
        return None
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
