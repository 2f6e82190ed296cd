"""A campaign: which cases, against which targets, by how many workers. What happens is told in events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random

from harness.fuzz import combinations
from harness.fuzz.capability import Capability
from harness.fuzz.catalogue import OPERATORS, operator_of
from harness.fuzz.events import CampaignEnded, CampaignStarted, CaseEnded, Handler, TargetLost
from harness.fuzz.operator import Case, Expected, Severity
from harness.fuzz.player import CaseBegan, Player
from harness.fuzz.targets.known import open_target
from harness.fuzz.trial import Trials
from harness.fuzz.verdicts import Conduct, Judgement, Result
from harness.fuzz.workers import Workers

CHUNK = 24
CREDULOUS = 5
"""So many different lies nobody believes who looks at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much to spend; None: all there is."""

    cases: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    targets: tuple[str, ...]
    """Names of in-process targets, or files that describe one."""
    only: tuple[str, ...] = ()
    """Operators, by id or pattern: `B*`, `F11`, `B12/authentication/*`."""
    severity: Severity = Severity.LOW
    """And above."""
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    workers: int = 0
    """Processes; none: in this one, where native code that hangs cannot be stopped."""
    combine: int = 0
    """Pairs of lies, besides those that stand alone."""
    baseline: frozenset[str] = frozenset()
    """Fingerprints of findings that are known."""

    def cases(self) -> list[Case]:
        chosen = {
            operator: cases
            for operator in OPERATORS.values()
            if operator.severity >= self.severity
            and (
                cases := [
                    case
                    for case in operator.cases(self.seed)
                    if not self.only or any(_matches(case, pattern) for pattern in self.only)
                ]
            )
        }
        alone = [case for cases in chosen.values() for case in cases]
        return alone + combinations.some(list(chosen), self.combine, self.seed)


def _matches(case: Case, pattern: str) -> bool:
    return fnmatchcase(case.operator, pattern) or fnmatchcase(case.name, pattern)


def run(plan: Plan, handler: Handler) -> CampaignEnded:
    """Plays the plan; every case ends in an event, in the order in which they end."""
    began = time.monotonic()
    cases = plan.cases()
    tasks = [(target, case) for target in plan.targets for case in _ordered(cases, plan)]
    if plan.budget.cases is not None:
        tasks = _thinned(tasks, plan)
    handler(
        CampaignStarted(
            targets=plan.targets, cases=len(cases) * len(plan.targets), seed=plan.seed, workers=plan.workers
        )
    )
    deadline = None if plan.budget.seconds is None else began + plan.budget.seconds
    counts = dict.fromkeys(("cases", "findings", "new", "undecided", "skipped"), 0)
    lost: set[str] = set()
    believed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for event in _played(tasks, plan, deadline):
        if isinstance(event, Result):
            new = event.judgement is Judgement.FINDING and event.fingerprint not in plan.baseline
            counts["cases"] += 1
            counts["findings"] += event.judgement is Judgement.FINDING
            counts["new"] += new
            counts["undecided"] += event.judgement is Judgement.UNDECIDED
            counts["skipped"] += event.judgement is Judgement.SKIPPED
            believed[event.target] += event.conduct is Conduct.ACCEPTED and event.expected is Expected.REJECT
            refused[event.target] += event.conduct.rejected
            handler(CaseEnded(result=event, new=new))
        elif event.target not in lost:  # each worker loses it for itself
            lost.add(event.target)
            handler(event)
    ended = CampaignEnded(
        seconds=time.monotonic() - began,
        cases=counts["cases"],
        findings=counts["findings"],
        new_findings=counts["new"],
        undecided=counts["undecided"],
        skipped=counts["skipped"],
        out_of_budget=len(cases) * len(plan.targets) - counts["cases"],
        credulous=tuple(
            target for target in plan.targets if believed[target] >= CREDULOUS and not refused[target]
        ),
    )
    handler(ended)
    return ended


def _ordered(cases: Sequence[Case], plan: Plan) -> list[Case]:
    """In the catalogue's order, where all are played; else the gravest first, and within that by chance."""
    if plan.budget == Budget():
        return list(cases)
    shuffled = list(cases)
    Random(f"order {plan.seed}").shuffle(shuffled)
    return sorted(shuffled, key=lambda case: -operator_of(case.operator).severity)


def _thinned(tasks: list[tuple[str, Case]], plan: Plan) -> list[tuple[str, Case]]:
    """The same cases for each target."""
    assert plan.budget.cases is not None
    each = max(1, plan.budget.cases // max(1, len(plan.targets)))
    kept: dict[str, int] = {}
    thinned = []
    for target, case in tasks:
        kept[target] = kept.get(target, 0) + 1
        if kept[target] <= each:
            thinned.append((target, case))
    return thinned


def _chunks(tasks: list[tuple[str, Case]]) -> Iterator[tuple[str, list[Case]]]:
    chunk: list[Case] = []
    before = ""
    for target, case in tasks:
        if chunk and (target != before or len(chunk) == CHUNK):
            yield before, chunk
            chunk = []
        before = target
        chunk.append(case)
    if chunk:
        yield before, chunk


def _played(
    tasks: list[tuple[str, Case]], plan: Plan, deadline: float | None
) -> Iterator[Result | TargetLost]:
    if plan.workers:
        # A clock that is turned is turned for everybody: what others began meanwhile would expire.
        disturbing = [task for task in tasks if Capability.TURN_CLOCK in operator_of(task[1].operator).needs]
        calm = [task for task in tasks if Capability.TURN_CLOCK not in operator_of(task[1].operator).needs]
        yield from Workers(count=plan.workers, deadline=deadline).play(_chunks(calm))
        yield from Workers(count=1, deadline=deadline).play(_chunks(disturbing))
        return
    player = Player()
    try:
        for target, cases in _chunks(tasks):
            for event in player.play(target, cases, deadline):
                if not isinstance(event, CaseBegan):
                    yield event
    finally:
        player.close()


def replay(target: str, case: Case) -> Result:
    """One case again, exactly."""
    operator = operator_of(case.operator)
    opened = open_target(target)
    try:
        return Trials(opened).play(case, operator, operator.variant(case.variant))
    finally:
        opened.close()


__all__ = ["Budget", "Plan", "replay", "run"]
