"""The person who holds a key: scripted ahead, answering out of habit, or live."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from authenticator.person import (
    DECLINED,
    TOUCHED,
    AccountChoice,
    Answer,
    Ask,
    Chosen,
    FingerSample,
    Pin,
    PinEntry,
    Presence,
    Verification,
    Verified,
)
from harness.acts import PIN_PAD, Act, Outcome, Pulled, Reply
from harness.errors import SetupError

Habit: TypeAlias = Literal["willing", "ignoring", "refusing", "prompted"]


class Question:
    """An ask put to a person: answered at once, later, from another thread, or never."""

    def __init__(
        self,
        ask: Ask,
        now: Callable[[], float],
        on_answer: Callable[[], None] = lambda: None,
        *,
        asked_at: float | None = None,
    ) -> None:
        self.ask = ask
        self.asked_at = now() if asked_at is None else asked_at
        self.hearing = True
        """The person is just being asked: what they say now is said at the moment of the question."""
        self.withdrawn = False
        self.live = False
        """A callback or a human being may answer at any moment, on a clock of their own."""
        self._now = now
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._reply: tuple[float, Outcome] | None = None
        self.exchange: Exchange | None = None

    @property
    def answered(self) -> bool:
        return self._reply is not None

    @property
    def due(self) -> float | None:
        """When the person does what they decided to do; None while they have not decided."""
        return None if self._reply is None else self._reply[0]

    @property
    def outcome(self) -> Outcome | None:
        return None if self._reply is None else self._reply[1]

    def answer(self, answer: Act | Reply | Answer | Pulled) -> bool:
        """Answer, from any thread; False if it is too late or was answered already."""
        reply = _reply_to(self.ask, answer)
        if reply is None:
            return False
        with self._lock:
            if self.withdrawn or self._reply is not None:
                return False
            now = self.asked_at if self.hearing else self._now()
            self._reply = (now + reply.after, reply.outcome)
            if self.exchange is not None:
                self.exchange.answer, self.exchange.answered_at = describe(reply.outcome), now + reply.after
        self._on_answer()
        return True

    def withdraw(self) -> None:
        """Whoever asked wants no answer any more."""
        with self._lock:
            self.withdrawn = True


def _reply_to(ask: Ask, answer: Act | Reply | Answer | Pulled) -> Reply | None:
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, Answer | Pulled):
        return Reply(answer)
    if not answer.fits(ask):
        raise SetupError(f"{answer} is no answer to {type(ask).__name__}")
    return answer.reply(ask)


LATER: Final = Reply(DECLINED)
"""What `on_ask` returns to say: I shall call `question.answer(...)` myself."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One line of a person's record. PINs are not in it."""

    ask: Ask
    asked_at: float
    answer: str | None = None
    answered_at: float | None = None


def describe(outcome: Outcome) -> str:
    """An answer in a word or two, without its secrets."""
    if isinstance(outcome, Chosen):
        return f"chosen {outcome.index}"
    if isinstance(outcome, Verified):
        if outcome.by_password:
            return "verified by the device's password"
        return "verified" if not outcome.finger else f"verified, finger {outcome.finger}"
    return _IN_WORDS.get(type(outcome).__name__, "not recognised")


_IN_WORDS = {"Touched": "touched", "Declined": "declined", "Pin": "a PIN", "Pulled": "unplugged"}


class Prompter(Protocol):
    """Puts questions to a human being. Must not block."""

    def prompt(self, question: Question) -> None: ...


class Person:
    """Does what `will` said, one act for each ask it fits; then whatever the habit is."""

    def __init__(
        self,
        *acts: Act,
        habit: Habit = "willing",
        pin: str | None = None,
        on_ask: Callable[[Question], Act | Reply | None] | None = None,
        prompter: Prompter | None = None,
        memory: int = 10_000,
    ) -> None:
        self.pin = pin
        self.on_ask = on_ask
        self.record: deque[Exchange] = deque(maxlen=memory)
        self._script: deque[Act] = deque()
        self._prompter = prompter
        self._gave_own_pin = False
        self.habit = habit
        self.will(*acts)

    def __repr__(self) -> str:
        return f"Person(habit={self._habit!r}, {len(self._script)} acts to come)"

    @property
    def habit(self) -> Habit:
        """willing, ignoring, refusing, or prompted (asks at the terminal)."""
        return self._habit

    @habit.setter
    def habit(self, habit: Habit) -> None:
        if habit not in get_args(Habit):
            raise SetupError(f"habit {habit!r}: must be one of {', '.join(get_args(Habit))}")
        if habit == "prompted" and self._prompter is None:
            from harness.prompter import TerminalPrompter

            self._prompter = TerminalPrompter()
        self._habit: Habit = habit

    def will(self, *acts: Act) -> Person:
        """What to do next, in this order. An act waits for the first ask it fits."""
        for act in acts:
            if not (hasattr(act, "fits") and hasattr(act, "reply")):
                raise SetupError(
                    f"{act!r} is not something a person can do: use touch(), deny(), enter_pin(...)"
                )
            if act.times < 1:
                raise SetupError(f"{act}: times must be 1 or more")
            self._script.extend([replace(act, times=1)] * act.times)  # type: ignore[type-var]  # acts are dataclasses
        return self

    @property
    def script(self) -> tuple[Act, ...]:
        """The acts that wait for an ask they fit."""
        return tuple(self._script)

    def forget_script(self) -> None:
        self._script.clear()

    def hear(self, question: Question) -> None:
        """Be asked: the question is answered at once, or left to a callback or a human being."""
        try:
            self._hear(question)
        finally:
            question.hearing = False

    def _hear(self, question: Question) -> None:
        exchange = Exchange(ask=question.ask, asked_at=question.asked_at)
        question.exchange = exchange
        self.record.append(exchange)
        if self.on_ask is not None:
            live = self.on_ask(question)
            if live is LATER:
                question.live, question.hearing = True, False
                return
            if question.answered:
                return
            if live is not None:
                question.answer(live)
                return
        act = self._next_act(question.ask)
        if act is None and self._habit == "prompted":
            assert self._prompter is not None
            question.live = True
            self._prompter.prompt(question)
            return
        reply = act.reply(question.ask) if act is not None else self._by_habit(question.ask)
        if isinstance(question.ask, PinEntry):
            given = reply.outcome if reply is not None else None
            self._gave_own_pin = isinstance(given, Pin) and given.text == self.pin
            if question.ask.new and isinstance(given, Pin):
                self.pin = given.text
        if reply is not None:
            question.answer(reply)

    def answer(self, ask: Ask) -> Reply | None:
        """What the script, or else the habit, says to this ask; None: never anything."""
        act = self._next_act(ask)
        return act.reply(ask) if act is not None else self._by_habit(ask)

    def _next_act(self, ask: Ask) -> Act | None:
        for place, act in enumerate(self._script):
            if act.fits(ask):
                del self._script[place]
                return act
        return None

    def _by_habit(self, ask: Ask) -> Reply | None:
        if self._habit == "refusing":
            return Reply(DECLINED)
        if self._habit != "willing":
            return None
        return Reply(self._willingly(ask))

    def _willingly(self, ask: Ask) -> Answer:
        if isinstance(ask, Presence):
            return TOUCHED
        if isinstance(ask, AccountChoice):
            return Chosen(0)
        if isinstance(ask, PinEntry):
            if ask.new:
                return Pin(
                    self.pin if self.pin and len(self.pin) >= ask.min_length else _invented(ask.min_length)
                )
            # Whoever was told that their own PIN is wrong does not lock the key by typing it again.
            if self.pin is None or (ask.wrong_before and self._gave_own_pin):
                return DECLINED
            return Pin(self.pin)
        if isinstance(ask, Verification) and ask.method == PIN_PAD:
            return Pin(self.pin) if self.pin is not None else DECLINED
        assert isinstance(ask, Verification | FingerSample)
        return Verified()

    def __getstate__(self) -> Any:
        raise TypeError("a person is not data: snapshot the key, and give the clone its own person")


def _invented(length: int) -> str:
    return ("1234567890" * 7)[: max(4, length)]
