"""Traces as pcapng: USB traffic as Linux's usbmon captures it, which Wireshark and tshark dissect.

Before a key's packets come the descriptors that a host reads when a key is plugged in, as Wireshark learns from them
what the endpoints carry. What is no packet (messages in words, the person, the page) becomes comments of packets.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ctaphid.hid_description import REPORT_DESCRIPTOR
from ctaphid.packets import PACKET_SIZE, channel_of
from harness.errors import SetupError
from harness.trace.events import PacketEvent, RequestEvent, StateEvent
from harness.trace.records import Record, SavedTrace, Source
from harness.trace.words import told

LINKTYPE_USB_LINUX_MMAPPED = 220
BUS = 1
OUT, IN = 0x04, 0x84
"""The endpoints of a YubiKey's FIDO interface."""

_INTERRUPT, _CONTROL = 1, 2
_EINPROGRESS = -115
_COMMENT, _END_OF_OPTIONS = 1, 0


@dataclass(slots=True, kw_only=True)
class _Frame:
    record: Record
    comments: list[str] = field(default_factory=list)


def export(trace: SavedTrace, path: str | os.PathLike[str]) -> int:
    """Write the packets of a trace; how many there are."""
    frames = _frames(trace)
    if not frames:
        raise SetupError(
            "there are no packets in this trace: it was taken of a key that no host reached over CTAPHID"
        )
    try:
        with open(path, "wb") as file:
            for block in _blocks(trace, frames):
                file.write(block)
    except OSError as error:
        raise SetupError(f"{os.fspath(path)}: cannot be written: {error.strerror}") from None
    return len(frames)


def _frames(trace: SavedTrace) -> list[_Frame]:
    frames: list[_Frame] = []
    last_of_channel: dict[tuple[int | None, int], _Frame] = {}
    waiting: list[str] = []
    for record in trace.records:
        event = record.event
        if isinstance(event, PacketEvent):
            frame = _Frame(record=record, comments=waiting)
            waiting = []
            frames.append(frame)
            if event.to_key:
                last_of_channel[record.key, channel_of(event.data)] = frame
        elif isinstance(event, RequestEvent) and (record.key, event.channel) in last_of_channel:
            last_of_channel[record.key, event.channel].comments.append(told(event))
        elif not isinstance(event, StateEvent) or event.state != "wink":
            waiting.append(told(event))
    if frames:
        frames[-1].comments += waiting
    return frames


def _blocks(trace: SavedTrace, frames: list[_Frame]) -> Iterator[bytes]:
    yield _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options((4, b"stuntkey")))
    interface = struct.pack("<HHI", LINKTYPE_USB_LINUX_MMAPPED, 0, 0)
    yield _block(1, interface + _options((2, b"usbmon1"), (9, b"\x06")))
    urb = 0
    for number, key in enumerate(trace.keys):
        for setup, answer in _enumeration(key):
            urb += 1
            at = trace.began
            yield _packet(at, _urb(at, urb, "S", _CONTROL, 0x80, number, b"", setup=setup, asked=len(answer)))
            yield _packet(at, _urb(at, urb, "C", _CONTROL, 0x80, number, answer))
    for frame in frames:
        urb += 1
        event = frame.record.event
        assert isinstance(event, PacketEvent)
        at = trace.began + event.at
        kind, endpoint = ("S", OUT) if event.to_key else ("C", IN)
        data = _urb(at, urb, kind, _INTERRUPT, endpoint, frame.record.key or 0, event.data)
        yield _packet(at, data, "\n".join(frame.comments))


def _urb(
    at: float,
    number: int,
    kind: str,
    transfer: int,
    endpoint: int,
    key: int,
    data: bytes,
    *,
    setup: bytes = b"",
    asked: int = 0,
) -> bytes:
    """struct usbmon_packet (Linux, Documentation/usb/usbmon.rst), 64 bytes, and the data."""
    seconds, microseconds = divmod(round(at * 1_000_000), 1_000_000)
    no_data = 0 if data else ord("<" if endpoint & 0x80 else ">")
    return (
        struct.pack(
            "<QBBBBHBBqiiII8siiII",
            number,
            ord(kind),
            transfer,
            endpoint,
            key + 1,
            BUS,
            0 if setup else ord("-"),
            no_data,
            seconds,
            microseconds,
            _EINPROGRESS if kind == "S" else 0,
            len(data) or asked,
            len(data),
            setup,
            1 if transfer == _INTERRUPT else 0,
            0,
            0,
            0,
        )
        + data
    )


def _enumeration(key: Source) -> Iterator[tuple[bytes, bytes]]:
    """Control transfers in which a host learns what was plugged in: set-up packet and answer (USB 2.0 §9.4.3, §9.6)."""
    texts = [text for text in (key.manufacturer, key.product, key.serial) if text]
    index = {text: place for place, text in enumerate(texts, start=1)}
    major, minor, _ = key.device_version
    version = int(f"{min(major, 99):02d}{min(minor, 99):02d}", 16)
    places = (index.get(key.manufacturer, 0), index.get(key.product, 0), index.get(key.serial, 0))
    yield (
        _get_descriptor(1, 0, 18),
        struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, key.vendor_id, key.product_id, version, *places, 1
        ),
    )
    interface = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 2, 3, 0, 0, 0)
    hid = struct.pack("<BBHBBBH", 9, 0x21, 0x0110, 0, 1, 0x22, len(REPORT_DESCRIPTOR))
    endpoints = b"".join(struct.pack("<BBBBHB", 7, 5, each, 3, PACKET_SIZE, 2) for each in (OUT, IN))
    rest = interface + hid + endpoints
    configuration = struct.pack("<BBHBBBBB", 9, 2, 9 + len(rest), 1, 1, 0, 0x80, 15) + rest
    yield _get_descriptor(2, 0, len(configuration)), configuration
    for text, place in index.items():
        encoded = text.encode("utf-16-le")[:252]
        yield _get_descriptor(3, place, 255, language=0x0409), bytes((2 + len(encoded), 3)) + encoded
    yield _get_descriptor(0x22, 0, len(REPORT_DESCRIPTOR), of_interface=True), REPORT_DESCRIPTOR


def _get_descriptor(
    kind: int, index: int, length: int, *, language: int = 0, of_interface: bool = False
) -> bytes:
    return struct.pack("<BBHHH", 0x81 if of_interface else 0x80, 6, kind << 8 | index, language, length)


def _packet(at: float, data: bytes, comment: str = "") -> bytes:
    """An Enhanced Packet Block."""
    microseconds = round(at * 1_000_000)
    head = struct.pack("<IIIII", 0, microseconds >> 32, microseconds & 0xFFFFFFFF, len(data), len(data))
    options = _options((_COMMENT, comment.encode()[:65_000])) if comment else b""
    return _block(6, head + _padded(data) + options)


def _options(*options: tuple[int, bytes]) -> bytes:
    made = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join(made) + struct.pack("<HH", _END_OF_OPTIONS, 0)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
