"""The stage: virtual keys, people, browsers and relying parties, for tests to import."""

from authenticator.environment import HandTurnedClock, Tamper
from harness.acts import (
    Reply,
    choose,
    deny,
    enter_pin,
    ignore,
    poor_sample,
    right_finger,
    touch,
    unplug,
    wrong_finger,
)
from harness.errors import Failure, SetupError, StuntkeyError
from harness.people import LATER, Person, Question
from harness.virtual_key import VirtualKey

__version__ = "0.1.0"
__all__ = [
    "LATER",
    "Failure",
    "HandTurnedClock",
    "Person",
    "Question",
    "Reply",
    "SetupError",
    "StuntkeyError",
    "Tamper",
    "VirtualKey",
    "choose",
    "deny",
    "enter_pin",
    "ignore",
    "poor_sample",
    "right_finger",
    "touch",
    "unplug",
    "wrong_finger",
]
