"""The Yubico OTP, and what a slot of the OTP application is configured with.

No standard has this. The format is as Yubico publishes it (developers.yubico.com, "OTPs Explained").
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SLOTS = (1, 2)
"""A short touch types the first, a long one the second."""
MAX_PUBLIC_ID = 16
PRIVATE_ID_SIZE = 6
AES_KEY_SIZE = 16
MAX_SCAN_CODES = 38
"""The length of a YubiKey's static password: what it has instead of ids and an AES key."""

MODHEX = "cbdefghijklnrtuv"
"""The hexadecimal digits 0 to f, as letters that are the same keys on nearly every keyboard."""
MAX_USES = 0x7FFF
"""The usage counter has 15 bits, and stops there."""
MAX_SESSION_USES = 0xFF
TICKS_PER_SECOND = 8
TIMESTAMP_BITS = 24

ENTER = 0x28
_LETTER_A = 0x04
"""HID usage tables, keyboard page 0x07: Keyboard Return, and Keyboard a, after which come b to z."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YubicoOtp:
    """What the one-time passwords of a slot are made from."""

    public_id: bytes
    private_id: bytes = field(repr=False)
    aes_key: bytes = field(repr=False)
    uses: int = 0
    """The usage counter: in how many sessions (from power-up to power-down) the slot was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpSlot:
    number: int
    yubico_otp: YubicoOtp | None = None
    scan_codes: bytes = field(default=b"", repr=False)
    """The static password, where the slot has no `yubico_otp`: HID usages, with bit 7 for Shift."""
    append_enter: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The part of an OTP that is encrypted."""

    private_id: bytes = field(repr=False)
    uses: int
    timestamp: int
    session_uses: int
    random: int

    def to_bytes(self) -> bytes:
        """Sixteen bytes: uid, useCtr, tstp, sessionCtr, rnd and crc, little-endian."""
        body = self.private_id + struct.pack(
            "<HHBBH",
            self.uses,
            self.timestamp & 0xFFFF,
            self.timestamp >> 16,
            self.session_uses,
            self.random,
        )
        return body + struct.pack("<H", ~crc16(body) & 0xFFFF)


def encode_otp(public_id: bytes, token: Token, aes_key: bytes) -> str:
    """The password as it is typed: 32 letters of modhex after those of the public id."""
    # One block, alone under its key: there is nothing for a mode to chain.
    encryptor = Cipher(algorithms.AES128(aes_key), modes.ECB()).encryptor()
    return modhex(public_id + encryptor.update(token.to_bytes()) + encryptor.finalize())


def modhex(data: bytes) -> str:
    return "".join(MODHEX[byte >> 4] + MODHEX[byte & 0xF] for byte in data)


def from_modhex(text: str) -> bytes:
    """ValueError if it is none."""
    digits = [MODHEX.find(letter) for letter in text]
    if -1 in digits or len(digits) % 2:
        raise ValueError(f"{text!r} is no modhex: an even number of the letters {MODHEX}")
    return bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))


def modhex_scan_codes(text: str) -> bytes:
    """The keys that type it."""
    return bytes(_LETTER_A + ord(letter) - ord("a") for letter in text)


def crc16(data: bytes) -> int:
    """ISO/IEC 13239's, before its final complement. Over data and its CRC together it is 0xF0B8."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc
