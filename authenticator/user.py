"""Asking the person, and what their answers mean to the host: user outcome → status in one place."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from authenticator.person import (
    Answer,
    Ask,
    NotRecognised,
    Presence,
    Purpose,
    Touched,
    Verification,
    Verified,
)
from authenticator.profiles.profile import Quirk
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


def require_presence(purpose: Purpose, rp_id: str | None = None, user_name: str | None = None, hold: float = 0.0) -> Generator[Ask, Answer, None]:
    """Evidence of user interaction: a touch, or OPERATION_DENIED. A time-out is thrown in from outside."""
    answer = yield Presence(purpose=purpose, rp_id=rp_id, user_name=user_name, hold=hold)
    # A finger the sensor does not know still is a touch.
    if not isinstance(answer, Touched | Verified | NotRecognised):
        raise CtapError(Status.OPERATION_DENIED)


def can_verify_user(auth: Authenticator) -> bool:
    """Built-in user verification is there and configured (getInfo's option uv is true)."""
    features = auth.profile.features
    if features.user_verification is None:
        return False
    return bool(auth.state.fingerprints) if features.bio_enrollment or features.bio_enrollment_preview else True


def is_protected(auth: Authenticator) -> bool:
    """in spec: "protected by some form of user verification"."""
    return auth.state.pin_hash is not None or can_verify_user(auth)


def verify_user(
    auth: Authenticator, purpose: Purpose, rp_id: str | None, *, internal_retry: bool
) -> Generator[Ask, Answer, None]:
    """in spec: performBuiltInUv(internalRetry) (§6.5.3.1). UV_BLOCKED or UV_INVALID where it fails."""
    method = auth.profile.features.user_verification
    if method is None or not can_verify_user(auth):
        raise CtapError(Status.INVALID_PARAMETER)
    while True:
        retries = auth.state.uv_retries
        if retries == 0:
            raise CtapError(Status.UV_BLOCKED)
        # Counted down before it is tried, so that pulling the plug does not save a guess.
        auth.change_state(uv_retries=retries - 1)
        try:
            answer = yield Verification(purpose=purpose, method=method.value, rp_id=rp_id, retries=retries)
        except CtapError:
            auth.change_state(uv_retries=retries)  # nothing was presented
            raise
        if isinstance(answer, Verified):
            auth.change_state(uv_retries=auth.profile.limits.uv_retries)
            return
        if not isinstance(answer, NotRecognised):
            auth.change_state(uv_retries=retries)
            raise CtapError(Status.OPERATION_DENIED)
        if auth.state.uv_retries == 0:
            raise CtapError(Status.UV_BLOCKED)
        if not internal_retry:
            raise CtapError(Status.UV_INVALID)


def verify_user_in_ceremony(auth: Authenticator, purpose: Purpose, rp_id: str) -> Generator[Ask, Answer, None]:
    """Built-in verification within makeCredential (§6.1.2 step 11.2) and getAssertion (§6.2.2 step 6.2)."""
    try:
        yield from verify_user(auth, purpose, rp_id, internal_retry=True)
    except CtapError as error:
        if error.status is not Status.UV_BLOCKED:
            raise
        if auth.profile.has(Quirk.UV_FAILURE_IS_OPERATION_DENIED) or auth.state.pin_hash is None:
            raise CtapError(Status.OPERATION_DENIED) from None
        raise CtapError(Status.PUAT_REQUIRED) from None
