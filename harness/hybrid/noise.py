"""The Noise handshakes KNpsk0 (a QR code) and NKpsk0 (a linked phone) on P-256.

Written here because no library of the field has Noise on P-256. The client always is the initiator. Both messages
are 65 bytes of ephemeral key and 16 of tag, over an empty payload.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from harness.hybrid.errors import HybridError
from harness.hybrid.keys import public_key, uncompressed

MESSAGE_SIZE = 65 + 16
_ZERO_NONCE = bytes(12)

KeyPair = ec.EllipticCurvePrivateKey
NewKey = Callable[[], KeyPair]
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def new_key(random: Callable[[int], bytes] = os.urandom) -> KeyPair:
    # 64 bits more than the order has, so that no scalar is likelier than another (FIPS 186-5 A.2.1)
    scalar = 1 + int.from_bytes(random(40), "big") % (_ORDER - 1)
    return ec.derive_private_key(scalar, ec.SECP256R1())


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What a finished handshake leaves: a key for each direction, and the hash that names the session."""

    initiator_to_responder: bytes
    responder_to_initiator: bytes
    handshake_hash: bytes


class _SymmetricState:
    """Noise §5.2, as far as these two patterns need it."""

    def __init__(self, name: bytes) -> None:
        self._ck = self.h = name.ljust(32, b"\x00")
        self._k = b""

    def mix_hash(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, material: bytes) -> None:
        self._ck, self._k = self._hkdf(material, 2)

    def mix_key_and_hash(self, material: bytes) -> None:
        self._ck, mixed, self._k = self._hkdf(material, 3)
        self.mix_hash(mixed)

    def seal(self) -> bytes:
        """Encrypt and hash an empty payload. Every key seals just one message, so the nonce is zero."""
        tag = AESGCM(self._k).encrypt(_ZERO_NONCE, b"", self.h)
        self.mix_hash(tag)
        return tag

    def open(self, tag: bytes) -> None:
        try:
            AESGCM(self._k).decrypt(_ZERO_NONCE, tag, self.h)
        except InvalidTag:
            raise HybridError(
                "the handshake message was made with other keys: a wrong phone, QR code or advert"
            ) from None
        self.mix_hash(tag)

    def split(self) -> Keys:
        first, second = self._hkdf(b"", 2)
        return Keys(initiator_to_responder=first, responder_to_initiator=second, handshake_hash=self.h)

    def _hkdf(self, material: bytes, count: int) -> tuple[bytes, ...]:
        output = HKDF(hashes.SHA256(), 32 * count, self._ck, b"").derive(material)
        return tuple(output[32 * i : 32 * i + 32] for i in range(count))


def _dh(private: KeyPair, point: bytes) -> bytes:
    return private.exchange(ec.ECDH(), public_key(point))


def _begin(psk: bytes, *, client_identity: bytes | None, phone_identity: bytes | None) -> _SymmetricState:
    """KN: the phone knows the client's identity from the QR code. NK: the client knows the phone's from the link."""
    if (client_identity is None) == (phone_identity is None):
        raise ValueError("exactly one side's identity is known beforehand")
    if client_identity is not None:
        state = _SymmetricState(b"Noise_KNpsk0_P256_AESGCM_SHA256")
        state.mix_hash(b"\x01")
        state.mix_hash(client_identity)
    else:
        assert phone_identity is not None
        state = _SymmetricState(b"Noise_NKpsk0_P256_AESGCM_SHA256")
        state.mix_hash(b"\x00")
        state.mix_hash(phone_identity)
    state.mix_key_and_hash(psk)
    return state


def _split_message(message: bytes) -> tuple[bytes, bytes]:
    if len(message) != MESSAGE_SIZE:
        raise HybridError(f"a handshake message has {MESSAGE_SIZE} bytes, this one {len(message)}")
    if message[0] != 4:
        raise HybridError("the handshake message's ephemeral key is no uncompressed point")
    return message[:65], message[65:]


class Initiator:
    """The client. `identity` is its own key (KN), or `phone_identity` the linked phone's point (NK)."""

    def __init__(
        self,
        psk: bytes,
        *,
        identity: KeyPair | None = None,
        phone_identity: bytes | None = None,
        new_key: NewKey = new_key,
    ) -> None:
        self._identity = identity
        self._phone_identity = phone_identity
        own = uncompressed(identity.public_key()) if identity is not None else None
        self._state = _begin(psk, client_identity=own, phone_identity=phone_identity)
        self._ephemeral = new_key()

    def first_message(self) -> bytes:
        state, point = self._state, uncompressed(self._ephemeral.public_key())
        state.mix_hash(point)
        state.mix_key(point)
        if self._phone_identity is not None:
            state.mix_key(_dh(self._ephemeral, self._phone_identity))  # es
        return point + state.seal()

    def finish(self, message: bytes) -> Keys:
        state = self._state
        point, tag = _split_message(message)
        state.mix_hash(point)
        state.mix_key(point)
        state.mix_key(_dh(self._ephemeral, point))  # ee
        if self._identity is not None:
            state.mix_key(_dh(self._identity, point))  # se
        state.open(tag)
        return state.split()


def respond(
    psk: bytes,
    message: bytes,
    *,
    client_identity: bytes | None = None,
    identity: KeyPair | None = None,
    new_key: NewKey = new_key,
) -> tuple[bytes, Keys]:
    """The phone: its answer to the client's first message, and the keys."""
    own = uncompressed(identity.public_key()) if identity is not None else None
    state = _begin(psk, client_identity=client_identity, phone_identity=own)
    point, tag = _split_message(message)
    state.mix_hash(point)
    state.mix_key(point)
    if identity is not None:
        state.mix_key(_dh(identity, point))  # es
    state.open(tag)
    ephemeral = new_key()
    answer = uncompressed(ephemeral.public_key())
    state.mix_hash(answer)
    state.mix_key(answer)
    state.mix_key(_dh(ephemeral, point))  # ee
    if client_identity is not None:
        state.mix_key(_dh(ephemeral, client_identity))  # se
    return answer + state.seal(), state.split()
