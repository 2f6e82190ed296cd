"""The QR code's text: FIDO:/ and decimal digits that hold a CBOR map."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from authenticator import cbor
from harness.hybrid.errors import HybridError
from harness.hybrid.keys import compressed, public_key

PREFIX = "FIDO:/"
_CHUNK = 7
_DIGITS = {7: 17, 6: 15, 5: 13, 4: 10, 3: 8, 2: 5, 1: 3}
"""Bytes of a chunk → the decimal digits that hold them."""
_BYTES = {digits: size for size, digits in _DIGITS.items()}
_MAX_DIGITS = 4096
OPERATIONS = ("mc", "ga", "dcp")


def to_digits(data: bytes) -> str:
    chunks = (data[i : i + _CHUNK] for i in range(0, len(data), _CHUNK))
    return "".join(str(int.from_bytes(c, "little")).zfill(_DIGITS[len(c)]) for c in chunks)


def from_digits(text: str) -> bytes:
    if text and not (text.isascii() and text.isdigit()):
        raise HybridError("the QR code's text holds other characters than digits")
    data = b""
    for i in range(0, len(text), _DIGITS[_CHUNK]):
        chunk = text[i : i + _DIGITS[_CHUNK]]
        size = _BYTES.get(len(chunk))
        if size is None:
            raise HybridError(f"the QR code's text ends in {len(chunk)} digits, which hold no whole bytes")
        value = int(chunk)
        if value >> (8 * size):
            raise HybridError(f"the digits {chunk} do not fit into {size} bytes")
        data += value.to_bytes(size, "little")
    return data


class Key(IntEnum):
    PUBLIC_KEY = 0
    SECRET = 1
    ASSIGNED_DOMAINS = 2
    TIME = 3
    CAN_LINK = 4
    OPERATION = 5
    DATA_CHANNELS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """What a client shows and a phone reads."""

    public_key: bytes
    """The client's identity, a compressed point (33 bytes)."""
    secret: bytes
    assigned_domains: int = 2
    time: int | None = None
    can_link: bool = False
    operation: str = "ga"
    data_channels: tuple[int, ...] = (0,)
    """CTAP 2.3: 0 is a WebSocket tunnel, 1 is Bluetooth."""

    def encode(self) -> str:
        entries: dict[int, Any] = {
            Key.PUBLIC_KEY: self.public_key,
            Key.SECRET: self.secret,
            Key.ASSIGNED_DOMAINS: self.assigned_domains,
        }
        if self.time is not None:
            entries[Key.TIME] = self.time
        entries |= {Key.CAN_LINK: self.can_link, Key.OPERATION: self.operation}
        if self.data_channels != (0,):
            entries[Key.DATA_CHANNELS] = list(self.data_channels)
        return PREFIX + to_digits(cbor.encode(entries))

    @classmethod
    def decode(cls, text: str) -> QrCode:
        """HybridError for everything that is not a FIDO QR code, with what is wrong."""
        if text[: len(PREFIX)].upper() != PREFIX:
            raise HybridError(f"a passkey QR code begins with {PREFIX}, this text with {text[:6]!r}")
        if len(text) > _MAX_DIGITS:
            raise HybridError(f"the QR code's text has {len(text)} characters, more than {_MAX_DIGITS}")
        try:
            entries = cbor.decode(from_digits(text[len(PREFIX) :]))
        except cbor.CborError as error:
            raise HybridError(f"the QR code holds no canonical CBOR: {error}") from None
        if not isinstance(entries, dict):
            raise HybridError("the QR code holds no CBOR map")
        point = _entry(entries, Key.PUBLIC_KEY, bytes)
        if len(point) != 33:
            raise HybridError(f"the QR code's public key has {len(point)} bytes instead of 33")
        public_key(point)
        secret = _entry(entries, Key.SECRET, bytes)
        if len(secret) != 16:
            raise HybridError(f"the QR code's secret has {len(secret)} bytes instead of 16")
        operation = entries.get(Key.OPERATION)
        channels = entries.get(Key.DATA_CHANNELS)
        if not (isinstance(channels, list) and channels and all(type(c) is int for c in channels)):
            channels = [0]  # absent, or a bool as older peers send
        return cls(
            public_key=point,
            secret=secret,
            assigned_domains=_entry(entries, Key.ASSIGNED_DOMAINS, int, default=0),
            time=_entry(entries, Key.TIME, int) if Key.TIME in entries else None,
            can_link=_entry(entries, Key.CAN_LINK, bool, default=False),
            operation=operation if operation in OPERATIONS else "ga",
            data_channels=tuple(channels),
        )

    @classmethod
    def of_client(cls, identity: Any, secret: bytes, **others: Any) -> QrCode:
        """The code of a client with this private identity key."""
        return cls(public_key=compressed(identity.public_key()), secret=secret, **others)


def _entry(entries: dict[Any, Any], key: Key, kind: type, default: Any = None) -> Any:
    value = entries.get(int(key), default)
    if type(value) is not kind:
        raise HybridError(
            f"the QR code's {key.name.lower().replace('_', ' ')} (key {int(key)}) is missing or no {kind.__name__}"
        )
    return value
