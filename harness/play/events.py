"""What happens while plays are played, as values. Every report is a handler of these, and nothing else.

For one play, in this order: PlayStarted, (StepStarted, StepEnded)*, PlayEnded. Plays that run in parallel interleave:
`run` tells them apart. RunStarted comes first, RunEnded last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias


class Verdict(Enum):
    PASSED = "passed"
    FAILED = "failed"
    """A finding: what was seen is not what the play expects."""
    ERROR = "error"
    """The play could not be played: the machine lacks something, or a bug of ours."""
    SKIPPED = "skipped"
    """A step after one that failed, or a play that this browser has no way for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayInfo:
    """What is known of a play before it begins."""

    name: str
    """Short and unique in a run: `okx_web/remove-holds`."""
    title: str
    file: str
    line: int
    covers: tuple[str, ...]
    system: str
    """The policy of the exchange, or the name of the relying party's adapter."""
    devices: Mapping[str, str]
    """Name → profile."""
    steps: tuple[str, ...]
    """Each step in a sentence."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunId:
    """One performance: a play may be repeated, and played over several ports."""

    play: str
    repeat: int = 1
    variant: str = ""
    """Which browser and ports, where plays are compared; empty where there is one way only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something on the time line of a step."""

    at: float
    """Seconds since the play began."""
    who: str
    """site (a code sent), page (a request, a message), person, or the device's name."""
    what: str
    detail: str = ""
    picture: bytes | None = field(default=None, repr=False)
    """PNG of what was seen, a QR code say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What failed, in a way one can act on."""

    step: int | None
    """Counted from 0; None: before or after the steps."""
    where: str
    """file:line"""
    message: str
    """One line."""
    expected: str = ""
    seen: str = ""
    address: str = ""
    """The page's."""
    page_text: str = ""
    screenshot: bytes | None = field(default=None, repr=False)
    """PNG."""
    trace: tuple[str, ...] = ()
    """The last lines of the keys' traces."""
    traceback: str = ""
    """Of a bug; never of a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    plays: tuple[PlayInfo, ...]
    performances: int
    seed: str
    browser: str
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayStarted:
    run: RunId
    play: PlayInfo
    seed: str
    began: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    run: RunId
    step: int
    sentence: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded:
    run: RunId
    step: int
    sentence: str
    line: int
    verdict: Verdict
    expected: str
    seen: str
    seconds: float
    address: str = ""
    screenshot: bytes | None = field(default=None, repr=False)
    """PNG of the page as the step left it, where screenshots are asked for."""
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayEnded:
    run: RunId
    play: PlayInfo
    verdict: Verdict
    seconds: float
    ways: Mapping[str, str]
    """Device → how it was there: `page (internal)`, `page (hybrid)`, `mock`, `hybrid`, ..."""
    browser: str
    """Its name and version, as it says itself."""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    seconds: float
    passed: int
    failed: int
    errors: int
    skipped: int = 0
    flaky: tuple[str, ...] = ()
    """Plays that passed and failed in one run."""


Event: TypeAlias = RunStarted | PlayStarted | StepStarted | StepEnded | PlayEnded | RunEnded
Handler: TypeAlias = Callable[[Event], None]
