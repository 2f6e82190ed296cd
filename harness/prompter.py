"""The habit "prompted": a key's questions at the terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from typing import TextIO

from authenticator.person import AccountChoice, Ask, FingerSample, PinEntry, Presence, Verification
from harness.acts import (
    PIN_PAD,
    Act,
    choose,
    deny,
    enter_pin,
    ignore,
    poor_sample,
    right_finger,
    touch,
    unplug,
    wrong_finger,
)
from harness.errors import SetupError
from harness.people import Question


class TerminalPrompter:
    """Asks on one stream and reads lines of another in its own thread, so that nothing else waits."""

    def __init__(self, source: Iterable[str] | None = None, sink: TextIO | None = None) -> None:
        self._source: Iterable[str] = source if source is not None else sys.stdin
        self._sink = sink if sink is not None else sys.stderr
        if source is None and not (sys.stdin and sys.stdin.isatty()):
            raise SetupError(
                "habit 'prompted' asks at the terminal, but standard input is not one: "
                "run it in a terminal, or choose the habit willing, ignoring or refusing"
            )
        self._open: list[Question] = []
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._ended = False

    def prompt(self, question: Question) -> None:
        with self._lock:
            if self._ended:
                self._say("standard input has ended: nobody answers")
                return
            self._open = [each for each in self._open if not (each.withdrawn or each.answered)]
            self._open.append(question)
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, name="stuntkey prompt", daemon=True)
                self._reader.start()
        self._say(wording(question.ask))

    def _read(self) -> None:
        for line in self._source:
            with self._lock:
                waiting = [each for each in self._open if not (each.withdrawn or each.answered)]
                self._open = waiting
            if not waiting:
                self._say("nothing is asked at the moment")
                continue
            question = waiting[-1]
            try:
                act = understood(line.strip(), question.ask)
                if act is None:
                    self._say(wording(question.ask))
                elif not question.answer(act):
                    self._say("nothing done")
            except SetupError as error:
                self._say(str(error))
        with self._lock:
            self._ended = True

    def _say(self, text: str) -> None:
        print(text, file=self._sink, flush=True)


def wording(ask: Ask) -> str:
    """The question, and what may be typed."""
    if isinstance(ask, PinEntry):
        return f"{'New PIN' if ask.new else 'PIN'} for {ask.rp_id or 'the key'}? (n: refuse)"
    if isinstance(ask, AccountChoice):
        listed = ", ".join(f"{place}: {name}" for place, name in enumerate(ask.accounts))
        return f"Which account of {ask.rp_id}? {listed} (n: refuse)"
    if isinstance(ask, FingerSample):
        return f"Touch the sensor, {ask.remaining} to go (Enter: touch, p: poor sample, n: refuse)"
    where = f" at {ask.rp_id}" if ask.rp_id else ""
    who = f" as {ask.user_name}" if ask.user_name else ""
    if isinstance(ask, Verification):
        if ask.method == PIN_PAD:
            return f"{ask.purpose.value}{where}{who}: PIN on the key's own pad? (n: refuse)"
        return f"{ask.purpose.value}{where}{who}: your {ask.method}? (Enter: right, w: wrong one, n: refuse)"
    return f"{ask.purpose.value}{where}{who}: touch the key (Enter: touch, n: refuse, i: ignore, u: unplug)"


def understood(line: str, ask: Ask) -> Act | None:
    """What a typed line means as an answer to `ask`; None if nothing."""
    word = line.lower()
    if word in ("n", "no"):
        return deny()
    if word in ("u", "unplug"):
        return unplug()
    if word in ("i", "ignore"):
        return ignore()
    if isinstance(ask, PinEntry) or (isinstance(ask, Verification) and ask.method == PIN_PAD):
        return enter_pin(line) if line else None
    if isinstance(ask, AccountChoice):
        return choose(int(word) if word.isdigit() else line) if line else None
    if word in ("", "y", "yes", "t", "touch"):
        return touch() if isinstance(ask, Presence) else right_finger()
    if word in ("w", "wrong") and isinstance(ask, Verification):
        return wrong_finger()
    if word in ("p", "poor") and isinstance(ask, FingerSample):
        return poor_sample()
    return None
