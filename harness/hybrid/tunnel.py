"""The tunnel, as its two ends see it: where servers are, and a connection that carries messages."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from harness.hybrid.domains import tunnel_domain
from harness.hybrid.errors import HybridError
from harness.hybrid.tunnel_server import MAX_MESSAGE, ROUTING_ID_HEADER, SUBPROTOCOL


class TunnelGone(HybridError):
    """The other side, or the server between, has closed the tunnel."""


class LinkForgotten(HybridError):
    """The server says 410: the phone is no longer linked, and the link is to be forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnels:
    """Where tunnel servers are found. `at` sends every domain to one server of one's own, as tests must."""

    at: str | None = None
    """host:port, or None for the real domains."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    domain: int = 0
    """The domain a phone opens its tunnels at."""

    async def dial(self, path: str, *, domain: int, headers: Mapping[str, str] | None = None) -> Tunnel:
        name = tunnel_domain(domain)
        host, _, port = (self.at or f"{name}:443").rpartition(":")
        secure = self.at is None or self.tls is not None
        try:
            connection = await connect(
                f"{'wss' if secure else 'ws'}://{name}{path}",
                host=host,
                port=int(port),
                ssl=self.tls if self.at is not None else True,
                server_hostname=name if secure else None,
                subprotocols=[SUBPROTOCOL],
                additional_headers=headers,
                max_size=MAX_MESSAGE,
                compression=None,
                ping_interval=None,
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
        except (OSError, InvalidHandshake, TimeoutError) as error:
            raise HybridError(
                f"the tunnel server {name} at {host}:{port} cannot be reached: {error}"
            ) from None
        return Tunnel(connection)


class Tunnel:
    """An open tunnel: whole binary messages both ways."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def response_headers(self) -> Mapping[str, str]:
        assert self._connection.response is not None
        return self._connection.response.headers

    @property
    def routing_id(self) -> bytes:
        text = self.response_headers.get(ROUTING_ID_HEADER, "")
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
            raise HybridError(f"nothing came through the tunnel within {within:.0f} s") from None
        if isinstance(message, str):
            raise HybridError("the tunnel carried text instead of bytes")
        return message

    async def close(self) -> None:
        await self._connection.close()

    def break_off(self) -> None:
        """Vanish without a word, as a phone that has lost its network."""
        self._connection.transport.abort()
