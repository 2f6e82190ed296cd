"""The tunnel, as its two ends see it: where servers are, and a connection that carries messages."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from harness.hybrid.address import parse_address
from harness.hybrid.domains import tunnel_domain
from harness.hybrid.errors import HybridError
from harness.hybrid.tunnel_server import MAX_MESSAGE, ROUTING_ID_HEADER, SIGNAL_HEADER, SUBPROTOCOL


class TunnelGone(HybridError):
    """The other side, or the server between, has closed the tunnel."""


class NothingCame(HybridError):
    """The tunnel is open, and silent."""


class LinkForgotten(HybridError):
    """The server says 410: the phone is no longer linked, and the link is to be forgotten."""


PING_INTERVAL = 20.0
"""Seconds. A peer that answers neither of two pings is gone, although nobody has closed anything."""


class _Connect(connect):
    """Follows no redirects: a tunnel server is where its domain says, or it is none."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnels:
    """Where tunnel servers are found. `at` sends every domain to one server of one's own, as tests must."""

    at: str | None = None
    """host:port, or None for the real domains."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    domain: int = 0
    """The domain a phone opens its tunnels at."""
    ping_interval: float = PING_INTERVAL

    def __post_init__(self) -> None:
        tunnel_domain(self.domain)
        if self.at is not None:
            parse_address(self.at, "--tunnel")

    async def dial(self, path: str, *, domain: int, headers: Mapping[str, str] | None = None) -> Tunnel:
        name = tunnel_domain(domain)
        host, port = parse_address(self.at, "--tunnel") if self.at is not None else (name, 443)
        secure = self.at is None or self.tls is not None
        try:
            connection = await _Connect(
                f"{'wss' if secure else 'ws'}://{name}{path}",
                host=host,
                port=port,
                ssl=self.tls if self.at is not None else True,
                server_hostname=name if secure else None,
                subprotocols=[SUBPROTOCOL],
                additional_headers=headers,
                max_size=MAX_MESSAGE,
                compression=None,
                ping_interval=self.ping_interval,
                ping_timeout=self.ping_interval,
                close_timeout=2,
                proxy=None,
                user_agent_header=None,
            )
        except InvalidStatus as refusal:
            status, reason = (
                refusal.response.status_code,
                refusal.response.body.decode(errors="replace").strip(),
            )
            if status == 410:
                raise LinkForgotten(
                    f"the tunnel server refuses {path.split('/')[2]}: {reason or 'gone'}"
                ) from None
            raise HybridError(f"the tunnel server answers {status}: {reason}") from None
        except (OSError, WebSocketException, TimeoutError) as error:
            raise HybridError(
                f"the tunnel server {name} at {host}:{port} cannot be reached: {error}"
            ) from None
        return Tunnel(connection)


class Tunnel:
    """An open tunnel: whole binary messages both ways."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def _headers(self, name: str) -> list[str]:
        assert self._connection.response is not None
        return self._connection.response.headers.get_all(name)

    @property
    def signals(self) -> bool:
        """Whether the server says with a first message of its own when the called phone has joined."""
        return bool(self._headers(SIGNAL_HEADER))

    @property
    def routing_id(self) -> bytes:
        told = self._headers(ROUTING_ID_HEADER)
        text = told[0] if len(told) == 1 else ", ".join(told)
        try:
            routing_id = bytes.fromhex(text)
        except ValueError:
            routing_id = b""
        if len(routing_id) != 3:
            raise HybridError(f"the tunnel server gave no routing id of three bytes but {text[:20]!r}")
        return routing_id

    async def send(self, message: bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as closed:
            raise TunnelGone(f"the tunnel is closed: {closed}") from None

    async def receive(self, *, within: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(within):
                message = await self._connection.recv()
        except ConnectionClosed as closed:
            raise TunnelGone(f"the tunnel is closed: {closed}") from None
        except TimeoutError:
            raise NothingCame(f"nothing came through the tunnel within {within:g} s") from None
        if isinstance(message, str):
            raise HybridError("the tunnel carried text instead of bytes")
        return message

    async def close(self) -> None:
        await self._connection.close()

    def break_off(self) -> None:
        """Vanish without a word, as a phone that has lost its network."""
        self._connection.transport.abort()
