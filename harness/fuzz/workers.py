"""Processes that play cases. One that ends or stands still under a case is a verdict, and another takes its place:
what a library does in native code cannot be interrupted in the process that does it."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TypeAlias

from harness.errors import Failure, SetupError
from harness.fuzz.catalogue import operator_of
from harness.fuzz.events import TargetLost
from harness.fuzz.operator import Case
from harness.fuzz.player import CaseBegan, Player
from harness.fuzz.targets import Answer, Outcome
from harness.fuzz.verdicts import Result, judge

Chunk: TypeAlias = tuple[str, list[Case]]
OPENING = 120.0
"""Seconds that a process may take to start and open its target."""
TELLINGS = 6
"""How often the patience for one telling a case may take: controls around it, and all that once more."""
TRIES = 2
"""A case that ends a process is told once more before it is called a finding."""


@dataclass(frozen=True, slots=True)
class _Done:
    pass


@dataclass(frozen=True, slots=True)
class _Failed:
    """In words: errors have members of their own, and not all of them can be sent."""

    kind: type[SetupError] | type[Failure] | None
    """None: a bug of ours, with its traceback."""
    words: str

    def error(self) -> Exception:
        return self.kind(self.words) if self.kind is not None else RuntimeError(f"in a worker:\n{self.words}")


def _work(connection: Connection, deadline: float | None) -> None:
    player = Player()
    try:
        while (chunk := connection.recv()) is not None:
            target, cases = chunk
            for event in player.play(target, cases, deadline):
                connection.send(event)
            connection.send(_Done())
    except SetupError as error:
        connection.send(_Failed(SetupError, str(error)))
    except Failure as error:
        connection.send(_Failed(Failure, str(error)))
    except Exception:
        connection.send(_Failed(None, traceback.format_exc()))
    finally:
        player.close()
        connection.close()


@dataclass(slots=True, kw_only=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    target: str
    left: deque[Case]
    until: float
    """When it is held to stand still."""
    case: Case | None = None
    """Under way."""

    def give(self, target: str, cases: Iterable[Case]) -> None:
        self.target, self.left, self.case = target, deque(cases), None
        self.until = time.monotonic() + OPENING
        self.connection.send((target, list(self.left)))

    def note(self, event: object) -> None:
        if isinstance(event, CaseBegan):
            self.case = event.case
            self.until = time.monotonic() + TELLINGS * event.patience
        elif isinstance(event, Result):
            self.left.popleft()
            self.case = None
            self.until = time.monotonic() + OPENING

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


@dataclass(slots=True, kw_only=True)
class Workers:
    count: int
    deadline: float | None
    _deaths: Counter[tuple[str, str]] = field(default_factory=Counter)

    def play(self, chunks: Iterable[Chunk]) -> Iterator[Result | TargetLost]:
        pending = deque(chunks)
        busy: list[_Worker] = []
        try:
            while pending or busy:
                while pending and len(busy) < self.count:
                    busy.append(self._started(pending.popleft()))
                soonest = min(each.until for each in busy)
                ready = wait([each.connection for each in busy], max(0.0, soonest - time.monotonic()))
                for worker in list(busy):
                    if worker.connection in ready:
                        yield from self._heard(worker, pending, busy)
                    elif time.monotonic() > worker.until:
                        answer = Answer(outcome=Outcome.HUNG, reason="the process stands still", kind="hang")
                        yield from self._lost(worker, answer, pending, busy)
        finally:
            for worker in busy:
                worker.end()

    def _started(self, chunk: Chunk) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self.deadline), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process=process, connection=ours, target="", left=deque(), until=0.0)
        worker.give(*chunk)
        return worker

    def _heard(
        self, worker: _Worker, pending: deque[Chunk], busy: list[_Worker]
    ) -> Iterator[Result | TargetLost]:
        try:
            event = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            code = worker.process.exitcode or 0
            told = f"signal {-code}" if code < 0 else f"status {code}"
            answer = Answer(outcome=Outcome.CRASHED, reason=f"the process ended with {told}", kind="exit")
            yield from self._lost(worker, answer, pending, busy)
            return
        worker.note(event)
        match event:
            case _Failed():
                raise event.error()
            case _Done() if pending:
                worker.give(*pending.popleft())
            case _Done():
                busy.remove(worker)
                worker.connection.send(None)
                worker.process.join(OPENING)
                worker.end()
            case Result() | TargetLost():
                yield event

    def _lost(
        self, worker: _Worker, answer: Answer, pending: deque[Chunk], busy: list[_Worker]
    ) -> Iterator[Result]:
        busy.remove(worker)
        worker.end()
        if worker.case is None:
            raise SetupError(f"{worker.target}: {answer.reason} before a case was told")
        case = worker.case
        self._deaths[worker.target, case.name] += 1
        if self._deaths[worker.target, case.name] >= TRIES:
            worker.left.popleft()
            operator = operator_of(case.operator)
            result = judge(worker.target, case, operator, operator.variant(case.variant), answer)
            yield replace(result, confirmed=True)
        if worker.left:
            pending.appendleft((worker.target, list(worker.left)))
