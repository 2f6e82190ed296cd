"""A command and the person behind it: what the wire waits for. No clock is read here: `now` comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from authenticator.operation import Operation
from authenticator.person import Ask, NotRecognised, Presence, Purpose, Touched, Verified
from ctaphid.device import KeepaliveStatus
from harness.acts import Pulled
from harness.people import Question, describe

U2F_TOUCH_LASTS = 10.0
"""A touch counts for polls this much later: what U2F keys do, as nobody touches at the instant of a poll."""
U2F_POLLS_END = 5.0
"""A host that has not polled for this long has given up."""
NOT_SATISFIED = b"\x69\x85"
"""SW_CONDITIONS_NOT_SATISFIED: test of user presence required (U2F raw messages §3.3)."""


class Holder(Protocol):
    """What a transaction needs of the key it belongs to."""

    def is_free(self) -> bool:
        """No command is under way."""

    def ask(self, ask: Ask, now: float) -> Question: ...
    def answered(self, now: float, outcome: str) -> None: ...
    def finished(self, operation: Operation) -> None: ...
    def pulled(self) -> None: ...


class Transaction:
    """A CTAP2 command under way. It may have to wait for another one to end before it begins."""

    __slots__ = ("_begin", "_done", "_expires", "_holder", "_operation", "_question", "gone", "response")

    def __init__(
        self,
        holder: Holder,
        begin: Callable[[Transaction], Operation | None],
        now: float,
        done: Callable[[bytes], None],
    ) -> None:
        self.response: bytes | None = None
        self.gone = False
        """The key was pulled: there will be no response."""
        self._holder = holder
        self._begin = begin
        self._done = done
        self._operation: Operation | None = None
        self._question: Question | None = None
        self._expires = 0.0
        self.wake(now)

    @property
    def over(self) -> bool:
        return self.response is not None or self.gone

    @property
    def status(self) -> KeepaliveStatus:
        waiting = self._question is not None and not self.over
        return KeepaliveStatus.USER_PRESENCE_NEEDED if waiting else KeepaliveStatus.PROCESSING

    def next_wake(self) -> float | None:
        question = self._question
        if self.over:
            return None
        if self._operation is None:
            return 0.0 if self._holder.is_free() else None
        if question is None:
            return None
        due = question.due
        return self._expires if due is None else min(due, self._expires)

    def wake(self, now: float) -> None:
        if self.over:
            return
        operation = self._operation
        if operation is None:
            operation = self._operation = self._begin(self)
            if operation is None:
                return  # its turn has not come
        while not operation.done:
            question = self._question
            if question is None:
                assert operation.ask is not None
                question = self._question = self._holder.ask(operation.ask, now)
                self._expires = now + getattr(operation.ask, "timeout", 30.0)
            due = question.due
            if due is not None and due <= min(now, self._expires):
                outcome = question.outcome
                assert outcome is not None
                self._question = None
                self._holder.answered(now, describe(outcome))
                if isinstance(outcome, Pulled):
                    self.gone = True
                    self._holder.pulled()
                    return
                operation.resume(outcome)
            elif now >= self._expires:
                self._withdraw()
                operation.expire()
            else:
                return
        self._finish(operation)

    def cancel(self, now: float) -> None:
        if self.over:
            return
        if self._operation is None:
            self._operation = self._begin(self)
        self._withdraw()
        if self._operation is None:  # it never began: KEEPALIVE_CANCEL all the same
            self.response = b"\x2d"
            self._done(self.response)
            return
        self._operation.cancel()
        while not self._operation.done:  # a command may want something else now: the host wants nothing
            self._operation.cancel()
        self._finish(self._operation)

    def drop(self) -> None:
        """The key lost its power."""
        self._withdraw()
        self.gone = True

    def _withdraw(self) -> None:
        if self._question is not None:
            self._question.withdraw()
            self._question = None

    def _finish(self, operation: Operation) -> None:
        assert operation.response is not None
        self.response = operation.response
        self._done(operation.response)
        self._holder.finished(operation)


class Answered:
    """A transaction that had its response at once, or whose key was pulled."""

    __slots__ = ("response",)
    status = KeepaliveStatus.PROCESSING

    def __init__(self, response: bytes | None) -> None:
        self.response = response

    def wake(self, now: float) -> None:
        pass

    def next_wake(self) -> float | None:
        return None

    def cancel(self, now: float) -> None:
        pass


class U2fTouch:
    """The touch of U2F's polling: the host asks again and again until somebody has touched the key."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._question: Question | None = None
        self._purpose: Purpose | None = None
        self._polled = 0.0

    def forget(self) -> None:
        if self._question is not None:
            self._question.withdraw()
        self._question = self._purpose = None

    def waiting(self, now: float) -> Question | None:
        """The touch that a host still polls for."""
        return self._question if now <= self._polled + U2F_POLLS_END else None

    def finish(self, operation: Operation, now: float) -> bytes | None:
        """Take a U2F operation to its response; None if the person pulled the key."""
        while not operation.done:
            assert isinstance(operation.ask, Presence)
            question = self._current(operation.ask, now)
            due, outcome = question.due, question.outcome
            if due is None or due > now:
                break
            if isinstance(outcome, Pulled):
                self.forget()
                self._holder.answered(now, describe(outcome))
                self._holder.pulled()
                return None
            if not isinstance(outcome, Touched | Verified | NotRecognised):
                break  # U2F has no way to say no: it is as if nobody touched
            self._question = self._purpose = None
            self._holder.answered(now, describe(outcome))
            operation.resume(outcome)
        else:
            self._holder.finished(operation)
            assert operation.response is not None
            return operation.response
        operation.expire()
        self._holder.finished(operation)
        return NOT_SATISFIED

    def _current(self, ask: Presence, now: float) -> Question:
        question = self._question
        if question is None or ask.purpose is not self._purpose:
            stale = True
        elif isinstance(question.outcome, Touched | Verified | NotRecognised):
            assert question.due is not None
            stale = now > question.due + U2F_TOUCH_LASTS
        else:
            stale = now > self._polled + U2F_POLLS_END
        if stale:
            self.forget()
            question = self._question = self._holder.ask(ask, now)
            self._purpose = ask.purpose
        self._polled = now
        assert question is not None
        return question
