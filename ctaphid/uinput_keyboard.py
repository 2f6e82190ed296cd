"""A keyboard that the kernel takes for a real one: /dev/uinput, by python-uinput.

The only file that imports it: python-uinput is GPL and an extra of its own. Everything else types through
`ctaphid.keyboard.Keyboard`, and does without it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ctaphid.keyboard import SHIFT
from ctaphid.ports import PortError
from ctaphid.rights import fix_command, has_module, how_to_get

PACE = 0.02
"""Seconds after each key.

A program that listens has room for 64 events, which are 16 keys, and nobody tells when it has read them: a keyboard
that types as fast as it can loses letters. Between a key's going down and up there is nothing to wait for, and a slow
host that looked in between would repeat the key.
"""
READY = 10.0
LOOK_AGAIN = 0.05
MOMENT = 3.0
"""Seconds in which an X server opens a new keyboard, where nobody may see whether it did."""

LEFT_CTRL, LEFT_SHIFT, LEFT_ALT = 29, 42, 56
MODIFIERS = {"ctrl": LEFT_CTRL, "shift": LEFT_SHIFT, "alt": LEFT_ALT}
_KEYS: dict[int, int] = {
    usage + place: key
    for usage, keys in {
        0x04: (30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44),
        0x1E: (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 28, 1, 14, 15, 57, 12, 13, 26, 27, 43, 43, 39, 40, 41, 51, 52, 53),
        0x4C: (111, 107, 109, 106, 105, 108, 103),
    }.items()
    for place, key in enumerate(keys)
}  # fmt: skip
"""Linux's key codes (linux/input-event-codes.h) of HID's usages, as the kernel's own hid-input has them."""

_EV_KEY, _EV_REL = 1, 2
_REL_X, _REL_Y = 0, 1
_BTN_LEFT = 0x110
"""Without a button, a pointer is none to udev."""
_BUS_USB = 3
_NAME_SIZE = 80


class UinputKeyboard:
    """PortError says what is missing, in one line. With `points` it is a mouse, too."""

    def __init__(
        self,
        name: str = "stuntkey",
        *,
        vendor_id: int = 0x1209,
        product_id: int = 0xF1D0,
        pace: float = PACE,
        points: bool = False,
    ) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._unseen = False
        self._device: Any = None
        uinput = _python_uinput()
        try:
            node = uinput.fdopen()
        except OSError as error:
            raise PortError(_no_uinput(error)) from None
        does = [(_EV_KEY, key) for key in sorted({*_KEYS.values(), *MODIFIERS.values()})]
        if points:
            does += [(_EV_KEY, _BTN_LEFT), (_EV_REL, _REL_X), (_EV_REL, _REL_Y)]
        try:
            self._device = uinput.Device(
                does,
                name=name[: _NAME_SIZE - 1],
                bustype=_BUS_USB,
                vendor=vendor_id,
                product=product_id,
                fd=node,
            )
            self.path = _event_node(node)
        except OSError as error:
            self.close()
            raise PortError(f"/dev/uinput made no keyboard: {error.strerror}") from None

    def type(self, scan_codes: bytes) -> None:
        for code in scan_codes:
            self.press(code & ~SHIFT, *([LEFT_SHIFT] if code & SHIFT else []))

    def press(self, usage: int, *modifiers: int) -> None:
        """One key, while `modifiers` (codes of Linux's) are held."""
        key = _KEYS.get(usage)
        if key is None:
            raise ValueError(f"this keyboard has no key for the usage {usage:#04x}")
        with self._lock:
            if self._device is None:
                raise ValueError("the keyboard is closed")
            for code in (*modifiers, key):
                self._set(code, down=True)
            for code in (key, *reversed(modifiers)):
                self._set(code, down=False)
            time.sleep(self._pace)

    def point(self, right: int, down: int) -> None:
        """Move the pointer by so much."""
        with self._lock:
            if self._device is None:
                raise ValueError("the keyboard is closed")
            self._device.emit((_EV_REL, _REL_X), right, syn=False)
            self._device.emit((_EV_REL, _REL_Y), down)
            time.sleep(self._pace)

    def _set(self, code: int, *, down: bool) -> None:
        self._device.emit((_EV_KEY, code), int(down))

    def wait_until_read(self, timeout: float = READY) -> bool:
        """Until a program (an X server, a compositor) has opened it. What is typed before that is lost on it.

        A text console reads it too, and is no program. Programs of other users are seen by root only: where there are
        any, one of them may be the X server, and is given a moment.
        """
        began = time.monotonic()
        while not self._is_open_somewhere():
            passed = time.monotonic() - began
            if self._unseen and passed >= min(timeout, MOMENT):
                return True
            if passed >= timeout:
                return False
            time.sleep(LOOK_AGAIN)  # nobody tells
        return True

    def _is_open_somewhere(self) -> bool:
        self._unseen = False
        for folder in Path("/proc").glob("[0-9]*/fd"):
            try:
                links: Sequence[os.DirEntry[str]] = list(os.scandir(folder))
            except PermissionError:
                self._unseen = True  # another user's
                continue
            except OSError:
                continue  # gone
            for link in links:
                try:
                    if os.readlink(link.path) == self.path:
                        return True
                except OSError:
                    continue
        return False

    def close(self) -> None:
        with self._lock:
            device, self._device = self._device, None
            if device is not None:
                device.destroy()


def _python_uinput() -> Any:
    try:
        import uinput  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise PortError(
            "no python-uinput, which a keyboard needs: pip install 'stuntkey[uinput]' "
            "(it is built from source: apt-get install gcc libc6-dev libudev1)"
        ) from None
    except OSError as error:
        raise PortError(f"python-uinput does not load, install it again: {error}") from None
    return uinput


def _no_uinput(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"this user may not open /dev/uinput: {how_to_get('uinput')}"
    if has_module("uinput"):
        return f"no /dev/uinput: `{fix_command()}` loads the kernel's module uinput"
    return (
        "no /dev/uinput, and this kernel has no module uinput: `stuntkey vm run -- COMMAND` runs it in a virtual "
        "machine that has"
    )


def _event_node(node: int) -> str:
    """The /dev/input/event… of the device just made (UI_GET_SYSNAME, linux/uinput.h)."""
    name = bytearray(64)
    fcntl.ioctl(node, 2 << 30 | len(name) << 16 | ord("U") << 8 | 44, name)
    folder = Path("/sys/devices/virtual/input", name.partition(b"\0")[0].decode())
    event = next(folder.glob("event*"), None)
    if event is None:
        raise OSError(errno.ENODEV, f"no event device in {folder}")
    return f"/dev/input/{event.name}"
