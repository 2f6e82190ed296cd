"""Any packets of any programs in any order, judged by a model of who owns the device.

The model knows messages and never sees a packet. It says of every step which answers must come, all of them, on
which channels. Keepalives are apart: they may come to the owner of a request that waits, and to nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.ctaphid.backend import CANCELLED, EchoBackend
from tests.ctaphid.host import (
    BROADCAST,
    CANCEL,
    CBOR,
    CHANNEL_BUSY,
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
    PING,
    WINK,
    Host,
    Message,
    error,
    frames,
)

MAX_CHANNELS = 3
PACKET_TIMEOUT = 0.5
PERSON = 2.0
UNKNOWN = (0, 0x11223344, BROADCAST)
COMMANDS = st.sampled_from([PING, CBOR, MSG, WINK, 0x42, 0x43, 0x7F, 0x00, 0x3B, 0x3F, 0x20])
DATA = st.binary(max_size=200) | st.sampled_from([b"", b"Slow", b"S" * 58, bytes(7609)])


@dataclass
class Receiving:
    channel: int
    command: int
    data: bytes
    rest: list[bytes]
    """Packets that have not come yet."""
    deadline: float


@dataclass
class Waiting:
    channel: int
    command: int
    request: bytes
    due: float | None


class Channels(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.host = Host(EchoBackend(answers_after=None), max_channels=MAX_CHANNELS)
        self.channels: list[int] = []
        """The one unused for longest comes first."""
        self.gone: list[int] = []
        self.owner: Receiving | Waiting | None = None
        self.lock: tuple[int, float] | None = None

    # The model

    @property
    def now(self) -> float:
        return self.host.now

    @property
    def busy(self) -> int | None:
        return None if self.owner is None else self.owner.channel

    @property
    def lock_holder(self) -> int | None:
        return self.lock[0] if self.lock is not None and self.now < self.lock[1] else None

    def pick(self, index: int) -> int:
        """Mostly an allocated channel; also one that was taken back, or one that nobody was ever given."""
        owner = [] if self.owner is None else [self.owner.channel]
        all_of_them = [*owner, *self.channels * 3, *self.gone[-1:], *UNKNOWN]
        return all_of_them[index % len(all_of_them)]

    def used(self, channel: int) -> None:
        self.channels.remove(channel)
        self.channels.append(channel)

    def refusal(self, channel: int, command: int, length: int) -> int | None:
        if channel not in self.channels:
            return INVALID_CHANNEL
        if self.lock_holder not in (None, channel):
            return CHANNEL_BUSY
        if isinstance(self.owner, Receiving) and self.owner.channel == channel:
            self.owner = None
            return INVALID_SEQ
        if self.owner is not None:
            return CHANNEL_BUSY
        if command not in (PING, CBOR, MSG, WINK, LOCK) and not 0x40 <= command <= 0x7F:
            return INVALID_CMD
        if (
            (command in (CBOR, MSG) and length == 0)
            or (command == WINK and length)
            or (command == LOCK and length != 1)
        ):
            return INVALID_LEN
        return INVALID_LEN if length > 7609 else None

    def complete(self, channel: int, command: int, data: bytes) -> list[Message]:
        """A whole message has come: its answer, or it waits for the person from now on."""
        self.owner = None
        if command in (CBOR, MSG):
            if data[:1] != b"S":
                return [Message(channel, command, data[::-1])]
            self.owner = Waiting(channel, command, data, None)
            return []
        if command == LOCK:
            seconds = data[0]
            if seconds > 10:
                return [error(channel, INVALID_PAR)]
            self.lock = (channel, self.now + seconds) if seconds else None
            return [Message(channel, LOCK, b"")]
        if command == 0x42 and len(data) < 7609:
            return [Message(channel, 0x42, data + b"\x42")]
        if command == 0x42:
            return [error(channel, 0x7F)]
        if command >= 0x40:
            return [error(channel, INVALID_CMD)]
        return [Message(channel, command, data)]

    def expect(self, actual: list[Message], expected: list[Message]) -> None:
        waiting = self.owner.channel if isinstance(self.owner, Waiting) else None
        alive = Message(waiting, KEEPALIVE, b"\x02") if waiting is not None else None
        assert [message for message in actual if message != alive] == expected

    # What programs do

    @initialize()
    def two_programs_come(self) -> None:
        self.take_a_channel()
        self.take_a_channel()

    @rule()
    def take_a_channel(self) -> None:
        answers = self.host.send(BROADCAST, INIT, b"12345678")
        if len(self.channels) == MAX_CHANNELS:
            free = [c for c in self.channels if c not in (self.busy, self.lock_holder)]
            if not free:
                self.expect(answers, [error(BROADCAST, CHANNEL_BUSY)])
                return
            self.channels.remove(free[0])
            self.gone.append(free[0])
        (answer,) = answers
        assert (answer.channel, answer.command, answer.data[:8], len(answer.data)) == (
            BROADCAST,
            INIT,
            b"12345678",
            17,
        )
        channel = int.from_bytes(answer.data[8:12], "big")
        assert channel not in (*self.channels, 0, BROADCAST)
        self.channels.append(channel)

    @rule(index=st.integers(0, 100), nonce=st.binary(min_size=8, max_size=8))
    def resynchronise(self, index: int, nonce: bytes) -> None:
        channel = self.pick(index)
        if channel == BROADCAST:
            return
        answers = self.host.send(channel, INIT, nonce)
        if channel not in self.channels:
            self.expect(answers, [error(channel, INVALID_CHANNEL)])
            return
        self.used(channel)
        if self.busy == channel:
            self.owner = None
        (answer,) = answers
        assert answer.data[:12] == nonce + channel.to_bytes(4, "big")
        assert (answer.channel, answer.command, len(answer.data)) == (channel, INIT, 17)

    @rule(index=st.integers(0, 100), command=COMMANDS, data=DATA, whole=st.booleans())
    def begin_a_message(self, index: int, command: int, data: bytes, whole: bool) -> None:
        self.message(self.pick(index), command, data, whole=whole)

    def message(self, channel: int, command: int, data: bytes, *, whole: bool) -> None:
        packets = frames(channel, command, data)
        sent = packets if whole else packets[:1]
        # A second message of the owner ends its first, and the packets that follow are strays.
        expected_refusal = self.refusal(channel, command, len(data))
        if expected_refusal is not None:
            self.expect(self.host.write(*sent), [error(channel, expected_refusal)])
            return
        self.used(channel)
        answers = self.host.write(*sent)
        if len(sent) == len(packets):
            self.expect(answers, self.complete(channel, command, data))
        else:
            self.owner = Receiving(channel, command, data, packets[1:], self.now + PACKET_TIMEOUT)
            self.expect(answers, [])

    @rule(index=st.integers(0, 100), command=st.sampled_from([CBOR, CBOR, MSG]))
    def ask_what_the_person_must_answer(self, index: int, command: int) -> None:
        self.message(self.pick(index), command, b"Slow", whole=True)

    @rule(index=st.integers(0, 100), command=st.sampled_from([PING, CBOR, MSG]), length=st.integers(58, 500))
    def begin_a_long_message(self, index: int, command: int, length: int) -> None:
        self.message(self.pick(index), command, bytes(n % 251 for n in range(length)), whole=False)

    @precondition(lambda self: self.lock_holder is not None)
    @rule()
    def the_lock_expires(self) -> None:
        assert self.lock is not None
        self.let_pass(self.lock[1] - self.now)

    @rule(index=st.integers(0, 100), command=COMMANDS, length=st.integers(7610, 0xFFFF))
    def begin_a_message_that_is_too_long(self, index: int, command: int, length: int) -> None:
        channel = self.pick(index)
        code = self.refusal(channel, command, length)
        assert code is not None
        self.expect(self.host.write(*frames(channel, command, bytes(57), length)), [error(channel, code)])

    @precondition(lambda self: isinstance(self.owner, Receiving))
    @rule(count=st.integers(1, 200))
    def go_on_with_the_message(self, count: int) -> None:
        owner = self.owner
        assert isinstance(owner, Receiving)
        sent, owner.rest = owner.rest[:count], owner.rest[count:]
        answers = self.host.write(*sent)
        owner.deadline = self.now + PACKET_TIMEOUT
        expected = [] if owner.rest else self.complete(owner.channel, owner.command, owner.data)
        self.expect(answers, expected)

    @precondition(lambda self: isinstance(self.owner, Receiving))
    @rule(skipped=st.integers(1, 127))
    def lose_packets_of_the_message(self, skipped: int) -> None:
        owner = self.owner
        assert isinstance(owner, Receiving)
        packet = bytearray(owner.rest[0])
        packet[4] = (packet[4] + skipped) & 0x7F
        self.owner = None
        self.expect(self.host.write(bytes(packet)), [error(owner.channel, INVALID_SEQ)])

    @rule(index=st.integers(0, 100), sequence=st.integers(0, 127))
    def send_a_stray(self, index: int, sequence: int) -> None:
        channel = self.pick(index)
        if isinstance(self.owner, Receiving) and self.owner.channel == channel:
            return
        self.expect(self.host.write(channel.to_bytes(4, "big") + bytes((sequence,)) + bytes(59)), [])

    @rule(index=st.integers(0, 100))
    def cancel(self, index: int) -> None:
        channel, owner = self.pick(index), self.owner
        expected = []
        if isinstance(owner, Waiting) and owner.channel == channel and owner.command == CBOR:
            expected = [Message(channel, CBOR, CANCELLED)]
            self.owner = None
        self.expect(self.host.send(channel, CANCEL), expected)

    @rule(index=st.integers(0, 100), seconds=st.integers(0, 12))
    def lock_the_device(self, index: int, seconds: int) -> None:
        channel, data = self.pick(index), bytes((seconds,))
        code = self.refusal(channel, LOCK, 1)
        if code is not None:
            self.expect(self.host.send(channel, LOCK, data), [error(channel, code)])
            return
        self.used(channel)
        self.expect(self.host.send(channel, LOCK, data), self.complete(channel, LOCK, data))

    @rule(size=st.sampled_from([0, 1, 63, 65]))
    def send_a_report_of_another_size(self, size: int) -> None:
        self.expect(self.host.write(bytes(size)), [])

    # What else happens

    @rule(centiseconds=st.integers(1, 100) | st.just(1200))
    def time_passes(self, centiseconds: int) -> None:
        self.let_pass(centiseconds / 100)

    def let_pass(self, seconds: float) -> None:
        answers = self.host.wait(seconds)
        expected = []
        if isinstance(self.owner, Receiving) and self.now >= self.owner.deadline:
            expected = [error(self.owner.channel, MSG_TIMEOUT)]
            self.owner = None
        if isinstance(self.owner, Waiting) and seconds > 0.1:
            assert answers, "no keepalive within 100 ms"
        self.expect(answers, expected)

    @precondition(lambda self: isinstance(self.owner, Waiting))
    @rule()
    def the_person_answers(self) -> None:
        owner = self.owner
        assert isinstance(owner, Waiting)
        self.host.backend.transactions[0].answer()
        self.host.device.wake(self.now)
        self.owner = None
        self.expect(self.host.read(), [Message(owner.channel, owner.command, owner.request[::-1])])

    @rule()
    def power_is_lost(self) -> None:
        self.host.device.power_cycle(self.now)
        self.gone += self.channels
        self.channels, self.owner, self.lock = [], None, None
        self.expect(self.host.read(), [])

    # What always holds

    @invariant()
    def is_woken_exactly_while_something_is_under_way(self) -> None:
        due = self.host.device.next_wake()
        if self.owner is None:
            assert due is None
        elif isinstance(self.owner, Receiving):
            assert due == self.owner.deadline
        else:
            assert due is not None
            assert self.now < due <= self.now + 0.1

    def teardown(self) -> None:
        """Whatever happened: when nobody holds the device any more, a new program is served."""
        if isinstance(self.owner, Waiting):
            self.host.send(self.owner.channel, INIT, b"12345678")
        self.host.wait(11)
        channel = self.host.open_channel()
        assert self.host.send(channel, PING, b"still there") == [Message(channel, PING, b"still there")]


TestChannels = pytest.mark.heavy(Channels.TestCase)
TestChannels.settings = settings(max_examples=250, stateful_step_count=40)
