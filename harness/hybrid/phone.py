"""The phone: reads a QR code or is called by a linked client, proves that it is near, and answers CTAP."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from authenticator import cbor
from authenticator.environment import Clock, SystemClock
from harness.engine import Unplugged
from harness.hybrid import keys, noise
from harness.hybrid.advert import Eid
from harness.hybrid.domains import FIRST_HASHED
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames, MessageType, parse_typed, typed
from harness.hybrid.links import Link, LinkStore
from harness.hybrid.messages import ClientPayload, Greeting, LinkingInfo
from harness.hybrid.qr import QrCode
from harness.hybrid.radio import Radio
from harness.hybrid.tunnel import Tunnel, TunnelGone, Tunnels
from harness.hybrid.tunnel_server import Call
from harness.virtual_key import VirtualKey

log = logging.getLogger(__name__)

QR_LIFETIME = 300.0
"""A phone refuses a QR code that was made longer ago than this, or so far in its future."""
JOIN_WITHIN = 60.0
"""For how long a phone stays on air, or locked, before it gives up."""
IDLE_WITHIN = 180.0
"""For how long a client may be silent while nothing of its is under way."""
_GET_INFO = b"\x04"
_OPTIONS = 0x04
"""Of getInfo's response."""


class Stage(Enum):
    """Where a session stands; reports tell its story with these."""

    LOCKED = "is locked"
    UNLOCKED = "was unlocked"
    SCANNED = "scanned the QR code"
    CALLED = "was called by a linked client"
    TUNNEL_OPEN = "opened the tunnel"
    ON_AIR = "is on air"
    JOINED = "the client joined"
    SECURE = "the channel is secure"
    LINKED = "offered to be linked"
    REQUEST = "was asked"
    RESPONSE = "answered"
    JSON = "was sent JSON"
    SHUT_DOWN = "the client said goodbye"
    BROKEN = "the tunnel broke"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneEvent:
    at: float
    stage: Stage
    detail: str = ""


class Phone:
    """A phone with its own key (any profile with screen lock or face), person, radio and way to tunnel servers.

    links      whether it offers clients to call it later; a `LinkStore` with a file outlives the phone
    locked     nobody scans with a locked phone, and it answers no call, until `unlock()`
    bluetooth  without it the phone cannot prove that it is near, and says so
    clock      by which it judges the age of QR codes
    random     where nonces, link ids and keys come from
    """

    def __init__(
        self,
        key: VirtualKey,
        *,
        radio: Radio,
        tunnels: Tunnels,
        name: str = "Stunt phone",
        links: bool | LinkStore = False,
        locked: bool = False,
        bluetooth: bool = True,
        clock: Clock | None = None,
        random: Callable[[int], bytes] = os.urandom,
        idle_within: float = IDLE_WITHIN,
        on_json: Callable[[bytes], Awaitable[bytes]] | None = None,
        on_event: Callable[[PhoneEvent], None] | None = None,
    ) -> None:
        self.key = key
        self.radio = radio
        self.tunnels = tunnels
        self.name = name
        self.link_store = links if isinstance(links, LinkStore) else LinkStore(random=random)
        self.bluetooth = bluetooth
        self.events: list[PhoneEvent] = []
        self._offers_link = links is not False
        self._unlocked = asyncio.Event()
        if not locked:
            self._unlocked.set()
        self._clock = clock if clock is not None else SystemClock()
        self._random = random
        self._idle_within = idle_within
        self._on_json = on_json
        self._on_event = on_event
        self._tunnel: Tunnel | None = None

    @property
    def contact(self) -> str:
        """The contact id as it stands in URLs."""
        return self.link_store.contact

    @property
    def identity(self) -> ec.EllipticCurvePrivateKey:
        return self.link_store.identity

    @property
    def links(self) -> dict[bytes, Link]:
        """The clients that may call this phone."""
        return self.link_store.links

    @property
    def is_locked(self) -> bool:
        return not self._unlocked.is_set()

    def lock(self) -> None:
        self._unlocked.clear()

    def unlock(self) -> None:
        """The person opens it; whatever waits for that goes on."""
        self._unlocked.set()

    async def scan(self, text: str, *, join_within: float = JOIN_WITHIN) -> None:
        """Everything that follows from pointing the camera at a QR code, to the end of the session."""
        await self._require_unlocked(join_within)
        code = QrCode.decode(text)
        self._note(Stage.SCANNED, code.operation)
        self._require_fresh(code)
        if 0 not in code.data_channels:
            raise HybridError("the QR code asks for a Bluetooth channel, this phone has tunnels only")
        self._require_bluetooth()
        tunnel_id = keys.tunnel_id(code.secret)
        domain = self._domain_for(code)
        tunnel = await self.tunnels.dial(f"/cable/new/{tunnel_id.hex().upper()}", domain=domain)
        self._note(Stage.TUNNEL_OPEN)
        client = keys.uncompressed(keys.public_key(code.public_key))
        await self._session(
            tunnel,
            domain=domain,
            eid_key=keys.eid_key(code.secret),
            secret=code.secret,
            client_identity=client,
            can_link=code.can_link,
            join_within=join_within,
        )

    async def answer_call(self, call: Call, *, join_within: float = JOIN_WITHIN) -> None:
        """A linked client calls: join the tunnel it waits at."""
        payload = ClientPayload.from_hex(call.client_payload)
        link = self.links.get(payload.link_id)
        if link is None:
            raise HybridError("the caller is not linked to this phone (any more)")
        self._note(Stage.CALLED, payload.operation)
        await self._require_unlocked(join_within)
        self._require_bluetooth()
        tunnel = await self.tunnels.dial(
            f"/cable/connect/{call.routing_id}/{call.tunnel_id}", domain=self.tunnels.domain
        )
        self._note(Stage.TUNNEL_OPEN)
        await self._session(
            tunnel,
            routing_id=bytes.fromhex(call.routing_id),
            domain=self.tunnels.domain,
            eid_key=keys.eid_key(link.secret, payload.client_nonce),
            secret=link.secret,
            client_identity=None,
            join_within=join_within,
        )

    async def listen(self, *, join_within: float = JOIN_WITHIN) -> None:
        """Wait for linked clients' calls and answer them, one after the other, until cancelled."""
        tunnel = await self.tunnels.dial(f"/cable/listen/{self.contact}", domain=self.tunnels.domain)
        try:
            while True:
                message = await tunnel.receive()
                try:
                    await self.answer_call(Call.from_bytes(message), join_within=join_within)
                except HybridError as error:
                    self._note(Stage.BROKEN, str(error))
        finally:
            await tunnel.close()

    async def unlink(self) -> None:
        """No client may call this phone any more; the tunnel server tells them so (410)."""
        await self.link_store.unlink(self.tunnels)

    def break_tunnel(self) -> None:
        """Lose the network in the middle of whatever is under way."""
        if self._tunnel is not None:
            self._tunnel.break_off()

    # Before there is a tunnel

    async def _require_unlocked(self, within: float) -> None:
        if not self.is_locked:
            return
        self._note(Stage.LOCKED)
        try:
            async with asyncio.timeout(within):
                await self._unlocked.wait()
        except TimeoutError:
            raise HybridError("the phone is locked, and nobody unlocks it") from None
        self._note(Stage.UNLOCKED)

    def _require_fresh(self, code: QrCode) -> None:
        age = self._clock.time() - code.time if code.time is not None else 0.0
        if age > QR_LIFETIME:
            raise HybridError("the QR code has expired: let the site show a new one")
        if age < -QR_LIFETIME:
            raise HybridError("the QR code is from the future: one of the two clocks is wrong")

    def _require_bluetooth(self) -> None:
        # CTAP 2.3 §11.5: the advert proves that the phone is near.
        if not self.bluetooth:
            raise HybridError("the phone's Bluetooth is off: it cannot prove that it is near")

    def _domain_for(self, code: QrCode) -> int:
        """The phone's own domain, or the first one where the client knows fewer assigned ones (QR key 2)."""
        domain = self.tunnels.domain
        is_assigned_later = code.assigned_domains <= domain < FIRST_HASHED
        return 0 if is_assigned_later else domain

    # One session

    async def _session(
        self,
        tunnel: Tunnel,
        *,
        domain: int,
        eid_key: bytes,
        secret: bytes,
        client_identity: bytes | None,
        join_within: float,
        routing_id: bytes | None = None,
        can_link: bool = False,
    ) -> None:
        self._tunnel = tunnel
        try:
            if routing_id is None:
                routing_id = tunnel.routing_id
            eid = Eid(nonce=self._random(10), routing_id=routing_id, domain=domain)
            async with self.radio.advertise(eid.seal(eid_key)):
                self._note(Stage.ON_AIR)
                first = await tunnel.receive(within=join_within)
            self._note(Stage.JOINED)
            psk = keys.psk(secret, eid.to_bytes())
            if client_identity is not None:
                answer, session = noise.respond(
                    psk, first, client_identity=client_identity, new_key=self._new_key
                )
            else:
                answer, session = noise.respond(psk, first, identity=self.identity, new_key=self._new_key)
            await tunnel.send(answer)
            frames = Frames.of_phone(session)
            self._note(Stage.SECURE)
            await tunnel.send(frames.seal(await self._greeting()))
            # A client that cannot keep a link says so (QR key 4), and is offered none.
            if self._offers_link and can_link and client_identity is not None:
                await self._offer_link(tunnel, frames, client_identity, session.handshake_hash)
            await self._serve(tunnel, frames)
        finally:
            self._tunnel = None
            await tunnel.close()

    async def _greeting(self) -> bytes:
        response = await self._ask_key(_GET_INFO)
        features = ("ctap", "dc") if self._on_json is not None else ("ctap",)
        return Greeting(get_info=_as_seen_from_afar(response)[1:], features=features).to_bytes()

    async def _offer_link(self, tunnel: Tunnel, frames: Frames, client: bytes, handshake_hash: bytes) -> None:
        link = self.link_store.new()
        info = LinkingInfo.make(
            contact_id=self.link_store.contact_id,
            link_id=link.link_id,
            link_secret=link.secret,
            identity=self.identity,
            point=keys.uncompressed(self.identity.public_key()),
            name=self.name,
            client_identity=client,
            handshake_hash=handshake_hash,
        )
        await tunnel.send(frames.seal(typed(MessageType.UPDATE, info.to_update())))
        self._note(Stage.LINKED)

    async def _serve(self, tunnel: Tunnel, frames: Frames) -> None:
        """Answer until the client says goodbye or is gone. There is no CTAP cancel over hybrid: it hangs up."""
        receiving = asyncio.ensure_future(_receive(tunnel, frames))
        answering: asyncio.Future[bytes] | None = None
        try:
            while True:
                waiting: set[asyncio.Future[Any]] = {receiving, *([answering] if answering else [])}
                within = self._idle_within if answering is None else None
                await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)
                if answering is not None and answering.done():
                    await tunnel.send(frames.seal(answering.result()))
                    answering = None
                elif not receiving.done():
                    raise HybridError(f"the client said nothing within {self._idle_within:g} s")
                else:
                    kind, payload = receiving.result()
                    if kind is MessageType.SHUTDOWN:
                        self._note(Stage.SHUT_DOWN)
                        return
                    receiving = asyncio.ensure_future(_receive(tunnel, frames))
                    # An update from a client says nothing to a phone
                    if kind is not MessageType.UPDATE:
                        if answering is not None:
                            raise HybridError("a second request came while the first one was under way")
                        answering = asyncio.ensure_future(self._answer(kind, payload))
        except TunnelGone as gone:
            self._note(Stage.BROKEN, str(gone))
        finally:
            for task in (receiving, answering):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    async def _answer(self, kind: MessageType, payload: bytes) -> bytes:
        if kind is MessageType.CTAP:
            return typed(kind, await self._ctap(payload))
        if self._on_json is None:
            raise HybridError("the client sent JSON to a phone that said it has no documents")
        self._note(Stage.JSON, f"{len(payload)} bytes")
        return typed(kind, await self._on_json(payload))

    async def _ctap(self, request: bytes) -> bytes:
        if not request:
            raise HybridError("an empty CTAP message")
        self._note(Stage.REQUEST, f"command {request[0]:02X}")
        response = await self._ask_key(request)
        if request[:1] == _GET_INFO:
            response = _as_seen_from_afar(response)
        self._note(Stage.RESPONSE, f"status {response[0]:02X}, {len(response)} bytes")
        return response

    async def _ask_key(self, request: bytes) -> bytes:
        """The key's answer. Whoever cancels this gives up, and the person is asked no more."""
        given_up = threading.Event()
        asking = asyncio.ensure_future(asyncio.to_thread(self.key.engine.call, request, cancelled=given_up))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            given_up.set()
            await asyncio.gather(asking, return_exceptions=True)
            raise
        except Unplugged:
            raise HybridError("the phone was switched off") from None

    def _new_key(self) -> noise.KeyPair:
        return noise.new_key(self._random)

    def _note(self, stage: Stage, detail: str = "") -> None:
        event = PhoneEvent(at=self._clock.monotonic(), stage=stage, detail=detail)
        log.debug("%s: %s %s", self.name, stage.value, detail)
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)


async def _receive(tunnel: Tunnel, frames: Frames) -> tuple[MessageType, bytes]:
    return parse_typed(frames.open(await tunnel.receive()))


def _as_seen_from_afar(response: bytes) -> bytes:
    """The phone's getInfo as another device is told.

    Without `plat`: that says it is part of the client (CTAP 2.3 §6.4), which it is not here. Chromium passes over such
    a phone where the site asks for a cross-platform authenticator, and waits in silence. And always with `uv`: phones
    say so, and one without a screen lock refuses the request. Without it Chromium sends its dummy request for a touch,
    takes no notice of the refusal, and waits in silence again.
    """
    info = cbor.decode(response[1:]) if response[:1] == b"\0" else {}
    if not info:
        return response
    options = {name: value for name, value in info.get(_OPTIONS, {}).items() if name != "plat"}
    info[_OPTIONS] = {**options, "uv": True}
    return response[:1] + cbor.encode(info)
