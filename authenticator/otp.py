"""The OTP application of a YubiKey: what a touch types while FIDO waits for none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from authenticator.management import Application, usb_enabled
from authenticator.yubico_otp import (
    ENTER,
    MAX_SESSION_USES,
    MAX_USES,
    TICKS_PER_SECOND,
    TIMESTAMP_BITS,
    OtpSlot,
    Token,
    YubicoOtp,
    encode_otp,
    modhex_scan_codes,
)

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


class OtpApplication:
    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self.power_cycle()

    def power_cycle(self) -> None:
        self._session_uses: dict[int, int] = {}
        """The session usage counters of the slots that were used since power-up."""
        self._started_at: int | None = None
        """Where the timestamp began. Drawn when it is first needed, so that a seeded key without OTPs is the same."""

    @property
    def enabled(self) -> bool:
        """The device has the keyboard, and it was not switched off with ykman."""
        profile, state = self._authenticator.profile, self._authenticator.state
        return profile.usb.otp_keyboard and Application.OTP in usb_enabled(profile, state)

    @property
    def slots(self) -> tuple[OtpSlot, ...]:
        return self._authenticator.state.otp_slots

    def slot(self, number: int) -> OtpSlot | None:
        return next((slot for slot in self.slots if slot.number == number), None)

    def configure(self, slot: OtpSlot) -> None:
        """In place of what the slot had. Its counters begin anew, as on a key that is programmed."""
        self.remove(slot.number)
        self._keep(slot)

    def remove(self, number: int) -> None:
        self._session_uses.pop(number, None)
        if self.slot(number) is not None:
            self._authenticator.change_state(otp_slots=self._without(number))

    def press(self, number: int) -> bytes | None:
        """The scan codes this slot types now; None if it is empty, or the keyboard switched off."""
        slot = self.slot(number)
        if slot is None or not self.enabled:
            return None
        codes = slot.scan_codes
        if slot.yubico_otp is not None:
            codes = modhex_scan_codes(self._next_otp(slot, slot.yubico_otp))
        return codes + bytes([ENTER]) if slot.append_enter else codes

    def _next_otp(self, slot: OtpSlot, otp: YubicoOtp) -> str:
        last = self._session_uses.get(slot.number)
        if last is None or last == MAX_SESSION_USES:
            session_uses, uses = 0, min(otp.uses + 1, MAX_USES)
            # Kept before it is typed: a validator must never see a counter twice.
            self._keep(replace(slot, yubico_otp=replace(otp, uses=uses)))
        else:
            session_uses, uses = last + 1, otp.uses
        self._session_uses[slot.number] = session_uses
        random = self._authenticator.environment.random
        token = Token(
            private_id=otp.private_id,
            uses=uses,
            timestamp=self._timestamp(),
            session_uses=session_uses,
            random=int.from_bytes(random.bytes(2), "big"),
        )
        return encode_otp(otp.public_id, token, otp.aes_key)

    def _timestamp(self) -> int:
        """An 8 Hz clock of 24 bits, which power-up sets to anything."""
        environment = self._authenticator.environment
        if self._started_at is None:
            self._started_at = int.from_bytes(environment.random.bytes(TIMESTAMP_BITS // 8), "big")
        ticks = (environment.clock.monotonic() - self._authenticator.powered_at) * TICKS_PER_SECOND
        return (self._started_at + int(ticks)) % (1 << TIMESTAMP_BITS)

    def _keep(self, slot: OtpSlot) -> None:
        slots = sorted((*self._without(slot.number), slot), key=lambda each: each.number)
        self._authenticator.change_state(otp_slots=tuple(slots))

    def _without(self, number: int) -> tuple[OtpSlot, ...]:
        return tuple(slot for slot in self.slots if slot.number != number)
