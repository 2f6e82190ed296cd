"""What travels after the handshake: padded, sealed frames, and the messages in them."""

from __future__ import annotations

from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.hybrid.errors import HybridError
from harness.hybrid.noise import Keys

_BLOCK = 32
MAX_FRAME = 1 << 20


class MessageType(IntEnum):
    SHUTDOWN = 0
    CTAP = 1
    UPDATE = 2
    JSON = 3


class Frames:
    """One side's sealing and opening; each direction counts its frames."""

    def __init__(self, *, write_key: bytes, read_key: bytes) -> None:
        self._write, self._read = AESGCM(write_key), AESGCM(read_key)
        self._written = self._opened = 0

    @classmethod
    def of_client(cls, keys: Keys) -> Frames:
        return cls(write_key=keys.initiator_to_responder, read_key=keys.responder_to_initiator)

    @classmethod
    def of_phone(cls, keys: Keys) -> Frames:
        return cls(write_key=keys.responder_to_initiator, read_key=keys.initiator_to_responder)

    def seal(self, message: bytes) -> bytes:
        padding = -(len(message) + 1) % _BLOCK
        frame = self._write.encrypt(_nonce(self._written), message + bytes(padding) + bytes((padding,)), None)
        self._written += 1
        return frame

    def open(self, frame: bytes) -> bytes:
        if len(frame) > MAX_FRAME:
            raise HybridError(f"a frame of {len(frame)} bytes is larger than {MAX_FRAME}")
        try:
            plaintext = self._read.decrypt(_nonce(self._opened), frame, None)
        except (InvalidTag, ValueError):
            raise HybridError(
                f"frame {self._opened} cannot be opened: altered, repeated, or out of order"
            ) from None
        self._opened += 1
        if not plaintext or plaintext[-1] + 1 > len(plaintext):
            raise HybridError("a frame's padding is longer than the frame")
        return plaintext[: -1 - plaintext[-1]]


def typed(kind: MessageType, payload: bytes = b"") -> bytes:
    return bytes((kind,)) + payload


def parse_typed(message: bytes) -> tuple[MessageType, bytes]:
    """A message after the first: its type and payload."""
    if not message:
        raise HybridError("a message without a type byte")
    try:
        return MessageType(message[0]), message[1:]
    except ValueError:
        raise HybridError(f"a message of the unknown type {message[0]}") from None


def _nonce(counter: int) -> bytes:
    if counter > 0xFFFFFFFF:
        raise HybridError("too many frames in one session")
    return bytes(8) + counter.to_bytes(4, "big")
