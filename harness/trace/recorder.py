"""The trace of a key: its last events in memory, and as many as come into a file."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from harness.trace.events import Event, StateEvent, Step, StepEvent

if TYPE_CHECKING:
    from harness.trace.records import Source


class Trace:
    """The last events of a key, oldest first. `size=0` records none, None all."""

    def __init__(
        self,
        size: int | None = 10_000,
        *,
        source: Callable[[], Source] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events: deque[Event] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._now = now
        self._source = source
        self.dropped = 0
        self.recording = size != 0
        self.listener: Callable[[Event], None] | None = None
        """Told of each event as it happens, by the thread in which it does, with the key's lock held."""
        self.writers: tuple[Callable[[Event], None], ...] = ()
        """The same, for files that are written as it happens."""

    @property
    def source(self) -> Source:
        """Whose trace it is, for whoever reads it elsewhere."""
        from harness.trace.records import Source

        return self._source() if self._source is not None else Source(name="key")

    def add(self, event: Event) -> None:
        if not self.recording:
            return
        with self._lock:
            if len(self._events) == self._events.maxlen:
                self.dropped += 1
            self._events.append(event)
        if self.listener is not None:
            self.listener(event)
        for write in self.writers:
            write(event)

    def bug(self, at: float, bug: BaseException) -> None:
        self.add(StateEvent(at=at, state="bug", text="".join(traceback.format_exception(bug))))

    def step(self, who: str, what: str, detail: str = "") -> None:
        """What somebody else did meanwhile, on the same time line: the page, the browser, a test."""
        self.add(StepEvent(at=self._now(), who=who, what=what, detail=detail))

    def note(self, step: Step) -> None:
        """The same, of what other keys are told too."""
        at = self._now()
        self.add(StepEvent(at=at, who=step.who, what=step.what, detail=step.detail, shared=step))

    def clear(self) -> None:
        with self._lock:
            self._events.clear()
            self.dropped = 0

    def __iter__(self) -> Iterator[Event]:
        with self._lock:
            return iter(list(self._events))

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, place: int) -> Event:
        return self._events[place]

    def of(self, kind: str) -> list[Event]:
        """The events of one kind: packet, request, response, ask, answer, state or step."""
        return [event for event in self if event.kind == kind]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values, for json.dump."""
        from harness.trace.records import redacted

        return [{"at": event.at, "kind": event.kind, **event.details()} for event in redacted(self)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as NDJSON, for `stuntkey trace show` and `export`."""
        from harness.trace.records import save

        save(path, [self])

    def writing(self, path: str | os.PathLike[str]) -> AbstractContextManager[None]:
        """Write all that happens from now on into a file, as it happens."""
        from harness.trace.records import writing

        return writing(path, self)
