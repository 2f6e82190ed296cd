"""What happened to a key, as typed events. Cheap to record: they are decoded when somebody looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from authenticator import cbor
from authenticator.commands import COMMANDS
from authenticator.person import Ask
from authenticator.status import Status
from harness.trace.redaction import IN_REQUEST, IN_RESPONSE, hide, redacted_request, redacted_response


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketEvent:
    """One 64-byte packet, as the wire carries it."""

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
        if self.u2f or not self.data:
            return None
        return hide(_decoded(self.data[1:]), IN_REQUEST.get(self.data[0], ()))

    @property
    def shown(self) -> bytes:
        """The message, its secrets blanked."""
        return self.data if self.u2f else redacted_request(self.data)

    def details(self) -> dict[str, Any]:
        details = {"channel": self.channel, "command": self.command, "data": self.shown.hex()}
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
        """The decoded response, without the secrets in it."""
        if self.command is None:
            return None
        return hide(_decoded(self.data[1:]), IN_RESPONSE.get(self.command, ()))

    @property
    def shown(self) -> bytes:
        """The message, its secrets blanked."""
        return redacted_response(self.command, self.data)

    def details(self) -> dict[str, Any]:
        details: dict[str, Any] = {"channel": self.channel, "status": self.status, "data": self.shown.hex()}
        return details if self.command is None else {**details, "result": jsonable(self.result)}


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Step:
    """What concerns several keys at once, and happened once."""

    who: str
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """Somebody else's doing on the same time line: a page's call, a browser's dialog, a step of a test."""

    kind: ClassVar[str] = "step"
    at: float
    who: str
    what: str
    detail: str = ""
    shared: Step | None = field(default=None, compare=False, repr=False)
    """What other keys' traces have too: in a file it is there once, and no key's."""

    def details(self) -> dict[str, Any]:
        return {"who": self.who, "what": self.what, **({"detail": self.detail} if self.detail else {})}


Event: TypeAlias = (
    PacketEvent | RequestEvent | ResponseEvent | AskEvent | AnswerEvent | StateEvent | StepEvent
)

_U2F = {0x01: "U2F register", 0x02: "U2F authenticate", 0x03: "U2F version"}


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
