"""What a person may do when a key or a browser asks something of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from authenticator.person import (
    DECLINED,
    TOUCHED,
    AccountChoice,
    Answer,
    Ask,
    Chosen,
    FingerSample,
    NotRecognised,
    Pin,
    PinEntry,
    Presence,
    Verification,
    Verified,
)
from harness.errors import SetupError

PIN_PAD = "pin-pad"
POOR_QUALITY = 0x07
"""CTAP2_ENROLL_FEEDBACK_FP_POOR_QUALITY (CTAP 2.3 §6.7.5)."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """The person pulled the key out instead of answering."""


PULLED = Pulled()
Outcome: TypeAlias = Answer | Pulled


@dataclass(frozen=True, slots=True)
class Reply:
    """What the person does, and how long after being asked."""

    outcome: Outcome
    after: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.after < float("inf"):
            raise SetupError(f"a person cannot answer after {self.after} seconds: say how long, from 0 up")


class Act(Protocol):
    """One thing a person does. It answers the first ask it fits."""

    @property
    def times(self) -> int:
        """How many asks in a row it answers."""

    def fits(self, ask: Ask) -> bool: ...
    def reply(self, ask: Ask) -> Reply | None:
        """None: the person never answers."""


@dataclass(frozen=True, slots=True)
class _Touch:
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        if isinstance(ask, Verification):
            return ask.method != PIN_PAD
        return isinstance(ask, Presence | FingerSample)

    def reply(self, ask: Ask) -> Reply:
        # The owner touches with their own finger: where the sensor looks at it, it is the right one.
        return Reply(TOUCHED if isinstance(ask, Presence) else Verified(), self.after)


@dataclass(frozen=True, slots=True)
class _Deny:
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return True

    def reply(self, ask: Ask) -> Reply:
        return Reply(DECLINED, self.after)


@dataclass(frozen=True, slots=True)
class _Ignore:
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return True

    def reply(self, ask: Ask) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _RightFinger:
    finger: int = 0
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return isinstance(ask, FingerSample) or (isinstance(ask, Verification) and ask.method != PIN_PAD)

    def reply(self, ask: Ask) -> Reply:
        return Reply(Verified(self.finger), self.after)


@dataclass(frozen=True, slots=True)
class _DevicePassword:
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return isinstance(ask, Verification) and ask.method != PIN_PAD

    def reply(self, ask: Ask) -> Reply:
        return Reply(Verified(by_password=True), self.after)


@dataclass(frozen=True, slots=True)
class _NotRecognised:
    """A wrong finger where the user is verified, or a poor sample where a finger is enrolled."""

    kind: type[Verification] | type[FingerSample]
    feedback: int = POOR_QUALITY
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return isinstance(ask, self.kind)

    def reply(self, ask: Ask) -> Reply:
        return Reply(NotRecognised(self.feedback), self.after)


@dataclass(frozen=True, slots=True)
class _EnterPin:
    pin: str = field(repr=False)
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return isinstance(ask, PinEntry) or (isinstance(ask, Verification) and ask.method == PIN_PAD)

    def reply(self, ask: Ask) -> Reply:
        return Reply(Pin(self.pin), self.after)


@dataclass(frozen=True, slots=True)
class _Choose:
    account: int | str
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return isinstance(ask, AccountChoice)

    def reply(self, ask: Ask) -> Reply:
        assert isinstance(ask, AccountChoice)
        if isinstance(self.account, int):
            if not -len(ask.accounts) <= self.account < len(ask.accounts):
                raise SetupError(
                    f"choose({self.account}): there are {len(ask.accounts)} accounts: {_listed(ask)}"
                )
            return Reply(Chosen(self.account % len(ask.accounts)), self.after)
        if self.account not in ask.accounts:
            raise SetupError(f"choose({self.account!r}): no such account; there are {_listed(ask)}")
        return Reply(Chosen(ask.accounts.index(self.account)), self.after)


def _listed(ask: AccountChoice) -> str:
    return ", ".join(map(repr, ask.accounts))


@dataclass(frozen=True, slots=True)
class _Unplug:
    after: float = 0.0
    times: int = 1

    def fits(self, ask: Ask) -> bool:
        return True

    def reply(self, ask: Ask) -> Reply:
        return Reply(PULLED, self.after)


def touch(after: float = 0.0, *, times: int = 1) -> Act:
    """Touch the key, some seconds after being asked. Where a finger is looked at, it is the owner's."""
    return _Touch(after, times)


def deny(after: float = 0.0, *, times: int = 1) -> Act:
    """Say no, whatever is asked."""
    return _Deny(after, times)


def ignore(*, times: int = 1) -> Act:
    """Do nothing until whoever asks gives up."""
    return _Ignore(times)


def right_finger(after: float = 0.0, *, finger: int = 0, times: int = 1) -> Act:
    """Present a finger (or face, or unlock the screen) that the device knows; also to be enrolled."""
    return _RightFinger(finger, after, times)


def device_password(after: float = 0.0, *, times: int = 1) -> Act:
    """Unlock the screen with the device's password, instead of a finger or face. A security key has none."""
    return _DevicePassword(after, times)


def wrong_finger(times: int = 1, *, after: float = 0.0) -> Act:
    """Present a finger, face or unlocking gesture that the device does not know."""
    return _NotRecognised(Verification, after=after, times=times)


def poor_sample(feedback: int = POOR_QUALITY, *, after: float = 0.0, times: int = 1) -> Act:
    """A sample of a finger being enrolled that is no good (`feedback`: lastEnrollSampleStatus)."""
    return _NotRecognised(FingerSample, feedback, after, times)


def enter_pin(pin: str, after: float = 0.0, *, times: int = 1) -> Act:
    """Type this PIN, in the client's dialog or on the key's own pad."""
    return _EnterPin(pin, after, times)


def choose(account: int | str, after: float = 0.0, *, times: int = 1) -> Act:
    """Choose one of several accounts, by its place in the list or its name."""
    return _Choose(account, after, times)


def unplug(after: float = 0.0) -> Act:
    """Pull the key out in the middle of it, whatever is asked."""
    return _Unplug(after)
