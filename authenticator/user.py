"""Asking the person, and what their answers mean to the host: user outcome → status in one place."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from authenticator.person import (
    Answer,
    Ask,
    Declined,
    NotRecognised,
    Pin,
    Presence,
    Purpose,
    Touched,
    Verification,
    Verified,
)
from authenticator.pin.stored import is_current_pin
from authenticator.profiles.profile import Quirk, UvMethod
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator

MAX_UV_ATTEMPTS_FOR_INTERNAL_RETRIES = 3
"""maxUvAttemptsForInternalRetries (CTAP 2.3 §6.5.2.3): from 1 to 5."""

_TOUCHES = (Touched, Verified, NotRecognised)


def require_presence(
    purpose: Purpose, rp_id: str | None = None, user_name: str | None = None, hold: float = 0.0
) -> Generator[Ask, Answer, None]:
    """Evidence of user interaction: a touch, or OPERATION_DENIED. A time-out is thrown in from outside."""
    answer = yield Presence(purpose=purpose, rp_id=rp_id, user_name=user_name, hold=hold)
    # A finger the sensor does not know still is a touch.
    if not isinstance(answer, _TOUCHES):
        raise CtapError(Status.OPERATION_DENIED)


def has_client_pin(auth: Authenticator) -> bool:
    """getInfo's option clientPin is true: a PIN is set, and the host is where it is entered."""
    return auth.state.pin_hash is not None and auth.profile.features.client_pin


def can_verify_user(auth: Authenticator) -> bool:
    """Built-in user verification is there and configured (getInfo's option uv is true)."""
    features = auth.profile.features
    method = features.user_verification
    if method is None:
        return False
    if method is UvMethod.PIN_PAD:
        return auth.state.pin_hash is not None
    # Where fingers are not enrolled over CTAP, the device's own set-up has seen to it.
    return bool(auth.state.fingerprints) or not (features.bio_enrollment or features.bio_enrollment_preview)


def is_protected(auth: Authenticator) -> bool:
    """in spec: "protected by some form of user verification"."""
    return has_client_pin(auth) or can_verify_user(auth)


def uv_retries(auth: Authenticator) -> int:
    """How often the person may still fail. On a key's own pad it is the PIN that is guessed, whichever way it comes."""
    if auth.profile.features.user_verification is UvMethod.PIN_PAD:
        return auth.state.pin_retries
    return auth.state.uv_retries


def verify_user(
    auth: Authenticator, purpose: Purpose, rp_id: str | None, *, internal_retry: bool
) -> Generator[Ask, Answer, None]:
    """in spec: performBuiltInUv(internalRetry) (§6.5.3.1).

    Where it fails: UV_BLOCKED if no retry is left, UV_INVALID if some are, or what ended it from outside.
    """
    method = auth.profile.features.user_verification
    assert method is not None
    # Step 3: a blocked PIN takes the other ways in with it, or a thief would go on with those.
    if has_client_pin(auth) and auth.state.pin_retries == 0 and auth.state.uv_retries:
        auth.change_state(uv_retries=0)
    attempts = MAX_UV_ATTEMPTS_FOR_INTERNAL_RETRIES if internal_retry else 1
    while attempts and (retries := uv_retries(auth)):
        attempts -= 1
        # Step 5: counted down before it is tried, so that pulling the plug does not save a guess.
        _set_uv_retries(auth, retries - 1, attempted=True)
        try:
            answer = yield Verification(purpose=purpose, method=method.value, rp_id=rp_id, retries=retries)
        except CtapError as error:
            # Step 8: a time-out has cost its try. A cancelled command has not: the host may have
            # had its touch from another key, and would wear this one's retries down.
            if error.status is Status.KEEPALIVE_CANCEL:
                _set_uv_retries(auth, retries)
            raise
        if isinstance(answer, Declined):
            _set_uv_retries(auth, retries)
            raise CtapError(Status.OPERATION_DENIED)
        if _is_recognised(auth, answer):
            # Step 9
            limits = auth.profile.limits
            _set_uv_retries(auth, limits.pin_retries if method is UvMethod.PIN_PAD else limits.uv_retries)
            return
    raise CtapError(Status.UV_INVALID if uv_retries(auth) else Status.UV_BLOCKED)


def verify_user_in_ceremony(
    auth: Authenticator, purpose: Purpose, rp_id: str
) -> Generator[Ask, Answer, None]:
    """Built-in verification within makeCredential (§6.1.2 step 11.2) and getAssertion (§6.2.2 step 6.2)."""
    try:
        yield from verify_user(auth, purpose, rp_id, internal_retry=True)
    except CtapError as error:
        if error.status not in (Status.UV_INVALID, Status.UV_BLOCKED):
            raise
        if auth.profile.has(Quirk.UV_FAILURE_IS_OPERATION_DENIED):
            raise CtapError(Status.OPERATION_DENIED) from None
        # Steps 11.2.3 and 6.2.3
        if has_client_pin(auth) and not auth.profile.features.no_mc_ga_permissions_with_client_pin:
            raise CtapError(Status.PUAT_REQUIRED) from None
        if error.status is Status.UV_BLOCKED:
            raise CtapError(Status.PIN_BLOCKED) from None
        raise CtapError(Status.OPERATION_DENIED) from None


def _set_uv_retries(auth: Authenticator, retries: int, *, attempted: bool = False) -> None:
    field = "pin_retries" if auth.profile.features.user_verification is UvMethod.PIN_PAD else "uv_retries"
    # uvCountSinceLastPinEntry counts failed attempts too (§6.4)
    auth.change_state(**{field: retries}, uv_count_since_pin=auth.state.uv_count_since_pin + attempted)


def _is_recognised(auth: Authenticator, answer: Answer) -> bool:
    if isinstance(answer, Pin):
        return is_current_pin(auth.state, answer.text)
    if not isinstance(answer, Verified):
        return False  # a touch alone proves presence and nothing else
    if answer.by_password:
        return auth.profile.features.user_verification is UvMethod.SCREEN_LOCK
    fingers = auth.state.fingerprints
    if auth.profile.features.user_verification is UvMethod.FINGERPRINT and fingers:
        return any(each.finger == answer.finger for each in fingers)
    return True
