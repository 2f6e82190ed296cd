"""Traffic as no honest host sends it: conversations with packets changed, lost, repeated, swapped and made up."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from authenticator.environment import HandTurnedClock
from ctaphid.hub import Hub
from tests.ctaphid.host import (
    BROADCAST,
    CANCEL,
    ERROR,
    INIT,
    LOCK,
    OTHER,
    PING,
    WINK,
    Message,
    frames,
    messages,
)

MAX_REMEMBERED = 8


class Traffic:
    """An endless stream of packets. It learns the channels the device gives away, to be heard at all."""

    def __init__(self, seed: int, requests: Sequence[tuple[int, bytes]]) -> None:
        self.random = random.Random(seed)
        self.requests = requests
        self.channels: list[int] = []

    def learn(self, channel: int) -> None:
        self.channels.append(channel)
        if len(self.channels) > MAX_REMEMBERED:
            del self.channels[0]

    def packets(self) -> Iterator[bytes]:
        while True:
            packets = self._conversation()
            if self.random.random() < 0.5:
                for _ in range(self.random.randint(1, 3)):
                    self.random.choice(self.MUTATIONS)(self, packets)
            yield from packets

    def _channel(self) -> int:
        if not self.channels or self.random.random() < 0.05:
            return self.random.choice([0, 1, BROADCAST, self.random.getrandbits(32)])
        return self.random.choice(self.channels)

    def _conversation(self) -> list[bytes]:
        random, channel = self.random, self._channel()
        match random.randrange(10):
            case 0:
                return frames(BROADCAST if random.random() < 0.7 else channel, INIT, random.randbytes(8))
            case 1:
                return frames(
                    channel,
                    PING,
                    random.randbytes(random.choice([0, 1, 57, 58, 300, random.randrange(7610)])),
                )
            case 2:
                return frames(channel, random.choice([CANCEL, CANCEL, WINK]))
            case 3:
                return frames(channel, LOCK, bytes((random.choice([0, 0, 1, 2, 11]),)))
            case 4:
                return frames(channel, random.randrange(128), random.randbytes(random.randrange(100)))
            case _:
                command, data = random.choice(self.requests)
                if random.random() < 0.4:
                    data = self._mutated(data)
                return frames(channel, command, data)

    def _mutated(self, data: bytes) -> bytes:
        random, changed = self.random, bytearray(data)
        place = random.randrange(len(changed) + 1)
        match random.randrange(4):
            case 0:
                del changed[place:]
            case 1:
                changed[place:place] = random.randbytes(random.randint(1, 8))
            case 2 if changed:
                changed[place % len(changed)] ^= 1 << random.randrange(8)
            case _ if changed:
                changed[place % len(changed)] = random.choice(
                    [0x00, 0x18, 0x40, 0x5B, 0x9F, 0xA0, 0xBF, 0xFF]
                )
        return bytes(changed)

    # What may happen to the packets of a conversation

    def _flip_a_bit(self, packets: list[bytes]) -> None:
        at = self.random.randrange(len(packets))
        packet = bytearray(packets[at])
        if packet:
            packet[self.random.randrange(len(packet))] ^= 1 << self.random.randrange(8)
        packets[at] = bytes(packet)

    def _lie_about_the_header(self, packets: list[bytes]) -> None:
        at = self.random.randrange(len(packets))
        packet = bytearray(packets[at])
        packet[4:7] = self.random.randbytes(3)
        packets[at] = bytes(packet)

    def _send_from_another_channel(self, packets: list[bytes]) -> None:
        at = self.random.randrange(len(packets))
        packets[at] = self._channel().to_bytes(4, "big") + packets[at][4:]

    def _lose(self, packets: list[bytes]) -> None:
        if len(packets) > 1:
            del packets[self.random.randrange(len(packets))]

    def _repeat(self, packets: list[bytes]) -> None:
        at = self.random.randrange(len(packets))
        packets.insert(at, packets[at])

    def _swap(self, packets: list[bytes]) -> None:
        self.random.shuffle(packets)

    def _stop_in_the_middle(self, packets: list[bytes]) -> None:
        del packets[self.random.randrange(len(packets)) + 1 :]

    def _resize(self, packets: list[bytes]) -> None:
        at = self.random.randrange(len(packets))
        packets[at] = (packets[at] + b"\xff\xff")[: self.random.choice([0, 1, 4, 5, 7, 63, 65])]

    def _make_one_up(self, packets: list[bytes]) -> None:
        packets.insert(self.random.randrange(len(packets) + 1), self.random.randbytes(64))

    def _interrupt(self, packets: list[bytes]) -> None:
        packets[self.random.randrange(len(packets) + 1) : 0] = self._conversation()[:3]

    MUTATIONS: Sequence[Callable[[Traffic, list[bytes]], None]] = (
        _flip_a_bit,
        _lie_about_the_header,
        _send_from_another_channel,
        _lose,
        _repeat,
        _swap,
        _stop_in_the_middle,
        _resize,
        _make_one_up,
        _interrupt,
    )


class Listener:
    """The one program all this traffic comes from."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def deliver(self, packet: bytes) -> None:
        self.packets.append(packet)


class Bombardment:
    """Traffic against a device, and a look at every answer. Raises AssertionError at the first that is wrong."""

    def __init__(self, hub: Hub, clock: HandTurnedClock, traffic: Traffic) -> None:
        self.hub = hub
        self.clock = clock
        self.traffic = traffic
        self.listener = Listener()
        self.given: set[int] = set()
        self.answers: dict[int, int] = {}
        """Command → how many answers there were."""

    def send(self, count: int) -> None:
        stream = self.traffic.packets()
        for _ in range(count):
            self.hub.write(next(stream), self.listener)
            if self.traffic.random.random() < 0.1:
                self.let_pass(self.traffic.random.choice([0.01, 0.1, 0.6, 3.0]))
            self.hear()

    def let_pass(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while (due := self.hub.next_wake()) is not None and due <= end:
            self.clock.now = max(self.clock.now, due)
            self.hub.wake()
        self.clock.now = end

    def hear(self) -> list[Message]:
        packets, self.listener.packets = self.listener.packets, []
        heard = messages(packets)
        for message in heard:
            self.answers[message.command] = self.answers.get(message.command, 0) + 1
            if message.command == INIT and message.channel == BROADCAST:
                channel = int.from_bytes(message.data[8:12], "big")
                self.given.add(channel)
                self.traffic.learn(channel)
            elif message.command == ERROR:
                assert message.data[0] != OTHER, "ERROR 0x7F"
            else:
                assert message.channel in self.given, "an answer on a channel that nobody was given"
        return heard

    def require_service(self) -> None:
        """Once everybody has given up, a new program is served."""
        self.let_pass(60)
        self.hear()
        for packet in frames(BROADCAST, INIT, b"12345678"):
            self.hub.write(packet, self.listener)
        (answer,) = self.hear()
        channel = int.from_bytes(answer.data[8:12], "big")
        for packet in frames(channel, PING, b"still there" * 100):
            self.hub.write(packet, self.listener)
        assert self.hear() == [Message(channel, PING, b"still there" * 100)]
