"""Hands on a keyboard that the kernel takes for a real one. What they type goes to whatever has the focus.

A `Display` has hands of its own (xdotool's), for its own screen. These are for a screen that takes its input from the
kernel: a desktop, or an Xorg in a virtual machine.
"""

from __future__ import annotations

import builtins
from types import TracebackType
from typing import Protocol, Self

from ctaphid.keyboard import (
    BACKSPACE,
    DELETE,
    DOWN,
    ENTER,
    ESCAPE,
    LEFT,
    RIGHT,
    SHIFT,
    SPACE,
    TAB,
    UP,
    US,
    scan_codes_of,
)
from ctaphid.ports import PortError
from ctaphid.uinput_keyboard import LEFT_SHIFT, MODIFIERS, PACE, READY, UinputKeyboard
from harness.errors import SetupError

KEYS = {
    "Return": ENTER,
    "Escape": ESCAPE,
    "BackSpace": BACKSPACE,
    "Tab": TAB,
    "space": SPACE,
    "Delete": DELETE,
    "Right": RIGHT,
    "Left": LEFT,
    "Down": DOWN,
    "Up": UP,
}
"""X's names of the keys that type nothing one could write."""


class Hands(Protocol):
    """What answers a dialog."""

    def type(self, text: str) -> None: ...

    def press(self, *keys: str) -> None:
        """One after the other, by X's names, with modifiers as in `shift+Tab`."""


class UinputHands:
    """Needs the extra `uinput`, and a right to /dev/uinput."""

    def __init__(self, *, pace: float = PACE, ready: float = READY) -> None:
        try:
            self._keyboard = UinputKeyboard("stuntkey hands", pace=pace)
        except PortError as error:
            raise SetupError(str(error)) from None
        if not self._keyboard.wait_until_read(ready):
            self.close()
            raise SetupError(
                f"nothing reads the keyboard {self._keyboard.path} after {ready:g} s: start a desktop, or an Xorg "
                "with libinput (apt-get install xserver-xorg-input-libinput)"
            )

    def type(self, text: str) -> None:
        try:
            self._keyboard.type(scan_codes_of(text))
        except ValueError as error:
            raise SetupError(f"hands that type on a US keyboard: {error}") from None

    def press(self, *keys: str) -> None:
        for usage, modifiers in [_chord(name) for name in keys]:
            self._keyboard.press(usage, *modifiers)

    def close(self) -> None:
        self._keyboard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: builtins.type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _chord(name: str) -> tuple[int, list[int]]:
    """`ctrl+shift+a`: the key's usage, and Linux's codes of what is held meanwhile."""
    *held, last = name.split("+") if len(name) > 1 else [name]
    code = KEYS.get(last, US.get(last))
    if code is None or not all(each in MODIFIERS for each in held):
        raise SetupError(
            f"no key is called {name!r}: there are {', '.join(KEYS)} and single characters, "
            f"after {', '.join(f'{each}+' for each in MODIFIERS)}"
        )
    modifiers = [MODIFIERS[each] for each in held]
    if code & SHIFT and LEFT_SHIFT not in modifiers:
        modifiers.append(LEFT_SHIFT)
    return code & ~SHIFT, modifiers
