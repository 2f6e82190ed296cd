"""What happens in a campaign, as values. Every report is a handler of these, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from harness.fuzz.verdicts import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStarted:
    targets: tuple[str, ...]
    cases: int
    """Of all targets together, before the budget."""
    seed: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEnded:
    result: Result
    new: bool = True
    """Of findings: not in the baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLost:
    """A target that cannot be tested (any more): its remaining cases are left out."""

    target: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEnded:
    seconds: float
    cases: int
    findings: int
    new_findings: int
    undecided: int
    skipped: int
    out_of_budget: int
    """Cases that were not played."""
    credulous: tuple[str, ...] = ()
    """Targets that refused nothing: they verify nothing, or their answers are not read as they are meant."""


def credulity(target: str) -> str:
    return f"{target} refused nothing at all: it verifies nothing, or its description does not tell a yes from a no"


Event: TypeAlias = CampaignStarted | CaseEnded | TargetLost | CampaignEnded
Handler: TypeAlias = Callable[[Event], None]
