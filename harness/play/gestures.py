"""What the person of a play does when a device asks them, in the words of plays."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.acts import (
    Act,
    deny,
    device_password,
    enter_pin,
    ignore,
    right_finger,
    touch,
    unplug,
    wrong_finger,
)

GESTURES: dict[str, Callable[[], Act]] = {
    "touch": touch,
    "right finger": right_finger,
    "unlock screen": right_finger,
    "device password": device_password,
    "wrong finger": wrong_finger,
    "wrong face": wrong_finger,
    "cancel": deny,
    "ignore": ignore,
    "pull out": unplug,
}
_FINGER = re.compile(r"finger (\d)")
_PIN = re.compile(r"pin (\S+)")


def gesture(words: str) -> Act | None:
    """`finger 2` and `pin 0000` take a value; the others are in GESTURES."""
    if match := _FINGER.fullmatch(words):
        return right_finger(finger=int(match[1]))
    if match := _PIN.fullmatch(words):
        return enter_pin(match[1])
    make = GESTURES.get(words)
    return None if make is None else make()
