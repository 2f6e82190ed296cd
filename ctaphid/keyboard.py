"""The keyboard a key is as well: scan codes, the layouts that read them, and the seam they are typed through.

A scan code is a usage of HID's keyboard page (0x07), with bit 7 for Shift, as YubiKeys keep their static passwords.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

SHIFT = 0x80
ENTER, ESCAPE, BACKSPACE, TAB, SPACE = range(0x28, 0x2D)
DELETE = 0x4C
RIGHT, LEFT, DOWN, UP = range(0x4F, 0x53)

_PLAIN = {0x04: "abcdefghijklmnopqrstuvwxyz1234567890\n\x1b\b\t -=[]\\", 0x33: ";'`,./"}
_SHIFTED = {0x04: "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&*()", 0x2D: "_+{}|", 0x33: ':"~<>?'}

US: Mapping[str, int] = {
    character: start + place | shift
    for rows, shift in ((_PLAIN, 0), (_SHIFTED, SHIFT))
    for start, row in rows.items()
    for place, character in enumerate(row)
}
"""The keys of a US keyboard."""
MODHEX: Mapping[str, int] = {
    character: US[character] for letter in "cbdefghijklnrtuv" for character in (letter, letter.upper())
}
"""Only the letters that are on the same keys almost everywhere: what a key types is read right by any host."""
LAYOUTS: Mapping[str, Mapping[str, int]] = {"us": US, "modhex": MODHEX}

_CHARACTERS = {code: character for character, code in US.items()}


class Keyboard(Protocol):
    """What types scan codes into a host."""

    def type(self, scan_codes: bytes) -> None:
        """Press and release each key in turn. They are typed when this returns."""

    def close(self) -> None: ...


class MemoryKeyboard:
    """A keyboard and the host at once: what is typed is kept."""

    def __init__(self) -> None:
        self.scan_codes = b""

    def type(self, scan_codes: bytes) -> None:
        self.scan_codes += scan_codes

    @property
    def text(self) -> str:
        """All of it, as a host with a US layout reads it."""
        return "".join(_CHARACTERS.get(code, "\ufffd") for code in self.scan_codes)

    def clear(self) -> None:
        self.scan_codes = b""

    def close(self) -> None:
        pass


def scan_codes_of(text: str, layout: Mapping[str, int] = US) -> bytes:
    """The keys that type it; ValueError names the first character that has none."""
    for place, character in enumerate(text, 1):
        if character not in layout:
            raise ValueError(f"character {place} is on no key of this layout")
    return bytes(layout[character] for character in text)
