"""A host for tests of the wire: it frames and reassembles by itself, as a check on `ctaphid.packets`."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from ctaphid.device import Device
from ctaphid.hid_device import HidDevice
from tests.ctaphid.backend import EchoBackend

BROADCAST = 0xFFFFFFFF
PING, MSG, LOCK, INIT, WINK, CBOR, CANCEL, KEEPALIVE, ERROR = (
    0x01,
    0x03,
    0x04,
    0x06,
    0x08,
    0x10,
    0x11,
    0x3B,
    0x3F,
)
INVALID_CMD, INVALID_PAR, INVALID_LEN, INVALID_SEQ, MSG_TIMEOUT, CHANNEL_BUSY = 1, 2, 3, 4, 5, 6
INVALID_CHANNEL, OTHER = 0x0B, 0x7F


@dataclass(frozen=True, slots=True)
class Message:
    channel: int
    command: int
    data: bytes


def error(channel: int, code: int) -> Message:
    return Message(channel, ERROR, bytes((code,)))


def frames(channel: int, command: int, data: bytes = b"", length: int | None = None) -> list[bytes]:
    """The packets of a message; `length` to lie about it."""
    address = channel.to_bytes(4, "big")
    declared = len(data) if length is None else length
    packets = [address + bytes((0x80 | command,)) + declared.to_bytes(2, "big") + data[:57]]
    rest, sequence = data[57:], 0
    while rest:
        packets.append(address + bytes((sequence,)) + rest[:59])
        rest, sequence = rest[59:], sequence + 1
    return [packet + bytes(64 - len(packet)) for packet in packets]


def messages(packets: Iterable[bytes]) -> list[Message]:
    """Reassembled. Fails where another message begins within one, a number is skipped or the padding is not zero."""
    whole: list[Message] = []
    stream = iter(packets)
    for packet in stream:
        assert len(packet) == 64
        assert packet[4] & 0x80, "a continuation packet of no message"
        address, command, length = packet[:4], packet[4] & 0x7F, int.from_bytes(packet[5:7], "big")
        data, sequence = packet[7:], 0
        while len(data) < length:
            more = next(stream)
            assert more[:4] == address, "another channel's packet within a message"
            assert more[4] == sequence
            data, sequence = data + more[5:], sequence + 1
        assert not any(data[length:])
        whole.append(Message(int.from_bytes(address, "big"), command, data[:length]))
    return whole


class Host:
    """A device on a clock that stands still, and all the programs that talk to it."""

    def __init__(self, backend: EchoBackend | None = None, *, seed: int = 1, max_channels: int = 256) -> None:
        self.backend = backend or EchoBackend()
        self.device: Device = HidDevice(
            self.backend, random_bytes=random.Random(seed).randbytes, max_channels=max_channels
        )
        self.now = 100.0

    def write(self, *packets: bytes) -> list[Message]:
        for packet in packets:
            self.device.receive(packet, self.now)
        return self.read()

    def read(self) -> list[Message]:
        return messages(self.device.outgoing())

    def send(self, channel: int, command: int, data: bytes = b"") -> list[Message]:
        return self.write(*frames(channel, command, data))

    def open_channel(self) -> int:
        (answer,) = self.send(BROADCAST, INIT, b"12345678")
        assert answer.command == INIT
        return int.from_bytes(answer.data[8:12], "big")

    def wait(self, seconds: float) -> list[Message]:
        """Time passes, and the device is woken whenever it wants to be."""
        end = self.now + seconds
        while (due := self.device.next_wake()) is not None and due <= end:
            self.now = max(self.now, due)
            self.device.wake(self.now)
            again = self.device.next_wake()
            assert again is None or again > self.now, "woken for nothing"
        self.now = end
        return self.read()
