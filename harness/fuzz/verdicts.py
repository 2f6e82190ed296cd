"""From what a target answered to what that means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from harness.fuzz.operator import Case, Expected, Operator, Severity, Variant
from harness.fuzz.targets import Answer, Outcome


class Conduct(Enum):
    """What the target did."""

    ACCEPTED = "accepted"
    REJECTED_FOR_CAUSE = "rejected for cause"
    REJECTED = "rejected"
    """Without telling why. As the lie was all that was wrong, this is as good."""
    REJECTED_OTHERWISE = "rejected for another reason"
    """It speaks of something else: what the lie is about may never have been looked at."""
    CRASHED = "crashed"
    HUNG = "hung"
    THROTTLED = "throttled"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"

    @property
    def rejected(self) -> bool:
        return self in (Conduct.REJECTED_FOR_CAUSE, Conduct.REJECTED, Conduct.REJECTED_OTHERWISE)


class Judgement(Enum):
    """What that means."""

    HELD = "held"
    FINDING = "finding"
    POLICY = "policy"
    """The standard leaves it open; this is what the relying party does."""
    UNDECIDED = "undecided"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The one change, as seen in the decoded structures."""

    path: str
    honest: Any
    lie: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was sent and answered; of findings only."""

    request: str
    response: str
    decoded: Mapping[str, Any]
    honest: Mapping[str, Any]
    """The unchanged ceremony, decoded."""
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One lie told to one target, and judged."""

    target: str
    case: Case
    conduct: Conduct
    judgement: Judgement
    severity: Severity
    expected: Expected
    reason: str = ""
    kind: str = ""
    notes: tuple[str, ...] = ()
    confirmed: bool = False
    """Whether it was told a second time, to a fresh user, with the same result."""
    evidence: Evidence | None = field(default=None, repr=False)

    @property
    def fingerprint(self) -> str:
        """The same for the same finding in another run, whatever its seed."""
        return f"{self.target}:{self.case.name}:{self.conduct.value.replace(' ', '-')}"


def judge(
    target: str, case: Case, operator: Operator, variant: Variant, answer: Answer, *, effect: str = ""
) -> Result:
    """`effect`: what an accepted lie did that it should not; empty if nothing."""
    expected = operator.expected_of(variant)
    conduct = conduct_of(answer, operator)
    severity, notes = operator.severity, answer.notes
    if conduct in (Conduct.CRASHED, Conduct.HUNG):
        judgement = Judgement.FINDING
        # Nothing was let in: what can be had by it is a line in the log, or an outage.
        severity = min(severity, Severity.LOW if conduct is Conduct.CRASHED else Severity.MEDIUM)
    elif conduct in (Conduct.THROTTLED, Conduct.INCONCLUSIVE):
        judgement = Judgement.UNDECIDED
    elif expected is Expected.POLICY:
        judgement = Judgement.POLICY
    elif conduct is Conduct.ACCEPTED:
        wrong = expected in (Expected.REJECT, Expected.FLAG) or bool(effect)
        judgement = Judgement.FINDING if wrong else Judgement.HELD
    else:
        judgement = Judgement.FINDING if expected is Expected.ACCEPT else Judgement.HELD
    if effect:
        notes = (*notes, effect)
    return Result(
        target=target,
        case=case,
        conduct=conduct,
        judgement=judgement,
        severity=severity,
        expected=expected,
        reason=answer.reason,
        kind=answer.kind,
        notes=notes,
    )


def conduct_of(answer: Answer, operator: Operator) -> Conduct:
    match answer.outcome:
        case Outcome.ACCEPTED:
            return Conduct.ACCEPTED
        case Outcome.CRASHED:
            return Conduct.CRASHED
        case Outcome.HUNG:
            return Conduct.HUNG
        case Outcome.THROTTLED:
            return Conduct.THROTTLED
        case Outcome.UNREACHABLE:
            return Conduct.INCONCLUSIVE
        case Outcome.REFUSED:
            return _refusal(answer, operator)


def _refusal(answer: Answer, operator: Operator) -> Conduct:
    if answer.step:
        told = _section(answer.step) in {_section(step) for step in operator.step.split("/")}
        return Conduct.REJECTED_FOR_CAUSE if told else Conduct.REJECTED_OTHERWISE
    if operator.cause and re.search(operator.cause, answer.reason, re.IGNORECASE):
        return Conduct.REJECTED_FOR_CAUSE
    subjects = {name for name, words in _SUBJECTS.items() if words.search(answer.reason)}
    if subjects and not subjects & {
        name for name, words in _SUBJECTS.items() if words.search(operator.cause)
    }:
        return Conduct.REJECTED_OTHERWISE
    return Conduct.REJECTED


def _section(step: str) -> str:
    return step.strip()


_SUBJECTS = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in {
        "origin": r"origin",
        "challenge": r"challenge",
        "relying party": r"rp.?id|relying party",
        "presence": r"presen[ct]",
        "verification": r"user.?verif|verified flag",
        "backup": r"back.?up|backed",
        "counter": r"count",
        "signature": r"signature",
        "session": r"csrf|session|log.?in required|forbidden|permission",
    }.items()
}
"""What refusals speak of, told apart roughly."""


def skipped(target: str, case: Case, operator: Operator, variant: Variant, why: str) -> Result:
    return Result(
        target=target,
        case=case,
        conduct=Conduct.NOT_APPLICABLE,
        judgement=Judgement.SKIPPED,
        severity=operator.severity,
        expected=operator.expected_of(variant),
        reason=why,
    )


def undecided(target: str, case: Case, operator: Operator, variant: Variant, why: str) -> Result:
    return Result(
        target=target,
        case=case,
        conduct=Conduct.INCONCLUSIVE,
        judgement=Judgement.UNDECIDED,
        severity=operator.severity,
        expected=operator.expected_of(variant),
        reason=why,
    )
