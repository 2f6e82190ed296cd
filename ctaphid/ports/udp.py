"""The udp port: 64-byte datagrams, as the emulators of SoloKeys, CanoKey and Trezor speak it.

Their convention: the client sends packets to the emulator's port (8111 by habit) and reads packets from there.
Solo's and CanoKey's answer to a fixed port, 7112, to which their clients bind; answering the sender serves these
too, and any number of others at once. Trezor's probes with PINGPING, and the test suites of the first two send a
magic packet where a person would pull the key out and plug it in again.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from ctaphid.device import PACKET_SIZE
from ctaphid.hub import Hub
from ctaphid.ports import Port, PortError
from ctaphid.ports.pump import Pump

log = logging.getLogger(__name__)

DEFAULT_PORT = 8111
PROBE, PROBE_ANSWER = b"PINGPING", b"PONGPONG"
REBOOT = bytes.fromhex(
    "ac1052ca95e569de69e02ebff333485f13f9b2da34c5a8a340526697a9ab2e0b"
    "394d8d04973c134005be1a0140bff6045bb26eb77a73eaa47813f6b49a7250dc"
)

Address: TypeAlias = tuple[str | int, ...]
"""(host, port), and two numbers more with IPv6."""


@dataclass(frozen=True, slots=True)
class _Remote:
    """A client: whoever sends from this address."""

    port: UdpPort = field(repr=False)
    address: Address

    def deliver(self, packet: bytes) -> None:
        self.port.send(packet, self.address)


class UdpPort(Port, asyncio.DatagramProtocol):
    """`power_cycle` is what the magic packet does; without it, it is a packet like any other."""

    def __init__(
        self,
        hub: Hub,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        allow_remote: bool = False,
        power_cycle: Callable[[], None] | None = None,
    ) -> None:
        self._hub = hub
        self._host = host
        self._port = port
        self._allow_remote = allow_remote
        self._power_cycle = power_cycle
        self._pump = Pump(hub)
        self._transport: asyncio.DatagramTransport | None = None
        self._closed: asyncio.Future[None] | None = None

    @property
    def path(self) -> str:
        """host:port; the port that was given, where 0 asked for any free one."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.address[1] if self._transport else self._port}"

    @property
    def address(self) -> Address:
        if self._transport is None:
            raise RuntimeError("the port is not open")
        address: Address = self._transport.get_extra_info("sockname")
        return address

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        await self._require_allowed(loop)
        try:
            await loop.create_datagram_endpoint(lambda: self, local_addr=(self._host, self._port))
        except OSError as error:
            raise PortError(self._explain(error)) from None
        self._pump.start()

    async def close(self) -> None:
        self._pump.stop()
        if self._transport is not None:
            self._closed = asyncio.get_running_loop().create_future()
            self._transport.close()
            self._transport = None
            await self._closed

    async def _require_allowed(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whoever reaches the socket can use the key, so it stays on this machine unless told otherwise."""
        if not 0 <= self._port <= 65535:
            raise PortError(f"{self._port} is no UDP port: choose one of 1 to 65535, or 0 for any free one")
        try:
            found = [ipaddress.ip_address(self._host)]
        except ValueError:
            try:
                answers = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
            except (OSError, UnicodeError):
                raise PortError(f"{self._host!r} is no address of this machine: try 127.0.0.1") from None
            found = [ipaddress.ip_address(answer[4][0]) for answer in answers]
        if not self._allow_remote and not all(address.is_loopback for address in found):
            raise PortError(
                f"{self._host} can be reached from other machines, and whoever reaches the key can use it: "
                "listen on 127.0.0.1, or allow remote clients explicitly"
            )

    def _explain(self, error: OSError) -> str:
        match error.errno:
            case errno.EADDRINUSE:
                why = "is taken by another program: choose another port, or 0 for any free one"
            case errno.EACCES:
                why = "needs more rights than this user has: choose a port of 1024 or more"
            case errno.EADDRNOTAVAIL:
                why = "is no address of this machine: try 127.0.0.1"
            case errno.EMFILE:
                why = "cannot be opened, this process has too many files open: raise `ulimit -n`"
            case _:
                why = f"cannot be opened: {error.strerror}"
        return f"UDP {self._host}:{self._port} {why}"

    # Datagrams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if data == PROBE:
            self.send(PROBE_ANSWER, addr)
        elif data == REBOOT and self._power_cycle is not None:
            self._power_cycle()
        elif len(data) == PACKET_SIZE:
            self._hub.write(data, _Remote(self, addr))
        else:
            log.debug("%s: ignored a datagram of %d bytes from %s", self.path, len(data), addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("%s: %s", self.path, exc)  # a client that went away without its answer

    def send(self, packet: bytes, address: Address) -> None:
        self._pump.in_loop(self._send, packet, address)

    def _send(self, packet: bytes, address: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(packet, address)
