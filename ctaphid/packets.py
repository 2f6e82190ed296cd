"""CTAPHID's packets, commands and error codes (CTAP 2.3 §11.2.4 and §11.2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

PACKET_SIZE: Final = 64
INIT_DATA_SIZE: Final = PACKET_SIZE - 7
CONTINUATION_DATA_SIZE: Final = PACKET_SIZE - 5
MAX_MESSAGE_SIZE: Final = INIT_DATA_SIZE + 128 * CONTINUATION_DATA_SIZE
"""7,609 bytes: one initialization packet and sequence numbers 0 to 127."""

RESERVED_CHANNEL: Final = 0
BROADCAST_CHANNEL: Final = 0xFFFFFFFF

VENDOR_COMMANDS: Final = range(0x40, 0x80)
INIT_BIT: Final = 0x80
"""Tells an initialization packet from a continuation packet, and belongs to neither command nor sequence number."""


class Command(IntEnum):
    """Without the bit of an initialization packet: the standard's 0x10 for CBOR is 0x90 on the wire."""

    PING = 0x01
    MSG = 0x03
    LOCK = 0x04
    INIT = 0x06
    WINK = 0x08
    CBOR = 0x10
    CANCEL = 0x11
    KEEPALIVE = 0x3B
    ERROR = 0x3F


class ErrorCode(IntEnum):
    """CTAP 2.3 §11.2.9.1.6: errors of the wire, not of the CTAP2 command it carries."""

    INVALID_CMD = 0x01
    INVALID_PAR = 0x02
    INVALID_LEN = 0x03
    INVALID_SEQ = 0x04
    MSG_TIMEOUT = 0x05
    CHANNEL_BUSY = 0x06
    LOCK_REQUIRED = 0x0A
    INVALID_CHANNEL = 0x0B
    OTHER = 0x7F


@dataclass(frozen=True, slots=True, kw_only=True)
class InitPacket:
    """The first packet of a message."""

    channel: int
    command: int
    """Any of 0x00 to 0x7F: a host may send what no `Command` names."""
    length: int
    """Of the whole message (BCNT)."""
    data: bytes
    """Up to `length` bytes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuationPacket:
    channel: int
    sequence: int
    data: bytes
    """With the padding, where the message ends in this packet."""


Packet: TypeAlias = InitPacket | ContinuationPacket


def parse(packet: bytes) -> Packet:
    """A packet of exactly 64 bytes. Every such packet means something."""
    if len(packet) != PACKET_SIZE:
        raise ValueError(f"a packet has {PACKET_SIZE} bytes, this one {len(packet)}")
    channel = channel_of(packet)
    kind = packet[4]
    if not kind & INIT_BIT:
        return ContinuationPacket(channel=channel, sequence=kind, data=packet[5:])
    length = packet[5] << 8 | packet[6]
    return InitPacket(channel=channel, command=kind & ~INIT_BIT, length=length, data=packet[7 : 7 + length])


def channel_of(packet: bytes) -> int:
    return int.from_bytes(packet[:4], "big")


def split(channel: int, command: int, message: bytes) -> list[bytes]:
    """The packets of one message."""
    length = len(message)
    if length > MAX_MESSAGE_SIZE:
        raise ValueError(f"a message of {length} bytes is longer than CTAPHID can carry ({MAX_MESSAGE_SIZE})")
    address = channel.to_bytes(4, "big")
    header = address + bytes((INIT_BIT | command, length >> 8, length & 0xFF))
    packets = [(header + message[:INIT_DATA_SIZE]).ljust(PACKET_SIZE, b"\0")]
    for sequence, start in enumerate(range(INIT_DATA_SIZE, length, CONTINUATION_DATA_SIZE)):
        data = message[start : start + CONTINUATION_DATA_SIZE]
        packets.append((address + bytes((sequence,)) + data).ljust(PACKET_SIZE, b"\0"))
    return packets
