"""One performance: a play, from a fresh user to its last step, told in events."""

from __future__ import annotations

import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field

from harness.errors import Failure, SetupError, StuntkeyError
from harness.people import Person
from harness.play.events import (
    Handler,
    Moment,
    PlayEnded,
    PlayInfo,
    PlayStarted,
    Problem,
    RunId,
    StepEnded,
    StepStarted,
    Verdict,
)
from harness.play.gestures import gesture
from harness.play.machine import Machine, NotInThisBrowser
from harness.play.play import Play, Step
from harness.play.sites import site_of
from harness.play.stage import Stage
from harness.play.ways import Ways
from harness.relying_parties.outcome import Outcome

TRACE_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How plays are played."""

    ways: Ways = field(default_factory=Ways)
    seed: str = "stuntkey"
    browser: str = "chromium"
    headless: bool = True
    slow: float = 0.0
    """Seconds between what the browser does, to watch it."""
    screenshots: bool = False
    """Whether every step's page is kept as a picture, and not only the one that failed."""


def perform(play: Play, machine: Machine, settings: Settings, run: RunId, tell: Handler) -> PlayEnded:
    """Play it once. Findings and mistakes are told in the events; nothing is raised for them."""
    info = play.info()
    began = time.monotonic()
    tell(PlayStarted(run=run, play=info, seed=settings.seed, began=time.time()))
    performer = _Performer(play, info, machine, settings, run, tell)
    verdict, problem = performer.play_all()
    ended = PlayEnded(
        run=run,
        play=info,
        verdict=verdict,
        seconds=time.monotonic() - began,
        ways=performer.ways,
        browser=machine.name,
        problem=problem,
    )
    tell(ended)
    return ended


class _Performer:
    def __init__(
        self, play: Play, info: PlayInfo, machine: Machine, settings: Settings, run: RunId, tell: Handler
    ) -> None:
        self._play = play
        self._info = info
        self._machine = machine
        self._settings = settings
        self._run = run
        self._tell = tell
        self._heard: list[Moment] = []
        self.ways: dict[str, str] = {}

    def play_all(self) -> tuple[Verdict, Problem | None]:
        stage: Stage | None = None
        site = None
        place: int | None = None
        try:
            site = site_of(self._play)()
            site.open(self._play.header.account, self._settings.seed)
            stage = Stage(self._play, self._machine, site, self._settings.ways, self._seed)
            self._require_verbs(stage)
            for place, step in enumerate(self._play.steps):
                problem = self._step(stage, place, step)
                if problem is not None:
                    return Verdict.FAILED, problem
            stage.cast.raise_bugs()
            return Verdict.PASSED, None
        except NotInThisBrowser as error:
            return Verdict.SKIPPED, self._problem(None, place, str(error))
        except StuntkeyError as error:
            verdict = Verdict.FAILED if isinstance(error, Failure) else Verdict.ERROR
            return verdict, self._problem(stage, place, str(error))
        except Exception as error:  # a bug of ours must not end the other plays
            told = self._problem(stage, place, f"{type(error).__name__}: {error}", traceback.format_exc())
            return Verdict.ERROR, told
        finally:
            if stage is not None:
                self.ways = {name: actor.way for name, actor in stage.cast.actors.items() if actor.way}
            with ExitStack() as stack:
                if site is not None:
                    stack.callback(site.close)
                if stage is not None:
                    stack.callback(stage.close)

    @property
    def _seed(self) -> str:
        return f"{self._settings.seed} {self._play.name} {self._run.repeat}"

    def _require_verbs(self, stage: Stage) -> None:
        for step in self._play.steps:
            if not stage.can(step.verb):
                raise SetupError(
                    f"{self._play.where(step.line)}: {stage.site.name} cannot {step.verb.phrase!r}"
                )

    def _step(self, stage: Stage, place: int, step: Step) -> Problem | None:
        self._tell(StepStarted(run=self._run, step=place, sentence=step.sentence, line=step.line))
        began = time.monotonic()
        person = self._instruct(stage, step)
        seen, verdict, misfits = Outcome(), Verdict.ERROR, []
        error = ""
        try:
            seen = stage.perform(step.verb)
            misfits = step.expect.misfits(seen)
            if person is not None and person.script:
                misfits.append(f"no device asked the person, who was to {step.person[-len(person.script)]}")
            verdict = Verdict.FAILED if misfits else Verdict.PASSED
        except Failure as failure:
            verdict, error, misfits = Verdict.FAILED, str(failure), [str(failure)]
        finally:
            if person is not None:
                person.forget_script()
            moments = stage.take_moments()
            self._heard = [*self._heard, *moments][-TRACE_LINES:]
            self._tell(
                StepEnded(
                    run=self._run,
                    step=place,
                    sentence=step.sentence,
                    line=step.line,
                    verdict=verdict,
                    expected=step.expect.told(),
                    seen=error or seen.told(),
                    seconds=time.monotonic() - began,
                    address=_address(stage),
                    screenshot=_picture(stage) if self._settings.screenshots else None,
                    moments=moments,
                )
            )
        if not misfits:
            return None
        message = f"{step.sentence}: {'; '.join(misfits)}"
        expected, told = step.expect.told(), error or seen.told()
        return self._problem(stage, place, message, expected=expected, seen=told)

    def _instruct(self, stage: Stage, step: Step) -> Person | None:
        acts = [act for words in step.person if (act := gesture(words)) is not None]
        if not acts:
            return None
        name = getattr(step.verb, "on", None) or stage.seat_name
        actor = stage.cast[name]
        if actor.key is None:
            raise SetupError(
                f"{self._play.where(step.line)}: {name} asks nobody anything: it has no passkeys"
            )
        return actor.key.person.will(*acts)

    def _problem(
        self,
        stage: Stage | None,
        place: int | None,
        message: str,
        bug: str = "",
        *,
        expected: str = "",
        seen: str = "",
    ) -> Problem:
        line = self._play.steps[place].line if place is not None else None
        heard = [*self._heard, *(stage.take_moments() if stage is not None else ())][-TRACE_LINES:]
        return Problem(
            step=place,
            where=self._play.where(line),
            message=" ".join(message.split()),
            expected=expected,
            seen=seen,
            address=_address(stage) if stage is not None else "",
            page_text=_text(stage),
            screenshot=_picture(stage) if stage is not None else None,
            trace=tuple(_line(moment) for moment in heard),
            traceback=bug,
        )


def _line(moment: Moment) -> str:
    detail = f" ({moment.detail})" if moment.detail else ""
    return f"{moment.at:8.3f} s  {moment.who}: {moment.what}{detail}"


def _address(stage: Stage) -> str:
    try:
        return stage.window.url
    except Failure:
        return ""  # the browser is gone; that is told already


def _picture(stage: Stage) -> bytes | None:
    try:
        return stage.window.screenshot()
    except Failure:
        return None  # the page is gone; that is told already


def _text(stage: Stage | None) -> str:
    if stage is None:
        return ""
    try:
        return stage.window.text(timeout=5) + "".join(f"\n[script error] {each}" for each in stage.complaints)
    except Failure:
        return ""
