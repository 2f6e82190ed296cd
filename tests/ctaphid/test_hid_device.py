"""CTAPHID's rules one by one. How they work together is the state machine's affair."""

from __future__ import annotations

import logging

import pytest

from ctaphid.device import Capability, KeepaliveStatus
from ctaphid.packets import ErrorCode
from tests.ctaphid.backend import CANCELLED, EchoBackend, EchoTransaction
from tests.ctaphid.host import (
    BROADCAST,
    CANCEL,
    CBOR,
    CHANNEL_BUSY,
    ERROR,
    INIT,
    INVALID_CHANNEL,
    INVALID_CMD,
    INVALID_LEN,
    INVALID_PAR,
    INVALID_SEQ,
    KEEPALIVE,
    LOCK,
    MSG,
    MSG_TIMEOUT,
    OTHER,
    PING,
    WINK,
    Host,
    Message,
    error,
    frames,
)

NONCE = b"\x01\x02\x03\x04\x05\x06\x07\x08"


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def channel(host: Host) -> int:
    return host.open_channel()


@pytest.fixture
def other(host: Host, channel: int) -> int:
    return host.open_channel()


class TestInit:
    def test_broadcast_gives_a_channel(self, host: Host) -> None:
        (packet,) = frames(BROADCAST, INIT, NONCE)
        host.device.receive(packet, 0.0)
        (answer,) = host.device.outgoing()
        assert answer[:7] == b"\xff\xff\xff\xff\x86\x00\x11"
        assert answer[7:15] == NONCE
        assert answer[15:19] not in (b"\0\0\0\0", b"\xff\xff\xff\xff")
        assert answer[19:24] == bytes((2, 5, 7, 4, Capability.WINK | Capability.CBOR))
        assert not any(answer[24:])

    def test_channels_differ_and_repeat_with_the_seed(self) -> None:
        first, second, another = Host(seed=1), Host(seed=1), Host(seed=2)
        channels = [first.open_channel() for _ in range(20)]
        assert len(set(channels)) == 20
        assert channels == [second.open_channel() for _ in range(20)]
        assert not set(channels) & {another.open_channel() for _ in range(20)}
        assert channels != sorted(channels)

    def test_ids_that_are_reserved_or_taken_are_not_given(self) -> None:
        from ctaphid.hid_device import HidDevice

        host = Host()
        ids = iter([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\0\0\0\2"])
        host.device = HidDevice(EchoBackend(), random_bytes=lambda count: next(ids))
        assert [host.open_channel() for _ in range(4)] == [1, 2, 3, 4]

    def test_resync_answers_on_the_channel_itself(self, host: Host, channel: int) -> None:
        (answer,) = host.send(channel, INIT, NONCE)
        assert answer.channel == channel
        assert answer.data[:12] == NONCE + channel.to_bytes(4, "big")
        assert len(answer.data) == 17

    def test_resync_drops_a_message_on_its_way_in(self, host: Host, channel: int) -> None:
        host.write(*frames(channel, PING, bytes(100))[:1])
        assert [m.command for m in host.send(channel, INIT, NONCE)] == [INIT]
        assert host.send(channel, PING, b"x") == [Message(channel, PING, b"x")]

    def test_resync_cancels_a_request_and_drops_its_response(self, host: Host, channel: int) -> None:
        host.send(channel, CBOR, b"Slow")
        (transaction,) = host.backend.transactions
        assert [m.command for m in host.send(channel, INIT, NONCE)] == [INIT]
        assert transaction.response == CANCELLED
        assert host.wait(10) == []

    def test_broadcast_leaves_a_transaction_alone(self, host: Host, channel: int) -> None:
        first, second = frames(channel, PING, bytes(100))
        host.write(first)
        host.open_channel()
        assert host.write(second) == [Message(channel, PING, bytes(100))]

    @pytest.mark.parametrize("nonce", [b"", NONCE[:7], NONCE + b"\x09", bytes(100)])
    def test_a_nonce_has_eight_bytes(self, host: Host, channel: int, nonce: bytes) -> None:
        assert host.write(*frames(BROADCAST, INIT, nonce)) == [error(BROADCAST, INVALID_LEN)]
        assert host.write(*frames(channel, INIT, nonce)) == [error(channel, INVALID_LEN)]

    @pytest.mark.parametrize("unknown", [0, 0x11223344])
    def test_needs_a_channel_that_was_given(self, host: Host, unknown: int) -> None:
        assert host.send(unknown, INIT, NONCE) == [error(unknown, INVALID_CHANNEL)]


class TestChannelsRunOut:
    def test_the_one_unused_for_longest_is_given_away(self) -> None:
        host = Host(max_channels=3)
        first, second, third = (host.open_channel() for _ in range(3))
        host.send(first, PING, b"x")
        fourth = host.open_channel()
        assert host.send(second, PING, b"x") == [error(second, INVALID_CHANNEL)]
        for channel in (first, third, fourth):
            assert host.send(channel, PING, b"x") == [Message(channel, PING, b"x")]

    def test_never_the_one_that_is_busy_or_holds_the_lock(self) -> None:
        host = Host(max_channels=2)
        busy, locked = host.open_channel(), host.open_channel()
        host.send(locked, LOCK, b"\x05")
        host.write(*frames(locked, PING, bytes(100))[:1])
        assert host.open_channel() != locked
        assert host.send(busy, PING, b"x") == [error(busy, INVALID_CHANNEL)]
        assert host.wait(1) == [error(locked, MSG_TIMEOUT)]

    def test_none_is_left(self) -> None:
        host = Host(max_channels=1)
        channel = host.open_channel()
        host.send(channel, LOCK, b"\x05")
        assert host.send(BROADCAST, INIT, NONCE) == [error(BROADCAST, CHANNEL_BUSY)]
        host.wait(5)
        host.open_channel()


class TestMessages:
    @pytest.mark.parametrize("length", [0, 1, 57, 58, 1024, 7609])
    def test_ping_is_echoed(self, host: Host, channel: int, length: int) -> None:
        data = bytes(n % 256 for n in range(length))
        assert host.send(channel, PING, data) == [Message(channel, PING, data)]

    @pytest.mark.parametrize("command", [CBOR, MSG])
    def test_requests_go_to_the_backend(self, host: Host, channel: int, command: int) -> None:
        assert host.send(channel, command, b"\x04abc") == [Message(channel, command, b"cba\x04")]

    def test_wink(self, host: Host, channel: int) -> None:
        assert host.send(channel, WINK) == [Message(channel, WINK, b"")]
        assert host.backend.winks == [channel]

    def test_vendor_commands_are_the_backends(self, host: Host, channel: int) -> None:
        assert host.send(channel, 0x42, b"\x00") == [Message(channel, 0x42, b"\x00\x42")]
        assert host.send(channel, 0x7F, bytes(80)) == [error(channel, INVALID_CMD)]

    @pytest.mark.parametrize("command", [0x00, 0x02, 0x05, 0x07, 0x12, 0x3F, KEEPALIVE, ERROR])
    def test_unknown_commands(self, host: Host, channel: int, command: int) -> None:
        assert host.send(channel, command, bytes(200)) == [error(channel, INVALID_CMD)]

    def test_what_the_capabilities_deny(self) -> None:
        host = Host(EchoBackend(capabilities=Capability.NMSG | Capability.CBOR))
        channel = host.open_channel()
        assert host.send(channel, MSG, b"x") == [error(channel, INVALID_CMD)]
        assert host.send(channel, WINK) == [error(channel, INVALID_CMD)]
        host = Host(EchoBackend(capabilities=Capability(0)))
        channel = host.open_channel()
        assert host.send(channel, CBOR, b"x") == [error(channel, INVALID_CMD)]
        assert host.send(channel, MSG, b"x") == [Message(channel, MSG, b"x")]

    @pytest.mark.parametrize(
        ("command", "data"), [(CBOR, b""), (MSG, b""), (WINK, b"x"), (LOCK, b""), (LOCK, b"\x01\x02")]
    )
    def test_wrong_lengths(self, host: Host, channel: int, command: int, data: bytes) -> None:
        assert host.send(channel, command, data) == [error(channel, INVALID_LEN)]

    @pytest.mark.parametrize("length", [7610, 0xFFFF])
    def test_too_long(self, host: Host, channel: int, length: int) -> None:
        assert host.write(*frames(channel, PING, bytes(57), length)) == [error(channel, INVALID_LEN)]
        assert host.send(channel, PING, b"x") == [Message(channel, PING, b"x")]

    @pytest.mark.parametrize("unknown", [0, 0x11223344, BROADCAST])
    def test_channels_nobody_was_given(self, host: Host, unknown: int) -> None:
        assert host.send(unknown, PING, b"x") == [error(unknown, INVALID_CHANNEL)]

    def test_reports_of_another_size_are_ignored(self, host: Host, channel: int) -> None:
        (packet,) = frames(channel, PING, b"x")
        assert host.write(packet[:63], packet + b"\0", b"") == []


class TestSequence:
    def test_a_skipped_packet_ends_the_message(self, host: Host, channel: int) -> None:
        first, second, third, fourth = frames(channel, PING, bytes(200))
        assert host.write(first, second, fourth) == [error(channel, INVALID_SEQ)]
        assert host.write(third, fourth) == []
        assert host.send(channel, PING, b"x") == [Message(channel, PING, b"x")]

    def test_a_repeated_packet_ends_the_message(self, host: Host, channel: int) -> None:
        first, second, _, _ = frames(channel, PING, bytes(200))
        assert host.write(first, second, second) == [error(channel, INVALID_SEQ)]

    def test_another_first_packet_ends_the_message(self, host: Host, channel: int) -> None:
        first, second = frames(channel, PING, bytes(100))
        assert host.write(first, first) == [error(channel, INVALID_SEQ)]
        assert host.write(second) == []

    def test_continuation_of_nothing_is_ignored(self, host: Host, channel: int) -> None:
        stray = frames(channel, PING, bytes(200))[1:]
        assert host.write(*stray) == []
        assert host.write(*frames(0x99, PING, bytes(200))[1:]) == []
        host.send(channel, CBOR, b"Slow")
        assert host.write(*stray) == []

    def test_a_pause_ends_the_message(self, host: Host, channel: int) -> None:
        first, second, third = frames(channel, PING, bytes(150))
        host.write(first)
        assert host.wait(0.4) == []
        assert host.write(second) == []
        assert host.wait(0.4) == []
        assert host.wait(0.2) == [error(channel, MSG_TIMEOUT)]
        assert host.write(third) == []
        assert host.device.next_wake() is None

    def test_a_pause_is_noticed_by_the_next_packet_too(self, host: Host, channel: int, other: int) -> None:
        host.write(*frames(channel, PING, bytes(150))[:1])
        host.now += 5
        assert host.send(other, PING, b"x") == [error(channel, MSG_TIMEOUT), Message(other, PING, b"x")]


class TestArbitration:
    def test_a_message_on_its_way_in_keeps_others_out(self, host: Host, channel: int, other: int) -> None:
        first, second = frames(channel, PING, bytes(100))
        host.write(first)
        assert host.write(*frames(other, PING, bytes(100))) == [error(other, CHANNEL_BUSY)]
        assert host.write(second) == [Message(channel, PING, bytes(100))]
        assert host.send(other, PING, b"x") == [Message(other, PING, b"x")]

    def test_a_request_under_way_keeps_others_out(self, host: Host, channel: int, other: int) -> None:
        host.send(channel, CBOR, b"Slow")
        assert host.send(other, PING, b"x") == [error(other, CHANNEL_BUSY)]
        assert host.send(channel, PING, b"x") == [error(channel, CHANNEL_BUSY)]
        assert host.wait(2)[-1] == Message(channel, CBOR, b"wolS")


class TestKeepalive:
    def test_at_once_and_then_every_100_ms(self, host: Host, channel: int) -> None:
        alive = Message(channel, KEEPALIVE, bytes((KeepaliveStatus.USER_PRESENCE_NEEDED,)))
        host.backend.answers_after = 1.98
        assert host.send(channel, CBOR, b"Slow") == [alive]
        assert host.wait(0.05) == []
        assert host.wait(0.05) == [alive]
        assert host.wait(0.95) == [alive] * 9
        assert host.wait(0.95) == [alive] * 9 + [Message(channel, CBOR, b"wolS")]
        assert host.device.next_wake() is None

    def test_with_the_status_and_whenever_it_changes(self, host: Host, channel: int) -> None:
        host.send(channel, CBOR, b"Slow")
        (transaction,) = host.backend.transactions
        transaction.status = KeepaliveStatus.PROCESSING
        host.now += 0.01
        host.device.wake(host.now)
        assert host.read() == [Message(channel, KEEPALIVE, b"\x01")]

    def test_a_late_host_gets_one_not_all(self, host: Host, channel: int) -> None:
        host.backend.answers_after = None
        host.send(channel, CBOR, b"Slow")
        host.now += 100
        host.device.wake(host.now)
        assert [m.command for m in host.read()] == [KEEPALIVE]

    def test_a_person_who_answers_live(self, host: Host, channel: int) -> None:
        host.backend.answers_after = None
        host.send(channel, CBOR, b"Slow")
        host.backend.transactions[0].answer()
        host.device.wake(host.now)
        assert host.read() == [Message(channel, CBOR, b"wolS")]


class TestCancel:
    def test_is_answered_by_the_request(self, host: Host, channel: int) -> None:
        host.send(channel, CBOR, b"Slow")
        assert host.send(channel, CANCEL) == [Message(channel, CBOR, CANCELLED)]
        assert host.wait(5) == []

    def test_is_otherwise_ignored(self, host: Host, channel: int, other: int) -> None:
        assert host.send(channel, CANCEL) == []
        assert host.send(0, CANCEL) == []
        host.send(channel, CBOR, b"Slow")
        assert host.send(other, CANCEL) == []
        assert host.wait(2)[-1] == Message(channel, CBOR, b"wolS")
        first, second = frames(channel, PING, bytes(100))
        assert host.write(first, *frames(channel, CANCEL), second) == [Message(channel, PING, bytes(100))]

    def test_u2f_knows_none(self, host: Host, channel: int) -> None:
        host.send(channel, MSG, b"Slow")
        assert host.send(channel, CANCEL) == []
        assert host.wait(2)[-1] == Message(channel, MSG, b"wolS")


class TestLock:
    def test_keeps_others_out_until_it_expires(self, host: Host, channel: int, other: int) -> None:
        assert host.send(channel, LOCK, b"\x03") == [Message(channel, LOCK, b"")]
        assert host.send(other, PING, b"x") == [error(other, CHANNEL_BUSY)]
        assert host.send(other, LOCK, b"\x00") == [error(other, CHANNEL_BUSY)]
        assert host.send(channel, PING, b"x") == [Message(channel, PING, b"x")]
        host.wait(2.9)
        assert host.send(other, PING, b"x") == [error(other, CHANNEL_BUSY)]
        host.wait(0.1)
        assert host.send(other, PING, b"x") == [Message(other, PING, b"x")]

    def test_is_renewed_and_released(self, host: Host, channel: int, other: int) -> None:
        host.send(channel, LOCK, b"\x03")
        host.wait(2)
        host.send(channel, LOCK, b"\x0a")
        host.wait(9)
        assert host.send(other, PING, b"x") == [error(other, CHANNEL_BUSY)]
        host.send(channel, LOCK, b"\x00")
        assert host.send(other, PING, b"x") == [Message(other, PING, b"x")]

    def test_lasts_ten_seconds_at_most(self, host: Host, channel: int, other: int) -> None:
        assert host.send(channel, LOCK, b"\x0b") == [error(channel, INVALID_PAR)]
        assert host.send(other, PING, b"x") == [Message(other, PING, b"x")]

    def test_new_channels_are_given_all_the_same(self, host: Host, channel: int) -> None:
        host.send(channel, LOCK, b"\x05")
        latecomer = host.open_channel()
        assert host.send(latecomer, PING, b"x") == [error(latecomer, CHANNEL_BUSY)]


def test_power_cycle_forgets_everything(host: Host, channel: int, other: int) -> None:
    host.send(channel, LOCK, b"\x0a")
    host.device.receive(frames(channel, CBOR, b"Slow")[0], host.now)
    host.device.power_cycle(host.now)
    assert host.wait(60) == []
    assert host.backend.transactions[0].response == CANCELLED
    assert host.send(channel, PING, b"x") == [error(channel, INVALID_CHANNEL)]
    latecomer = host.open_channel()
    assert host.send(latecomer, PING, b"x") == [Message(latecomer, PING, b"x")]


def test_a_key_pulled_out_as_soon_as_it_asks(
    host: Host, channel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person pulls while the request is being begun: it is forgotten like the rest."""

    def begin_and_pull(channel: int, request: bytes, now: float) -> EchoTransaction:
        host.device.power_cycle(now)
        return EchoTransaction(request=request)

    with monkeypatch.context() as patch:
        patch.setattr(EchoBackend, "begin_cbor", lambda self, *arguments: begin_and_pull(*arguments))
        assert host.send(channel, CBOR, b"Slow") == []
    assert host.device.next_wake() is None
    latecomer = host.open_channel()
    assert host.send(latecomer, PING, b"x") == [Message(latecomer, PING, b"x")]


class TestBugsBehindTheChannels:
    class Buggy(EchoBackend):
        def vendor(self, channel: int, command: int, request: bytes, now: float) -> bytes | ErrorCode:
            raise ZeroDivisionError

    def test_one_transaction_fails_and_the_next_is_served(self, caplog: pytest.LogCaptureFixture) -> None:
        host = Host(self.Buggy())
        channel = host.open_channel()
        with caplog.at_level(logging.CRITICAL, "ctaphid.hid_device"):
            assert host.send(channel, 0x40) == [error(channel, OTHER)]
        assert host.send(channel, PING, b"x") == [Message(channel, PING, b"x")]

    def test_a_response_that_no_message_can_carry(self, host: Host, channel: int) -> None:
        host.backend.answers_after = None
        host.send(channel, CBOR, b"Slow")
        host.backend.transactions[0].response = bytes(7610)
        host.device.wake(host.now)
        assert host.read() == [error(channel, OTHER)]
        assert host.send(channel, PING, b"x") == [Message(channel, PING, b"x")]
