"""A key at the terminal: its light, what it asks, and the keys that answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from authenticator.person import AccountChoice, Ask, FingerSample, PinEntry, Presence, Verification
from harness.acts import (
    PIN_PAD,
    Act,
    choose,
    deny,
    enter_pin,
    poor_sample,
    right_finger,
    touch,
    wrong_finger,
)
from harness.errors import SetupError
from harness.otp import LONG_TOUCH
from harness.people import Question
from harness.trace.visible import visible
from harness.trace.words import question_text
from harness.virtual_key import VirtualKey

ENTER, ESCAPE, ERASE = ("\r", "\n"), "\x1b", ("\x7f", "\b")
INTERRUPT = ("\x03", "\x04")
BLINK = 0.4


class KeyPanel:
    """The habit "prompted", as a panel. Everything happens in the thread that serves the key."""

    def __init__(self, key: VirtualKey, where: str, quit: Callable[[], None]) -> None:
        self._key = key
        self._where = where
        self._quit = quit
        self._questions: list[Question] = []
        self._typed: str | None = None
        """The PIN, while it is being typed."""
        self._note = ""

    # The prompter

    def prompt(self, question: Question) -> None:
        self._questions.append(question)
        self._typed = None
        self._note = ""

    @property
    def question(self) -> Question | None:
        """The last one that still waits."""
        self._questions = [each for each in self._questions if not (each.answered or each.withdrawn)]
        return self._questions[-1] if self._questions else None

    # Keys

    def press(self, pressed: str) -> None:
        self._note = ""
        question = self.question
        if pressed in INTERRUPT:
            self._quit()
        elif self._typed is not None and question is not None:
            self._type(pressed, question)
        elif pressed == "q":
            self._quit()
        elif pressed == "u":
            if self._key.is_plugged_in:
                self._key.unplug()
            else:
                self._key.plug_in()
        elif question is None:
            touched = pressed in (*ENTER, "l") and self._key.touch(LONG_TOUCH if pressed == "l" else 0.0)
            self._note = "" if touched else "nothing is asked at the moment"
        elif pressed == "p" and _wants_pin(question.ask):
            self._typed = ""
        else:
            act = _meaning(pressed, question.ask)
            if act is None:
                self._note = "that key does nothing here"
            else:
                self._answer(question, act)

    def _type(self, pressed: str, question: Question) -> None:
        assert self._typed is not None
        if pressed in ENTER:
            typed, self._typed = self._typed, None
            self._answer(question, enter_pin(typed))
        elif pressed == ESCAPE:
            self._typed = None
        elif pressed in ERASE:
            self._typed = self._typed[:-1]
        elif pressed.isprintable():
            self._typed += pressed

    def _answer(self, question: Question, act: Act) -> None:
        try:
            question.answer(act)
        except SetupError as error:
            self._note = str(error)

    # The picture

    def render(self, now: float | None = None) -> RenderableType:
        now = time.monotonic() if now is None else now
        question = self.question
        light, says = self._light(question, now)
        lines: list[RenderableType] = [Text.assemble(light, "  ", says)]
        if question is not None and isinstance(question.ask, AccountChoice):
            lines += (
                Text(f"     {i}  {visible(name)}") for i, name in enumerate(question.ask.accounts[:9], 1)
            )
        lines += (Text(f"   {self._note}", style="yellow"), self._keys(question))
        title = Text.assemble((self._key.profile.title, "bold"), ("  " + self._where, "dim"))
        return Panel(
            Group(*lines),
            title=title,
            title_align="left",
            border_style=self._border(question),
            padding=(0, 1),
        )

    def _border(self, question: Question | None) -> str:
        if not self._key.is_plugged_in:
            return "dim"
        return "yellow" if question is not None else "green"

    def _light(self, question: Question | None, now: float) -> tuple[Text, Text]:
        if not self._key.is_plugged_in:
            return Text("○", style="dim"), Text("pulled out", style="dim")
        if question is None:
            count = len(self._key.credentials)
            return Text("●", style="green"), Text(f"ready, {count} {'passkey' if count == 1 else 'passkeys'}")
        lit = int(now / BLINK) % 2 == 0
        says = Text(question_text(question.ask), style="bold")
        if self._typed is not None:
            says.append(f"  PIN: {'•' * len(self._typed)}▏", style="yellow")
        elif not isinstance(question.ask, PinEntry):
            left = max(0.0, question.asked_at + question.ask.timeout - self._key.clock.monotonic())
            says.append(f"  {left:.0f} s", style="dim not bold")
        return Text("●" if lit else "○", style="bold yellow"), says

    def _keys(self, question: Question | None) -> Text:
        offered = [] if question is None else _offered(question.ask, self._typed is not None)
        if question is None and self._key.otp.types:
            offered += [("Enter", "touch: type"), ("l", "touch for long: type")]
        if self._typed is None:
            offered += [("u", "unplug" if self._key.is_plugged_in else "plug in"), ("q", "quit")]
        text = Text()
        for pressed, does in offered:
            text.append(f" {pressed} ", style="reverse")
            text.append(f" {does}  ")
        return text


def _wants_pin(ask: Ask) -> bool:
    return isinstance(ask, PinEntry) or (isinstance(ask, Verification) and ask.method == PIN_PAD)


def _offered(ask: Ask, typing: bool) -> list[tuple[str, str]]:
    if typing:
        return [("Enter", "done"), ("Esc", "back")]
    if _wants_pin(ask):
        return [("p", "type the PIN"), ("d", "deny")]
    match ask:
        case AccountChoice():
            return [(f"1-{min(9, len(ask.accounts))}", "choose"), ("d", "deny")]
        case FingerSample():
            return [("Enter", "touch"), ("w", "poor sample"), ("d", "deny")]
        case Verification():
            return [("Enter", f"your {ask.method.replace('-', ' ')}"), ("w", "a wrong one"), ("d", "deny")]
    return [("Enter", "touch"), ("d", "deny")]


def _meaning(pressed: str, ask: Ask) -> Act | None:
    """What a pressed key answers to `ask`; None if nothing."""
    if pressed == "d":
        return deny()
    if isinstance(ask, AccountChoice):
        return (
            choose(int(pressed) - 1) if pressed in "123456789" and int(pressed) <= len(ask.accounts) else None
        )
    if _wants_pin(ask):
        return None
    if pressed in ENTER:
        return touch() if isinstance(ask, Presence) else right_finger()
    if pressed == "w" and isinstance(ask, Verification):
        return wrong_finger()
    if pressed == "w" and isinstance(ask, FingerSample):
        return poor_sample()
    return None
