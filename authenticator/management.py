"""What ykman reads and writes: a YubiKey's device information and configuration.

No standard has this. Tags, units and limits are those of Yubico's published yubikey-manager; which tags a firmware
reports, and in which order, is as in answers of real keys (`tests/vectors/yubikey_device_info.json`).
Over CTAPHID the page is read with the vendor command 0x42 and settings are written with 0x43 (0xC2 and 0xC3 with
the bit of an initialization packet).

A change is in force at once. The reboot that a request may ask for is not played: a host sees the key stay.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from enum import IntEnum, IntFlag

from authenticator.profiles.profile import Form, Profile
from authenticator.store import DeviceState

READ_CONFIG = 0x42
WRITE_CONFIG = 0x43

YUBICO = 0x1050
SECURITY_KEY_PID = 0x0120
LOCK_CODE_SIZE = 16
DEFAULT_CHALLENGE_RESPONSE_TIMEOUT = 15


class InvalidConfiguration(ValueError):
    """A request that the key refuses, or a page it does not have."""


class Application(IntFlag):
    OTP = 0x0001
    U2F = 0x0002
    CCID = 0x0004
    """Set with any of the smart card's applications."""
    OPENPGP = 0x0008
    PIV = 0x0010
    OATH = 0x0020
    HSMAUTH = 0x0100
    FIDO2 = 0x0200


FIDO = Application.U2F | Application.FIDO2


class Interface(IntFlag):
    """USB interfaces, as the last digit of a YubiKey's product id names them."""

    OTP = 1
    FIDO = 2
    CCID = 4


class Tag(IntEnum):
    USB_SUPPORTED = 0x01
    SERIAL = 0x02
    USB_ENABLED = 0x03
    FORM_FACTOR = 0x04
    VERSION = 0x05
    AUTO_EJECT_TIMEOUT = 0x06
    CHALLENGE_RESPONSE_TIMEOUT = 0x07
    DEVICE_FLAGS = 0x08
    CONFIG_LOCK = 0x0A
    UNLOCK = 0x0B
    REBOOT = 0x0C
    NFC_SUPPORTED = 0x0D
    NFC_ENABLED = 0x0E
    IAP_DETECTION = 0x0F
    MORE_DATA = 0x10
    FIPS_CAPABLE = 0x14
    FIPS_APPROVED = 0x15
    PIN_COMPLEXITY = 0x16
    NFC_RESTRICTED = 0x17
    RESET_BLOCKED = 0x18


SETTING_SIZES: Mapping[int, range] = {
    Tag.USB_ENABLED: range(1, 3),
    Tag.NFC_ENABLED: range(1, 3),
    Tag.AUTO_EJECT_TIMEOUT: range(1, 3),
    Tag.CHALLENGE_RESPONSE_TIMEOUT: range(1, 2),
    Tag.DEVICE_FLAGS: range(1, 2),
    Tag.NFC_RESTRICTED: range(1, 2),
    Tag.CONFIG_LOCK: range(LOCK_CODE_SIZE, LOCK_CODE_SIZE + 1),
    Tag.UNLOCK: range(LOCK_CODE_SIZE, LOCK_CODE_SIZE + 1),
    Tag.REBOOT: range(1),
}
"""What a write may hold, and how many bytes of each."""


# What the key has


def usb_supported(profile: Profile) -> Application:
    """The applications of the device the profile is of; of these only FIDO and the OTP keyboard are played."""
    usb, features = profile.usb, profile.features
    if usb.vendor_id != YUBICO:
        interfaces = Interface.FIDO | (Interface.OTP if usb.otp_keyboard else Interface(0))
    elif usb.product_id == SECURITY_KEY_PID:
        interfaces = Interface.FIDO
    else:
        interfaces = Interface(usb.product_id & 0x7)
    applications = Application(0)
    if Interface.OTP in interfaces:
        applications |= Application.OTP
    if Interface.FIDO in interfaces:
        applications |= Application.U2F if features.u2f else Application(0)
        applications |= Application.FIDO2 if features.ctap2 else Application(0)
    if Interface.CCID in interfaces:
        applications |= Application.CCID | Application.OPENPGP | Application.PIV | Application.OATH
        if usb.device_version >= (5, 4, 3):
            applications |= Application.HSMAUTH
    return applications


def nfc_supported(profile: Profile) -> Application:
    """Over NFC every application is one of a smart card."""
    if "nfc" not in profile.transports:
        return Application(0)
    return usb_supported(profile) | Application.CCID


def usb_enabled(profile: Profile, state: DeviceState) -> Application:
    """What the host may use over USB: a key whose FIDO2 is switched off knows no CTAP2."""
    return _enabled(usb_supported(profile), _settings(state).get(Tag.USB_ENABLED))


def _enabled(supported: Application, setting: bytes | None) -> Application:
    return supported if setting is None else Application(int.from_bytes(setting, "big")) & supported


def _is_security_key(profile: Profile) -> bool:
    """Yubico's "Security Key": FIDO alone, without a sensor. It has no serial number to tell."""
    fido_alone = usb_supported(profile) | FIDO == FIDO
    return profile.usb.vendor_id == YUBICO and fido_alone and profile.features.user_verification is None


def _form_factor(profile: Profile) -> int:
    usb_c = profile.look.plug == "USB-C"
    if profile.look.plug == "Lightning":
        code = 0x05
    elif profile.features.user_verification is not None:
        code = 0x07 if usb_c else 0x06
    elif profile.look.form is Form.NANO:
        code = 0x04 if usb_c else 0x02
    else:
        code = 0x03 if usb_c else 0x01
    return code | (0x40 if _is_security_key(profile) else 0)


# Reading


def read_config(profile: Profile, state: DeviceState, request: bytes) -> bytes:
    """A page of device information. Which page is the request's only byte; none means the first."""
    pages = _pages(profile, state)
    page = request[0] if request else 0
    if len(request) > 1 or page >= len(pages):
        raise InvalidConfiguration("there is no such page")
    return bytes((len(pages[page]),)) + pages[page]


def _pages(profile: Profile, state: DeviceState) -> list[bytes]:
    version, settings = profile.usb.device_version, _settings(state)
    supported, nfc = usb_supported(profile), nfc_supported(profile)
    first = _tlv(Tag.USB_SUPPORTED, _word(supported))
    first += _tlv(Tag.USB_ENABLED, _word(usb_enabled(profile, state)))
    if state.serial_number and not _is_security_key(profile):
        first += _tlv(Tag.SERIAL, state.serial_number.to_bytes(4, "big"))
    first += _tlv(Tag.FORM_FACTOR, bytes((_form_factor(profile),)))
    first += _tlv(Tag.VERSION, bytes(version))
    first += _tlv(Tag.AUTO_EJECT_TIMEOUT, settings.get(Tag.AUTO_EJECT_TIMEOUT, b"").rjust(2, b"\0"))
    timeout = settings.get(Tag.CHALLENGE_RESPONSE_TIMEOUT, bytes((DEFAULT_CHALLENGE_RESPONSE_TIMEOUT,)))
    first += _tlv(Tag.CHALLENGE_RESPONSE_TIMEOUT, timeout)
    first += _tlv(Tag.DEVICE_FLAGS, settings.get(Tag.DEVICE_FLAGS, b"\0"))
    if nfc:
        first += _tlv(Tag.NFC_SUPPORTED, _word(nfc))
        first += _tlv(Tag.NFC_ENABLED, _word(_enabled(nfc, settings.get(Tag.NFC_ENABLED))))
    first += _tlv(Tag.CONFIG_LOCK, bytes((Tag.CONFIG_LOCK in settings,)))
    if version >= (5, 2, 0):
        first += _tlv(Tag.IAP_DETECTION, b"\0")
    if version < (5, 7, 0):
        return [first]
    # With firmware 5.7 the information outgrew one page.
    second = _tlv(Tag.FIPS_CAPABLE, b"\0") + _tlv(Tag.FIPS_APPROVED, b"\0")
    second += _tlv(Tag.PIN_COMPLEXITY, bytes((state.pin_complexity_policy,)))
    second += _tlv(Tag.NFC_RESTRICTED, settings.get(Tag.NFC_RESTRICTED, b"\0"))
    second += _tlv(Tag.RESET_BLOCKED, _word(0))
    return [first + _tlv(Tag.MORE_DATA, b"\1"), second]


# Writing


def write_config(profile: Profile, state: DeviceState, request: bytes) -> bytes:
    """The settings after a request, for `DeviceState.management_config`. What it does not name stays."""
    if not request or request[0] != len(request) - 1:
        raise InvalidConfiguration("the length is not that of the settings")
    wanted = _parse(request[1:])
    for tag, value in wanted.items():
        if len(value) not in SETTING_SIZES.get(tag, ()):
            raise InvalidConfiguration(f"tag {tag:#04x} cannot be set, or not to {len(value)} bytes")
    settings = _settings(state)
    lock, code = settings.get(Tag.CONFIG_LOCK), wanted.pop(Tag.UNLOCK, b"")
    if lock is not None and not hmac.compare_digest(lock, _lock_digest(code)):
        raise InvalidConfiguration("the configuration is locked with another code")
    wanted.pop(Tag.REBOOT, None)
    _require_supported(wanted.get(Tag.USB_ENABLED), usb_supported(profile))
    _require_supported(wanted.get(Tag.NFC_ENABLED), nfc_supported(profile))
    if wanted.get(Tag.USB_ENABLED) is not None and not int.from_bytes(wanted[Tag.USB_ENABLED], "big"):
        raise InvalidConfiguration("a key with nothing enabled over USB could not be configured again")
    new_code = wanted.pop(Tag.CONFIG_LOCK, None)
    settings.update(wanted)
    if new_code is not None:
        settings.pop(Tag.CONFIG_LOCK, None)
        if any(new_code):  # zeros take the lock off
            settings[Tag.CONFIG_LOCK] = _lock_digest(new_code)
    return b"".join(_tlv(tag, settings[tag]) for tag in sorted(settings))


def _require_supported(setting: bytes | None, supported: Application) -> None:
    if setting is not None and int.from_bytes(setting, "big") & ~int(supported):
        raise InvalidConfiguration("this key does not have all of these applications")


def _lock_digest(code: bytes) -> bytes:
    """The code itself is not kept, so that no file or log can show it."""
    return hashlib.sha256(b"configuration lock" + code).digest()


# Tags and lengths


def _settings(state: DeviceState) -> dict[int, bytes]:
    return _parse(state.management_config)


def _parse(data: bytes) -> dict[int, bytes]:
    return dict(_fields(data))


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        if len(data) < 2 or len(data) < 2 + data[1]:
            raise InvalidConfiguration("a field is cut short")
        yield data[0], data[2 : 2 + data[1]]
        data = data[2 + data[1] :]


def _tlv(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value


def _word(value: int) -> bytes:
    return value.to_bytes(2, "big")
