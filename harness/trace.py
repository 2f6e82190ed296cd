"""What happened to a key, as typed events. Cheap to record: they are decoded when somebody looks."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from authenticator import cbor
from authenticator.commands import COMMANDS
from authenticator.person import Ask
from authenticator.status import Status

REDACTED = "(redacted)"
_LARGE_BLOB_KEYS = {0x01: 0x05, 0x02: 0x07, 0x08: 0x07, 0x0A: 0x0B, 0x41: 0x0B}
"""Command → the member of its response that is a largeBlobKey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketEvent:
    """One 64-byte packet, as the wire carries it: PINs are encrypted in it."""

    kind: ClassVar[str] = "packet"
    at: float
    to_key: bool
    data: bytes = field(repr=False)

    def details(self) -> dict[str, Any]:
        return {"to": "key" if self.to_key else "host", "data": self.data.hex()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent:
    kind: ClassVar[str] = "request"
    at: float
    channel: int
    u2f: bool = False
    data: bytes = field(repr=False)

    @property
    def command(self) -> str:
        if self.u2f:
            return _U2F.get(self.data[1] if len(self.data) > 1 else -1, "U2F")
        command = COMMANDS.get(self.data[0]) if self.data else None
        return command.name if command is not None else f"unknown {self.data[:1].hex()}"

    @property
    def parameters(self) -> Any:
        return None if self.u2f else _decoded(self.data[1:])

    def details(self) -> dict[str, Any]:
        details = {"channel": self.channel, "command": self.command, "data": self.data.hex()}
        return details if self.u2f else {**details, "parameters": jsonable(self.parameters)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEvent:
    kind: ClassVar[str] = "response"
    at: float
    channel: int
    command: int | None
    """The CTAP2 command byte of the request; None for U2F."""
    data: bytes = field(repr=False)

    @property
    def status(self) -> str:
        if self.command is None:
            return f"SW {self.data[-2:].hex()}"
        try:
            return Status(self.data[0]).name
        except (ValueError, IndexError):
            return f"unknown {self.data[:1].hex()}"

    @property
    def result(self) -> Any:
        """The decoded response, without the large blob key in it."""
        result = None if self.command is None else _decoded(self.data[1:])
        secret = _LARGE_BLOB_KEYS.get(self.command or 0)
        if isinstance(result, dict) and secret in result:
            result[secret] = REDACTED
        return result

    def details(self) -> dict[str, Any]:
        details: dict[str, Any] = {"channel": self.channel, "status": self.status}
        if self.command is None:
            return {**details, "data": self.data.hex()}
        return {**details, "result": jsonable(self.result)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskEvent:
    kind: ClassVar[str] = "ask"
    at: float
    ask: Ask

    def details(self) -> dict[str, Any]:
        values = {name: getattr(self.ask, name) for name in self.ask.__slots__}
        purpose = values.pop("purpose", None)
        return {
            "ask": type(self.ask).__name__,
            **({"purpose": purpose.value} if purpose is not None else {}),
            **{name: value for name, value in values.items() if value is not None},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvent:
    """What the person did; never the PIN they typed."""

    kind: ClassVar[str] = "answer"
    at: float
    answer: str

    def details(self) -> dict[str, Any]:
        return {"answer": self.answer}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEvent:
    """Something happened to the key as a whole: plugged in, unplugged, a bug inside."""

    kind: ClassVar[str] = "state"
    at: float
    state: str
    text: str = ""

    def details(self) -> dict[str, Any]:
        return {"state": self.state, **({"text": self.text} if self.text else {})}


Event: TypeAlias = PacketEvent | RequestEvent | ResponseEvent | AskEvent | AnswerEvent | StateEvent

_U2F = {0x01: "U2F register", 0x02: "U2F authenticate", 0x03: "U2F version"}


class Trace:
    """The last events of a key, oldest first. `size=0` records none, None all."""

    def __init__(self, size: int | None = 10_000) -> None:
        self._events: deque[Event] = deque(maxlen=size)
        self._lock = threading.Lock()
        self.dropped = 0
        self.recording = size != 0
        self.listener: Callable[[Event], None] | None = None
        """Told of each event as it happens, by the thread in which it does, with the key's lock held."""

    def add(self, event: Event) -> None:
        if not self.recording:
            return
        with self._lock:
            if len(self._events) == self._events.maxlen:
                self.dropped += 1
            self._events.append(event)
        if self.listener is not None:
            self.listener(event)

    def bug(self, at: float, bug: BaseException) -> None:
        self.add(StateEvent(at=at, state="bug", text="".join(traceback.format_exception(bug))))

    def clear(self) -> None:
        with self._lock:
            self._events.clear()
            self.dropped = 0

    def __iter__(self) -> Iterator[Event]:
        with self._lock:
            return iter(list(self._events))

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, place: int) -> Event:
        return self._events[place]

    def of(self, kind: str) -> list[Event]:
        """The events of one kind: packet, request, response, ask, answer or state."""
        return [event for event in self if event.kind == kind]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values, for json.dump."""
        return [{"at": event.at, "kind": event.kind, **event.details()} for event in self]


def _decoded(data: bytes) -> Any:
    if not data:
        return None
    try:
        return cbor.decode(data, max_depth=16)
    except cbor.CborError as error:
        return f"not CTAP2 CBOR: {error}"


def jsonable(value: Any) -> Any:
    """CBOR values in JSON: bytes as hex, map keys as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {
            key.hex() if isinstance(key, bytes) else str(key): jsonable(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    return value
