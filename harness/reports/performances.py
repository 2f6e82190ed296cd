"""Events put together again: each performance with its steps, for reports that are written at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.play.events import (
    Event,
    PlayEnded,
    PlayInfo,
    PlayStarted,
    Problem,
    RunEnded,
    RunId,
    RunStarted,
    StepEnded,
    Verdict,
)

WORST_FIRST = (Verdict.FAILED, Verdict.ERROR, Verdict.SKIPPED, Verdict.PASSED)


@dataclass(slots=True, kw_only=True)
class Performance:
    run: RunId
    play: PlayInfo
    began: float
    seed: str
    steps: list[StepEnded] = field(default_factory=list)
    ended: PlayEnded | None = None

    @property
    def verdict(self) -> Verdict:
        """One that never ended was broken off."""
        return self.ended.verdict if self.ended is not None else Verdict.ERROR

    @property
    def problem(self) -> Problem | None:
        return self.ended.problem if self.ended is not None else None

    @property
    def is_good(self) -> bool:
        return self.verdict is Verdict.PASSED

    @property
    def anchor(self) -> str:
        """Its place in a page."""
        parts = (self.run.play, self.run.variant, str(self.run.repeat) if self.run.repeat > 1 else "")
        text = "-".join(part for part in parts if part)
        return "play-" + "".join(each if each.isalnum() or each in "-_." else "-" for each in text)

    @property
    def aside(self) -> str:
        """What tells it from other performances of the same play."""
        parts = [self.run.variant, f"repeat {self.run.repeat}" if self.run.repeat > 1 else ""]
        return ", ".join(part for part in parts if part)


class Performances:
    """A handler that collects."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self._performances: dict[RunId, Performance] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.started = event
            case PlayStarted():
                self._performances[event.run] = Performance(
                    run=event.run, play=event.play, began=event.began, seed=event.seed
                )
            case StepEnded():
                self._performances[event.run].steps.append(event)
            case PlayEnded():
                self._performances[event.run].ended = event
            case RunEnded():
                self.ended = event

    def __iter__(self) -> Iterator[Performance]:
        """What failed comes first, and otherwise in the order in which the plays are listed."""
        listed = [play.name for play in self.started.plays] if self.started is not None else []
        order = {name: place for place, name in enumerate(listed)}
        yield from sorted(
            self._performances.values(),
            key=lambda each: (
                WORST_FIRST.index(each.verdict),
                order.get(each.run.play, len(order)),
                each.run.variant,
                each.run.repeat,
            ),
        )

    def __len__(self) -> int:
        return len(self._performances)
