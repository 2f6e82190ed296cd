from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaphid.packets import MAX_MESSAGE_SIZE, ContinuationPacket, InitPacket, parse, split
from tests.ctaphid.host import Message, frames, messages


def test_the_longest_message_is_what_the_standard_says() -> None:
    assert MAX_MESSAGE_SIZE == 7609
    assert len(split(1, 1, bytes(7609))) == 129
    with pytest.raises(ValueError, match="7610"):
        split(1, 1, bytes(7610))


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0x7F), st.binary(max_size=7609))
def test_split_frames_as_a_host_does(channel: int, command: int, data: bytes) -> None:
    packets = split(channel, command, data)
    assert packets == frames(channel, command, data)
    assert messages(packets) == [Message(channel, command, data)]


@pytest.mark.parametrize("length", [0, 1, 56, 57, 58, 116, 117, 7608, 7609])
def test_split_at_the_edges(length: int) -> None:
    data = bytes(n % 251 + 1 for n in range(length))
    assert split(0x01020304, 0x10, data) == frames(0x01020304, 0x10, data)


def test_parse_tells_the_two_kinds_apart() -> None:
    first, second = split(0x01020304, 0x10, bytes(range(100)))
    assert parse(first) == InitPacket(channel=0x01020304, command=0x10, length=100, data=bytes(range(57)))
    rest = bytes(range(57, 100)).ljust(59, b"\0")
    assert parse(second) == ContinuationPacket(channel=0x01020304, sequence=0, data=rest)


def test_padding_is_no_data() -> None:
    packet = frames(5, 1, b"ab")[0][:9] + b"\xff" * 55
    assert parse(packet) == InitPacket(channel=5, command=1, length=2, data=b"ab")


@pytest.mark.parametrize("size", [0, 4, 63, 65])
def test_a_packet_has_64_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="64"):
        parse(bytes(size))
