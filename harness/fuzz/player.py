"""Plays cases against targets in this process; each target is opened once, and given up where nothing can be said."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.fuzz.catalogue import operator_of
from harness.fuzz.events import TargetLost
from harness.fuzz.operator import Case
from harness.fuzz.targets.known import open_target
from harness.fuzz.trial import Trials
from harness.fuzz.verdicts import Judgement, Result

GIVE_UP = 5
"""After so many cases in a row of which nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseBegan:
    target: str
    case: Case
    patience: float
    """Seconds that one telling of it may take."""


class Player:
    def __init__(self) -> None:
        self._open: dict[str, Trials] = {}
        self._unknown: dict[str, int] = {}

    def play(
        self, target: str, cases: Iterable[Case], deadline: float | None
    ) -> Iterator[CaseBegan | Result | TargetLost]:
        if target not in self._open:
            self._open[target] = Trials(open_target(target))
        trials = self._open[target]
        for case in cases:
            if deadline is not None and time.monotonic() > deadline:
                return
            if self._unknown.get(target, 0) >= GIVE_UP:
                return
            yield CaseBegan(target=target, case=case, patience=trials.patience)
            operator = operator_of(case.operator)
            result = trials.play(case, operator, operator.variant(case.variant))
            yield result
            if result.judgement is not Judgement.SKIPPED:
                unknown = result.judgement is Judgement.UNDECIDED
                self._unknown[target] = self._unknown.get(target, 0) + 1 if unknown else 0
            if self._unknown.get(target, 0) >= GIVE_UP:
                why = (
                    f"given up after {GIVE_UP} cases of which nothing can be said; the last: {result.reason}"
                )
                yield TargetLost(target=target, why=why)

    def close(self) -> None:
        for trials in self._open.values():
            trials.target.close()
        self._open.clear()
        self._unknown.clear()
