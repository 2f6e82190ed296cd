"""A key without its wire: python-fido2's client side talks to an `Authenticator` in the same process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from fido2.ctap import STATUS, CtapDevice
from fido2.hid import CAPABILITY, CTAPHID

from authenticator.authenticator import Authenticator
from authenticator.environment import HandTurnedClock
from authenticator.operation import Operation
from authenticator.person import (
    TOUCHED,
    VERIFIED,
    AccountChoice,
    Answer,
    Ask,
    Chosen,
    Presence,
)


class _Does:
    """What the person does instead of answering."""


NOTHING = _Does()
"""Until the deadline."""
CANCELS = _Does()
"""At the host: the command is cancelled."""


class ScriptedPerson:
    """Answers what is scripted, then is willing. Remembers what was asked."""

    def __init__(self) -> None:
        self.script: deque[Answer | _Does] = deque()
        self.asked: list[Ask] = []

    def will(self, *answers: Answer | _Does) -> None:
        self.script.extend(answers)

    def answer(self, ask: Ask) -> Answer | _Does:
        self.asked.append(ask)
        if self.script:
            return self.script.popleft()
        if isinstance(ask, Presence):
            return TOUCHED
        return Chosen(0) if isinstance(ask, AccountChoice) else VERIFIED


class DirectDevice(CtapDevice):
    """One channel of a key. A person who does nothing lets the hand-turned clock run to the deadline."""

    def __init__(
        self, authenticator: Authenticator, clock: HandTurnedClock, person: ScriptedPerson, channel: int = 1
    ) -> None:
        self.authenticator = authenticator
        self.clock = clock
        self.person = person
        self.channel = channel

    @property
    def capabilities(self) -> int:
        return CAPABILITY.CBOR | (0 if self.authenticator.profile.features.u2f else CAPABILITY.NMSG)

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        begin = self.authenticator.begin if cmd == CTAPHID.CBOR else self.authenticator.begin_u2f
        return self.finish(begin(data, self.channel), on_keepalive)

    def finish(self, operation: Operation, on_keepalive: Callable[[STATUS], None] | None = None) -> bytes:
        while operation.ask is not None:
            if on_keepalive is not None:
                on_keepalive(STATUS.UPNEEDED)
            answer = self.person.answer(operation.ask)
            if answer is CANCELS:
                operation.cancel()
            elif isinstance(answer, _Does):
                self.clock.advance(getattr(operation.ask, "timeout", 30.0))
                operation.expire()
            else:
                operation.resume(answer)
        if operation.bug is not None:
            raise operation.bug
        assert operation.response is not None
        return operation.response

    @classmethod
    def list_devices(cls) -> Iterator[Any]:
        return iter(())
