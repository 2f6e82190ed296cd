"""Runs of plays: in this process, or in several, each with a browser of its own."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import SetupError, StuntkeyError
from harness.play.events import Event, Handler, PlayEnded, RunEnded, RunId, RunStarted, Verdict
from harness.play.machine import Machine
from harness.play.performance import Settings, perform
from harness.play.play import Play


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """One thing to do: a play, how often already, and how it is played."""

    play: Play
    settings: Settings
    repeat: int = 1
    variant: str = ""

    @property
    def id(self) -> RunId:
        return RunId(play=self.play.name, repeat=self.repeat, variant=self.variant)


def shard(plays: Sequence[Play], part: int, parts: int) -> list[Play]:
    """Every parts-th play, beginning with the part-th: all of them, each once, over all parts."""
    return [play for place, play in enumerate(plays) if place % parts == part - 1]


def run(performances: Sequence[Performance], handlers: Iterable[Handler], *, workers: int = 1) -> RunEnded:
    """Play them all, tell the handlers, and say how it went. SetupError if there is no browser to play in."""
    handlers = list(handlers)
    ended: list[PlayEnded] = []

    def tell(event: Event) -> None:
        if isinstance(event, PlayEnded):
            ended.append(event)
        for handler in handlers:
            handler(event)

    plays = list({each.play.name: each.play for each in performances}.values())
    workers = max(1, min(workers, len(performances)))
    tell(
        RunStarted(
            plays=tuple(play.info() for play in plays),
            performances=len(performances),
            seed=performances[0].settings.seed if performances else "",
            browser=", ".join(dict.fromkeys(each.settings.browser for each in performances)),
            workers=workers,
        )
    )
    began = time.monotonic()
    try:
        if workers == 1:
            _play_all(performances, tell)
        else:
            _in_processes(performances, workers, tell)
    finally:
        # Broken off or not: what was played until now is reported.
        result = summary(ended, time.monotonic() - began)
        tell(result)
    return result


def summary(ended: Sequence[PlayEnded], seconds: float) -> RunEnded:
    verdicts: dict[tuple[str, str], set[Verdict]] = {}
    for each in ended:
        verdicts.setdefault((each.run.play, each.run.variant), set()).add(each.verdict)
    return RunEnded(
        seconds=seconds,
        passed=sum(each.verdict is Verdict.PASSED for each in ended),
        failed=sum(each.verdict is Verdict.FAILED for each in ended),
        errors=sum(each.verdict is Verdict.ERROR for each in ended),
        skipped=sum(each.verdict is Verdict.SKIPPED for each in ended),
        flaky=tuple(sorted({name for (name, _), seen in verdicts.items() if len(seen) > 1})),
    )


def _play_all(performances: Iterable[Performance], tell: Handler) -> None:
    machines: dict[str, Machine] = {}
    try:
        for each in performances:
            perform(each.play, _machine(machines, each.settings), each.settings, each.id, tell)
    finally:
        for machine in machines.values():
            machine.close()


def _machine(machines: dict[str, Machine], settings: Settings) -> Machine:
    """The browser of that kind; a new one, where the last one crashed."""
    machine = machines.get(settings.browser)
    if machine is not None and not machine.is_running:
        machines.pop(settings.browser).close()
        machine = None
    if machine is None:
        machine = machines[settings.browser] = Machine(
            settings.browser, headless=settings.headless, slow=settings.slow
        )
    return machine


ENDED_FROM_OUTSIDE = 128 + signal.SIGTERM
"""A worker's exit code."""


def _in_processes(performances: Sequence[Performance], workers: int, tell: Handler) -> None:
    """One queue of work, and whoever is free takes the next: a long play holds nobody up."""
    context = multiprocessing.get_context("spawn")
    work: Any = context.Queue()
    told: Any = context.Queue()
    for each in performances:
        work.put(each)
    for _ in range(workers):
        work.put(None)
    processes = [context.Process(target=_work, args=(work, told), daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    try:
        for event in _heard(told, processes):
            tell(event)
    finally:
        work.cancel_join_thread()  # nobody takes what is left of it
        for process in processes:
            if process.is_alive():
                process.terminate()
            process.join()


def _heard(told: Any, processes: Sequence[Any]) -> Iterator[Event]:
    """Until every worker has said that it is done, or has ended without a word."""
    working = {process.pid: process for process in processes}
    while working:
        # Looked at first: what a worker says before it ends is in the queue by then.
        ended = [process for process in working.values() if process.exitcode is not None]
        try:
            event = told.get(timeout=1.0)
        except queue.Empty:
            if ended:
                raise SetupError(f"a worker died with exit code {ended[0].exitcode}") from None
            continue
        if isinstance(event, int):
            del working[event]
        elif isinstance(event, str):
            raise SetupError(event)
        else:
            yield event


def _work(work: Any, told: Any) -> None:
    def performances() -> Iterator[Performance]:
        while (each := work.get()) is not None:
            yield each

    # Ended from outside, it closes its browser, which is in a session of its own and would stay.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _play_all(performances(), told.put)
    except StuntkeyError as error:
        told.put(str(error))
    except KeyboardInterrupt:
        told.cancel_join_thread()  # nobody listens any more, or it is told by the exit code
        raise SystemExit(ENDED_FROM_OUTSIDE) from None
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # all is closed, and nothing more to tell
    told.put(os.getpid())
