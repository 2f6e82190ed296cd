"""A command under way: answered, or waiting for the person."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import TypeAlias

from authenticator.person import Answer, Ask
from authenticator.status import CtapError, Status

log = logging.getLogger(__name__)

Steps: TypeAlias = Generator[Ask, Answer, bytes]
"""A command: yields what it asks of the person, is sent the answer, returns its response without the status byte."""


class Operation:
    """One command. Either `response` is there, or `ask` says what the person must do before `deadline`."""

    __slots__ = ("_steps", "ask", "bug", "deadline", "response")

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.ask: Ask | None = None
        self.response: bytes | None = None
        self.deadline: float | None = None
        self.bug: BaseException | None = None
        """What went wrong inside, where the response is 0x7F."""

    def start(self) -> Operation:
        self._advance(None)
        return self

    @property
    def done(self) -> bool:
        return self.response is not None

    def resume(self, answer: Answer) -> None:
        """The person's answer to `ask`."""
        if self.ask is None:
            raise RuntimeError("nobody was asked")
        self._advance(answer)

    def cancel(self) -> None:
        """The host changed its mind (CTAPHID_CANCEL)."""
        self._throw(CtapError(Status.KEEPALIVE_CANCEL))

    def expire(self) -> None:
        """The person did nothing until the deadline."""
        self._throw(CtapError(Status.USER_ACTION_TIMEOUT))

    def _advance(self, answer: Answer | None) -> None:
        try:
            self.ask = self._steps.send(answer)  # type: ignore[arg-type]  # None starts the generator
        except StopIteration as stop:
            self._finish(stop.value)
        except CtapError as error:
            self._finish(bytes((error.status,)))
        except Exception as bug:
            self._crash(bug)

    def _throw(self, error: CtapError) -> None:
        if self.done:
            return
        try:
            self.ask = self._steps.throw(error)
        except StopIteration as stop:
            self._finish(stop.value)
        except CtapError as outcome:
            self._finish(bytes((outcome.status,)))
        except Exception as bug:
            self._crash(bug)

    def _finish(self, response: bytes) -> None:
        self.ask = None
        self.response = response

    def _crash(self, bug: Exception) -> None:
        log.error("a bug in the authenticator: the host is told 0x7F", exc_info=bug)
        self.bug = bug
        self._finish(bytes((Status.OTHER,)))
