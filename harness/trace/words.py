"""Events in words: what a request is about, what a person is asked, and each event on one line."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from authenticator.commands import bio_enrollment, client_pin, config, credential_management
from authenticator.person import AccountChoice, FingerSample, PinEntry, Presence, Verification
from harness.trace.events import (
    AnswerEvent,
    AskEvent,
    Event,
    PacketEvent,
    RequestEvent,
    ResponseEvent,
    StateEvent,
    StepEvent,
)
from harness.trace.visible import visible

_SUB_COMMANDS: dict[int, tuple[int, type[IntEnum]]] = {
    0x06: (client_pin.Key.SUB_COMMAND, client_pin.SubCommand),
    0x09: (0x02, bio_enrollment.SubCommand),
    0x0A: (0x01, credential_management.SubCommand),
    0x0D: (0x01, config.SubCommand),
    0x40: (0x02, bio_enrollment.SubCommand),
    0x41: (0x01, credential_management.SubCommand),
}
"""Command → the member that says which part of it, and the names of those."""


def subject(request: RequestEvent) -> str:
    """Whom or what a request is about."""
    parameters = request.parameters
    if not isinstance(parameters, dict) or not request.data:
        return ""
    code = request.data[0]
    if code in (0x01, 0x02):
        rp_id = _member(parameters.get(2), "id") if code == 0x01 else parameters.get(1)
        user = _member(parameters.get(3), "name") if code == 0x01 else None
        return visible(" as ".join(each for each in (rp_id, user) if isinstance(each, str)))
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
    return visible(_question(event.ask if isinstance(event, AskEvent) else event))


def _question(ask: Any) -> str:
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


def told(event: Event) -> str:
    """An event on one line, with what is in it."""
    from harness.trace.notation import message_of
    from harness.trace.wire import describe

    match event:
        case PacketEvent():
            return " ".join(describe(event.data)).strip()
        case RequestEvent():
            return f"{event.command} {message_of(event)}".strip()
        case ResponseEvent():
            return f"{event.status} {message_of(event)}".strip()
        case AskEvent():
            return f"the person is asked: {question_text(event)}"
        case AnswerEvent():
            return f"the person: {visible(event.answer)}"
        case StateEvent():
            lines = event.text.strip().splitlines()
            return visible(f"{event.state}: {lines[-1]}" if lines else event.state)
        case StepEvent():
            return visible(f"{event.who}: {event.what} {event.detail}".strip())
