"""What must not be seen in a trace is blanked: PINs, their hashes, tokens, and the keys that commands hand out.

Over the wire most of these are encrypted. They are blanked all the same, as whoever knows the seed of a seeded key
can compute the shared secret they are encrypted with. Lengths stay, so that messages can still be dissected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ctaphid.packets import Command, InitPacket, parse

if TYPE_CHECKING:
    from harness.trace.events import Event, PacketEvent

REDACTED = "(redacted)"

Path: TypeAlias = tuple[Any, ...]

IN_REQUEST: dict[int, tuple[Path, ...]] = {
    0x06: ((0x05,), (0x06,)),  # clientPIN: newPinEnc, pinHashEnc
}
IN_RESPONSE: dict[int, tuple[Path, ...]] = {
    0x01: ((0x05,), (0x06, "prf")),  # makeCredential: largeBlobKey, unsignedExtensionOutputs
    0x02: ((0x07,), (0x08, "prf")),  # getAssertion: the same
    0x06: ((0x02,),),  # clientPIN: pinUvAuthToken
    0x08: ((0x07,), (0x08, "prf")),
    0x0A: ((0x0B,),),  # credentialManagement: largeBlobKey
    0x41: ((0x0B,),),
}
"""Command → where in its message secrets are: what lies at a path, or below it."""

WRITE_CONFIG = 0x43
"""ykman's command that may carry the code which locks a YubiKey's configuration."""

_HIDDEN_FROM_HERE = 1
"""Where a message is cut that cannot be read: after the command or status byte."""


def redacted_request(request: bytes) -> bytes:
    return _blanked(request, IN_REQUEST.get(request[0], ())) if request else request


def redacted_response(command: int | None, response: bytes) -> bytes:
    return _blanked(response, IN_RESPONSE.get(command, ())) if command is not None else response


def hide(value: Any, paths: tuple[Path, ...]) -> Any:
    """A decoded message, with a word in place of each secret."""
    if not paths:
        return value
    if () in paths:
        return REDACTED
    if not isinstance(value, dict):
        return value
    return {
        key: hide(item, tuple(path[1:] for path in paths if path[0] == key)) for key, item in value.items()
    }


def _blanked(message: bytes, secrets: tuple[Path, ...]) -> bytes:
    if not secrets or len(message) < 2:
        return message
    blanked = bytearray(message)
    try:
        for path, start, end in _strings(message, 1, (), 0)[1]:
            if any(path[: len(secret)] == secret for secret in secrets):
                blanked[start:end] = bytes(end - start)
    except (IndexError, ValueError):
        blanked[_HIDDEN_FROM_HERE:] = bytes(len(message) - _HIDDEN_FROM_HERE)
    return bytes(blanked)


def _strings(data: bytes, at: int, path: Path, depth: int) -> tuple[int, list[tuple[Path, int, int]]]:
    """Where the CBOR item at `at` ends, and the strings in it: path, start, end."""
    if depth > 16:
        raise ValueError("nested too deep")
    major, argument, at = _head(data, at)
    if major in (2, 3):
        if at + argument > len(data):
            raise ValueError("a string is longer than the message")
        return at + argument, [(path, at, at + argument)]
    found: list[tuple[Path, int, int]] = []
    if major == 4:
        for place in range(argument):
            at, inner = _strings(data, at, (*path, place), depth + 1)
            found += inner
    elif major == 5:
        for _ in range(argument):
            key, at = _key(data, at)
            at, inner = _strings(data, at, (*path, key), depth + 1)
            found += inner
    elif major == 6:
        raise ValueError("a tag")
    return at, found


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    major, short = data[at] >> 5, data[at] & 0x1F
    if short < 24:
        return major, short, at + 1
    if short > 27:
        raise ValueError("an indefinite length")
    size = 1 << (short - 24)
    if at + 1 + size > len(data):
        raise ValueError("the message ends within an item")
    return major, int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _key(data: bytes, at: int) -> tuple[Any, int]:
    major, argument, end = _head(data, at)
    if major in (2, 3):
        raw = data[end : end + argument]
        return raw if major == 2 else raw.decode(errors="replace"), end + argument
    if major > 3:
        raise ValueError("a key that is no number or string")
    return (argument if major == 0 else -1 - argument), end


class PacketRedaction:
    """Events in, the same events out with the secrets in packets blanked.

    What is secret in a packet is known when its message is whole, so an unfinished message is held back, and what
    comes after it too.
    """

    def __init__(self) -> None:
        self._held: list[Event] = []
        self._open: dict[tuple[int, bool], _Message] = {}
        self._asked: dict[int, int | None] = {}
        """Channel → the command that is under way in it."""

    def feed(self, event: Event) -> Iterator[Event]:
        self._held.append(event)
        if event.kind == "packet":
            self._packet(event, len(self._held) - 1)  # type: ignore[arg-type]
        if not self._open:
            yield from self._release()

    def flush(self) -> Iterator[Event]:
        """What is still held back: of messages that never became whole, all is hidden."""
        for message in self._open.values():
            self._hide(message)
        self._open.clear()
        yield from self._release()

    def _release(self) -> Iterator[Event]:
        held, self._held = self._held, []
        yield from held

    def _packet(self, event: PacketEvent, place: int) -> None:
        packet = parse(event.data)
        side = packet.channel, event.to_key
        message = self._open.get(side)
        if isinstance(packet, InitPacket):
            if packet.command in (Command.KEEPALIVE, Command.CANCEL) or (
                packet.command == Command.ERROR and message is None
            ):
                return
            if message is not None:
                self._hide(message)
                del self._open[side]
            message = _Message(packet.command, packet.length)
            self._open[side] = message
            message.add(place, 7, packet.data)
        elif message is None:  # its beginning is not in the trace, or it belongs to nothing
            self._held[place] = replace(event, data=event.data[:5] + bytes(len(event.data) - 5))
            return
        else:
            message.add(place, 5, packet.data)
        if message.whole:
            del self._open[side]
            self._finish(message, side)

    def _finish(self, message: _Message, side: tuple[int, bool]) -> None:
        channel, to_key = side
        data = bytes(message.data[: message.length])
        if message.command == Command.CBOR and to_key:
            self._asked[channel] = data[0] if data else None
            self._put(message, redacted_request(data))
        elif message.command == Command.CBOR:
            self._put(message, redacted_response(self._asked.pop(channel, None), data))
        elif message.command == WRITE_CONFIG and to_key:
            self._hide(message)

    def _hide(self, message: _Message) -> None:
        if message.command in (Command.CBOR, WRITE_CONFIG):
            kept = bytes(message.data[:1])
            self._put(message, kept + bytes(max(0, min(message.length, len(message.data)) - 1)))

    def _put(self, message: _Message, data: bytes) -> None:
        for place, offset, size in message.pieces:
            piece, data = data[:size], data[size:]
            event: PacketEvent = self._held[place]  # type: ignore[assignment]
            whole = event.data[:offset] + piece + event.data[offset + len(piece) :]
            self._held[place] = replace(event, data=whole)


class _Message:
    __slots__ = ("command", "data", "length", "pieces")

    def __init__(self, command: int, length: int) -> None:
        self.command, self.length = command, length
        self.data = bytearray()
        self.pieces: list[tuple[int, int, int]] = []
        """The events it came in: place among the held, where its data begins in the packet, and how much there is."""

    def add(self, place: int, offset: int, data: bytes) -> None:
        data = data[: self.length - len(self.data)]
        self.pieces.append((place, offset, len(data)))
        self.data += data

    @property
    def whole(self) -> bool:
        return len(self.data) >= self.length
