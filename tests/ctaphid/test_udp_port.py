"""The udp port, and clients that speak to it as those of other emulators do."""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import cast

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest
from fido2.hid import CtapHidDevice
from fido2.hid.base import CtapHidConnection

from authenticator.environment import HandTurnedClock, SystemClock
from ctaphid.hid_device import HidDevice
from ctaphid.hub import Hub
from ctaphid.ports import PortError
from ctaphid.ports.memory import MemoryConnection, descriptor
from ctaphid.ports.udp import PROBE, PROBE_ANSWER, REBOOT, UdpPort
from tests.ctaphid.backend import CANCELLED, EchoBackend
from tests.ctaphid.host import (
    BROADCAST,
    CBOR,
    INIT,
    INVALID_CHANNEL,
    KEEPALIVE,
    PING,
    Message,
    error,
    frames,
    messages,
)

USB = descriptor(vendor_id=0x1209, product_id=0xF1D0, product="echo")
PATIENCE = 20.0


def hub(seed: int = 1, *, backend: EchoBackend | None = None) -> Hub:
    return Hub(
        HidDevice(backend or EchoBackend(), random_bytes=random.Random(seed).randbytes), clock=SystemClock()
    )


class Client(asyncio.DatagramProtocol):
    """A client on the same loop: one socket, any number of keys."""

    def __init__(self) -> None:
        self.datagrams: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.datagrams.put_nowait((data, addr))

    def send(self, port: UdpPort, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.transport.sendto(datagram, port.address)

    async def receive(self) -> bytes:
        return (await asyncio.wait_for(self.datagrams.get(), PATIENCE))[0]

    async def call(self, port: UdpPort, channel: int, command: int, data: bytes = b"") -> Message:
        self.send(port, *frames(channel, command, data))
        packets = [await self.receive()]
        while len(packets) * 59 - 2 < int.from_bytes(packets[0][5:7], "big"):
            packets.append(await self.receive())
        (answer,) = messages(packets)
        return answer

    async def open_channel(self, port: UdpPort) -> int:
        answer = await self.call(port, BROADCAST, INIT, b"12345678")
        return int.from_bytes(answer.data[8:12], "big")


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Client, local_addr=("127.0.0.1", 0))
    yield protocol
    transport.close()


def test_a_key_is_served() -> None:
    async def play() -> None:
        async with UdpPort(hub(), port=0) as port, client() as program:
            channel = await program.open_channel(port)
            assert await program.call(port, channel, PING, bytes(7609)) == Message(channel, PING, bytes(7609))
            assert await program.call(port, channel, CBOR, b"\x04x") == Message(channel, CBOR, b"x\x04")
            assert await program.call(port, 7, PING) == error(7, INVALID_CHANNEL)

    asyncio.run(play())


def test_the_person_is_waited_for() -> None:
    async def play() -> None:
        backend = EchoBackend(answers_after=0.12)
        async with UdpPort(hub(backend=backend), port=0) as port, client() as program:
            channel = await program.open_channel(port)
            program.send(port, *frames(channel, CBOR, b"Slow"))
            answers = messages([await program.receive() for _ in range(3)])
            assert [m.command for m in answers] == [KEEPALIVE, KEEPALIVE, CBOR]

    asyncio.run(play())


def test_a_hand_turned_clock_is_turned_by_the_time_a_client_waits() -> None:
    async def play() -> None:
        clock = HandTurnedClock()
        start = clock.now
        device = HidDevice(EchoBackend(answers_after=0.12), random_bytes=random.Random(1).randbytes)
        async with UdpPort(Hub(device, clock=clock, jump=clock.advance), port=0) as port, client() as program:
            channel = await program.open_channel(port)
            program.send(port, *frames(channel, CBOR, b"Slow"))
            answers = messages([await program.receive() for _ in range(3)])
            assert answers[-1] == Message(channel, CBOR, b"wolS")
            assert clock.now - start == pytest.approx(0.12)

    asyncio.run(play())


def test_an_answer_from_another_thread() -> None:
    """A person at a prompt answers in a thread of their own; the client hears of it at once."""

    async def play() -> None:
        backend = EchoBackend(answers_after=None)
        shared = hub(backend=backend)

        def person() -> None:
            backend.transactions[0].answer()
            shared.wake()

        async with UdpPort(shared, port=0) as port, client() as program:
            channel = await program.open_channel(port)
            assert (await program.call(port, channel, CBOR, b"Slow")).command == KEEPALIVE
            await asyncio.to_thread(person)
            answer = KEEPALIVE
            while answer == KEEPALIVE:
                (message,) = messages([await program.receive()])
                answer = message.command
            assert message == Message(channel, CBOR, b"wolS")

    asyncio.run(play())


def test_two_clients_of_one_key_receive_their_own_packets() -> None:
    async def play() -> None:
        backend = EchoBackend(answers_after=None)
        async with UdpPort(hub(backend=backend), port=0) as port, client() as first, client() as second:
            # Both ask at once with the same nonce: the sender alone tells them apart.
            first.send(port, *frames(BROADCAST, INIT, b"12345678"))
            second.send(port, *frames(BROADCAST, INIT, b"12345678"))
            one = int.from_bytes((await first.receive())[15:19], "big")
            two = int.from_bytes((await second.receive())[15:19], "big")
            assert one != two
            assert (await first.call(port, one, CBOR, b"Slow")).channel == one
            assert await second.call(port, two, PING, b"x") == error(two, 6)
            backend.transactions[0].answer()
            port._hub.wake()
            seen = KEEPALIVE
            while seen == KEEPALIVE:
                (message,) = messages([await first.receive()])
                assert message.channel == one
                seen = message.command
            assert await second.call(port, two, PING, b"x") == Message(two, PING, b"x")
            assert first.datagrams.empty()
            assert second.datagrams.empty()

    asyncio.run(play())


def test_one_key_on_two_ports_at_once() -> None:
    async def play() -> None:
        shared = hub()
        async with UdpPort(shared, port=0) as port, client() as program:
            channel = await program.open_channel(port)

            def in_memory() -> bytes:
                device = CtapHidDevice(USB, MemoryConnection(shared))
                answer = device.ping(bytes(300))
                device.close()
                return answer

            assert await asyncio.to_thread(in_memory) == bytes(300)
            assert await program.call(port, channel, PING, b"x") == Message(channel, PING, b"x")

    asyncio.run(play())


def test_probes_and_odd_datagrams() -> None:
    async def play() -> None:
        async with UdpPort(hub(), port=0) as port, client() as program:
            program.send(port, b"", b"x" * 63, b"x" * 65, b"PING", PROBE)
            assert await program.receive() == PROBE_ANSWER
            channel = await program.open_channel(port)
            assert await program.call(port, channel, PING, b"x") == Message(channel, PING, b"x")

    asyncio.run(play())


def test_the_magic_packet_pulls_the_key_out_and_plugs_it_in() -> None:
    async def play() -> None:
        backend = EchoBackend(answers_after=None)
        shared = hub(backend=backend)

        def power_cycle() -> None:
            shared.unplug()
            shared.plug_in()

        async with UdpPort(shared, port=0, power_cycle=power_cycle) as port, client() as program:
            channel = await program.open_channel(port)
            await program.call(port, channel, CBOR, b"Slow")
            program.send(port, REBOOT)
            assert await program.call(port, channel, PING, b"x") == error(channel, INVALID_CHANNEL)
            assert backend.transactions[0].response == CANCELLED
        async with UdpPort(shared, port=0) as port, client() as program:
            magic_channel = int.from_bytes(REBOOT[:4], "big")
            program.send(port, REBOOT)  # without a power switch it is a continuation packet of nothing
            assert await program.call(port, magic_channel, PING) == error(magic_channel, INVALID_CHANNEL)

    asyncio.run(play())


class TestOpening:
    def test_a_port_that_is_taken(self) -> None:
        async def play() -> None:
            async with UdpPort(hub(), port=0) as port:
                number = int(port.path.rpartition(":")[2])
                with pytest.raises(
                    PortError, match=rf"127\.0\.0\.1:{number} is taken .* choose another port"
                ):
                    await UdpPort(hub(), port=number).open()

        asyncio.run(play())

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
    def test_other_machines_are_kept_out(self, host: str) -> None:
        with pytest.raises(PortError, match="can be reached from other machines"):
            asyncio.run(UdpPort(hub(), host, 0).open())

    def test_other_machines_are_let_in_when_told_so(self) -> None:
        async def play() -> None:
            async with UdpPort(hub(), "0.0.0.0", 0, allow_remote=True) as port, client() as program:
                program.transport.sendto(PROBE, ("127.0.0.1", int(port.address[1])))
                assert await program.receive() == PROBE_ANSWER

        asyncio.run(play())

    @pytest.mark.parametrize(
        ("host", "number", "message"),
        [
            ("127.0.0.1", 65536, "65536 is no UDP port"),
            ("no such host", 0, "'no such host' is no address"),
            ("a..b", 0, "'a..b' is no address"),
        ],
    )
    def test_what_cannot_be(self, host: str, number: int, message: str) -> None:
        with pytest.raises(PortError, match=message):
            asyncio.run(UdpPort(hub(), host, number).open())

    def test_an_address_of_another_machine(self) -> None:
        with pytest.raises(PortError, match=r"192\.0\.2\.7:\d+ is no address of this machine"):
            asyncio.run(UdpPort(hub(), "192.0.2.7", 0, allow_remote=True).open())

    def test_closed_ports_are_free_again_and_silent(self) -> None:
        async def play() -> None:
            shared = hub()
            port = UdpPort(shared, port=0)
            await port.open()
            address = port.address
            await port.close()
            await port.close()
            assert not shared.listeners
            port.send(bytes(64), address)
            async with UdpPort(hub(), port=int(address[1])) as again:
                assert again.path == f"127.0.0.1:{address[1]}"

        asyncio.run(play())


# As other emulators' clients do it: blocking, in a thread or process of their own


@contextmanager
def served(port: UdpPort) -> Iterator[UdpPort]:
    """The port, on a loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(port.open(), loop).result(PATIENCE)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(port.close(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class SoloStyleConnection(CtapHidConnection):
    """Two fixed ports: it binds to its own and sends to the emulator's, as SoloKeys' and CanoKey's clients do."""

    def __init__(self, remote: tuple[str, int], local: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(local)
        self.socket.settimeout(PATIENCE)
        self.remote = remote

    def write_packet(self, data: bytes) -> None:
        self.socket.sendto(data, self.remote)

    def read_packet(self) -> bytes:
        return self.socket.recv(64)

    def close(self) -> None:
        self.socket.close()


def test_python_fido2_over_a_socket_as_solokeys_has_it() -> None:
    with served(UdpPort(hub(backend=EchoBackend(answers_after=0.12)), port=0)) as port:
        remote = ("127.0.0.1", int(port.address[1]))
        device = CtapHidDevice(USB, SoloStyleConnection(remote, ("127.0.0.1", 0)))
        assert device.ping(bytes(2000)) == bytes(2000)
        seen: list[object] = []
        assert device.call(CBOR, b"Slow", on_keepalive=seen.append) == b"wolS"
        assert seen == [2]
        device.close()


def test_a_connected_socket_as_trezors_client_has_it() -> None:
    with served(UdpPort(hub(), port=0)) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as program:
        program.settimeout(PATIENCE)
        program.connect(("127.0.0.1", int(port.address[1])))
        program.sendall(PROBE)
        assert program.recv(8) == PROBE_ANSWER
        program.sendall(frames(BROADCAST, INIT, b"12345678")[0])
        assert program.recv(64)[:15] == b"\xff\xff\xff\xff\x86\x00\x1112345678"


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.heavy
@pytest.mark.usefixtures("many_files")
def test_a_thousand_keys_on_one_loop() -> None:
    """Each has a socket of its own and waits for its person at the same time, without a thread or task of its own."""

    async def play() -> None:
        process = psutil.Process()
        before = process.memory_info().rss
        threads = threading.active_count()
        ports = [UdpPort(hub(seed, backend=EchoBackend(answers_after=0.3)), port=0) for seed in range(1000)]
        async with AsyncExitStack() as stack:
            for port in ports:
                await stack.enter_async_context(port)
            gc.collect()
            assert (process.memory_info().rss - before) / len(ports) < 100_000
            # A few keys for each client: the answers of a thousand at once overflow one socket, and UDP loses them.
            programs = [await stack.enter_async_context(client()) for _ in range(len(ports) // 20)]
            served = list(zip(ports, programs * 20, strict=True))
            channels = [await program.open_channel(port) for port, program in served]
            assert len(set(channels)) == len(ports)
            for (port, program), channel in zip(served, channels, strict=True):
                assert await program.call(port, channel, PING, b"x") == Message(channel, PING, b"x")
            for (port, program), channel in zip(served, channels, strict=True):
                program.send(port, *frames(channel, CBOR, b"S" + channel.to_bytes(4, "big")))
                await asyncio.sleep(0)
            answers: dict[int, bytes] = {}
            for program in programs:
                waited_for = len(answers) + 20
                while len(answers) < waited_for:
                    (message,) = messages([await program.receive()])
                    if message.command == CBOR:
                        answers[message.channel] = message.data
            assert answers == {channel: channel.to_bytes(4, "big")[::-1] + b"S" for channel in channels}
            assert len(asyncio.all_tasks()) == 1
            assert threading.active_count() == threads

    asyncio.run(play())
