"""The pinUvAuthToken's state (CTAP 2.3 §6.5.2.1): who may do what with it, and for how long."""

from __future__ import annotations

import hmac
from enum import IntFlag

from authenticator.environment import Clock, Randomness
from authenticator.pin.protocols import PROTOCOLS, PinUvAuthProtocol
from authenticator.status import CtapError, Status

MAX_USAGE_PERIOD = 600.0
"""maxUsageTimePeriod: no token lives longer."""
INITIAL_USAGE_LIMIT = 30.0
"""A token not used once within this time expires."""
USER_PRESENT_LIMIT = 30.0
"""userPresentTimeLimit: for how long the touch that made the token counts as presence."""


class Permission(IntFlag):
    MAKE_CREDENTIAL = 0x01
    GET_ASSERTION = 0x02
    CREDENTIAL_MANAGEMENT = 0x04
    BIO_ENROLLMENT = 0x08
    LARGE_BLOB_WRITE = 0x10
    AUTHENTICATOR_CONFIGURATION = 0x20
    PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY = 0x40


class PinUvAuthTokens:
    """The tokens of all protocols, of which one at a time is in use."""

    def __init__(self, numbers: tuple[int, ...], clock: Clock, random: Randomness) -> None:
        self._clock = clock
        self.protocols: dict[int, PinUvAuthProtocol] = {n: PROTOCOLS[n](random) for n in numbers}
        self._in_use: int | None = None
        self._started = 0.0
        self._used = False
        self.permissions = Permission(0)
        self.rp_id: str | None = None
        self._user_verified = False
        self._user_present = False

    def begin_using(self, protocol: PinUvAuthProtocol, permissions: Permission, rp_id: str | None, *, user_present: bool) -> None:
        """in spec: resetPinUvAuthToken for all protocols, then beginUsingPinUvAuthToken."""
        for each in self.protocols.values():
            each.reset_token()
        self._in_use = protocol.number
        self._started = self._clock.monotonic()
        self._used = False
        self.permissions = permissions
        self.rp_id = rp_id
        self._user_verified = True
        self._user_present = user_present

    def stop_using(self) -> None:  # in spec: stopUsingPinUvAuthToken
        self._in_use = None
        self.permissions = Permission(0)
        self.rp_id = None
        self._user_verified = self._user_present = False

    def reset(self) -> None:
        for protocol in self.protocols.values():
            protocol.reset_token()
        self.stop_using()

    def _expire(self) -> None:  # in spec: pinUvAuthTokenUsageTimerObserver
        if self._in_use is None:
            return
        age = self._clock.monotonic() - self._started
        if age >= MAX_USAGE_PERIOD or (not self._used and age >= INITIAL_USAGE_LIMIT):
            self.stop_using()
        elif age >= USER_PRESENT_LIMIT:
            self._user_present = False

    def require_protocol(self, number: int) -> PinUvAuthProtocol:
        protocol = self.protocols.get(number)
        if protocol is None:
            raise CtapError(Status.INVALID_PARAMETER)
        return protocol

    def require_valid(self, number: int, message: bytes, param: bytes) -> None:
        """in spec: verify(pinUvAuthToken, message, pinUvAuthParam)."""
        protocol = self.require_protocol(number)
        self._expire()
        if self._in_use != number or not hmac.compare_digest(protocol.authenticate(message), param):
            raise CtapError(Status.PIN_AUTH_INVALID)
        self._used = True

    def require_permission(self, permission: Permission) -> None:
        if not self.permissions & permission:
            raise CtapError(Status.PIN_AUTH_INVALID)

    def require_valid_for_rp(self, rp_id: str) -> None:
        """The token is bound to this RP id, or to none yet; then it is from now on (§6.1.2 step 11.1.6)."""
        if self.rp_id is not None and self.rp_id != rp_id:
            raise CtapError(Status.PIN_AUTH_INVALID)
        self.rp_id = rp_id

    @property
    def user_verified(self) -> bool:  # in spec: getUserVerifiedFlagValue
        self._expire()
        return self._user_verified

    @property
    def user_present(self) -> bool:  # in spec: getUserPresentFlagValue
        self._expire()
        return self._user_present

    def spend_presence(self) -> None:
        """in spec: clearUserPresentFlag, clearUserVerifiedFlag, clearPinUvAuthTokenPermissionsExceptLbw."""
        self._user_present = self._user_verified = False
        self.permissions &= Permission.LARGE_BLOB_WRITE
