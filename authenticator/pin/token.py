"""The pinUvAuthToken's state (CTAP 2.3 §6.5.2.1): who may do what with it, and for how long."""

from __future__ import annotations

import hmac

from authenticator.environment import Clock, Randomness
from authenticator.pin.permissions import Permission
from authenticator.pin.protocols import PROTOCOLS, PinUvAuthProtocol
from authenticator.status import CtapError, Status

MAX_USAGE_PERIOD = 600.0
"""maxUsageTimePeriod: no token lives longer."""
INITIAL_USAGE_LIMIT = 30.0
"""A token not used once within this time expires."""
USER_PRESENT_LIMIT = 30.0
"""userPresentTimeLimit: for how long the touch that made the token counts as presence."""
PERSISTENT_TOKEN_SIZE = 32


_LARGE_BLOB_WRITE = int(Permission.LARGE_BLOB_WRITE)


class PinUvAuthTokens:
    """The tokens of all protocols, of which one at a time is in use."""

    def __init__(self, numbers: tuple[int, ...], clock: Clock, random: Randomness) -> None:
        self._clock = clock
        self.protocols: dict[int, PinUvAuthProtocol] = {n: PROTOCOLS[n](random) for n in numbers}
        self._in_use: int | None = None
        self._started = 0.0
        self._used = False
        self._unrestricted = False
        self.permissions = 0
        self.rp_id: str | None = None
        self._user_verified = False
        self._user_present = False

    # The token's life

    def begin_using(
        self, protocol: PinUvAuthProtocol, permissions: int, rp_id: str | None, *, user_present: bool
    ) -> None:
        """in spec: resetPinUvAuthToken for all protocols, then beginUsingPinUvAuthToken."""
        self.reset()
        self._in_use = protocol.number
        self._started = self._clock.monotonic()
        self.permissions = int(permissions)
        self.rp_id = rp_id
        self._user_verified = True
        self._user_present = user_present

    def begin_using_unrestricted(self, protocol: PinUvAuthProtocol) -> None:
        """The pinToken of a CTAP 2.0 key (CTAP 2.0 §5.5.7): it knows no permissions, RP id or timers.

        Who asks again is given the same one.
        """
        if self._unrestricted and self._in_use == protocol.number:
            return
        self.begin_using(protocol, 0xFF, None, user_present=False)
        self._unrestricted = True

    def stop_using(self) -> None:  # in spec: stopUsingPinUvAuthToken
        self._in_use = None
        self.permissions = 0
        self.rp_id = None
        self._used = self._unrestricted = False
        self._user_verified = self._user_present = False

    def reset(self) -> None:  # in spec: resetPinUvAuthToken, for all protocols
        for protocol in self.protocols.values():
            protocol.reset_token()
        self.stop_using()

    def _expire(self) -> None:  # in spec: pinUvAuthTokenUsageTimerObserver
        if self._in_use is None or self._unrestricted:
            return
        age = self._clock.monotonic() - self._started
        if age >= MAX_USAGE_PERIOD or (not self._used and age >= INITIAL_USAGE_LIMIT):
            self.stop_using()
        elif age >= USER_PRESENT_LIMIT:
            self._user_present = False

    # Guards

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
        if not self.permissions & permission.value:
            raise CtapError(Status.PIN_AUTH_INVALID)

    def require_valid_for_rp(self, rp_id: str) -> None:
        """The token is bound to this RP id, or to none yet; then it is from now on (§6.1.2 step 11.1)."""
        if self._unrestricted:
            return
        if self.rp_id is not None and self.rp_id != rp_id:
            raise CtapError(Status.PIN_AUTH_INVALID)
        self.rp_id = rp_id

    def require_authorised(
        self, number: int | None, param: bytes | None, message: bytes, permission: Permission
    ) -> None:
        """What every administrative subcommand begins with (§6.7.4, §6.8, §6.11 step 4)."""
        if param is None:
            raise CtapError(Status.PUAT_REQUIRED)
        if number is None:
            raise CtapError(Status.MISSING_PARAMETER)
        self.require_valid(number, message, param)
        self.require_permission(permission)

    def matches_persistent(self, number: int, message: bytes, param: bytes, token: bytes | None) -> bool:
        """in spec: verify(persistentPinUvAuthToken, message, pinUvAuthParam), for `DeviceState`'s token."""
        protocol = self.require_protocol(number)
        return token is not None and hmac.compare_digest(protocol.authenticate(message, token), param)

    # Its flags

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
        if self._in_use is None or self._unrestricted:
            return
        self._user_present = self._user_verified = False
        self.permissions &= _LARGE_BLOB_WRITE
