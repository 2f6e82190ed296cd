"""Peers and servers that do not play by the rules: one clear error each, and whoever listens goes on listening."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from authenticator import cbor
from harness import VirtualKey, ignore, touch
from harness.errors import SetupError
from harness.hybrid.domains import tunnel_domain
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import MessageType, typed
from harness.hybrid.initiator import Initiator, Session
from harness.hybrid.phone import Phone, Stage
from harness.hybrid.radio import Air
from harness.hybrid.tls import TunnelCertificate
from harness.hybrid.tunnel import Tunnels
from harness.hybrid.tunnel_server import (
    CLIENT_PAYLOAD_HEADER,
    ROUTING_ID_HEADER,
    SIGNAL_HEADER,
    SUBPROTOCOL,
    Call,
    TunnelServer,
)
from tests.harness.hybrid.scenery import CREATE, GET, Scenery, play

GOOD_CALL = {1: "00" * 16, 2: "00" * 3, 3: cbor.encode({1: bytes(8), 2: bytes(16), 3: "ga"}).hex()}
BAD_CALLS = [
    b"",
    b"\xff",
    cbor.encode([1]),
    cbor.encode({1: "00" * 16}),
    cbor.encode({1: 1, 2: 2, 3: 3}),
    cbor.encode({**GOOD_CALL, 1: "../../etc"}),
    cbor.encode({**GOOD_CALL, 2: "zz"}),
    cbor.encode({**GOOD_CALL, 3: "zz"}),
    cbor.encode({**GOOD_CALL, 3: "01"}),
]


def phone_at(address: str) -> Phone:
    return Phone(VirtualKey("icloud-keychain"), radio=Air(), tunnels=Tunnels(at=address))


def a_code() -> str:
    return Initiator(adverts=Air().listen, tunnels=Tunnels()).qr_code().encode()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9/x\r\n\r\n", "answers 302"),
        (b"HTTP/1.1 301 Moved\r\nLocation: gopher:x\r\n\r\n", "answers 301"),
        (b"HTTP/1.1 307 Elsewhere\r\n\r\n", "answers 307"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "answers 200: hi"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "refuses new: gone"),
        (b"\x00\x01\x02\r\n\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
    ],
)
def test_a_server_that_is_no_tunnel_server(answer: bytes, told: str) -> None:
    async def serve_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(serve_it, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(HybridError, match=told):
                await phone_at(f"127.0.0.1:{port}").scan(a_code())

    asyncio.run(main())


@pytest.mark.parametrize("ids", [[], ["000000", "000001"], ["zz"], ["00"]])
def test_a_server_without_one_routing_id(ids: list[str]) -> None:
    def announce(connection: ServerConnection, request: Request, response: Response) -> Response:
        for each in ids:
            response.headers[ROUTING_ID_HEADER] = each
        return response

    async def main() -> None:
        async def wait(connection: ServerConnection) -> None:
            await connection.wait_closed()

        made = serve(wait, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], process_response=announce)
        async with made as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(HybridError, match="no routing id of three bytes"):
                await phone_at(f"127.0.0.1:{port}").scan(a_code())

    asyncio.run(main())


def test_a_phone_that_is_sent_bad_calls_goes_on_listening() -> None:
    async def call_badly(connection: ServerConnection) -> None:
        for call in BAD_CALLS:
            await connection.send(call)
        await connection.send(
            Call(tunnel_id="0" * 32, routing_id="0" * 6, client_payload=GOOD_CALL[3]).to_bytes()
        )
        await connection.wait_closed()

    async def main() -> None:
        async with serve(call_badly, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
            phone = phone_at(f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
            listening = asyncio.create_task(phone.listen())
            while len(phone.events) <= len(BAD_CALLS):
                await asyncio.sleep(0.01)
                assert not listening.done()
            assert {event.stage for event in phone.events} == {Stage.BROKEN}
            assert "not linked to this phone" in phone.events[-1].detail
            listening.cancel()

    asyncio.run(main())


@pytest.mark.parametrize("doubled", [CLIENT_PAYLOAD_HEADER, SIGNAL_HEADER])
def test_a_client_that_sends_a_header_twice(doubled: str) -> None:
    async def main() -> None:
        async with TunnelServer() as server:
            phone = await connect(f"{server.url}/cable/listen/contact", subprotocols=[SUBPROTOCOL])
            headers = [(CLIENT_PAYLOAD_HEADER, GOOD_CALL[3]), (SIGNAL_HEADER, "true")]
            headers.append((doubled, dict(headers)[doubled]))
            calling = connect(
                f"{server.url}/cable/contact/contact", subprotocols=[SUBPROTOCOL], additional_headers=headers
            )
            if doubled == CLIENT_PAYLOAD_HEADER:
                with pytest.raises(InvalidStatus) as refused:
                    await calling
                assert refused.value.response.status_code == 400
            else:
                client = await calling
                assert client.response is not None
                assert SIGNAL_HEADER not in client.response.headers
                await client.close()
            await phone.close()

    asyncio.run(main())


# Clients


def by_qr_code(client: Callable[[Scenery, Session], Awaitable[None]], **options: object) -> list[Stage]:
    stages: list[Stage] = []

    async def scene(at: Scenery) -> None:
        code = at.client.qr_code()
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        async with at.client.session(code) as session:
            await client(at, session)
        (ended,) = await asyncio.gather(scanning, return_exceptions=True)
        assert ended is None or isinstance(ended, HybridError)
        stages.extend(event.stage for event in at.phone.events)

    play(scene, **options)  # type: ignore[arg-type]
    return stages


async def say(session: Session, kind: MessageType, payload: bytes = b"") -> None:
    await session.tunnel.send(session.frames.seal(typed(kind, payload)))


def test_an_update_while_the_person_is_asked_cancels_nothing() -> None:
    async def client(at: Scenery, session: Session) -> None:
        at.phone.key.person.will(touch(after=0.5))
        asking = asyncio.create_task(session.call(CREATE))
        await at.until(Stage.REQUEST)
        await say(session, MessageType.UPDATE, cbor.encode({7: "news"}))
        assert (await asking)[0] == 0
        await session.shut_down()

    assert by_qr_code(client)[-2:] == [Stage.RESPONSE, Stage.SHUT_DOWN]


def test_a_second_request_while_the_person_is_asked_ends_the_session() -> None:
    async def client(at: Scenery, session: Session) -> None:
        at.phone.key.person.will(ignore())
        asking = asyncio.create_task(session.call(CREATE))
        await at.until(Stage.REQUEST)
        await say(session, MessageType.CTAP, GET)
        with pytest.raises(HybridError, match="closed"):
            await asking
        assert not at.phone.key.credentials

    by_qr_code(client)


@pytest.mark.parametrize(
    ("kind", "payload"), [(MessageType.CTAP, b""), (MessageType.JSON, b"{}"), (MessageType.JSON, b"")]
)
def test_a_message_that_has_no_answer_ends_the_session(kind: MessageType, payload: bytes) -> None:
    async def client(at: Scenery, session: Session) -> None:
        await say(session, kind, payload)
        with pytest.raises(HybridError, match="closed"):
            await session.tunnel.receive(within=20)

    by_qr_code(client, links=False)


def test_a_client_does_not_ask_a_phone_without_documents_for_them() -> None:
    async def client(at: Scenery, session: Session) -> None:
        with pytest.raises(HybridError, match="no documents"):
            await session.call_json(b"{}")
        await session.shut_down()

    by_qr_code(client)


def test_a_client_that_says_nothing_is_hung_up_on() -> None:
    async def client(at: Scenery, session: Session) -> None:
        with pytest.raises(HybridError, match="closed"):
            await session.tunnel.receive(within=20)

    by_qr_code(client, idle_within=0.1, links=False)


# What the QR code says


@pytest.mark.parametrize(("can_link", "offered"), [(True, True), (False, False)])
def test_a_client_that_cannot_link_is_offered_no_link(can_link: bool, offered: bool) -> None:
    async def scene(at: Scenery) -> None:
        code = at.client.qr_code(can_link=can_link)
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        async with at.client.session(code) as session:
            await session.call(GET)
            await session.shut_down()
        await scanning
        assert (Stage.LINKED in [event.stage for event in at.phone.events]) is offered
        assert bool(at.phone.links) is offered

    play(scene)


@pytest.mark.parametrize(("known", "own", "used"), [(2, 1, 1), (1, 1, 0), (0, 1, 0), (1, 256, 256)])
def test_a_phone_goes_to_a_domain_that_the_client_knows(known: int, own: int, used: int) -> None:
    certificate = TunnelCertificate([tunnel_domain(used)])

    async def main() -> None:
        async with TunnelServer(tls=certificate.server_context()) as server:
            air = Air()
            tunnels = Tunnels(at=f"{server.host}:{server.port}", tls=certificate.client_context(), domain=own)
            phone = Phone(VirtualKey("icloud-keychain"), radio=air, tunnels=tunnels)
            client = Initiator(adverts=air.listen, tunnels=tunnels)
            code = replace(client.qr_code(), assigned_domains=known)
            scanning = asyncio.create_task(phone.scan(code.encode()))
            async with client.session(code) as session:
                assert session.domain == used
                await session.shut_down()
            await scanning

    asyncio.run(main())


@pytest.mark.parametrize("at", ["localhost", "host:abc", "host:99999", ":1"])
def test_an_address_that_is_none(at: str) -> None:
    with pytest.raises(SetupError, match="HOST:PORT"):
        Tunnels(at=at)


# Half-open peers

STOPPED_PEER = """
import asyncio, sys
from websockets.asyncio.client import connect
async def main():
    async with connect(sys.argv[1], subprotocols=["fido.cable"], ping_interval=None) as tunnel:
        print("open", flush=True)
        await tunnel.wait_closed()
asyncio.run(main())
"""


def test_a_peer_that_stopped_without_a_word_is_given_up() -> None:
    """Its machine still acknowledges what TCP carries: only pings find out."""

    async def main() -> None:
        async with TunnelServer(ping_interval=0.2) as server:
            url = f"{server.url}/cable/new/{os.urandom(16).hex()}"
            peer = await asyncio.create_subprocess_exec(
                sys.executable, "-c", STOPPED_PEER, url, stdout=subprocess.PIPE
            )
            assert peer.stdout is not None
            await peer.stdout.readline()
            while len(server) != 1:
                await asyncio.sleep(0.01)
            peer.send_signal(signal.SIGSTOP)
            try:
                async with asyncio.timeout(30):
                    while len(server):
                        await asyncio.sleep(0.01)
            finally:
                peer.kill()
                await peer.wait()

    asyncio.run(main())
