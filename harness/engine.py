"""A key at work: the authenticator, the person and the wire under one lock."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable

from authenticator.authenticator import Authenticator
from authenticator.environment import Environment, HandTurnedClock
from authenticator.operation import Operation, Steps
from authenticator.person import Ask
from authenticator.status import CtapError, Status
from ctaphid.device import Identity, KeepaliveStatus
from ctaphid.hid_device import HidDevice
from ctaphid.hub import Hub
from ctaphid.packets import ErrorCode
from harness.acts import Outcome, touch
from harness.identity import identify, manage
from harness.people import Person, Question
from harness.trace import (
    AnswerEvent,
    AskEvent,
    PacketEvent,
    RequestEvent,
    ResponseEvent,
    StateEvent,
    Trace,
)
from harness.transaction import Answered, Transaction, U2fTouch

CANCEL_LATENCY = 0.05
DIRECT = 0
"""The channel of requests that do not come over the wire: CTAPHID never gives it to anyone."""


class Unplugged(OSError):
    """The key is not there (any more)."""

    def __init__(self) -> None:
        super().__init__(errno.ENODEV, "the key is not plugged in")


class Engine:
    """The `Backend` of a key's wire, and the way to its authenticator without one."""

    def __init__(
        self,
        environment: Environment,
        person: Person,
        trace: Trace,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.person = person
        self.trace = trace
        self.clock = environment.clock
        self.lock = threading.RLock()
        self.bugs: list[BaseException] = []
        """What went wrong inside, where the host was told 0x7F."""
        self.on_pulled: Callable[[], None] = lambda: None
        self.refuse: Callable[[bytes], Status | None] | None = None
        """What the device around the authenticator refuses by itself."""
        self.winks = 0
        self.authenticator = Authenticator(environment)
        self._changed = threading.Condition(self.lock)
        self._current: Transaction | None = None
        self._live: Question | None = None
        self._asking: int | None = None
        self._u2f = U2fTouch(self)
        jump = self._jump if isinstance(self.clock, HandTurnedClock) else None
        self.hub = Hub(Wire(self, random_bytes), clock=self.clock, lock=self.lock, jump=jump)
        self._identity = identify(environment.profile, self.authenticator.state)

    # Requests without a wire

    def call(
        self,
        request: bytes,
        *,
        deadline: float | None = None,
        cancelled: threading.Event | None = None,
        on_ask: Callable[[], None] | None = None,
    ) -> bytes:
        """A CTAP2 request, and its response when the person has done what it takes.

        At `deadline`, or once `cancelled` is set, the request is cancelled, as by a host that gave up. `on_ask` is
        called when the person is waited for.
        """
        with self.lock:
            self.require_plugged()
            clock = self.clock
            transaction = self.begin_cbor(DIRECT, request, clock.monotonic())
            try:
                while not transaction.over:
                    if on_ask is not None and transaction.status is KeepaliveStatus.USER_PRESENCE_NEEDED:
                        on_ask()
                        on_ask = None
                    now = clock.monotonic()
                    if (deadline is not None and now >= deadline) or (cancelled and cancelled.is_set()):
                        transaction.cancel(now)
                        break
                    # Nobody tells when an event is set, so it is looked at now and then.
                    look_again = None if cancelled is None else now + CANCEL_LATENCY
                    self.wait(earliest(transaction.next_wake(), deadline, look_again))
                    transaction.wake(clock.monotonic())
            except BaseException:
                transaction.cancel(clock.monotonic())
                raise
            if self.hub.next_wake() is not None:  # a request of the wire may have waited for its turn
                self.hub.wake()
            if transaction.response is None:
                raise Unplugged
            return transaction.response

    def call_u2f(self, apdu: bytes, channel: int = DIRECT) -> bytes:
        """One U2F message, and its answer at once: hosts poll for the touch."""
        with self.lock:
            self.require_plugged()
            response = self.begin_msg(channel, apdu, self.clock.monotonic()).response
            if response is None:
                raise Unplugged
            return response

    def require_plugged(self) -> None:
        if not self.hub.plugged_in:
            raise Unplugged

    # The Backend of the wire

    @property
    def identity(self) -> Identity:
        return self._identity

    def begin_cbor(self, channel: int, request: bytes, now: float) -> Transaction:
        trace = self.trace
        if trace.recording:
            trace.add(RequestEvent(at=now, channel=channel, data=request))

        def begin(transaction: Transaction) -> Operation | None:
            if not self.is_free():
                return None
            self._current = transaction
            self._u2f.forget()
            refusal = self.refuse(request) if self.refuse is not None else None
            if refusal is not None:
                return Operation(_refused(refusal)).start()
            return self.authenticator.begin(request, channel)

        def done(response: bytes) -> None:
            if trace.recording:
                at = self.clock.monotonic()
                command = request[0] if request else 0
                trace.add(ResponseEvent(at=at, channel=channel, command=command, data=response))

        return Transaction(self, begin, now, done)

    def begin_msg(self, channel: int, request: bytes, now: float) -> Answered:
        self.trace.add(RequestEvent(at=now, channel=channel, u2f=True, data=request))
        response: bytes | None
        if self.is_free():
            response = self._u2f.finish(self.authenticator.begin_u2f(request, channel), now)
        else:
            response = b"\x6f\x00"  # SW_NO_PRECISE_DIAGNOSIS: another client's command is under way
        if response is not None:
            self.trace.add(ResponseEvent(at=now, channel=channel, command=None, data=response))
        return Answered(response)

    def wink(self, channel: int, now: float) -> None:
        self.winks += 1
        self.trace.add(StateEvent(at=now, state="wink"))

    def vendor(self, channel: int, command: int, request: bytes, now: float) -> bytes | ErrorCode:
        answer = manage(self.authenticator, command, request)
        self._identity = identify(self.authenticator.profile, self.authenticator.state)
        return answer

    # What transactions need

    def is_free(self) -> bool:
        return self._current is None or self._current.over

    def ask(self, ask: Ask, now: float) -> Question:
        self.trace.add(AskEvent(at=now, ask=ask))
        question = Question(ask, self.clock.monotonic, self.poke, asked_at=now)
        self._asking = threading.get_ident()
        try:
            self.person.hear(question)
        finally:
            self._asking = None
        self._live = None if question.answered else question
        return question

    def answered(self, now: float, outcome: str) -> None:
        self.trace.add(AnswerEvent(at=now, answer=outcome))

    def finished(self, operation: Operation) -> None:
        self._current = None
        self._live = None
        if operation.bug is not None:
            self.bugs.append(operation.bug)
            self.trace.bug(self.clock.monotonic(), operation.bug)
        self._changed.notify_all()

    def pulled(self) -> None:
        self.on_pulled()

    def touched(self, hold: float) -> bool:
        """Somebody touched the key, whatever the person it belongs to says; whether it waited for that."""
        with self.lock:
            act = touch()
            return self.hub.plugged_in and any(
                act.fits(question.ask) and hold >= getattr(question.ask, "hold", 0.0) and question.answer(act)
                for question in (self._live, self._u2f.waiting(self.clock.monotonic()))
                if question is not None
            )

    # Time and power

    def ask_and_wait(self, ask: Ask, deadline: float | None = None) -> Outcome | None:
        """Ask the person something that is no affair of the key's, such as the PIN in a client's dialog."""
        with self.lock:
            clock = self.clock
            question = self.ask(ask, clock.monotonic())
            while True:
                now, due = clock.monotonic(), question.due
                if due is not None and now >= due:
                    assert question.exchange is not None
                    self.answered(now, question.exchange.answer or "")
                    return question.outcome
                if deadline is not None and now >= deadline:
                    question.withdraw()
                    return None
                self.wait(earliest(due, deadline))

    def wait(self, until: float | None) -> None:
        """Let time pass until then, or until something happens. Call it with the lock held.

        A hand-turned clock jumps there, unless somebody live may still answer.
        """
        clock = self.clock
        if until is None:
            self._changed.wait()
        elif isinstance(clock, HandTurnedClock):
            self._jump(until - clock.monotonic())
        else:
            self._changed.wait(max(0.0, until - clock.monotonic()))

    def _jump(self, seconds: float) -> None:
        assert isinstance(self.clock, HandTurnedClock)
        live = self._live is not None and self._live.live
        # For whoever answers live, time passes as it does for them. A port's loop has waited already.
        if live and asyncio._get_running_loop() is None:
            started = time.monotonic()
            self._changed.wait(max(0.0, seconds))
            seconds = min(seconds, time.monotonic() - started)
        self.clock.advance(max(0.0, seconds))

    def poke(self) -> None:
        """Something happened that waiting threads and ports cannot see: they look again. From any thread."""
        if self._asking == threading.get_ident():
            return  # the person answered while being asked: whoever asks will see it
        with self.lock:
            self._changed.notify_all()
            if self.hub.next_wake() is not None:
                self.hub.wake()

    def lose_power(self, *, for_good: bool) -> None:
        """Everything volatile is gone. What was under way is cancelled, or without any answer when it is for good."""
        if self._current is not None:
            if for_good:
                self._current.drop()
            else:
                self._current.cancel(self.clock.monotonic())
            self._current = None
        self._u2f.forget()
        self.authenticator.power_cycle()
        self._changed.notify_all()
        if not for_good and self.hub.next_wake() is not None:
            self.hub.wake()


def _refused(status: Status) -> Steps:
    raise CtapError(status)
    yield  # an operation is a generator


def earliest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)


class Wire:
    """The HID device of a key, its packets traced. Its hub holds the lock."""

    def __init__(self, engine: Engine, random_bytes: Callable[[int], bytes]) -> None:
        self._engine = engine
        self._device = HidDevice(engine, random_bytes=random_bytes)
        self.wake = self._device.wake
        self.next_wake = self._device.next_wake
        self.power_cycle = self._device.power_cycle

    def receive(self, packet: bytes, now: float) -> None:
        if self._engine.trace.recording:
            self._engine.trace.add(PacketEvent(at=now, to_key=True, data=packet))
        self._device.receive(packet, now)

    def outgoing(self) -> list[bytes]:
        packets = self._device.outgoing()
        if packets and self._engine.trace.recording:
            now = self._engine.clock.monotonic()
            for packet in packets:
                self._engine.trace.add(PacketEvent(at=now, to_key=False, data=packet))
        return packets
