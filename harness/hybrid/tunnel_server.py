"""A tunnel server: joins a phone and a client, and understands nothing of what they say.

/cable/new/<tunnel id>                   a phone opens a tunnel and is told its routing id
/cable/connect/<routing id>/<tunnel id>  the other side joins it
/cable/contact/<contact id>              a client calls a linked phone; the server opens the tunnel
/cable/listen/<contact id>               ours: a linked phone waits to be called; elsewhere a push service does this
/cable/unlink/<contact id>               ours: it is linked no more, and callers get the 410 that answers this
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from authenticator import cbor
from harness.errors import SetupError
from harness.hybrid.errors import HybridError
from harness.hybrid.open_files import allow_open_files

log = logging.getLogger(__name__)

SUBPROTOCOL = Subprotocol("fido.cable")
ROUTING_ID_HEADER = "X-caBLE-Routing-ID"
CLIENT_PAYLOAD_HEADER = "X-caBLE-Client-Payload"
SIGNAL_HEADER = "X-caBLE-Signal-Connection"
MAX_MESSAGE = 1 << 20
_MAX_BUFFERED = 8
_OTHER_FILES = 64
_UNSUPPORTED_DATA, _GOING_AWAY, _TRY_AGAIN = 1003, 1001, 1013

_ROUTES = {
    "new": re.compile(r"/cable/new/(?P<tunnel>[0-9A-Fa-f]{32})"),
    "connect": re.compile(r"/cable/connect/(?P<routing>[0-9A-Fa-f]{6})/(?P<tunnel>[0-9A-Fa-f]{32})"),
    "contact": re.compile(r"/cable/contact/(?P<contact>[A-Za-z0-9_-]{1,512})"),
    "listen": re.compile(r"/cable/listen/(?P<contact>[A-Za-z0-9_-]{1,512})"),
    "unlink": re.compile(r"/cable/unlink/(?P<contact>[A-Za-z0-9_-]{1,512})"),
}

_CALL = {
    1: re.compile(r"[0-9A-Fa-f]{32}"),
    2: re.compile(r"[0-9A-Fa-f]{6}"),
    3: re.compile(r"[0-9A-Fa-f]{1,4096}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A client calls a linked phone: where the tunnel is, and what the client says of itself."""

    tunnel_id: str
    routing_id: str
    client_payload: str

    def to_bytes(self) -> bytes:
        return cbor.encode({1: self.tunnel_id, 2: self.routing_id, 3: self.client_payload})

    @classmethod
    def from_bytes(cls, data: bytes) -> Call:
        try:
            entries = cbor.decode(data)
        except cbor.CborError as error:
            raise HybridError(f"a call is no canonical CBOR: {error}") from None
        if not isinstance(entries, dict):
            raise HybridError("a call is no CBOR map")
        found = [entries.get(key) for key in _CALL]
        for key, value in zip(_CALL, found, strict=True):
            if not isinstance(value, str) or not _CALL[key].fullmatch(value):
                raise HybridError(f"a call lacks a proper entry {key}")
        tunnel_id, routing_id, client_payload = map(str, found)
        return cls(tunnel_id=tunnel_id, routing_id=routing_id, client_payload=client_payload)


@dataclass(slots=True, eq=False)
class _Tunnel:
    tunnel_id: str
    routing_id: str
    first: ServerConnection
    signal: bool = False
    second: asyncio.Future[ServerConnection] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class TunnelServer:
    """Listens while it is entered. One event loop carries all tunnels."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        wait: float = 180.0,
        max_tunnels: int = 10_000,
        ping_interval: float = 20.0,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.host = host
        self.port = port
        self._tls = tls
        self._wait = wait
        """For how long a tunnel waits for its other side."""
        self._max_tunnels = max_tunnels
        self._ping_interval = ping_interval
        """Whoever answers neither of two pings is gone, although nobody has closed anything."""
        self._random = random
        self._tunnels: dict[tuple[str, str], _Tunnel] = {}
        self._contacts: dict[str, ServerConnection] = {}
        self._forgotten: set[str] = set()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://{self.host}:{self.port}"

    def __len__(self) -> int:
        """How many tunnels are open or waiting."""
        return len(self._tunnels)

    async def __aenter__(self) -> TunnelServer:
        # Better refuse a tunnel with 503 than fail to accept a connection
        room = allow_open_files(2 * self._max_tunnels + _OTHER_FILES, least=_OTHER_FILES + 2)
        self._max_tunnels = min(self._max_tunnels, (room - _OTHER_FILES) // 2)
        try:
            self._server = await serve(
                self._serve,
                self.host,
                self.port,
                ssl=self._tls,
                subprotocols=[SUBPROTOCOL],
                process_request=self._admit,
                process_response=self._announce,
                max_size=MAX_MESSAGE,
                max_queue=_MAX_BUFFERED,
                compression=None,
                open_timeout=10,
                ping_interval=self._ping_interval,
                ping_timeout=self._ping_interval,
                close_timeout=2,
                server_header=None,
            )
        except OSError as error:
            raise SetupError(
                f"the tunnel server cannot listen on {self.host}:{self.port}: {error.strerror or error}; "
                "choose another port, or 0 for any"
            ) from None
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def forget(self, contact_id: str) -> None:
        """A phone was unlinked: callers are told 410 from now on."""
        self._forgotten.add(contact_id)

    def hears(self, contact_id: str) -> bool:
        """Whether a linked phone listens at this contact id."""
        return contact_id in self._contacts

    # Before the WebSocket is open

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        route, ids = _route(request.path)
        if route is None:
            return connection.respond(HTTPStatus.NOT_FOUND, f"there is no {request.path[:80]} here\n")
        offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
        if route not in ("listen", "unlink") and SUBPROTOCOL not in [
            each.strip() for each in offered.split(",")
        ]:
            return connection.respond(HTTPStatus.BAD_REQUEST, f"offer the subprotocol {SUBPROTOCOL}\n")
        if route in ("new", "contact") and len(self._tunnels) >= self._max_tunnels:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many tunnels\n")
        if route == "new" and any(
            tunnel == ids["tunnel"].upper() for _, tunnel in self._tunnels_of(ids["tunnel"])
        ):
            return connection.respond(HTTPStatus.CONFLICT, "this tunnel is open already\n")
        if route == "connect":
            tunnel = self._tunnels.get((ids["routing"].upper(), ids["tunnel"].upper()))
            if tunnel is None:
                return connection.respond(HTTPStatus.NOT_FOUND, "nobody waits at this tunnel\n")
            if tunnel.second.done():
                return connection.respond(HTTPStatus.CONFLICT, "this tunnel has both its sides\n")
        if route == "unlink":
            self.forget(ids["contact"])
            return connection.respond(HTTPStatus.GONE, "the phone is no longer linked\n")
        if route == "contact":
            if ids["contact"] in self._forgotten:
                return connection.respond(HTTPStatus.GONE, "the phone is no longer linked\n")
            if ids["contact"] not in self._contacts:
                return connection.respond(HTTPStatus.NOT_FOUND, "the phone does not listen\n")
            if not _is_client_payload(_header(request, CLIENT_PAYLOAD_HEADER)):
                return connection.respond(
                    HTTPStatus.BAD_REQUEST, f"send {CLIENT_PAYLOAD_HEADER} with hex CBOR\n"
                )
        return None

    def _announce(
        self, connection: ServerConnection, request: Request, response: Response
    ) -> Response | None:
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        route, _ = _route(request.path)
        if route == "new":
            response.headers[ROUTING_ID_HEADER] = self._routing_id_of(connection)
        if route == "contact" and _header(request, SIGNAL_HEADER).lower() == "true":
            response.headers[SIGNAL_HEADER] = "true"
        return response

    def _routing_id_of(self, connection: ServerConnection) -> str:
        """Chosen when the answer's headers are made, used when the tunnel is."""
        routing_id = self._random(3).hex().upper()
        connection.routing_id = routing_id  # type: ignore[attr-defined]
        return routing_id

    def _tunnels_of(self, tunnel_id: str) -> Iterable[tuple[str, str]]:
        return [key for key in self._tunnels if key[1] == tunnel_id.upper()]

    # With the WebSocket open

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        route, ids = _route(connection.request.path)
        try:
            if route == "new":
                routing_id: str = connection.routing_id  # type: ignore[attr-defined]
                await self._open(_Tunnel(ids["tunnel"].upper(), routing_id, connection))
            elif route == "connect":
                await self._join(connection, ids["routing"].upper(), ids["tunnel"].upper())
            elif route == "contact":
                await self._call(connection, ids["contact"])
            else:
                await self._listen(connection, ids["contact"])
        except ConnectionClosed:
            log.debug("%s: the other side is gone", route)

    async def _open(self, tunnel: _Tunnel) -> None:
        key = (tunnel.routing_id, tunnel.tunnel_id)
        self._tunnels[key] = tunnel
        gone = asyncio.ensure_future(tunnel.first.wait_closed())
        try:
            either: set[asyncio.Future[Any]] = {tunnel.second, gone}
            await asyncio.wait(either, timeout=self._wait, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                return
            if not tunnel.second.done():
                await tunnel.first.close(_TRY_AGAIN, "nobody came")
                return
            if tunnel.signal:
                await tunnel.first.send(b"\x00")
            await _relay(tunnel.first, tunnel.second.result())
        finally:
            gone.cancel()
            del self._tunnels[key]
            if tunnel.second.done():
                await tunnel.second.result().close(_GOING_AWAY)
            else:
                tunnel.second.cancel()

    async def _join(self, connection: ServerConnection, routing_id: str, tunnel_id: str) -> None:
        tunnel = self._tunnels.get((routing_id, tunnel_id))
        if tunnel is None or tunnel.second.done():
            await connection.close(_GOING_AWAY, "the tunnel is gone")
            return
        tunnel.second.set_result(connection)
        await connection.wait_closed()

    async def _call(self, connection: ServerConnection, contact_id: str) -> None:
        assert connection.request is not None
        phone = self._contacts.get(contact_id)
        if phone is None:
            await connection.close(_GOING_AWAY, "the phone no longer listens")
            return
        tunnel = _Tunnel(self._random(16).hex().upper(), self._random(3).hex().upper(), connection)
        tunnel.signal = _header(connection.request, SIGNAL_HEADER).lower() == "true"
        call = Call(
            tunnel_id=tunnel.tunnel_id,
            routing_id=tunnel.routing_id,
            client_payload=_header(connection.request, CLIENT_PAYLOAD_HEADER),
        )
        opened = asyncio.ensure_future(self._open(tunnel))
        await phone.send(call.to_bytes())
        await opened

    async def _listen(self, connection: ServerConnection, contact_id: str) -> None:
        self._contacts[contact_id] = connection
        self._forgotten.discard(contact_id)
        try:
            await connection.wait_closed()
        finally:
            if self._contacts.get(contact_id) is connection:
                del self._contacts[contact_id]


async def _relay(one: ServerConnection, other: ServerConnection) -> None:
    """Carry messages both ways until either side is gone."""
    tasks = {asyncio.ensure_future(_carry(one, other)), asyncio.ensure_future(_carry(other, one))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(one.close(_GOING_AWAY), other.close(_GOING_AWAY), return_exceptions=True)


async def _carry(source: ServerConnection, sink: ServerConnection) -> None:
    async for message in source:
        if isinstance(message, str):
            await source.close(_UNSUPPORTED_DATA, "tunnels carry binary messages")
            return
        await sink.send(message)


def _route(path: str) -> tuple[str | None, dict[str, str]]:
    for name, pattern in _ROUTES.items():
        match = pattern.fullmatch(path)
        if match:
            return name, match.groupdict()
    return None, {}


def _header(request: Request, name: str) -> str:
    """The header's value; one that is sent twice is as good as none."""
    values = request.headers.get_all(name)
    return values[0] if len(values) == 1 else ""


def _is_client_payload(text: str) -> bool:
    try:
        return isinstance(cbor.decode(bytes.fromhex(text)), dict)
    except (ValueError, TypeError):
        return False
