"""Scan codes and layouts."""

from __future__ import annotations

import string
import sys

import pytest

from ctaphid.keyboard import ENTER, ESCAPE, LAYOUTS, MODHEX, SHIFT, TAB, US, MemoryKeyboard, scan_codes_of
from ctaphid.ports import PortError
from ctaphid.uinput_keyboard import UinputKeyboard

USAGES = {
    "a": 0x04, "z": 0x1D, "1": 0x1E, "0": 0x27, "\n": 0x28, "\x1b": 0x29, "\b": 0x2A, "\t": 0x2B, " ": 0x2C,
    "-": 0x2D, "=": 0x2E, "[": 0x2F, "]": 0x30, "\\": 0x31, ";": 0x33, "'": 0x34, "`": 0x35, ",": 0x36, ".": 0x37,
    "/": 0x38, "A": 0x84, "!": 0x9E, "@": 0x9F, "#": 0xA0, "$": 0xA1, "%": 0xA2, "^": 0xA3, "&": 0xA4, "*": 0xA5,
    "(": 0xA6, ")": 0xA7, "_": 0xAD, "+": 0xAE, "{": 0xAF, "}": 0xB0, "|": 0xB1, ":": 0xB3, '"': 0xB4, "~": 0xB5,
    "<": 0xB6, ">": 0xB7, "?": 0xB8,
}  # fmt: skip
"""HID usage tables 1.5, §10, and what a US keyboard has on these keys."""


def test_the_us_layout_is_that_of_hids_usage_tables() -> None:
    assert {character: US[character] for character in USAGES} == USAGES
    assert set(US) == set(string.printable) - set("\r\v\f") | {"\x1b", "\b"}
    assert len(set(US.values())) == len(US)
    assert (US["\n"], US["\x1b"], US["\t"]) == (ENTER, ESCAPE, TAB)


def test_the_modhex_layout_is_a_part_of_it() -> None:
    assert {character for character in MODHEX if character.islower()} == set("cbdefghijklnrtuv")
    assert all(US[character] == code for character, code in MODHEX.items())
    assert MODHEX["V"] == MODHEX["v"] | SHIFT


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_what_is_typed_is_read(layout: dict[str, int]) -> None:
    keyboard = MemoryKeyboard()
    text = "".join(layout)
    keyboard.type(scan_codes_of(text, layout))
    assert keyboard.text == text
    keyboard.clear()
    keyboard.type(b"\xff")
    assert keyboard.text == "\ufffd"


def test_what_has_no_key_is_told_without_the_secret() -> None:
    with pytest.raises(ValueError, match=r"^character 4 is on no key of this layout$"):
        scan_codes_of("pasß")


def test_python_uinput_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uinput", None)
    with pytest.raises(
        PortError, match=r"no python-uinput.*pip install 'stuntkey\[uinput\]'.*apt-get install"
    ):
        UinputKeyboard()
