"""The PIN a key remembers: what it may be (CTAP 2.3 §6.5.1, §7.4), and whether this is it."""

from __future__ import annotations

import hashlib
import hmac
from itertools import pairwise

from authenticator.profiles.profile import Limits
from authenticator.status import CtapError, Status
from authenticator.store import DeviceState

PADDED_SIZE = 64
"""newPinEnc holds the PIN padded with zeros to this size (§6.5.5.5)."""
_COMMON = frozenset({"112233", "121212", "123123", "123321", "520520", "159753", "password", "qwerty"})


def hash_of_pin(pin: bytes) -> bytes:
    """LEFT(SHA-256(pin), 16)."""
    return hashlib.sha256(pin).digest()[:16]


def is_current_pin(state: DeviceState, pin: str) -> bool:
    return state.pin_hash is not None and hmac.compare_digest(state.pin_hash, hash_of_pin(pin.encode()))


def unpad(padded: bytes) -> bytes:
    """§6.5.5.5 steps 7 and 8."""
    if len(padded) != PADDED_SIZE:
        raise CtapError(Status.INVALID_PARAMETER)
    return padded.rstrip(b"\0")


def require_acceptable(pin: bytes, state: DeviceState, limits: Limits) -> int:
    """The PIN's length in code points, if it may be set; else PIN_POLICY_VIOLATION."""
    try:
        text = pin.decode()
    except UnicodeDecodeError:
        raise CtapError(Status.PIN_POLICY_VIOLATION) from None
    # §6.5.1: 63 bytes at most, counted in code points otherwise
    if len(pin) >= PADDED_SIZE or not state.min_pin_length <= len(text) <= limits.max_pin_length:
        raise CtapError(Status.PIN_POLICY_VIOLATION)
    if state.pin_complexity_policy and is_simple(text):
        raise CtapError(Status.PIN_POLICY_VIOLATION)
    return len(text)


def is_simple(pin: str) -> bool:
    """Whether pinComplexityPolicy refuses this PIN. The standard leaves the rule to the device; this is ours:
    no single repeated character, no run upwards or downwards, none of the commonest."""
    steps = {ord(b) - ord(a) for a, b in pairwise(pin)}
    return steps <= {0} or steps in ({1}, {-1}) or pin.lower() in _COMMON
