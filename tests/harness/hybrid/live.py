"""Live phones and clients, whose other side is an insider: whole sessions over tunnels in memory."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from authenticator import cbor
from harness import Account
from harness.hybrid import keys, noise
from harness.hybrid.advert import Eid
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames, MessageType, typed
from harness.hybrid.initiator import Initiator
from harness.hybrid.phone import Phone
from harness.hybrid.qr import QrCode
from harness.hybrid.radio import Air
from harness.hybrid.tunnel import NothingCame, TunnelGone
from tests.harness.hybrid.inner import Insider, change
from tests.harness.hybrid.mutated import mutate
from tests.harness.hybrid.scenery import CREATE, GET

PATIENCE = 30.0
"""Seconds in which something must come of every message; nothing takes so long unless it hangs."""
GOODBYE = typed(MessageType.SHUTDOWN)


@dataclass(kw_only=True)
class Pipe:
    """One end of a tunnel without sockets."""

    inbox: asyncio.Queue[bytes | None]
    outbox: asyncio.Queue[bytes | None]
    routing_id: bytes = b"\1\2\3"
    signals: bool = False

    async def send(self, message: bytes) -> None:
        self.outbox.put_nowait(message)

    async def receive(self, *, within: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(within):
                message = await self.inbox.get()
        except TimeoutError:
            raise NothingCame(f"nothing came through the tunnel within {within:g} s") from None
        if message is None:
            raise TunnelGone("the tunnel is closed")
        return message

    async def close(self) -> None:
        self.outbox.put_nowait(None)


@dataclass(kw_only=True)
class Pipes:
    """`Tunnels` for one session: whoever dials first has one end, the second the other."""

    domain: int = 0
    _ends: list[Pipe] = field(default_factory=list)

    async def dial(self, path: str, *, domain: int, headers: Any = None) -> Pipe:
        if not self._ends:
            one: asyncio.Queue[bytes | None] = asyncio.Queue()
            other: asyncio.Queue[bytes | None] = asyncio.Queue()
            self._ends = [Pipe(inbox=other, outbox=one), Pipe(inbox=one, outbox=other)]
        return self._ends.pop()


@dataclass(kw_only=True)
class Attack:
    rng: random.Random

    def __post_init__(self) -> None:
        self.key = Account("google-password-manager").sign_in("phone")
        self.messages = 0

    async def on_a_phone(self, count: int) -> None:
        """A client with a proper handshake, which then says anything at all; the phone answers or hangs up."""
        air, pipes = Air(), Pipes()

        async def wallet(request: bytes) -> bytes:
            return request

        phone = Phone(self.key, radio=air, tunnels=pipes, on_json=wallet, links=True)  # type: ignore[arg-type]
        client = Initiator(adverts=air.listen, tunnels=pipes, hear_within=PATIENCE)  # type: ignore[arg-type]
        code = client.qr_code()
        scanning = asyncio.create_task(phone.scan(code.encode(), join_within=PATIENCE))
        async with client.session(code) as session:
            if session.linking is None:
                await session.await_linking()
            for _ in range(count):
                message = self._message_of_client()
                self.messages += 1
                await session.tunnel.send(session.frames.seal(message))
                if message[:1] not in (b"\1", b"\3"):
                    # Refused, or of no consequence: what a request behind it says
                    await session.tunnel.send(session.frames.seal(b"\1\4"))
                try:
                    session.frames.open(await session.tunnel.receive(within=PATIENCE))
                except TunnelGone:
                    break
            await session.tunnel.send(session.frames.seal(GOODBYE))
        (ended,) = await asyncio.gather(scanning, return_exceptions=True)
        assert_clear(ended)

    async def on_a_client(self, count: int) -> None:
        """A phone with a proper handshake, which then says anything at all; the client has an answer or an error."""
        rng, air, pipes = self.rng, Air(), Pipes()
        client = Initiator(adverts=air.listen, tunnels=pipes, hear_within=PATIENCE)  # type: ignore[arg-type]
        code = client.qr_code()

        async def phone() -> None:
            tunnel = await pipes.dial("", domain=0)
            eid = Eid(nonce=rng.randbytes(10), routing_id=tunnel.routing_id, domain=0)
            async with air.advertise(eid.seal(keys.eid_key(code.secret))):
                first = await tunnel.receive(within=PATIENCE)
            psk = keys.psk(code.secret, eid.to_bytes())
            point = keys.uncompressed(client.identity.public_key())
            answer, session = noise.respond(psk, first, client_identity=point)
            await tunnel.send(answer)
            frames, insider = Frames.of_phone(session), Insider(rng=rng)
            insider.handshake_hash = session.handshake_hash
            greeting: Any = insider.greeting
            if rng.randrange(4) == 0:
                greeting = change(rng, greeting)
            self.messages += count + 1
            await tunnel.send(frames.seal(cbor.encode(greeting)))
            for _ in range(count):
                await tunnel.send(frames.seal(self._message_of_phone(insider)))
            await tunnel.close()

        playing = asyncio.create_task(phone())
        (ended,) = await asyncio.gather(self._ask_for_ever(client, code), return_exceptions=True)
        assert isinstance(ended, BaseException)
        assert_clear(ended)
        assert not isinstance(ended, NothingCame), "the client waits for what will not come"
        await playing

    async def _ask_for_ever(self, client: Initiator, code: QrCode) -> None:
        async with client.session(code) as session:
            while True:
                if self.rng.randrange(2):
                    await session.call(GET, within=PATIENCE)
                else:
                    await session.call_json(b"{}", within=PATIENCE)

    def _message_of_client(self) -> bytes:
        rng = self.rng
        kind = rng.choice((1, 1, 1, 1, 1, 2, 3, rng.randrange(4, 256)))
        if kind == 1:
            request = rng.choice((CREATE, GET))
            if rng.randrange(2):
                return typed(
                    MessageType.CTAP, request[:1] + cbor.encode(change(rng, cbor.decode(request[1:])))
                )
            return typed(MessageType.CTAP, mutate(rng, request) or b"\4")
        return bytes((kind,)) + mutate(rng, b'{"digital":{}}')

    def _message_of_phone(self, insider: Insider) -> bytes:
        rng = self.rng
        kind = rng.choice((1, 2, 2, 2, 3, rng.randrange(256)))
        if kind == 2:
            return typed(MessageType.UPDATE, cbor.encode(change(rng, {1: insider.linking})))
        return mutate(rng, bytes((kind,)) + b"\0\xa0") if rng.randrange(4) == 0 else bytes((kind, 0, 0xA0))


def assert_clear(ended: object) -> None:
    """Nothing, or one line that says what is wrong."""
    if isinstance(ended, HybridError):
        assert str(ended).isprintable()
        assert 0 < len(str(ended)) < 200
    elif ended is not None:
        assert isinstance(ended, BaseException)
        raise ended


async def attack_live(seed: int, sessions: int, *, each: int = 20) -> int:
    """So many sessions, by turns against a phone and against a client; how many messages they were sent."""
    attack = Attack(rng=random.Random(seed))
    for number in range(sessions):
        if number % 2:
            await attack.on_a_client(each)
        else:
            await attack.on_a_phone(each)
    assert not attack.key.engine.bugs
    return attack.messages
