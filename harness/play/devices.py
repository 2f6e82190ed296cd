"""The devices of a play: what they are, and what else is true of them."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from authenticator.profiles.loader import load_profile, profile_names
from harness.play.language import Switch, Text, Texts, Words

COMPUTER = "computer"
"""Instead of a profile: a machine that has no passkeys of its own."""

PHONES = frozenset({"icloud-keychain", "google-password-manager", "android-device-bound"})
"""Profiles of what another device reaches by QR code."""

Via = Literal["page", "cdp", "mock", "uhid", "hybrid", "linked"]


class DeviceSpec(Words):
    """A device: a profile, or a mapping of a profile and what differs."""

    profile: str = Field(
        description="A device profile (stuntkey profiles list), or `computer`: one without passkeys."
    )
    via: Via | None = Field(
        default=None, description="How it reaches the browser, where that is not to be chosen."
    )
    pin: Text | None = Field(default=None, description="The PIN a security key has from the start.")
    fingers: Texts = Field(default=(), description="Fingers enrolled from the start, for keys with a sensor.")
    account: str = Field(
        default="own",
        description="Whose account of its provider it is signed in to. Devices of one account share passkeys.",
    )
    os: Text | None = Field(default=None, description="What its browser says: `windows 10`, `ios 16.2`.")
    browser: Text | None = Field(default=None, description="What it says it is: `chrome 109`, `safari 16`.")
    region: Text | None = Field(default=None, description="Country code of where the device is.")
    google_services: Switch = Field(
        default=True, description="Whether an Android device has Google's services."
    )
    screen_lock: Switch = Field(default=True, description="Without one a device makes and uses no passkeys.")
    bluetooth: Switch = Field(default=True, description="Without it no phone can be used by QR code.")
    linked: Switch = Field(default=False, description="Linked before: reached by a push, without QR code.")
    thief: Switch = Field(
        default=False, description="It is somebody else's, who cannot read the user's codes."
    )

    @field_validator("profile")
    @classmethod
    def _known(cls, value: str) -> str:
        if re.search(r"[/.]", value):
            load_profile(value)  # ProfileError is a ValueError
        elif value != COMPUTER and value not in profile_names():
            raise ValueError(f"unknown profile {value!r}|{value}|{'|'.join([COMPUTER, *profile_names()])}")
        return value

    @field_validator("os", "browser")
    @classmethod
    def _versioned(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z]+ \d+(\.\d+)*", value):
            raise ValueError("write a name and a version, such as `windows 10` or `chrome 109`")
        return value


def device_spec(value: Any) -> Any:
    """`touch-id` is short for `{profile: touch-id}`."""
    return {"profile": value} if isinstance(value, str) else value
