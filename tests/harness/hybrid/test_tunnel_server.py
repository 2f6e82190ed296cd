"""The tunnel server, driven by another WebSocket client than ours."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from authenticator import cbor
from harness.hybrid.tls import TunnelCertificate
from harness.hybrid.tunnel_server import (
    CLIENT_PAYLOAD_HEADER,
    MAX_MESSAGE,
    ROUTING_ID_HEADER,
    SIGNAL_HEADER,
    SUBPROTOCOL,
    Call,
    TunnelServer,
)

PAYLOAD = {
    CLIENT_PAYLOAD_HEADER: cbor.encode({1: b"linkid00", 2: bytes(16), 3: "ga"}).hex(),
    SIGNAL_HEADER: "true",
}


def play(scene: Callable[[TunnelServer], Awaitable[None]], **options: object) -> None:
    async def main() -> None:
        async with TunnelServer(**options) as server:  # type: ignore[arg-type]
            async with asyncio.timeout(90):
                await scene(server)

    asyncio.run(main())


async def dial(server: TunnelServer, path: str, **headers: str) -> ClientConnection:
    return await connect(
        server.url + path,
        subprotocols=[SUBPROTOCOL],
        additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
        max_size=None,
        compression=None,
    )


async def open_tunnel(server: TunnelServer) -> tuple[ClientConnection, ClientConnection]:
    tunnel = os.urandom(16).hex()
    phone = await dial(server, f"/cable/new/{tunnel}")
    assert phone.response is not None
    routing = phone.response.headers[ROUTING_ID_HEADER]
    assert len(bytes.fromhex(routing)) == 3
    return phone, await dial(server, f"/cable/connect/{routing.lower()}/{tunnel.upper()}")


async def refused(server: TunnelServer, path: str, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as caught:
        await dial(server, path, **headers)
    return caught.value.response.status_code


def test_a_tunnel_carries_messages_both_ways() -> None:
    async def scene(server: TunnelServer) -> None:
        phone, client = await open_tunnel(server)
        assert client.subprotocol == SUBPROTOCOL
        for size in (0, 1, 81, 70_000, MAX_MESSAGE):
            message = os.urandom(size)
            await client.send(message)
            assert await phone.recv() == message
            await phone.send(message)
            assert await client.recv() == message
        await client.close()
        with pytest.raises(ConnectionClosed):
            await phone.recv()

    play(scene)


def test_a_message_over_a_mebibyte_ends_the_tunnel() -> None:
    async def scene(server: TunnelServer) -> None:
        phone, client = await open_tunnel(server)
        await client.send(bytes(MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosed):
            await phone.recv()
        await client.wait_closed()
        assert client.close_code == 1009

    play(scene)


def test_text_ends_the_tunnel() -> None:
    async def scene(server: TunnelServer) -> None:
        phone, client = await open_tunnel(server)
        await client.send("text")
        await client.wait_closed()
        assert client.close_code == 1003
        await phone.wait_closed()

    play(scene)


def test_a_phone_that_vanishes_takes_its_client_along() -> None:
    async def scene(server: TunnelServer) -> None:
        phone, client = await open_tunnel(server)
        phone.transport.abort()  # no closing handshake
        with pytest.raises(ConnectionClosed):
            await client.recv()
        while len(server):
            await asyncio.sleep(0)

    play(scene)


def test_a_tunnel_to_which_nobody_comes_is_closed() -> None:
    async def scene(server: TunnelServer) -> None:
        phone = await dial(server, "/cable/new/" + "ab" * 16)
        await phone.wait_closed()
        assert phone.close_code == 1013
        while len(server):
            await asyncio.sleep(0)

    play(scene, wait=0.05)


def test_what_has_no_tunnel_is_refused() -> None:
    async def scene(server: TunnelServer) -> None:
        assert await refused(server, "/") == 404
        assert await refused(server, "/cable/new/xyz") == 404
        assert await refused(server, "/cable/connect/000000/" + "00" * 16) == 404
        assert await refused(server, "/cable/contact/nobody", **PAYLOAD) == 404
        phone = await dial(server, "/cable/new/" + "AB" * 16)
        assert phone.response is not None
        assert await refused(server, "/cable/new/" + "ab" * 16) == 409
        routing = phone.response.headers[ROUTING_ID_HEADER]
        client = await dial(server, f"/cable/connect/{routing}/{'ab' * 16}")
        assert await refused(server, f"/cable/connect/{routing}/{'ab' * 16}") == 409
        await client.close()
        with pytest.raises(InvalidStatus):
            await connect(server.url + "/cable/new/" + "cd" * 16)

    play(scene)


def test_no_more_tunnels_than_allowed() -> None:
    async def scene(server: TunnelServer) -> None:
        await dial(server, "/cable/new/" + "01" * 16)
        await dial(server, "/cable/new/" + "02" * 16)
        assert await refused(server, "/cable/new/" + "03" * 16) == 503

    play(scene, max_tunnels=2)


def test_a_linked_phone_is_called_and_answers() -> None:
    async def scene(server: TunnelServer) -> None:
        waiting = await dial(server, "/cable/listen/contact")
        calling = await dial(server, "/cable/contact/contact", **PAYLOAD)
        assert calling.response is not None
        assert calling.response.headers[SIGNAL_HEADER] == "true"
        call = Call.from_bytes(await waiting.recv(decode=False))
        assert call.client_payload == PAYLOAD[CLIENT_PAYLOAD_HEADER]
        phone = await dial(server, f"/cable/connect/{call.routing_id}/{call.tunnel_id}")
        assert await calling.recv() == b"\x00"
        await calling.send(b"hello")
        assert await phone.recv() == b"hello"
        assert await refused(server, "/cable/contact/contact", **{CLIENT_PAYLOAD_HEADER: "zz"}) == 400
        server.forget("contact")
        assert await refused(server, "/cable/contact/contact", **PAYLOAD) == 410

    play(scene)


@pytest.mark.heavy
def test_a_thousand_idle_tunnels_in_one_process() -> None:
    async def scene(server: TunnelServer) -> None:
        pairs = []
        for _ in range(10):
            pairs += await asyncio.gather(*(open_tunnel(server) for _ in range(100)))
        assert len(server) == 1000
        for phone, client in pairs[:: len(pairs) // 7]:
            await client.send(b"still there")
            assert await phone.recv() == b"still there"
        await asyncio.gather(*(client.close() for _, client in pairs))

    play(scene)


def test_tls_for_the_assigned_domains() -> None:
    certificate = TunnelCertificate(["cable.ua5v.com", "cable.auth.com"])

    async def scene(server: TunnelServer) -> None:
        assert server.url.startswith("wss://")
        phone = await connect(
            server.url + "/cable/new/" + "ab" * 16,
            subprotocols=[SUBPROTOCOL],
            ssl=certificate.client_context(),
            server_hostname="cable.auth.com",
        )
        await phone.close()

    play(scene, tls=certificate.server_context())
