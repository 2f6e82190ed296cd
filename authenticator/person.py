"""What the key asks of the person who holds it, and what the person may answer.

A command yields an `Ask` and is sent an `Answer`. Who answers, and when, is no business of the key's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias


class Purpose(Enum):
    """Why the person is asked: what a display on the key would say."""

    REGISTER = "register"
    LOG_IN = "log in"
    SELECT_KEY = "select this key"
    RESET = "reset"
    AUTHORISE = "authorise"
    ENROLL = "enroll a finger"
    U2F_REGISTER = "register (U2F)"
    U2F_LOG_IN = "log in (U2F)"
    EXCLUDED = "tell that the key is registered already"
    NO_CREDENTIALS = "tell that the key has no credential"
    TYPE_OTP = "type a one-time password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A touch, of any finger. `hold` is how long it must last (a long touch confirms a reset)."""

    purpose: Purpose
    rp_id: str | None = None
    user_name: str | None = None
    hold: float = 0.0
    timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Built-in user verification: the right finger or face, or the PIN on the key's own pad or screen."""

    purpose: Purpose
    method: str = "fingerprint"
    rp_id: str | None = None
    user_name: str | None = None
    retries: int = 0
    timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChoice:
    """One account of several, chosen on the key's own display."""

    rp_id: str
    accounts: tuple[str, ...]
    timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerSample:
    """One more touch of the finger that is being enrolled."""

    remaining: int
    timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PinEntry:
    """The PIN, asked by the client (or a browser's dialog), or a new one to set. Never asked by a command."""

    retries: int | None = None
    rp_id: str | None = None
    new: bool = False
    min_length: int = 4
    wrong_before: bool = False


Ask: TypeAlias = Presence | Verification | AccountChoice | FingerSample | PinEntry


@dataclass(frozen=True, slots=True)
class Touched:
    """The key was touched by someone, which proves presence and nothing else."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The sensor, camera or pad recognised the person. It counts as a touch too."""

    finger: int = 0
    by_password: bool = False
    """With the device's own password, in the place of finger or face: where its screen lock verifies."""


@dataclass(frozen=True, slots=True)
class NotRecognised:
    """Another finger, another face, a wrong PIN on the pad, a poor sample: nothing was recognised."""

    feedback: int = 0x07
    """For a finger being enrolled: lastEnrollSampleStatus (0x01 too high … 0x07 poor quality … 0x0E, CTAP 2.3 §6.7)."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The person said no."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The account at this place of the list."""

    index: int


@dataclass(frozen=True, slots=True)
class Pin:
    """A PIN, typed."""

    text: str = field(repr=False)


Answer: TypeAlias = Touched | Verified | NotRecognised | Declined | Chosen | Pin

TOUCHED = Touched()
VERIFIED = Verified()
DECLINED = Declined()
