"""What answers a browser's own dialogs: hands on a keyboard. What they type goes to whatever has the focus.

xdotool types on one X server, ours or the one in $DISPLAY. A keyboard of the kernel's (uinput) types on a screen that
takes its input from the kernel: a desktop, or an Xorg in a virtual machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol

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
from harness.closing import Closing
from harness.errors import Failure, SetupError
from harness.patience import patient

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
HANDS = ("xdotool", "uinput")
BEYOND = 20_000
"""Pixels to the right and down, which no screen has."""
SLOW_PACE = 0.06
"""Seconds between keys on a machine that is emulated: it may not look at its keyboards for half a second."""
XDOTOOL = patient(20.0)
"""Seconds for one call of it."""


class Elsewhere(Failure):
    """The keyboard is another window's: nothing was typed."""


class Hands(Protocol):
    def type(self, text: str) -> None: ...

    def press(self, *keys: str) -> None:
        """One after the other, by X's names, with modifiers as in `shift+Tab`."""

    def rest(self) -> None:
        """Take the pointer to the lower right corner: what a dialog draws under it takes the focus."""

    def close(self) -> None: ...


def find_xdotool() -> str:
    program = shutil.which("xdotool")
    if program is None:
        raise SetupError("typing into a browser's own dialogs needs xdotool: apt-get install xdotool")
    return program


class XdotoolHands:
    """On one X server. With `session`, only windows of that session's processes are typed into.

    On a screen that others use too, a PIN is not to end up in their windows.
    """

    def __init__(self, environment: Mapping[str, str], *, session: int | None = None) -> None:
        self._program = find_xdotool()
        self._environment = {**os.environ, **environment}
        self._session = session

    def type(self, text: str) -> None:
        self._require_focus()
        # From standard input: a PIN is nobody's business who lists processes
        self._do(["type", "--delay", "12", "--file", "-"], text)

    def press(self, *keys: str) -> None:
        self._require_focus()
        self._do(["key", "--delay", "12", *keys])

    def rest(self) -> None:
        width, height = self._do(["getdisplaygeometry"]).split()
        self._do(["mousemove", str(int(width) - 1), str(int(height) - 1)])

    def close(self) -> None:
        pass

    def _require_focus(self) -> None:
        if self._session is None or self._has_focus():
            return
        for window in reversed(self._windows()):
            # The first needs a window manager, the second is for a screen without one.
            for how in ("windowactivate", "windowfocus"):
                self._do([how, window], check=False)
                if self._has_focus():
                    return
        raise Elsewhere("another window has the keyboard, and does not give it to the browser: click on that")

    def _has_focus(self) -> bool:
        return self._is_theirs(self._do(["getwindowfocus", "getwindowpid"], check=False).strip())

    def _windows(self) -> list[str]:
        """Those of the browser that are shown, those opened last at the end."""
        shown = self._do(["search", "--onlyvisible", "--name", ".*"], check=False).split()
        return [
            each for each in shown if self._is_theirs(self._do(["getwindowpid", each], check=False).strip())
        ]

    def _is_theirs(self, pid: str) -> bool:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            return pid.isdigit() and os.getsid(int(pid)) == self._session
        return False

    def _do(self, command: Sequence[str], text: str = "", *, check: bool = True) -> str:
        done = subprocess.run(
            [self._program, *command],
            input=text,
            text=True,
            capture_output=True,
            env=self._environment,
            check=False,
            timeout=XDOTOOL,
        )
        if check and done.returncode:
            raise Failure(f"xdotool {command[0]}: {done.stderr.strip()[:200]}")
        return done.stdout


class UinputHands(Closing):
    """Needs the extra `uinput`, and a right to /dev/uinput."""

    def __init__(self, *, pace: float = min(patient(PACE), SLOW_PACE), ready: float = patient(READY)) -> None:
        try:
            self._keyboard = UinputKeyboard("stuntkey hands", pace=pace)
        except PortError as error:
            raise SetupError(str(error)) from None
        self._mouse: UinputKeyboard | None = None
        self._ready = ready
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

    def rest(self) -> None:
        if self._mouse is None:
            self._mouse = UinputKeyboard("stuntkey mouse", points=True)
            self._mouse.wait_until_read(self._ready)
        self._mouse.point(BEYOND, BEYOND)

    def close(self) -> None:
        self._keyboard.close()
        if self._mouse is not None:
            self._mouse.close()


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
