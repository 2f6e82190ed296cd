"""A trace for the terminal: one time line, each message with its members under it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from harness.trace.events import (
    AnswerEvent,
    AskEvent,
    PacketEvent,
    RequestEvent,
    ResponseEvent,
    StateEvent,
    StepEvent,
)
from harness.trace.notation import NotCbor, content, notation, plain
from harness.trace.records import Record, SavedTrace
from harness.trace.shapes import PLAIN, Shape
from harness.trace.u2f import status_word
from harness.trace.visible import visible
from harness.trace.wire import channel_text, describe
from harness.trace.words import question_text, subject

LONG_BYTES = 24
"""Longer strings of bytes are shortened, unless all is asked for."""
_INDENT = 14
_KEY_COLOURS = ("cyan", "magenta", "yellow", "blue", "green")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_NOT_YET = b"\x69\x85"


def summary(trace: SavedTrace) -> Text:
    """Whose trace it is, when, and how much of it there is."""
    requests = sum(isinstance(record.event, RequestEvent) for record in trace.records)
    packets = sum(isinstance(record.event, PacketEvent) for record in trace.records)
    seconds = trace.records[-1].at - trace.records[0].at if trace.records else 0.0
    line = Text(", ".join(names(trace)), style="bold")
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(trace.began))
    line.append(
        f"  {began}, {seconds_text(seconds)}, {requests} requests, {packets} packets", style="not bold dim"
    )
    return line


def names(trace: SavedTrace) -> list[str]:
    """What each key is called: by its profile, and where several have the same, by its node or number, too."""
    plain_names = [visible(key.name) for key in trace.keys]
    places = [key.where for key in trace.keys]
    for record in trace.records:
        event = record.event
        if isinstance(event, StateEvent) and event.state == "plugged in" and record.key is not None:
            places[record.key] = places[record.key] or event.text
    nodes = [visible(place.rpartition(" ")[2].removeprefix("/dev/")) for place in places]
    told = []
    for number, name in enumerate(plain_names):
        same = [each for each, other in enumerate(plain_names) if other == name]
        if len(same) == 1:
            told.append(name)
        elif len({nodes[each] for each in same} - {""}) == len(same):
            told.append(f"{name} {nodes[number]}")
        else:
            told.append(f"{name} #{same.index(number) + 1}")
    return told


class Story:
    """Records in, lines out."""

    def __init__(
        self,
        trace: SavedTrace,
        *,
        packets: bool = False,
        members: bool = True,
        full: bool = False,
        width: int = 100,
    ) -> None:
        self._names = names(trace) if len(trace.keys) > 1 else []
        self._packets, self._members, self._full, self._width = packets, members, full, width
        self._requested: dict[tuple[int | None, int], Record] = {}
        self._asked: dict[int | None, float] = {}
        self._polled: dict[tuple[int | None, int], tuple[bytes, int]] = {}
        self._held: list[Record] = []

    def lines(self, records: tuple[Record, ...] | list[Record]) -> Iterator[Text]:
        for record in records:
            event = record.event
            if isinstance(event, PacketEvent):
                if self._packets:
                    yield self._packet(record, event)
            elif self._held or (isinstance(event, RequestEvent) and event.u2f and not self._packets):
                self._held.append(record)
                if isinstance(event, ResponseEvent):
                    yield from self._polls(event)
            else:
                yield from self._record(record)
        for record in self._held:
            yield from self._record(record)
        self._held = []

    def _polls(self, response: ResponseEvent) -> Iterator[Text]:
        """U2F hosts ask several times a second for the touch: the same question again is only counted."""
        held, self._held = self._held, []
        first = held[0]
        assert isinstance(first.event, RequestEvent)
        who = first.key, first.event.channel
        before, count = self._polled.pop(who, (b"", 0))
        same = response.data == _NOT_YET and before == first.event.data
        if same and len(held) == 2:
            self._polled[who] = before, count + 1
            return
        if count:
            yield self._line(first, "…", Text(f"asked again {count} times", style="dim"))
        for record in held:
            yield from self._record(record)
        if response.data == _NOT_YET:
            self._polled[who] = first.event.data, 0

    def _record(self, record: Record) -> Iterator[Text]:
        event = record.event
        match event:
            case RequestEvent():
                self._requested[record.key, event.channel] = record
                head = Text(event.command, style="bold blue")
                if about := subject(event):
                    head.append(f"  {about}", style="not bold default")
                head.append(
                    f"  {channel_text(event.channel) if event.channel else 'direct'}", style="not bold dim"
                )
                yield self._line(record, "→", head)
                yield from self._content(event)
            case ResponseEvent():
                yield self._line(record, "←", self._outcome(record, event))
                yield from self._content(event)
            case AskEvent():
                self._asked[record.key] = record.at
                yield self._line(record, "?", Text(question_text(event), style="yellow"))
            case AnswerEvent():
                line = Text(visible(event.answer), style="yellow bold")
                if record.key in self._asked:
                    line.append(
                        f"  after {seconds_text(record.at - self._asked.pop(record.key))}",
                        style="not bold dim",
                    )
                yield self._line(record, "!", line)
            case StateEvent(state="bug"):
                yield self._line(record, "✗", Text("a bug inside the key", style="bold red"))
                for each in event.text.rstrip().splitlines():
                    yield Text(" " * _INDENT + visible(each), style="red")
            case StateEvent():
                line = Text(visible(event.state), style="cyan")
                if event.text:
                    line.append(f"  {visible(event.text)}", style="not cyan dim")
                yield self._line(record, "●", line)
            case StepEvent():
                line = Text.assemble((visible(event.who), "bold green"), "  ", visible(event.what))
                if event.detail:
                    line.append(f"  {visible(event.detail)}", style="dim")
                yield self._line(record, "◆", line)

    def _line(self, record: Record, mark: str, text: Text) -> Text:
        line = Text(f"{record.at:10.3f}  ", style="dim", no_wrap=False, overflow="fold")
        self._whose(line, record)
        line.append(f"{mark} ", style="not dim bold")
        styled = text.copy()
        styled.style = f"not dim {text.style}"
        line.append_text(styled)
        return line

    def _whose(self, line: Text, record: Record) -> None:
        if self._names and record.key is not None:
            colour = _KEY_COLOURS[record.key % len(_KEY_COLOURS)]
            line.append(f"{self._names[record.key]}  ", style=f"not dim {colour}")

    def _outcome(self, record: Record, event: ResponseEvent) -> Text:
        if event.command is None:
            status = status_word(event.data)
            good = status == "NO_ERROR"
        else:
            status = event.status
            good = status == "SUCCESS"
        line = Text(status, style="green" if good else "yellow" if event.data == _NOT_YET else "bold red")
        request = self._requested.pop((record.key, event.channel), None)
        if request is not None:
            line.append(f"  {seconds_text(record.at - request.at)}", style="not bold dim")
        return line

    def _packet(self, record: Record, event: PacketEvent) -> Text:
        name, rest = describe(event.data)
        channel = channel_text(int.from_bytes(event.data[:4], "big"))
        room = max(20, self._width - 40)
        if not self._full and len(rest) > room:
            rest = rest[: room - 1] + "…"
        line = Text(f"{record.at:10.3f}  ", style="dim")
        self._whose(line, record)
        line.append(f"{'▷' if event.to_key else '◁'} {channel} {name:<9} {rest}".rstrip())
        return line

    # What is in a message

    def _content(self, event: RequestEvent | ResponseEvent) -> Iterator[Text]:
        if not self._members:
            return
        value, shape = content(event)
        if isinstance(value, NotCbor):
            yield Text(" " * _INDENT + visible(value), style="red")
        elif isinstance(value, dict):
            yield from self._map(value, shape, _INDENT)
        elif value is not None:
            yield Text(" " * _INDENT + notation(value, shape))

    def _map(self, value: dict[Any, Any], shape: Shape, indent: int) -> Iterator[Text]:
        shape = shape.of(value)
        names = {
            key: shape.names.get(key, visible(key) if isinstance(key, str) else plain(key)) for key in value
        }
        room = max((len(name) for name in names.values()), default=0)
        for key, item in value.items():
            line = Text(" " * indent, overflow="fold")
            name = names[key]
            line.append(name, style="magenta" if key in shape.names else "")
            line.append(" " * (room - len(name) + 2))
            yield from self._value(line, item, shape.shapes.get(key, PLAIN), indent)

    def _value(self, line: Text, value: Any, shape: Shape, indent: int) -> Iterator[Text]:
        shape = shape.of(value)
        if shape.opened is not None and isinstance(value, bytes):
            inside = shape.opened(value)
            if inside is not None:
                yield line.append(f"{len(value)} bytes", style="dim")
                yield from self._map(inside, shape.inside or PLAIN, indent + 2)
                return
        short = self._short(value, shape)
        if len(line) + len(short) <= self._width or not isinstance(value, dict | list) or not value:
            yield line.append(short)
        elif _is_flat(value):
            yield from _filled(line, self._short(value, shape, together=True), self._width)
        elif isinstance(value, dict):
            yield line
            yield from self._map(value, shape, indent + 2)
        else:
            yield line
            for item in value:
                yield from self._value(
                    Text(" " * (indent + 2) + "- "), item, shape.items or PLAIN, indent + 4
                )

    def _short(self, value: Any, shape: Shape, *, together: bool = False) -> str:
        """A value on one line. `together` keeps its items whole when the line is broken."""
        shape = shape.of(value)
        if isinstance(value, dict | list):
            parts = []
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                if isinstance(value, dict):
                    name = shape.names.get(key) or plain(key)
                    part = f"{name}: {self._short(item, shape.shapes.get(key, PLAIN))}"
                else:
                    part = self._short(item, shape.items or PLAIN)
                parts.append(part.replace(" ", _NO_BREAK) if together else part)
            return ("{%s}" if isinstance(value, dict) else "[%s]") % ", ".join(parts)
        if word := shape.word(value):
            return word if isinstance(value, bytes) else f"{plain(value)} ({word})"
        if isinstance(value, bytes) and len(value) > LONG_BYTES and not self._full:
            return f"h'{value[:8].hex()}…' {len(value)} bytes"
        return plain(value)


def seconds_text(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if abs(seconds) < 0.1 else f"{seconds:.2f} s"


def _is_flat(value: dict[Any, Any] | list[Any]) -> bool:
    """Short words and numbers only, or a list of such small maps: they fill lines."""
    items = value.values() if isinstance(value, dict) else value
    for item in items:
        if isinstance(item, dict) and isinstance(value, list):
            if len(item) > 2 or not _is_flat(item):
                return False
        elif not (isinstance(item, bool | int) or (isinstance(item, str) and len(item) < 40)):
            return False
    return True


def _filled(line: Text, text: str, width: int) -> Iterator[Text]:
    indent = len(line)
    for part in textwrap.wrap(text, max(30, width - indent), break_long_words=False, break_on_hyphens=False):
        yield line.append(part.replace(_NO_BREAK, " "))
        line = Text(" " * indent)
