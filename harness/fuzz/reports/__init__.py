"""Reports of campaigns: each is a handler of events that writes a file when the campaign has ended."""

from __future__ import annotations

from pathlib import Path

from harness.errors import SetupError
from harness.fuzz.events import CaseEnded, Event, Handler
from harness.fuzz.verdicts import Judgement, Result


class Results:
    """What a report is made of."""

    def __init__(self) -> None:
        self.all: list[Result] = []
        self.new: set[str] = set()

    def __call__(self, event: Event) -> None:
        if isinstance(event, CaseEnded):
            self.all.append(event.result)
            if event.new:
                self.new.add(event.result.fingerprint)

    @property
    def findings(self) -> list[Result]:
        found = [each for each in self.all if each.judgement is Judgement.FINDING]
        return sorted(found, key=lambda each: (-each.severity, each.target, each.case.name))


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from None


def together(*handlers: Handler) -> Handler:
    def handle(event: Event) -> None:
        for handler in handlers:
            handler(event)

    return handle
