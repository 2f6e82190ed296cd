"""By which way each device of a play reaches the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Kind
from harness.errors import SetupError
from harness.play.devices import COMPUTER, DeviceSpec

FOR_KEYS = ("mock", "uhid", "page")
FOR_PLATFORMS = ("page",)
WAYS = ("mock", "uhid", "page")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """mock and uhid: real HID in front of the browser. page: navigator.credentials leads to the device."""

    key: str = "mock"
    platform: str = "page"

    def of(self, spec: DeviceSpec, is_security_key: bool) -> str:
        if spec.via is not None:
            return spec.via if spec.via in (FOR_KEYS if is_security_key else FOR_PLATFORMS) else "page"
        return self.key if is_security_key else self.platform


def ways_of(words: Sequence[str]) -> Ways:
    """`--via page` takes the bridge for all; `--via uhid` puts security keys there."""
    ways = Ways()
    for word in words:
        if word not in WAYS:
            raise SetupError(f"--via {word}: there are {', '.join(WAYS)}")
        ways = Ways(key=word, platform=ways.platform)
    return ways


def is_security_key(spec: DeviceSpec) -> bool:
    return spec.profile != COMPUTER and load_profile(spec.profile).kind is Kind.SECURITY_KEY
