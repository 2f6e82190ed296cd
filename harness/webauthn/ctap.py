"""CTAP2 from the client's side: requests out, maps in. Encoding is cbor2's, not the authenticator's own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Protocol

import cbor2
from fido2.ctap import CtapDevice
from fido2.ctap import CtapError as DeviceError
from fido2.hid import CTAPHID

from authenticator.environment import Clock, SystemClock
from authenticator.person import Ask
from harness.acts import Outcome, Pulled
from harness.direct import DirectDevice
from harness.engine import Engine
from harness.people import Person, Question
from harness.webauthn.errors import ClientError, CtapFailure


class Command(IntEnum):
    MAKE_CREDENTIAL = 0x01
    GET_ASSERTION = 0x02
    GET_INFO = 0x04
    CLIENT_PIN = 0x06
    GET_NEXT_ASSERTION = 0x08
    SELECTION = 0x0B


class Permission(IntFlag):
    MAKE_CREDENTIAL = 0x01
    GET_ASSERTION = 0x02
    LARGE_BLOB_WRITE = 0x10


class Connection(Protocol):
    """A key, and the person at its host."""

    clock: Clock

    def call(self, request: bytes, deadline: float) -> bytes: ...
    def call_u2f(self, apdu: bytes) -> bytes: ...
    def ask(self, ask: Ask, deadline: float) -> Outcome | None:
        """What the person says to something the client wants to know; None if nothing until then."""

    def wait(self, until: float) -> None: ...

    @property
    def device(self) -> CtapDevice: ...


class DirectConnection:
    """To a virtual key without its packets."""

    def __init__(self, engine: Engine, cancelled: threading.Event | None = None) -> None:
        self._engine = engine
        self._cancelled = cancelled
        self.clock = engine.clock
        self.device: CtapDevice = DirectDevice(engine)

    def call(self, request: bytes, deadline: float) -> bytes:
        return self._engine.call(request, deadline=deadline, cancelled=self._cancelled)

    def call_u2f(self, apdu: bytes) -> bytes:
        return self._engine.call_u2f(apdu)

    def ask(self, ask: Ask, deadline: float) -> Outcome | None:
        outcome = self._engine.ask_and_wait(ask, deadline)
        if isinstance(outcome, Pulled):
            self._engine.pulled()
        return outcome

    def wait(self, until: float) -> None:
        with self._engine.lock:
            self._engine.wait(until)


def call_device(device: CtapDevice, request: bytes, seconds: float) -> bytes:
    """A request over python-fido2's device, cancelled after so many seconds."""
    event = threading.Event()
    timer = threading.Timer(max(0.0, seconds), event.set)
    timer.daemon = True
    timer.start()
    try:
        return device.call(CTAPHID.CBOR, request, event)
    except DeviceError as error:
        return bytes((int(error.code),))
    finally:
        timer.cancel()


class WireConnection(DirectConnection):
    """To a virtual key in packets."""

    def __init__(self, engine: Engine, device: CtapDevice) -> None:
        super().__init__(engine)
        self.device = device

    def call(self, request: bytes, deadline: float) -> bytes:
        return call_device(self.device, request, deadline - self.clock.monotonic())

    def call_u2f(self, apdu: bytes) -> bytes:
        return self.device.call(CTAPHID.MSG, apdu)


class DeviceConnection:
    """To any of python-fido2's devices, a real key among them, and a person who knows its PIN."""

    def __init__(self, device: CtapDevice, person: Person) -> None:
        self.device = device
        self.person = person
        self.clock: Clock = SystemClock()

    def call(self, request: bytes, deadline: float) -> bytes:
        return call_device(self.device, request, deadline - self.clock.monotonic())

    def call_u2f(self, apdu: bytes) -> bytes:
        return self.device.call(CTAPHID.MSG, apdu)

    def ask(self, ask: Ask, deadline: float) -> Outcome | None:
        answered = threading.Event()
        question = Question(ask, self.clock.monotonic, answered.set)
        self.person.hear(question)
        if not question.answered and not answered.wait(max(0.0, deadline - self.clock.monotonic())):
            question.withdraw()
            return None
        assert question.due is not None
        self.wait(question.due)
        return question.outcome

    def wait(self, until: float) -> None:
        threading.Event().wait(max(0.0, until - self.clock.monotonic()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What of getInfo a client looks at (CTAP 2.3 §6.4)."""

    versions: tuple[str, ...]
    extensions: frozenset[str]
    options: Mapping[str, bool]
    pin_protocols: tuple[int, ...]
    max_credentials: int
    max_credential_id_length: int | None
    transports: tuple[str, ...]
    force_pin_change: bool
    min_pin_length: int
    max_cred_blob: int
    uv_attempts: int
    attestation_formats: tuple[str, ...]

    @classmethod
    def parse(cls, info: Mapping[int, Any]) -> Info:
        return cls(
            versions=tuple(info.get(0x01, ())),
            extensions=frozenset(info.get(0x02, ())),
            options=info.get(0x04, {}),
            pin_protocols=tuple(info.get(0x06, ())),
            max_credentials=info.get(0x07) or 1,
            max_credential_id_length=info.get(0x08),
            transports=tuple(info.get(0x09, ())),
            force_pin_change=bool(info.get(0x0C)),
            min_pin_length=info.get(0x0D) or 4,
            max_cred_blob=info.get(0x0F) or 32,
            uv_attempts=info.get(0x11) or 1,
            attestation_formats=tuple(info.get(0x16, ())),
        )

    @property
    def speaks_ctap2(self) -> bool:
        return any(version.startswith("FIDO_2") for version in self.versions)

    @property
    def has_selection(self) -> bool:
        """authenticatorSelection came with CTAP 2.1."""
        return any(version in ("FIDO_2_1", "FIDO_2_2", "FIDO_2_3") for version in self.versions)

    def offers(self, option: str) -> bool:
        return self.options.get(option) is True


U2F_ONLY = Info.parse({0x01: ["U2F_V2"]})


class Ctap:
    """Commands to one key, all of which must end by `deadline`."""

    def __init__(self, connection: Connection, deadline: float) -> None:
        self.connection = connection
        self.deadline = deadline

    def command(self, code: int, parameters: Mapping[int, Any] | None = None) -> dict[int, Any]:
        """The response's map. CtapFailure where the status is not SUCCESS."""
        request = bytes((code,)) + (cbor2.dumps(parameters) if parameters is not None else b"")
        response = self.connection.call(request, self.deadline)
        if not response:
            raise ClientError("UnknownError", "the key's answer is empty")
        if response[0]:
            raise CtapFailure(response[0])
        if len(response) == 1:
            return {}
        try:
            value = cbor2.loads(response[1:])
        except (cbor2.CBORError, ValueError, RecursionError) as error:
            raise ClientError("UnknownError", f"the key's answer is not CBOR: {error}") from None
        if not isinstance(value, dict):
            raise ClientError("UnknownError", "the key's answer is not a CBOR map")
        return value

    def info(self) -> Info:
        return Info.parse(self.command(Command.GET_INFO))


def canonical(entity: Mapping[str, Any]) -> dict[str, Any]:
    """A map with text keys in the order of CTAP 2.3 §8: the shorter key first."""
    return {name: entity[name] for name in sorted(entity, key=lambda name: (len(name), name))}


def descriptor(credential_id: bytes) -> dict[str, Any]:
    return {"id": credential_id, "type": "public-key"}
