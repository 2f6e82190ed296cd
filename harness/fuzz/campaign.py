"""A campaign: which cases, against which targets, by how many workers. What happens is told in events."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random

from harness.fuzz.catalogue import OPERATORS
from harness.fuzz.events import CampaignEnded, CampaignStarted, CaseEnded, Handler, TargetLost
from harness.fuzz.operator import Case, Severity
from harness.fuzz.targets.known import open_target
from harness.fuzz.trial import Trials
from harness.fuzz.verdicts import Judgement, Result

CHUNK = 24


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
    workers: int = 1
    baseline: frozenset[str] = frozenset()
    """Fingerprints of findings that are known."""

    def cases(self) -> list[Case]:
        return [
            case
            for operator in OPERATORS.values()
            if operator.severity >= self.severity
            for case in operator.cases(self.seed)
            if not self.only or any(_matches(case, pattern) for pattern in self.only)
        ]


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
    for event in _played(tasks, plan, deadline):
        if isinstance(event, Result):
            new = event.judgement is Judgement.FINDING and event.fingerprint not in plan.baseline
            counts["cases"] += 1
            counts["findings"] += event.judgement is Judgement.FINDING
            counts["new"] += new
            counts["undecided"] += event.judgement is Judgement.UNDECIDED
            counts["skipped"] += event.judgement is Judgement.SKIPPED
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
    )
    handler(ended)
    return ended


def _ordered(cases: Sequence[Case], plan: Plan) -> list[Case]:
    """In the catalogue's order, where all are played; else the gravest first, and within that by chance."""
    if plan.budget == Budget():
        return list(cases)
    shuffled = list(cases)
    Random(f"order {plan.seed}").shuffle(shuffled)
    return sorted(shuffled, key=lambda case: -OPERATORS[case.operator].severity)


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
    if plan.workers <= 1:
        yield from _play_here(tasks, deadline)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(plan.workers) as pool:
        for results in pool.imap_unordered(_play_chunk, [(*chunk, deadline) for chunk in _chunks(tasks)]):
            yield from results


def _play_here(tasks: list[tuple[str, Case]], deadline: float | None) -> Iterator[Result | TargetLost]:
    try:
        for target, cases in _chunks(tasks):
            yield from _play_cases(target, cases, deadline)
    finally:
        _close_all()


_OPEN: dict[str, Trials] = {}
"""This process's targets: opened once."""
_UNKNOWN: dict[str, int] = {}
"""How many cases in a row nothing could be said of."""
GIVE_UP = 5


def _play_chunk(task: tuple[str, list[Case], float | None]) -> list[Result | TargetLost]:
    return list(_play_cases(*task))


def _play_cases(target: str, cases: Iterable[Case], deadline: float | None) -> Iterator[Result | TargetLost]:
    if target not in _OPEN:
        _OPEN[target] = Trials(open_target(target))
    for case in cases:
        if deadline is not None and time.monotonic() > deadline:
            return
        if _UNKNOWN.get(target, 0) >= GIVE_UP:
            return
        operator = OPERATORS[case.operator]
        result = _OPEN[target].play(case, operator, operator.variant(case.variant))
        yield result
        if result.judgement is not Judgement.SKIPPED:
            unknown = result.judgement is Judgement.UNDECIDED
            _UNKNOWN[target] = _UNKNOWN.get(target, 0) + 1 if unknown else 0
        if _UNKNOWN.get(target, 0) >= GIVE_UP:
            why = f"given up after {GIVE_UP} cases of which nothing can be said; the last: {result.reason}"
            yield TargetLost(target=target, why=why)


def _close_all() -> None:
    for trials in _OPEN.values():
        trials.target.close()
    _OPEN.clear()
    _UNKNOWN.clear()


def replay(target: str, case: Case) -> Result:
    """One case again, exactly."""
    operator = OPERATORS[case.operator]
    opened = open_target(target)
    try:
        return Trials(opened).play(case, operator, operator.variant(case.variant))
    finally:
        opened.close()


__all__ = ["Budget", "Plan", "replay", "run"]
