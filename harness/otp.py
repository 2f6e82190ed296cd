"""A key's OTP keyboard, as its owner has it: slots to configure, a keyboard to type on, and the touch that types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from authenticator.otp import OtpApplication
from authenticator.person import Presence, Purpose, Touched, Verified
from authenticator.yubico_otp import (
    AES_KEY_SIZE,
    MAX_PUBLIC_ID,
    MAX_SCAN_CODES,
    PRIVATE_ID_SIZE,
    SLOTS,
    OtpSlot,
    YubicoOtp,
    from_modhex,
)
from ctaphid.keyboard import LAYOUTS, Keyboard, MemoryKeyboard, scan_codes_of
from ctaphid.ports import PortError
from ctaphid.uinput_keyboard import PACE, READY, UinputKeyboard
from harness.acts import Pulled
from harness.errors import SetupError
from harness.trace import StateEvent

if TYPE_CHECKING:
    from harness.virtual_key import VirtualKey

LONG_TOUCH = 2.0
"""Seconds from which on a touch is a long one, and types slot 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a slot is to type: made by `yubico_otp` and `static_password`."""

    yubico_otp: YubicoOtp | None = None
    scan_codes: bytes = field(default=b"", repr=False)
    append_enter: bool = True


def yubico_otp(
    *, public_id: bytes | str, private_id: bytes | str, aes_key: bytes | str, append_enter: bool = True
) -> Configuration:
    """One-time passwords. `public_id` as bytes or modhex, the others as bytes or hexadecimal digits."""
    try:
        public = public_id if isinstance(public_id, bytes) else from_modhex(public_id)
    except ValueError as error:
        raise SetupError(f"public_id: {error}") from None
    if len(public) > MAX_PUBLIC_ID:
        raise SetupError(f"public_id: {len(public)} bytes, and at most {MAX_PUBLIC_ID} fit")
    otp = YubicoOtp(
        public_id=public,
        private_id=_bytes("private_id", private_id, PRIVATE_ID_SIZE),
        aes_key=_bytes("aes_key", aes_key, AES_KEY_SIZE),
    )
    return Configuration(yubico_otp=otp, append_enter=append_enter)


def static_password(password: str, *, layout: str = "us", append_enter: bool = False) -> Configuration:
    """Always the same. It is kept as keys: a host with another layout than this one reads other letters."""
    if layout not in LAYOUTS:
        raise SetupError(f"layout {layout!r}: there are {', '.join(LAYOUTS)}")
    try:
        codes = scan_codes_of(password, LAYOUTS[layout])
    except ValueError as error:
        raise SetupError(f"static password: {error}: {layout}") from None
    if not 0 < len(codes) <= MAX_SCAN_CODES:
        raise SetupError(f"static password: must be 1 to {MAX_SCAN_CODES} characters long")
    return Configuration(scan_codes=codes, append_enter=append_enter)


def configuration_of(text: str) -> Configuration:
    """`PUBLIC_ID:PRIVATE_ID:AES_KEY`, or `static:PASSWORD`."""
    kind, _, password = text.partition(":")
    if kind == "static":
        return static_password(password)
    parts = text.split(":")
    if len(parts) != 3:
        raise SetupError(
            f"an OTP is PUBLIC_ID:PRIVATE_ID:AES_KEY, or static:PASSWORD; this has {len(parts)} parts"
        )
    return yubico_otp(public_id=parts[0], private_id=parts[1], aes_key=parts[2])


def _bytes(name: str, value: bytes | str, size: int) -> bytes:
    try:
        data = value if isinstance(value, bytes) else bytes.fromhex(value)
    except ValueError:
        raise SetupError(f"{name}: must be {2 * size} hexadecimal digits") from None
    if len(data) != size:
        raise SetupError(f"{name}: {len(data)} bytes, and it must be {size}")
    return data


class Otp:
    """`key.otp`. What the slots hold is kept with the key, in its store and in its exports."""

    def __init__(self, key: VirtualKey) -> None:
        self._key = key
        self._keyboards: list[Keyboard] = []

    def configure(self, slot: int, configuration: Configuration) -> None:
        """Slot 1 is typed by a short touch, slot 2 by a long one. Counters begin anew."""
        self._require(slot)
        with self._key.engine.lock:
            self._application.configure(
                OtpSlot(
                    number=slot,
                    yubico_otp=configuration.yubico_otp,
                    scan_codes=configuration.scan_codes,
                    append_enter=configuration.append_enter,
                )
            )

    def remove(self, slot: int) -> None:
        self._require(slot)
        with self._key.engine.lock:
            self._application.remove(slot)

    @property
    def slots(self) -> dict[int, OtpSlot]:
        """What is configured, with its counters."""
        with self._key.engine.lock:
            return {slot.number: slot for slot in self._application.slots}

    # Typing

    @property
    def types(self) -> bool:
        """Whether a touch that nobody waits for types something."""
        return bool(self._keyboards) and bool(self.slots)

    @contextmanager
    def plugged_in(
        self, keyboard: str | Keyboard = "uinput", *, pace: float = PACE, ready: float = READY
    ) -> Iterator[Keyboard]:
        """The key's keyboard on this machine ("uinput"), or on one of your own, such as a `MemoryKeyboard`.

        `pace` and `ready` are of "uinput": seconds after each key, for a machine that is slow to read them, and the
        most to wait for a program that reads them at all.
        """
        self._require()
        typing = keyboard if not isinstance(keyboard, str) else self._open(keyboard, pace, ready)
        self._keyboards.append(typing)
        try:
            yield typing
        finally:
            self._keyboards.remove(typing)
            if isinstance(keyboard, str):
                typing.close()

    def type(self, slot: int = 1, *, timeout: float = 30.0) -> bool:
        """Ask the person for the touch that types, and type. False if they do not touch, or nothing is typed."""
        self._require(slot)
        hold = LONG_TOUCH if slot == SLOTS[1] else 0.0
        engine = self._key.engine
        ask = Presence(purpose=Purpose.TYPE_OTP, hold=hold, timeout=timeout)
        outcome = engine.ask_and_wait(ask, engine.clock.monotonic() + timeout)
        if isinstance(outcome, Pulled):
            engine.pulled()
        return isinstance(outcome, Touched | Verified) and self.touched(hold)

    def touched(self, hold: float) -> bool:
        """A touch that FIDO did not wait for."""
        slot = SLOTS[hold >= LONG_TOUCH]
        engine = self._key.engine
        with engine.lock:
            keyboards = tuple(self._keyboards)
            if not keyboards or not engine.hub.plugged_in or not engine.is_free():
                return False
            codes = engine.authenticator.otp.press(slot)
            if codes is None:
                return False
            now = engine.clock.monotonic()
            engine.trace.add(StateEvent(at=now, state="typed", text=f"slot {slot}, {len(codes)} keys"))
        # Not under the lock: typing takes as long as typing takes, and FIDO goes on meanwhile.
        for keyboard in keyboards:
            keyboard.type(codes)
        return True

    @property
    def _application(self) -> OtpApplication:
        return self._key.engine.authenticator.otp

    def _open(self, name: str, pace: float, ready: float) -> Keyboard:
        if name == "memory":
            return MemoryKeyboard()
        if name != "uinput":
            raise SetupError(f"keyboard {name!r}: there are uinput and memory")
        usb = self._key.profile.usb
        try:
            keyboard = UinputKeyboard(
                f"{usb.manufacturer} {usb.product}",
                vendor_id=usb.vendor_id,
                product_id=usb.product_id,
                pace=pace,
            )
        except PortError as error:
            raise SetupError(str(error)) from None
        keyboard.wait_until_read(ready)
        return keyboard

    def _require(self, slot: int = 1) -> None:
        if not self._key.profile.usb.otp_keyboard:
            raise SetupError(f"profile {self._key.profile.name} is no keyboard: yubikey-5-nfc is one")
        if slot not in SLOTS:
            raise SetupError(f"slot {slot}: there are {' and '.join(map(str, SLOTS))}")
