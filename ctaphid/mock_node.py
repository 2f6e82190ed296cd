"""A mocked hidraw node, from plugging in to pulling out, and the programs that have it open.

umockdev's library sends what a program does with the node (ioctl, read, write) to a socket, with the addresses in the
program's memory, and waits for the result. The node itself is there to be polled: it is readable while a packet waits.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import deque

from ctaphid.device import PACKET_SIZE
from ctaphid.hidraw import answer_ioctl
from ctaphid.hub import Hub
from ctaphid.mock_sysfs import MockDevice
from ctaphid.ports.pump import Pump
from ctaphid.signal_pty import PtyPool, SignalPty

_MESSAGE = struct.Struct("@LLL")
_UNSIGNED = (1 << 8 * struct.calcsize("@L")) - 1
# The library's messages: what a program asks, and what it is told to do
_IOCTL, _READ, _WRITE = 1, 7, 8
_DONE, _READ_MEMORY, _WRITE_MEMORY = 3, 5, 6


class MockNode:
    """One insertion of one key. What is told to happen in any thread, is so when the call returns."""

    def __init__(self, hub: Hub, pump: Pump, device: MockDevice, ptys: PtyPool) -> None:
        """In any thread: the client sees the key, and its first call waits until `serve` answers."""
        self.hub = hub
        self.device = device
        self.gone = False
        self.programs: set[_Program] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pump = pump
        self._ptys = ptys
        self._pty: SignalPty | None = ptys.take()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(device.socket_path())
        self._listener.listen(128)
        device.appear(self._pty.path)

    def pull_out(self) -> None:
        """In any thread. Programs that have the node open hear of it by whatever they do with it next."""
        self.gone = True
        self.device.disappear()
        self.changed()

    def changed(self) -> None:
        self._pump.in_loop(self.settle)

    def settle(self) -> None:
        """Let poll say what is so, and reads that wait go on."""
        if self._pty is not None:
            self._pty.set_readable(self.gone or any(program.packets for program in self.programs))
        for program in self.programs:
            if program.packets or self.gone:
                program.arrived.set()

    async def serve(self) -> None:
        """Programs come and go, until this is cancelled. Those that come too late are told that it is gone."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                connection, _ = await loop.sock_accept(self._listener)
                task = loop.create_task(self._serve_program(connection))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            for task in self._tasks:
                task.cancel()
            self._listener.close()
            if self._pty is not None and not self.programs:
                self._ptys.give_back(self._pty)
            self._pty = None

    async def farewell(self, patience: float) -> None:
        """Wait until every program has closed the node: one that nobody answers any more is aborted."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)

    async def _serve_program(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        program = _Program(self, reader, writer)
        self.programs.add(program)
        try:
            await program.serve()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it closed the node, or is no more
        finally:
            self.programs.discard(program)
            self.hub.forget(program)
            self.settle()
            writer.close()


class _Program:
    """One open() of the node, with packets of its own, as hidraw has it. To the hub, a client."""

    def __init__(self, node: MockNode, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.packets: deque[bytes] = deque()
        self.arrived = asyncio.Event()
        self._node = node
        self._reader = reader
        self._writer = writer

    def deliver(self, packet: bytes) -> None:
        self.packets.append(packet)
        self._node.changed()

    async def serve(self) -> None:
        while True:
            asked, first, second = _MESSAGE.unpack(await self._reader.readexactly(_MESSAGE.size))
            if asked == _READ:
                await self._read(first, second)
            elif asked == _WRITE:
                await self._write(first, second)
            else:
                self._ioctl(first, second)

    async def _read(self, address: int, size: int) -> None:
        """hidraw_read: one report, as much of it as the program has room for; the rest of it is lost.

        With several programs at one key, poll may have spoken for another one: then this waits, as reads do.
        """
        if not (self.packets or self._node.gone):
            await self._wait_for_packet()
        if self._node.gone:
            self._done(-errno.EIO)
            return
        packet = self.packets.popleft()[:size]
        self._node.settle()
        self._put(address, packet)
        self._done(len(packet))

    async def _wait_for_packet(self) -> None:
        self.arrived.clear()
        arrived = asyncio.ensure_future(self.arrived.wait())
        closed = asyncio.ensure_future(self._reader.read(1))  # a program that waits has nothing to say
        try:
            await asyncio.wait((arrived, closed), return_when=asyncio.FIRST_COMPLETED)
            if closed.done():
                raise ConnectionResetError
        finally:
            arrived.cancel()
            closed.cancel()
            await asyncio.gather(arrived, closed, return_exceptions=True)

    async def _write(self, address: int, size: int) -> None:
        """hidraw_write: a report id, which is 0 where there are none, and the report."""
        self._message(_READ_MEMORY, address, size)
        report = await self._reader.readexactly(size)
        if self._node.gone:
            self._done(-errno.ENODEV)
        elif size < 2:
            self._done(-errno.EINVAL)
        else:
            self._done(size)
            self._node.hub.write(report.removeprefix(b"\0")[:PACKET_SIZE].ljust(PACKET_SIZE, b"\0"), self)

    def _ioctl(self, request: int, address: int) -> None:
        if self._node.gone:
            self._done(-errno.ENODEV)
            return
        device = self._node.device
        answer = answer_ioctl(request & 0xFFFFFFFF, device.description, physical=device.physical)
        if answer.data:
            self._put(address + answer.offset, answer.data)
        self._done(answer.result)

    def _put(self, address: int, data: bytes) -> None:
        self._message(_WRITE_MEMORY, address, len(data))
        self._writer.write(data)

    def _done(self, result: int) -> None:
        self._message(_DONE, max(result, -1), max(-result, 0))

    def _message(self, kind: int, first: int, second: int) -> None:
        self._writer.write(_MESSAGE.pack(kind, first & _UNSIGNED, second & _UNSIGNED))
