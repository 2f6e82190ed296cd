"""By which way each device of a play reaches the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Kind, UvMethod
from harness.errors import SetupError
from harness.play import WAYS
from harness.play.devices import COMPUTER, PHONES, DeviceSpec

FOR_KEYS = ("mock", "uhid", "page", "cdp")
FOR_PHONES = ("page", "hybrid", "cdp")
FOR_LINKED_PHONES = ("page", "linked", "cdp")
FOR_PLATFORMS = ("page", "cdp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """mock and uhid: real HID in front of the browser. page: navigator.credentials leads to the device.
    hybrid: the phone scans the QR code that a stock browser shows. linked: our own client calls the phone through a
    tunnel, as no browser of today does. cdp: Chromium's own virtual authenticator.
    """

    key: str = "mock"
    phone: str = "page"
    platform: str = "page"
    linked: str = "page"

    def of(self, spec: DeviceSpec, is_security_key: bool) -> str:
        # What a run chooses is for the devices that can; what a play says, the loader has looked at.
        possible = possible_ways(spec)
        chosen = self.key if is_security_key else self.phone if is_phone(spec) else self.platform
        wanted = spec.via or (self.linked if is_linked(spec) else chosen)
        return wanted if wanted in possible else "page"


def ways_of(words: Sequence[str]) -> Ways:
    """`page` and `cdp` are for all devices; `uhid` puts security keys there, `hybrid` phones, `linked` linked ones."""
    ways = Ways()
    for word in words:
        if word not in WAYS:
            raise SetupError(f"--via {word}: there are {', '.join(WAYS)}")
        if word == "hybrid":
            ways = replace(ways, phone=word)
        elif word == "linked":
            ways = replace(ways, linked=word)
        elif word in ("page", "cdp"):
            ways = Ways(key=word, phone=word, platform=word, linked=word)
        else:
            ways = replace(ways, key=word)
    return ways


def is_security_key(spec: DeviceSpec) -> bool:
    return spec.profile != COMPUTER and load_profile(spec.profile).kind is Kind.SECURITY_KEY


def is_phone(spec: DeviceSpec) -> bool:
    """Whether it is reached by QR code: a linked phone is called, and shown no code."""
    return spec.profile in PHONES and not spec.linked


def is_linked(spec: DeviceSpec) -> bool:
    return spec.profile in PHONES and spec.linked


def kind_of(spec: DeviceSpec) -> str:
    if is_security_key(spec):
        return "a security key"
    if is_phone(spec):
        return "a phone"
    return "a linked phone" if is_linked(spec) else "a platform authenticator"


def possible_ways(spec: DeviceSpec) -> tuple[str, ...]:
    if is_security_key(spec):
        return FOR_KEYS
    if is_phone(spec):
        return FOR_PHONES
    return FOR_LINKED_PHONES if is_linked(spec) else FOR_PLATFORMS


def has_pin_dialog(spec: DeviceSpec, way: str) -> bool:
    """Whether the browser itself asks for its PIN: no finger is enrolled that could take its place."""
    if way not in ("mock", "uhid"):
        return False
    features = load_profile(spec.profile).features
    types_it_itself = features.user_verification is UvMethod.PIN_PAD
    return features.client_pin and not spec.fingers and not types_it_itself
