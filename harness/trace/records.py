"""Traces as files: NDJSON, a line that says whose they are and then a line for each event.

    {"stuntkey trace": 1, "began": 1700000000.0, "keys": [{"name": "yubikey-5-nfc", ...}]}
    {"at": 0.0012, "key": 0, "kind": "request", "channel": 1, "command": "getInfo", "data": "04", "message": "..."}

Times are seconds since `began`; `key` is null where an event concerns all of them. `data` is what went over the wire,
`message` the same for people. A reader needs neither `command` nor `message`: both follow from `data`.
"""

from __future__ import annotations

import json
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from authenticator import person
from authenticator.commands import COMMANDS
from authenticator.person import Ask, Purpose
from harness.errors import SetupError
from harness.trace.events import (
    AnswerEvent,
    AskEvent,
    Event,
    PacketEvent,
    RequestEvent,
    ResponseEvent,
    StateEvent,
    Step,
    StepEvent,
)
from harness.trace.redaction import PacketRedaction

if TYPE_CHECKING:
    from harness.trace.recorder import Trace

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Whose events these are."""

    name: str
    vendor_id: int = 0
    product_id: int = 0
    manufacturer: str = ""
    product: str = ""
    serial: str = ""
    device_version: tuple[int, int, int] = (1, 0, 0)
    where: str = ""
    """The port it was plugged into last, and what a host opened there: `mock /dev/hidraw0`."""
    epoch: float = 0.0
    """What to add to its times to get seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An event of a saved trace, and which key it happened to; None: not to one alone."""

    key: int | None
    event: Event

    @property
    def at(self) -> float:
        return self.event.at


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTrace:
    began: float
    keys: tuple[Source, ...]
    records: tuple[Record, ...]


def redacted(events: Iterable[Event]) -> Iterator[Event]:
    redaction = PacketRedaction()
    for event in events:
        yield from redaction.feed(event)
    yield from redaction.flush()


def save(path: str | os.PathLike[str], traces: Sequence[Trace]) -> None:
    """The traces of one or several keys on one time line."""
    sources = [trace.source for trace in traces]
    events = [
        (event.at + source.epoch, number, event)
        for number, (trace, source) in enumerate(zip(traces, sources, strict=True))
        for event in redacted(trace)
    ]
    events.sort(key=lambda each: each[0])
    began = events[0][0] if events else time.time()
    once = _Once()
    with _opened(path) as file:
        file.write(_header(began, sources))
        for at, number, event in events:
            if once.is_new(event):
                file.write(_line(at - began, number, event))


@contextmanager
def writing(path: str | os.PathLike[str], *traces: Trace) -> Iterator[None]:
    """All that happens to these keys, written as it happens."""
    sources = [trace.source for trace in traces]
    began = time.time()
    once = _Once()
    with _opened(path) as file:
        file.write(_header(began, sources))
        undo = []
        for number, (trace, source) in enumerate(zip(traces, sources, strict=True)):
            writer = _Writer(file, number, source.epoch - began, once)
            trace.writers = (*trace.writers, writer)
            undo.append((trace, writer))
        try:
            yield
        finally:
            for trace, writer in undo:
                trace.writers = tuple(each for each in trace.writers if each is not writer)
                writer.finish()


class _Once:
    """Steps that concern several keys come in the trace of each."""

    def __init__(self) -> None:
        self._seen: weakref.WeakSet[Step] = weakref.WeakSet()
        self._lock = threading.Lock()

    def is_new(self, event: Event) -> bool:
        if not isinstance(event, StepEvent) or event.shared is None:
            return True
        with self._lock:
            is_new = event.shared not in self._seen
            self._seen.add(event.shared)
        return is_new


class _Writer:
    def __init__(self, file: Any, number: int, shift: float, once: _Once) -> None:
        self._file, self._number, self._shift, self._once = file, number, shift, once
        self._redaction = PacketRedaction()

    def __call__(self, event: Event) -> None:
        if self._once.is_new(event):
            self._write(self._redaction.feed(event))

    def finish(self) -> None:
        self._write(self._redaction.flush())

    def _write(self, events: Iterable[Event]) -> None:
        lines = [_line(event.at + self._shift, self._number, event) for event in events]
        if lines and not self._file.closed:
            self._file.write("".join(lines))
            self._file.flush()


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    try:
        file = open(path, "w", encoding="utf-8")  # noqa: SIM115  # closed below; errors while writing are others
    except OSError as error:
        raise SetupError(f"{os.fspath(path)}: cannot be written: {error.strerror}") from None
    with file:
        yield file


def _header(began: float, sources: Sequence[Source]) -> str:
    keys = []
    for source in sources:
        about = asdict(source)
        del about["epoch"]
        keys.append(about)
    return json.dumps({"stuntkey trace": VERSION, "began": round(began, 6), "keys": keys}) + "\n"


def _line(at: float, number: int, event: Event) -> str:
    return json.dumps(record_of(at, number, event), ensure_ascii=False) + "\n"


def record_of(at: float, number: int, event: Event) -> dict[str, Any]:
    """An event as a line of the file has it."""
    from harness.trace.notation import message_of

    details = event.details()
    if isinstance(event, RequestEvent | ResponseEvent):
        details.pop("parameters", None)
        details.pop("result", None)
        if isinstance(event, RequestEvent):
            details["protocol"] = "U2F" if event.u2f else "CTAP2"
        elif event.command is not None:
            command = COMMANDS.get(event.command)
            details["command"] = command.name if command is not None else f"unknown {event.command:02x}"
            details["code"] = event.command
        details["message"] = message_of(event)
    whose = None if isinstance(event, StepEvent) and event.shared is not None else number
    return {"at": round(at, 6), "key": whose, "kind": event.kind, **details}


# Reading


def load(path: str | os.PathLike[str]) -> SavedTrace:
    """A saved trace; SetupError with the line for everything else."""
    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise SetupError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SetupError(f"{name}: not a trace: it is not text") from None
    header = _parsed(name, 1, lines[0])
    if header.get("stuntkey trace") != VERSION:
        version = header.get("stuntkey trace")
        raise SetupError(
            f'{name}, line 1: not a trace of `stuntkey`: its first line has no "stuntkey trace"'
            if version is None
            else f"{name}, line 1: a trace of version {version}; this stuntkey reads version {VERSION}"
        )
    try:
        keys = tuple(
            Source(**{**about, "device_version": tuple(about.get("device_version", (1, 0, 0)))})
            for about in header["keys"]
        )
        began = float(header["began"])
    except (KeyError, TypeError, ValueError) as error:
        raise SetupError(f"{name}, line 1: {_why(error)}") from None
    records = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        record = _parsed(name, number, line)
        try:
            key = None if record.get("key", 0) is None else int(record.get("key", 0))
            if key is not None and not 0 <= key < max(1, len(keys)):
                raise ValueError(f"key {key} is not in the first line")
            records.append(Record(key=key, event=_event(record)))
        except (KeyError, TypeError, ValueError) as error:
            raise SetupError(f"{name}, line {number}: {_why(error)}") from None
    return SavedTrace(began=began, keys=keys or (Source(name="key"),), records=tuple(records))


def _parsed(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise SetupError(f"{name}, line {number}: not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise SetupError(f"{name}, line {number}: nested too deep") from None
    if not isinstance(record, dict):
        raise SetupError(f"{name}, line {number}: an event is an object, this is {type(record).__name__}")
    return record


def _why(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _event(record: dict[str, Any]) -> Event:
    at, kind = float(record["at"]), record["kind"]
    match kind:
        case "packet":
            data = bytes.fromhex(record["data"])
            if len(data) != 64:
                raise ValueError(f"a packet has 64 bytes, this one {len(data)}")
            return PacketEvent(at=at, to_key=_one_of(record["to"], ("host", "key")) == 1, data=data)
        case "request":
            u2f = _one_of(record.get("protocol", "CTAP2"), ("CTAP2", "U2F")) == 1
            return RequestEvent(
                at=at, channel=int(record["channel"]), u2f=u2f, data=bytes.fromhex(record["data"])
            )
        case "response":
            code = record.get("code")
            return ResponseEvent(
                at=at,
                channel=int(record["channel"]),
                command=None if code is None else int(code),
                data=bytes.fromhex(record["data"]),
            )
        case "ask":
            return AskEvent(at=at, ask=_ask(record))
        case "answer":
            return AnswerEvent(at=at, answer=str(record["answer"]))
        case "state":
            return StateEvent(at=at, state=str(record["state"]), text=str(record.get("text", "")))
        case "step":
            return StepEvent(
                at=at, who=str(record["who"]), what=str(record["what"]), detail=str(record.get("detail", ""))
            )
    raise ValueError(f"no kind of event is called {kind!r}")


def _one_of(word: Any, words: tuple[str, ...]) -> int:
    if word not in words:
        raise ValueError(f"{word!r} is none of {', '.join(words)}")
    return words.index(word)


_ASKS = {
    each.__name__: each
    for each in (
        person.Presence, person.Verification, person.AccountChoice, person.FingerSample, person.PinEntry,
    )
}  # fmt: skip


def _ask(record: dict[str, Any]) -> Ask:
    kind = _ASKS.get(record["ask"])
    if kind is None:
        raise ValueError(f"no ask is called {record['ask']!r}")
    values = {name: record[name] for name in kind.__slots__ if name in record}
    if "purpose" in values:
        values["purpose"] = Purpose(values["purpose"])
    if "accounts" in values:
        values["accounts"] = tuple(map(str, values["accounts"]))
    return kind(**values)
