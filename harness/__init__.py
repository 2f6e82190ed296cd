"""The stage: virtual keys, people, browsers and relying parties, for tests to import."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from authenticator.environment import HandTurnedClock, Tamper
    from harness.acts import (
        Reply,
        choose,
        deny,
        device_password,
        enter_pin,
        ignore,
        poor_sample,
        right_finger,
        touch,
        unplug,
        wrong_finger,
    )
    from harness.client import Client
    from harness.errors import Failure, SetupError, StuntkeyError
    from harness.otp import static_password, yubico_otp
    from harness.people import LATER, Person, Question
    from harness.platform import Account, Device
    from harness.virtual_key import VirtualKey
    from harness.webauthn.errors import ClientError
    from harness.webauthn.lies import Lies

__version__ = "0.1.0"
__all__ = [
    "LATER",
    "Account",
    "Client",
    "ClientError",
    "Device",
    "Failure",
    "HandTurnedClock",
    "Lies",
    "Person",
    "Question",
    "Reply",
    "SetupError",
    "StuntkeyError",
    "Tamper",
    "VirtualKey",
    "choose",
    "deny",
    "device_password",
    "enter_pin",
    "ignore",
    "poor_sample",
    "right_finger",
    "static_password",
    "touch",
    "unplug",
    "wrong_finger",
    "yubico_otp",
]

# Loaded when first asked for, so that `stuntkey --help` does not wait for all of it.
_MODULES = {
    "authenticator.environment": ("HandTurnedClock", "Tamper"),
    "harness.acts": (
        "Reply", "choose", "deny", "device_password", "enter_pin", "ignore", "poor_sample", "right_finger", "touch",
        "unplug", "wrong_finger",
    ),
    "harness.client": ("Client",),
    "harness.errors": ("Failure", "SetupError", "StuntkeyError"),
    "harness.otp": ("static_password", "yubico_otp"),
    "harness.people": ("LATER", "Person", "Question"),
    "harness.platform": ("Account", "Device"),
    "harness.virtual_key": ("VirtualKey",),
    "harness.webauthn.errors": ("ClientError",),
    "harness.webauthn.lies": ("Lies",),
}  # fmt: skip
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
