"""python-fido2's own client, over memory connections."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Iterator
from threading import Event

import pytest
from fido2.hid import CtapHidDevice

from authenticator.environment import HandTurnedClock, SystemClock
from ctaphid.hid_device import HidDevice
from ctaphid.hub import Hub
from ctaphid.ports.memory import MemoryConnection, descriptor
from tests.ctaphid.backend import CANCELLED, EchoBackend
from tests.ctaphid.host import CBOR, INIT, PING, frames

USB = descriptor(vendor_id=0x1209, product_id=0xF1D0, product="echo")


class Bench:
    """An echo key whose clock the reading program turns, or a real one."""

    def __init__(self, *, real_time: bool = False) -> None:
        self.backend = EchoBackend()
        self.clock = HandTurnedClock()
        device = HidDevice(self.backend, random_bytes=random.Random(1).randbytes)
        self.hub = (
            Hub(device, clock=SystemClock())
            if real_time
            else Hub(device, clock=self.clock, jump=self.clock.advance)
        )

    def client(self) -> CtapHidDevice:
        return CtapHidDevice(USB, MemoryConnection(self.hub))


@pytest.fixture(params=["hand-turned", "real"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(real_time=request.param == "real")
    if request.param == "real":
        bench.backend.answers_after = 0.12
    yield bench
    assert not bench.hub.listeners, "a connection was left open"


def test_a_client_talks_to_the_key(bench: Bench) -> None:
    client = bench.client()
    assert client.device_version == (5, 7, 4)
    assert client.ping(bytes(7609)) == bytes(7609)
    assert client.call(CBOR, b"\x04") == b"\x04"
    client.wink()
    client.lock(1)
    client.close()


def test_a_client_waits_for_the_person(bench: Bench) -> None:
    client = bench.client()
    seen: list[object] = []
    assert client.call(CBOR, b"Slow", on_keepalive=seen.append) == b"wolS"
    assert seen == [2]
    client.close()


def test_a_client_cancels(bench: Bench) -> None:
    bench.backend.answers_after = None
    client = bench.client()
    cancel = Event()
    assert client.call(CBOR, b"Slow", event=cancel, on_keepalive=lambda status: cancel.set()) == CANCELLED
    client.close()


def test_a_hand_turned_clock_is_turned_by_who_waits() -> None:
    bench = Bench()
    bench.backend.answers_after = 3600.0
    client, start = bench.client(), bench.clock.now
    assert client.call(CBOR, b"Slow") == b"wolS"
    assert bench.clock.now - start == pytest.approx(3600)


def test_each_program_reads_its_own_packets(bench: Bench) -> None:
    """One waits for the person, another asks in the meantime and is told CHANNEL_BUSY, on its own channel."""
    bench.backend.answers_after = None
    first, second = bench.client(), MemoryConnection(bench.hub)
    first._connection.write_packet(frames(first._channel_id, CBOR, b"Slow")[0])
    second.write_packet(frames(0xFFFFFFFF, INIT, b"12345678")[0])
    channel = second.read_packet()[15:19]
    second.write_packet(frames(int.from_bytes(channel, "big"), PING, b"x")[0])
    assert second.read_packet()[:8] == channel + b"\xbf\x00\x01\x06"
    bench.backend.transactions[0].answer()
    bench.hub.wake()
    assert first._connection.read_packet()[4] == 0xBB
    assert first._connection.read_packet()[4:11] == b"\x90\x00\x04wolS"
    first.close()
    second.close()


def test_many_programs_at_once() -> None:
    """Six threads, each with a connection of its own, get through with retries alone."""
    bench = Bench(real_time=True)
    failures: list[BaseException] = []

    def program(number: int) -> None:
        try:
            client = bench.client()
            for size in (1, 100, 1000):
                data = bytes((number,)) * size
                assert client.ping(data) == data
            client.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=program, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert not bench.hub.listeners


def test_an_answer_from_another_thread_ends_the_wait() -> None:
    bench = Bench(real_time=True)
    bench.backend.answers_after = None
    client, asked = bench.client(), Event()

    def person() -> None:
        asked.wait()
        with bench.hub.lock:
            bench.backend.transactions[0].answer()
        bench.hub.wake()

    thread = threading.Thread(target=person)
    thread.start()
    assert client.call(CBOR, b"Slow", on_keepalive=lambda status: asked.set()) == b"wolS"
    thread.join()
    client.close()


def test_a_program_that_ends_leaves_the_key_free(bench: Bench) -> None:
    bench.backend.answers_after = None
    first, second = bench.client(), bench.client()
    first.lock(10)
    first._connection.write_packet(frames(first._channel_id, CBOR, b"Slow")[0])
    second._connection.write_packet(frames(second._channel_id, PING, b"x")[0])
    assert second._connection.read_packet()[4:8] == b"\xbf\x00\x01\x06"
    first.close()
    assert second.ping(b"x") == b"x"
    second.close()


def test_unplugged_in_the_middle(bench: Bench) -> None:
    bench.backend.answers_after = None
    client = bench.client()
    with pytest.raises(OSError, match="unplugged") as failure:
        client.call(CBOR, b"Slow", on_keepalive=lambda status: bench.hub.unplug())
    assert failure.value.errno == errno.ENODEV
    assert bench.backend.transactions[0].response == CANCELLED
    with pytest.raises(OSError, match="not plugged in"):
        MemoryConnection(bench.hub)
    bench.hub.plug_in()
    with pytest.raises(OSError, match="unplugged"):
        client.ping(b"x")
    client.close()
    again = bench.client()
    assert again.ping(b"x") == b"x"
    again.close()


def test_closing_ends_a_read_in_another_thread() -> None:
    bench = Bench(real_time=True)
    connection = MemoryConnection(bench.hub)
    outcome: list[OSError] = []

    def reader() -> None:
        try:
            connection.read_packet()
        except OSError as error:
            outcome.append(error)

    thread = threading.Thread(target=reader)
    thread.start()
    connection.close()
    thread.join()
    assert outcome[0].errno == errno.EBADF
    with pytest.raises(OSError, match="closed"):
        connection.write_packet(bytes(64))
    connection.close()


def test_a_read_that_nothing_will_answer_says_so() -> None:
    connection = MemoryConnection(Bench().hub, patience=0.0)
    with pytest.raises(TimeoutError, match="no request under way"):
        connection.read_packet()
    connection.close()


def test_packets_of_another_size_are_refused() -> None:
    connection = MemoryConnection(Bench().hub)
    with pytest.raises(ValueError, match="64"):
        connection.write_packet(bytes(65))
    connection.close()
