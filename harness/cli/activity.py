"""What goes on at a key, a line for each request: what was asked, of whom, and how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from harness.trace import AnswerEvent, Event, RequestEvent, ResponseEvent, StateEvent
from harness.trace.words import subject

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
