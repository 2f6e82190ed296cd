"""authenticatorReset (CTAP 2.3 §6.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authenticator.operation import Steps
from authenticator.parameters import Parameters
from authenticator.person import Purpose
from authenticator.profiles.profile import Quirk
from authenticator.status import CtapError, Status
from authenticator.user import require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator

WINDOW_AFTER_POWER_UP = 10.0
"""A key without a display takes a reset only so soon after it was plugged in."""
LONG_TOUCH = 10.0
"""How long the touch must last where longTouchForReset is on (§6.4)."""


def reset(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    profile = auth.profile
    since_power_up = auth.environment.clock.monotonic() - auth.powered_at
    if since_power_up > WINDOW_AFTER_POWER_UP and not profile.has(Quirk.RESET_ANY_TIME):
        raise CtapError(Status.NOT_ALLOWED)
    if not profile.has(Quirk.NO_TOUCH_FOR_RESET):
        hold = LONG_TOUCH if auth.state.long_touch_for_reset else 0.0
        yield from require_presence(Purpose.RESET, hold=hold)
    auth.factory_reset()
    return b""
