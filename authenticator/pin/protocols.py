"""PIN/UV auth protocols one and two (CTAP 2.3 §6.5.6, §6.5.7), the authenticator's side."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, ClassVar, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authenticator.cose import ES256
from authenticator.environment import Randomness
from authenticator.status import CtapError, Status

_BLOCK = 16
ECDH_ES_HKDF_256 = -25


class SharedSecret(Protocol):
    """What `decapsulate` gives: authenticated encryption with one platform."""

    def encrypt(self, plaintext: bytes) -> bytes: ...
    def decrypt(self, ciphertext: bytes) -> bytes: ...
    def verify(self, message: bytes, signature: bytes) -> bool: ...


def _aes_cbc(key: bytes, iv: bytes, data: bytes, *, decrypt: bool) -> bytes:
    if len(data) % _BLOCK:
        raise CtapError(Status.INVALID_PARAMETER)
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv))
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(data) + context.finalize()


class _SecretOne:
    def __init__(self, z: bytes, random: Randomness) -> None:
        self._key = hashlib.sha256(z).digest()

    def encrypt(self, plaintext: bytes) -> bytes:
        return _aes_cbc(self._key, bytes(16), plaintext, decrypt=False)

    def decrypt(self, ciphertext: bytes) -> bytes:
        return _aes_cbc(self._key, bytes(16), ciphertext, decrypt=True)

    def verify(self, message: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(self._key, message, "sha256")[:16], signature)


class _SecretTwo:
    def __init__(self, z: bytes, random: Randomness) -> None:
        self._random = random
        self._hmac_key = HKDF(hashes.SHA256(), 32, bytes(32), b"CTAP2 HMAC key").derive(z)
        self._aes_key = HKDF(hashes.SHA256(), 32, bytes(32), b"CTAP2 AES key").derive(z)

    def encrypt(self, plaintext: bytes) -> bytes:
        iv = self._random.bytes(_BLOCK)
        return iv + _aes_cbc(self._aes_key, iv, plaintext, decrypt=False)

    def decrypt(self, ciphertext: bytes) -> bytes:
        if len(ciphertext) < _BLOCK:
            raise CtapError(Status.INVALID_PARAMETER)
        return _aes_cbc(self._aes_key, ciphertext[:_BLOCK], ciphertext[_BLOCK:], decrypt=True)

    def verify(self, message: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(self._hmac_key, message, "sha256"), signature)


class PinUvAuthProtocol:
    """One protocol's volatile state: its key agreement key and its pinUvAuthToken."""

    number: ClassVar[int]
    token_size: ClassVar[int] = 32
    signature_size: ClassVar[int]
    secret: ClassVar[type[_SecretOne] | type[_SecretTwo]]

    def __init__(self, random: Randomness) -> None:
        self._random = random
        self._agreement: ES256 | None = None
        self._token: bytes | None = None

    @property
    def token(self) -> bytes:
        if self._token is None:
            self._token = self._random.bytes(self.token_size)
        return self._token

    def regenerate(self) -> None:
        """A new key agreement key (made when it is first asked for)."""
        self._agreement = None

    def reset_token(self) -> None:  # in spec: resetPinUvAuthToken
        self._token = None

    def public_key(self) -> dict[int, Any]:  # in spec: getPublicKey
        return {**self._key().public_cose_key(), 3: ECDH_ES_HKDF_256}

    def decapsulate(self, peer: dict[int, Any]) -> SharedSecret:
        """The secret shared with the platform whose COSE key is `peer`."""
        # §6.5.6: the key must be an EC2 key on P-256 for ECDH-ES+HKDF-256, its point on the curve.
        x, y = peer.get(-2), peer.get(-3)
        if (
            peer.get(1) != 2
            or peer.get(3) != ECDH_ES_HKDF_256
            or peer.get(-1) != 1
            or not (isinstance(x, bytes) and isinstance(y, bytes) and len(x) == 32 == len(y))
        ):
            raise CtapError(Status.INVALID_PARAMETER)
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
        except ValueError:
            raise CtapError(Status.INVALID_PARAMETER) from None
        z = self._key().handle.exchange(ec.ECDH(), point)
        return self.secret(z, self._random)

    def authenticate(self, message: bytes, token: bytes | None = None) -> bytes:
        """pinUvAuthParam over `message` with the current token, or another."""
        return hmac.digest(token or self.token, message, "sha256")[: self.signature_size]

    def _key(self) -> ES256:
        if self._agreement is None:
            generated = ES256.generate(self._random)
            assert isinstance(generated, ES256)
            self._agreement = generated
        return self._agreement


class ProtocolOne(PinUvAuthProtocol):
    number = 1
    signature_size = 16
    secret = _SecretOne


class ProtocolTwo(PinUvAuthProtocol):
    number = 2
    signature_size = 32
    secret = _SecretTwo


PROTOCOLS: dict[int, type[PinUvAuthProtocol]] = {1: ProtocolOne, 2: ProtocolTwo}
