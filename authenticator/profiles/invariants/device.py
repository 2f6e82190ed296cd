"""The device as a whole, who it says it is, and what its quirks need."""

from __future__ import annotations

import re
from collections.abc import Iterator

from authenticator.cose import Algorithm
from authenticator.profiles.invariants.invariant import Invariant, is_key, verifies
from authenticator.profiles.profile import CounterPolicy, Kind, Quirk

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_OF_KEYS = {"usb", "nfc", "ble", "smart-card"}
_OF_PLATFORMS = {"internal", "hybrid"}
_FORCED_TO_U2F = ((0x10C4, 0x8ACF), (0x20A0, 0x4287))
"""Chromium speaks U2F only to these vendor and product ids, as the keys that have them mishandle CTAP2."""


def general() -> Iterator[Invariant]:
    yield Invariant(
        lambda p: is_key(p) or not (p.features.u2f or p.features.yubikey_management or p.usb.otp_keyboard),
        "u2f, yubikey_management and otp_keyboard are of security keys only",
        ("features.u2f", "features.yubikey_management", "usb.otp_keyboard", "kind"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or p.features.u2f,
        "a device speaks ctap2, u2f or both",
        ("features.ctap2",),
    )
    yield Invariant(lambda p: bool(p.versions), "versions is empty", ("versions",))
    yield Invariant(lambda p: bool(p.algorithms), "algorithms is empty", ("algorithms",))
    yield Invariant(
        lambda p: not p.features.u2f or Algorithm.ES256 in p.algorithms,
        "u2f knows ES256 only, which algorithms lacks",
        ("algorithms", "features.u2f"),
    )
    yield Invariant(
        lambda p: not p.features.u2f or "U2F_V2" in p.versions,
        "u2f is on, so versions must name U2F_V2",
        ("versions", "features.u2f"),
    )
    yield Invariant(
        lambda p: not p.features.ctap2 or any(version.startswith("FIDO_") for version in p.versions),
        "ctap2 is on, so versions must name a FIDO_ version",
        ("versions", "features.ctap2"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or not (p.extensions or p.pin_protocols),
        "extensions and pin_protocols belong to CTAP2, which is off",
        ("extensions", "pin_protocols", "features.ctap2"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or not (p.features.resident_keys or verifies(p.features)),
        "resident_keys, client_pin and user_verification belong to CTAP2, which is off",
        ("features.resident_keys", "features.client_pin", "features.user_verification", "features.ctap2"),
    )
    yield Invariant(
        lambda p: p.firmware_version is None or p.firmware_version >= 0,
        "firmware_version is not negative",
        ("firmware_version",),
    )
    yield Invariant(
        lambda p: (
            all(level >= 1 for level in p.certifications.values()) and p.certifications.get("FIDO", 1) <= 6
        ),
        "a certification's level is at least 1, FIDO's (L1, L1+, … L3+) at most 6",
        ("certifications",),
    )
    yield Invariant(
        lambda p: (
            bool(_COLOUR.fullmatch(p.look.colour))
            and (p.look.led is None or bool(_COLOUR.fullmatch(p.look.led)))
        ),
        'a colour is written as "#1a2b3c"',
        ("look.colour", "look.led"),
    )


def identity() -> Iterator[Invariant]:
    yield Invariant(
        lambda p: not (p.features.ctap2 and p.attestation.certified) or any(p.aaguid),
        "a CTAP2 device with certified attestation has an AAGUID other than zero",
        ("aaguid", "attestation.certified"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or not any(p.aaguid), "a key of U2F alone has no AAGUID", ("aaguid",)
    )
    yield Invariant(
        lambda p: all(0 <= each <= 0xFFFF for each in (p.usb.vendor_id, p.usb.product_id)),
        "vendor_id and product_id are 0 to 0xFFFF",
        ("usb.vendor_id", "usb.product_id"),
    )
    yield Invariant(
        lambda p: not p.features.ctap2 or (p.usb.vendor_id, p.usb.product_id) not in _FORCED_TO_U2F,
        "Chromium forces this vendor and product id to U2F",
        ("usb.product_id", "usb.vendor_id"),
    )
    yield Invariant(
        lambda p: all(1 <= len(each) <= 126 for each in (p.usb.manufacturer, p.usb.product)),
        "manufacturer and product are 1 to 126 characters, as USB's string descriptors are",
        ("usb.product", "usb.manufacturer"),
    )
    yield Invariant(
        lambda p: all(0 <= each <= 0xFF for each in p.usb.device_version),
        "device_version is three numbers from 0 to 255",
        ("usb.device_version",),
    )
    yield Invariant(lambda p: bool(p.transports), "transports is empty", ("transports",))
    yield Invariant(
        lambda p: not is_key(p) or _OF_PLATFORMS.isdisjoint(p.transports),
        "a security key is not reached by internal or hybrid",
        ("transports", "kind"),
    )
    yield Invariant(
        lambda p: is_key(p) or _OF_KEYS.isdisjoint(p.transports),
        "platforms and providers are reached by internal or hybrid, not as keys are",
        ("transports", "kind"),
    )
    yield Invariant(
        lambda p: p.features.platform_device != is_key(p),
        "platform_device is true of platforms and providers, and of nothing else",
        ("features.platform_device", "kind"),
    )
    yield Invariant(
        lambda p: p.backup_eligible == (p.kind is Kind.PROVIDER),
        "backup_eligible is true of providers, whose passkeys sync, and of nothing else",
        ("backup_eligible", "kind"),
    )
    yield Invariant(
        lambda p: not p.backup_eligible or p.counter is CounterPolicy.ZERO,
        "synced passkeys have no counter: it cannot be kept in step on all devices",
        ("counter", "backup_eligible"),
    )


def quirks() -> Iterator[Invariant]:
    yield Invariant(
        lambda p: not p.has(Quirk.SELECT_ACCOUNT_ON_DEVICE) or p.look.display,
        "select-account-on-device needs a display",
        ("quirks", "look.display"),
    )
    yield Invariant(
        lambda p: not (p.has(Quirk.NO_TOUCH_FOR_RESET) or p.has(Quirk.RESET_ANY_TIME)) or p.features.reset,
        "the quirks of reset need reset",
        ("quirks", "features.reset"),
    )
    yield Invariant(
        lambda p: not p.has(Quirk.ZERO_AAGUID) or not is_key(p),
        "zero-aaguid is what platforms and providers do, not keys",
        ("quirks", "kind"),
    )
    yield Invariant(
        lambda p: not p.has(Quirk.ALWAYS_DISCOVERABLE) or p.features.resident_keys,
        "always-discoverable needs resident_keys",
        ("quirks", "features.resident_keys"),
    )
