"""What goes on at a key, a line for each request: what was asked, of whom, and how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from authenticator.commands import bio_enrollment, client_pin, config, credential_management
from authenticator.person import AccountChoice, FingerSample, PinEntry, Presence, Verification
from harness.trace import AnswerEvent, AskEvent, Event, RequestEvent, ResponseEvent, StateEvent

_SUB_COMMANDS: dict[int, tuple[int, type[IntEnum]]] = {
    0x06: (client_pin.Key.SUB_COMMAND, client_pin.SubCommand),
    0x09: (0x02, bio_enrollment.SubCommand),
    0x0A: (0x01, credential_management.SubCommand),
    0x0D: (0x01, config.SubCommand),
    0x40: (0x02, bio_enrollment.SubCommand),
    0x41: (0x01, credential_management.SubCommand),
}
"""Command → the member that says which part of it, and the names of those."""

_U2F_NOT_YET = "SW 6985"
"""SW_CONDITIONS_NOT_SATISFIED: touch me, and ask again. Hosts do, several times a second."""
_NAME_WIDTH = 20


@dataclass(slots=True)
class _Request:
    event: RequestEvent
    answers: list[str] = field(default_factory=list)


class Activity:
    """Events in, lines out."""

    def __init__(self) -> None:
        self._requests: dict[int, _Request] = {}
        self._polled: str | None = None

    def line(self, event: Event) -> Text | None:
        match event:
            case RequestEvent():
                self._requests[event.channel] = _Request(event)
            case AnswerEvent():
                for request in self._requests.values():
                    request.answers.append(event.answer)
            case ResponseEvent():
                if event.channel in self._requests:
                    return self._ended(self._requests.pop(event.channel), event)
            case StateEvent(state="bug"):
                return _stamped(
                    Text(f"a bug inside the key: {event.text.strip().splitlines()[-1]}", style="bold red")
                )
            case StateEvent():
                return _stamped(Text(event.state, style="cyan"))
            case _:
                pass
        return None

    def _ended(self, request: _Request, response: ResponseEvent) -> Text | None:
        what, status = request.event.command, response.status
        if request.event.u2f and status == _U2F_NOT_YET:
            if self._polled == what:
                return None
            self._polled = what
            status = "touch wanted"
        else:
            self._polled = None
        line = Text(set_cell_size(what, _NAME_WIDTH) if cell_len(what) < _NAME_WIDTH else what, style="bold")
        line.append("  ")
        line.append(_style_of(status, response))
        if details := subject(request.event):
            line.append(f"  {details}", style="default not bold")
        if request.answers:
            line.append(f"  {', '.join(request.answers)}", style="dim not bold")
        return _stamped(line)


def _stamped(line: Text) -> Text:
    return Text.assemble((time.strftime("%H:%M:%S  "), "dim"), line, no_wrap=True, overflow="ellipsis")


def _style_of(status: str, response: ResponseEvent) -> Text:
    if status in ("OK", "SUCCESS", "SW 9000"):
        return Text("ok", style="green not bold")
    if status == "touch wanted":
        return Text(status, style="yellow not bold")
    return Text(
        status if response.command is None else status.lower().replace("_", " "), style="red not bold"
    )


def subject(request: RequestEvent) -> str:
    """Whom or what a request is about."""
    parameters = request.parameters
    if not isinstance(parameters, dict) or not request.data:
        return ""
    code = request.data[0]
    if code in (0x01, 0x02):
        rp_id = _member(parameters.get(2), "id") if code == 0x01 else parameters.get(1)
        user = _member(parameters.get(3), "name") if code == 0x01 else None
        return " as ".join(each for each in (rp_id, user) if isinstance(each, str))
    if code in _SUB_COMMANDS:
        member, names = _SUB_COMMANDS[code]
        number = parameters.get(member)
        known = {int(each): each.name.lower().replace("_", " ") for each in names}
        return "" if number is None else known.get(number, f"unknown part {number}")
    return ""


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def question_text(event: AskEvent | Any) -> str:
    """What a display on the key would say."""
    ask = event.ask if isinstance(event, AskEvent) else event
    match ask:
        case PinEntry():
            again = "wrong; again: " if ask.wrong_before else ""
            return f"{again}{'a new PIN' if ask.new else 'the PIN'}{_at(ask.rp_id)}"
        case AccountChoice():
            return f"which account of {ask.rp_id}?"
        case FingerSample():
            return f"enroll a finger: {ask.remaining} more {'touch' if ask.remaining == 1 else 'touches'}"
        case Verification():
            who = f" as {ask.user_name}" if ask.user_name else ""
            method = ask.method.replace("-", " ")
            return f"{ask.purpose.value}{_at(ask.rp_id)}{who}: {method}, {ask.retries} tries left"
        case Presence():
            who = f" as {ask.user_name}" if ask.user_name else ""
            hold = f" (hold for {ask.hold:.0f} s)" if ask.hold else ""
            return f"{ask.purpose.value}{_at(ask.rp_id)}{who}: touch{hold}"
    return ""


def _at(rp_id: str | None) -> str:
    return f" at {rp_id}" if rp_id else ""
