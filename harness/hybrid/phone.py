"""The phone: reads a QR code or is called by a linked client, proves that it is near, and answers CTAP."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import ec

from authenticator import cbor
from harness.hybrid import keys, noise
from harness.hybrid.advert import Eid
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames, MessageType, parse_typed, typed
from harness.hybrid.messages import ClientPayload, Greeting, LinkingInfo
from harness.hybrid.qr import QrCode
from harness.hybrid.radio import Radio
from harness.hybrid.tunnel import Tunnel, TunnelGone, Tunnels
from harness.hybrid.tunnel_server import Call
from harness.virtual_key import VirtualKey

log = logging.getLogger(__name__)

QR_LIFETIME = 300.0
"""A phone refuses a QR code that was made longer ago than this."""
JOIN_WITHIN = 60.0
"""For how long a phone stays on air before it gives up."""
_GET_INFO = b"\x04"
_OPTIONS = 0x04
"""Of getInfo's response."""


class Stage(Enum):
    """Where a session stands; reports tell its story with these."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A client that may call this phone without a QR code."""

    link_id: bytes
    secret: bytes = field(repr=False)


class Phone:
    """A phone with its own key (any profile with screen lock or face), person, radio and way to tunnel servers."""

    def __init__(
        self,
        key: VirtualKey,
        *,
        radio: Radio,
        tunnels: Tunnels,
        name: str = "Stunt phone",
        links: bool = False,
        on_json: Callable[[bytes], Awaitable[bytes]] | None = None,
        on_event: Callable[[PhoneEvent], None] | None = None,
    ) -> None:
        self.key = key
        self.radio = radio
        self.tunnels = tunnels
        self.name = name
        self.identity: ec.EllipticCurvePrivateKey = noise.new_key()
        self.contact_id = os.urandom(16)
        self.links: dict[bytes, Link] = {}
        self.events: list[PhoneEvent] = []
        self._offers_link = links
        self._on_json = on_json
        self._on_event = on_event
        self._tunnel: Tunnel | None = None

    @property
    def contact(self) -> str:
        """The contact id as it stands in URLs."""
        return base64.urlsafe_b64encode(self.contact_id).rstrip(b"=").decode()

    async def scan(self, text: str, *, join_within: float = JOIN_WITHIN) -> None:
        """Everything that follows from pointing the camera at a QR code, to the end of the session."""
        code = QrCode.decode(text)
        self._note(Stage.SCANNED, code.operation)
        if code.time is not None and abs(time.time() - code.time) > QR_LIFETIME:
            raise HybridError("the QR code has expired: let the site show a new one")
        if 0 not in code.data_channels:
            raise HybridError("the QR code asks for a Bluetooth channel, this phone has tunnels only")
        tunnel_id = keys.tunnel_id(code.secret)
        tunnel = await self.tunnels.dial(f"/cable/new/{tunnel_id.hex().upper()}", domain=self.tunnels.domain)
        self._note(Stage.TUNNEL_OPEN)
        client = keys.uncompressed(keys.public_key(code.public_key))
        await self._session(
            tunnel,
            routing_id=tunnel.routing_id,
            eid_key=keys.eid_key(code.secret),
            secret=code.secret,
            client_identity=client,
            join_within=join_within,
        )

    async def answer_call(self, call: Call, *, join_within: float = JOIN_WITHIN) -> None:
        """A linked client calls: join the tunnel it waits at."""
        payload = ClientPayload.from_hex(call.client_payload)
        link = self.links.get(payload.link_id)
        if link is None:
            raise HybridError("the caller is not linked to this phone (any more)")
        self._note(Stage.CALLED, payload.operation)
        tunnel = await self.tunnels.dial(
            f"/cable/connect/{call.routing_id}/{call.tunnel_id}", domain=self.tunnels.domain
        )
        self._note(Stage.TUNNEL_OPEN)
        await self._session(
            tunnel,
            routing_id=bytes.fromhex(call.routing_id),
            eid_key=keys.eid_key(link.secret, payload.client_nonce),
            secret=link.secret,
            client_identity=None,
            join_within=join_within,
        )

    async def listen(self) -> None:
        """Wait for linked clients' calls and answer them, one after the other, until cancelled."""
        tunnel = await self.tunnels.dial(f"/cable/listen/{self.contact}", domain=self.tunnels.domain)
        try:
            while True:
                call = Call.from_bytes(await tunnel.receive())
                try:
                    await self.answer_call(call)
                except HybridError as error:
                    self._note(Stage.BROKEN, str(error))
        finally:
            await tunnel.close()

    def break_tunnel(self) -> None:
        """Lose the network in the middle of whatever is under way."""
        if self._tunnel is not None:
            self._tunnel.break_off()

    # One session

    async def _session(
        self,
        tunnel: Tunnel,
        *,
        routing_id: bytes,
        eid_key: bytes,
        secret: bytes,
        client_identity: bytes | None,
        join_within: float,
    ) -> None:
        self._tunnel = tunnel
        try:
            eid = Eid(nonce=os.urandom(10), routing_id=routing_id, domain=self.tunnels.domain)
            async with self.radio.advertise(eid.seal(eid_key)):
                self._note(Stage.ON_AIR)
                first = await tunnel.receive(within=join_within)
            self._note(Stage.JOINED)
            psk = keys.psk(secret, eid.to_bytes())
            if client_identity is not None:
                answer, session = noise.respond(psk, first, client_identity=client_identity)
            else:
                answer, session = noise.respond(psk, first, identity=self.identity)
            await tunnel.send(answer)
            frames = Frames.of_phone(session)
            self._note(Stage.SECURE)
            await tunnel.send(frames.seal(await self._greeting()))
            if self._offers_link and client_identity is not None:
                await self._offer_link(tunnel, frames, client_identity, session.handshake_hash)
            await self._serve(tunnel, frames)
        finally:
            self._tunnel = None
            await tunnel.close()

    async def _greeting(self) -> bytes:
        response = await asyncio.to_thread(self.key.engine.call, _GET_INFO)
        features = ("ctap", "dc") if self._on_json is not None else ("ctap",)
        return Greeting(get_info=_as_seen_from_afar(response)[1:], features=features).to_bytes()

    async def _offer_link(self, tunnel: Tunnel, frames: Frames, client: bytes, handshake_hash: bytes) -> None:
        link = Link(link_id=os.urandom(8), secret=os.urandom(32))
        info = LinkingInfo.make(
            contact_id=self.contact_id,
            link_id=link.link_id,
            link_secret=link.secret,
            identity=self.identity,
            point=keys.uncompressed(self.identity.public_key()),
            name=self.name,
            client_identity=client,
            handshake_hash=handshake_hash,
        )
        self.links[link.link_id] = link
        await tunnel.send(frames.seal(typed(MessageType.UPDATE, info.to_update())))
        self._note(Stage.LINKED)

    async def _serve(self, tunnel: Tunnel, frames: Frames) -> None:
        """Answer until the client says goodbye or is gone. There is no CTAP cancel over hybrid: it hangs up."""
        receiving = asyncio.ensure_future(tunnel.receive())
        try:
            while True:
                kind, payload = parse_typed(frames.open(await receiving))
                if kind is MessageType.SHUTDOWN:
                    self._note(Stage.SHUT_DOWN)
                    return
                receiving = asyncio.ensure_future(tunnel.receive())
                if kind is MessageType.CTAP:
                    response = await self._ctap(payload, receiving)
                    if response is not None:
                        await tunnel.send(frames.seal(typed(MessageType.CTAP, response)))
                elif kind is MessageType.JSON and self._on_json is not None:
                    self._note(Stage.JSON, f"{len(payload)} bytes")
                    await tunnel.send(frames.seal(typed(MessageType.JSON, await self._on_json(payload))))
                # An update from a client says nothing to a phone, and JSON nothing to one without documents
        except TunnelGone as gone:
            self._note(Stage.BROKEN, str(gone))
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    async def _ctap(self, request: bytes, receiving: asyncio.Future[bytes]) -> bytes | None:
        """The key's answer; None if the client hung up while the person was asked."""
        if not request:
            raise HybridError("an empty CTAP message")
        self._note(Stage.REQUEST, f"command {request[0]:02X}")
        given_up = threading.Event()
        answering = asyncio.ensure_future(
            asyncio.to_thread(self.key.engine.call, request, cancelled=given_up)
        )
        try:
            await asyncio.wait({answering, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                given_up.set()
                await answering
                return None
            response = answering.result()
            if request[:1] == _GET_INFO:
                response = _as_seen_from_afar(response)
        finally:
            given_up.set()
        self._note(Stage.RESPONSE, f"status {response[0]:02X}, {len(response)} bytes")
        return response

    def _note(self, stage: Stage, detail: str = "") -> None:
        event = PhoneEvent(at=time.monotonic(), stage=stage, detail=detail)
        log.debug("%s: %s %s", self.name, stage.value, detail)
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)


def _as_seen_from_afar(response: bytes) -> bytes:
    """The phone's getInfo without `plat`: that says it is part of the client (CTAP 2.3 §6.4), which it is not here.

    Chromium passes over such a phone where the site asks for a cross-platform authenticator, and waits in silence.
    """
    info = cbor.decode(response[1:]) if response[:1] == b"\0" else {}
    options = info.get(_OPTIONS, {})
    if "plat" not in options:
        return response
    info[_OPTIONS] = {name: value for name, value in options.items() if name != "plat"}
    return response[:1] + cbor.encode(info)
