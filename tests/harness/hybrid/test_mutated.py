"""A fuzzed peer crashes neither phone, nor client, nor tunnel server. `make soak` sends hundreds of thousands."""

from __future__ import annotations

import asyncio
import random

import pytest
from websockets.asyncio.client import connect

from harness.hybrid.messages import ClientPayload
from harness.hybrid.tunnel_server import (
    CLIENT_PAYLOAD_HEADER,
    ROUTING_ID_HEADER,
    SIGNAL_HEADER,
    SUBPROTOCOL,
    TunnelServer,
)
from tests.harness.hybrid.inner import attack
from tests.harness.hybrid.live import attack_live
from tests.harness.hybrid.mutated import KINDS, Peer, inputs, mutate


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "second message"])
def test_the_genuine_piece_is_taken(kind: str) -> None:
    peer = Peer(rng=random.Random(1))
    assert peer.receive(kind, peer.genuine(kind))


def test_mutated_pieces_are_taken_or_refused() -> None:
    taken = dict.fromkeys(KINDS, 0)
    for peer, kind, data in inputs(seed=7, count=6000):
        taken[kind] += peer.receive(kind, data) and data != peer.genuine(kind)
    # What is authenticated as a whole never passes when it was changed
    assert taken["first message"] == taken["second message"] == taken["frame"] == 0


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(4))
def test_an_insider_is_refused_with_one_clear_error(seed: int) -> None:
    """What is changed before it is sealed reaches the parsers behind the seal, 50,000 times each."""
    tallies = attack(seed, 50_000)
    assert sum(tally.total for tally in tallies.values()) == 50_000
    assert all(tally.refused > 20 for tally in tallies.values()), tallies
    # A phone without the client's psk and identity never gets past the handshake; all else may be harmless
    assert tallies.pop("second_message").taken == 0
    assert all(tally.taken > 20 for tally in tallies.values()), tallies


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(2))
def test_live_phones_and_clients_outlive_insiders(seed: int) -> None:
    assert asyncio.run(attack_live(seed, sessions=300)) > 3000


PATHS = {
    "new": "new/00112233445566778899AABBCCDDEEFF",
    "connect": "connect/0102AF/00112233445566778899AABBCCDDEEFF",
    "contact": "contact/a_phone-that-listens",
    "listen": "listen/a_phone-that-listens",
    "unlink": "unlink/a_phone-that-listens",
}
FRAMES = (b"\x82\x85\x01\x02\x03\x04hello", b"\x89\x80\0\0\0\0", b"\x88\x82\0\0\0\0\x03\xe8")
"""Of a client: a message, a ping and a close, masked (RFC 6455 §5)."""


@pytest.mark.heavy
@pytest.mark.parametrize("route", PATHS)
def test_the_tunnel_server_outlives_mutated_requests(route: str) -> None:
    """Requests that are changed, and genuine ones with changed messages after them."""
    rng = random.Random(7)
    payload = ClientPayload(link_id=bytes(8), client_nonce=bytes(16), operation="ga").to_hex()
    request = (
        f"GET /cable/{PATHS[route]} HTTP/1.1\r\nHost: cable.ua5v.com\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: fido.cable\r\n"
        f"{CLIENT_PAYLOAD_HEADER}: {payload}\r\n{SIGNAL_HEADER}: true\r\n\r\n"
    ).encode()

    def sent() -> bytes:
        messages = b"".join(rng.choice(FRAMES) for _ in range(rng.randrange(4)))
        if rng.randrange(3):
            return mutate(rng, request) + messages
        return request + mutate(rng, messages)

    async def scene() -> None:
        async with TunnelServer() as server:

            async def attack() -> None:
                reader, writer = await asyncio.open_connection(server.host, server.port)
                writer.write(sent())
                writer.write_eof()
                await reader.read()
                writer.close()

            for _ in range(50):
                await asyncio.gather(*(attack() for _ in range(10)), return_exceptions=True)
            async with connect(server.url + "/cable/new/" + "ab" * 16, subprotocols=[SUBPROTOCOL]) as phone:
                assert phone.response is not None
                assert phone.response.headers[ROUTING_ID_HEADER]

    asyncio.run(asyncio.wait_for(scene(), 120))
