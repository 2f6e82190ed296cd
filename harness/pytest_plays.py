"""Plays as tests of pytest: each an item with its own name, line and outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import SetupError
from harness.play.events import Event, PlayEnded, PlayStarted, RunId, RunStarted, StepEnded, Verdict
from harness.play.loader import load_file
from harness.pytest_plugin import StuntkeyOptions, folder_of, options_of

if TYPE_CHECKING:
    from harness.play.machine import Machine
    from harness.play.play import Play


class PlayFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        try:
            plays = load_file(self.path)
        except SetupError as error:
            raise self.CollectError(str(error)) from None
        for play in plays:
            item: PlayItem = PlayItem.from_parent(self, name=play.name, play=play)
            yield item


class PlayItem(pytest.Item):
    def __init__(self, *, play: Play, **others: Any) -> None:
        super().__init__(**others)
        self.play = play
        self.add_marker("play")
        self.steps: list[StepEnded] = []

    def runtest(self) -> None:
        self.steps = []
        ended = theatre_of(self.config).perform(self.play, self._hear)
        if ended.verdict is Verdict.SKIPPED:
            pytest.skip(ended.problem.message if ended.problem is not None else "not for this browser")
        if ended.verdict is not Verdict.PASSED:
            raise PlayFailed(ended)

    def _hear(self, event: Event) -> None:
        if isinstance(event, StepEnded):
            self.steps.append(event)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.play.line - 1, f"{self.play.name}: {self.play.header.scenario}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, PlayFailed):
            return "\n".join(self._story(excinfo.value.ended))
        if isinstance(excinfo.value, SetupError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def _story(self, ended: PlayEnded) -> Iterator[str]:
        problem = ended.problem
        yield self.play.header.scenario
        for step in self.steps:
            mark = "✓" if step.verdict is Verdict.PASSED else "✗"
            yield f"  {mark} {step.sentence}  ({step.seconds:.1f} s)"
        for not_played in self.play.steps[len(self.steps) :]:
            yield f"  · {not_played.sentence}"
        if problem is None:
            return
        yield ""
        yield f"{problem.where}: {problem.message}"
        for name, value in (
            ("expected", problem.expected),
            ("seen", problem.seen),
            ("address", problem.address),
        ):
            if value:
                yield f"  {name + ':':10}{value}"
        yield from (f"  {line}" for line in problem.trace)
        if problem.traceback:
            yield problem.traceback
        yield from self._keep(problem.screenshot, problem.page_text)

    def _keep(self, screenshot: bytes | None, text: str) -> Iterator[str]:
        if screenshot is None and not text:
            return
        folder = folder_of(self)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "page.txt").write_text(text, encoding="utf-8")
        if screenshot is not None:
            (folder / "page.png").write_bytes(screenshot)
            yield f"  screenshot: {folder / 'page.png'}"


class PlayFailed(Exception):
    def __init__(self, ended: PlayEnded) -> None:
        super().__init__(ended.problem.message if ended.problem is not None else ended.verdict.value)
        self.ended = ended


class Theatre:
    """The browser that plays are played in, one for all of a worker.

    It lives in a thread of its own: Playwright's synchronous API allows one of its kind in a thread, and
    pytest-playwright has the main thread's.
    """

    def __init__(self, options: StuntkeyOptions, worker: str = "") -> None:
        self._options = options
        self._worker = worker
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stuntkey plays")
        self._machine: Machine | None = None
        self._events: list[Event] = []
        self._played: Counter[str] = Counter()
        self._began = time.monotonic()

    def perform(self, play: Play, hear: Any) -> PlayEnded:
        return self._thread.submit(self._perform, play, hear).result()

    def _perform(self, play: Play, hear: Any) -> PlayEnded:
        from harness.play.machine import Machine
        from harness.play.performance import Settings, perform
        from harness.play.ways import ways_of

        options = self._options
        own_way = options.browser in ("page", "cdp")
        browser = "chromium" if own_way else options.browser
        settings = Settings(
            ways=ways_of([options.browser if own_way else options.port, *options.via]),
            seed=options.seed,
            browser=browser,
            headless=not options.headed,
            screenshots=options.report is not None,
        )
        if self._machine is None or not self._machine.is_running:
            self._close()
            self._machine = Machine(browser, headless=settings.headless)

        def tell(event: Event) -> None:
            hear(event)
            if options.report is not None:
                self._events.append(event)

        self._played[play.name] += 1
        run = RunId(play=play.name, repeat=self._played[play.name])
        return perform(play, self._machine, settings, run, tell)

    def _report(self, folder: Path) -> None:
        """What `stuntkey run --report` writes, of the plays that were tests here."""
        from harness.play.features import find_features
        from harness.play.runner import summary
        from harness.reports import report_handlers

        ended = [event for event in self._events if isinstance(event, PlayEnded)]
        plays = {event.play.name: event.play for event in self._events if isinstance(event, PlayStarted)}
        features = find_features(Path(play.file).parent for play in plays.values())
        started = RunStarted(
            plays=tuple(plays.values()),
            performances=sum(self._played.values()),
            seed=self._options.seed,
            browser=self._options.browser,
            workers=1,
        )
        for handler in report_handlers(folder / self._worker, features):
            for event in (started, *self._events, summary(ended, time.monotonic() - self._began)):
                handler(event)

    def _close(self) -> None:
        machine, self._machine = self._machine, None
        if machine is not None:
            machine.close()

    def close(self) -> None:
        if self._options.report is not None and self._events:
            self._report(self._options.report)
        self._thread.submit(self._close).result()
        self._thread.shutdown()


_THEATRE = pytest.StashKey[Theatre]()


def theatre_of(config: pytest.Config) -> Theatre:
    if _THEATRE not in config.stash:
        # With pytest-xdist each worker has browsers and plays of its own
        worker = getattr(config, "workerinput", {}).get("workerid", "")
        config.stash[_THEATRE] = Theatre(options_of(config), worker)
    return config.stash[_THEATRE]


def close_theatre(config: pytest.Config) -> None:
    theatre = config.stash.get(_THEATRE, None)
    if theatre is not None:
        theatre.close()
