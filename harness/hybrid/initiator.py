"""The client's role: what a browser does, for phones of one's own and for tests of both roles."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from authenticator.environment import Clock, SystemClock
from harness.hybrid import advert, keys, noise
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames, MessageType, parse_typed, typed
from harness.hybrid.messages import ClientPayload, Greeting, LinkingInfo
from harness.hybrid.qr import QrCode
from harness.hybrid.tunnel import LinkForgotten, NothingCame, Tunnel, Tunnels
from harness.hybrid.tunnel_server import CLIENT_PAYLOAD_HEADER, SIGNAL_HEADER

HEAR_WITHIN = 60.0
Adverts = Callable[[], AsyncIterator[bytes]]
"""What the client's radio hears, for instance `Air.listen`."""


class Bluetooth(Enum):
    """Of the computer. Without it no advert is heard, so that no code is shown and no phone called."""

    ON = "on"
    OFF = "off"
    ABSENT = "absent"


@dataclass(slots=True, kw_only=True)
class Session:
    """A secure channel to a phone: CTAP requests in, responses out."""

    tunnel: Tunnel
    frames: Frames
    greeting: Greeting
    identity: noise.KeyPair | None
    handshake_hash: bytes
    domain: int
    on_linking: Callable[[LinkingInfo], None] = lambda info: None
    linking: LinkingInfo | None = None
    """What the phone offered for later calls, once an update brought it."""

    async def call(self, request: bytes, *, within: float = 120.0) -> bytes:
        """One CTAP request; its response with the status byte."""
        await self.tunnel.send(self.frames.seal(typed(MessageType.CTAP, request)))
        return await self._receive(MessageType.CTAP, within)

    async def call_json(self, request: bytes, *, within: float = 120.0) -> bytes:
        """A digital credential request, passed through as it is."""
        if "dc" not in self.greeting.features:
            raise HybridError("the phone says that it has no documents to show")
        await self.tunnel.send(self.frames.seal(typed(MessageType.JSON, request)))
        return await self._receive(MessageType.JSON, within)

    async def await_linking(self, *, within: float = 10.0) -> LinkingInfo:
        while self.linking is None:
            kind, payload = await self._next(within)
            if kind is not MessageType.UPDATE:
                raise HybridError("the phone sent something else than its linking information")
            self._update(payload)
        return self.linking

    async def shut_down(self) -> None:
        await self.tunnel.send(self.frames.seal(typed(MessageType.SHUTDOWN)))
        await self.tunnel.close()

    async def _receive(self, wanted: MessageType, within: float) -> bytes:
        while True:
            kind, payload = await self._next(within)
            if kind is wanted:
                return payload
            if kind is not MessageType.UPDATE:
                raise HybridError(f"the phone sent a message of type {kind.name} instead of {wanted.name}")
            self._update(payload)

    async def _next(self, within: float) -> tuple[MessageType, bytes]:
        return parse_typed(self.frames.open(await self.tunnel.receive(within=within)))

    def _update(self, payload: bytes) -> None:
        if self.identity is None:  # a linked session links nothing new
            return
        info = LinkingInfo.from_update(
            payload, identity=self.identity, handshake_hash=self.handshake_hash, domain=self.domain
        )
        if info is not None:
            self.linking = info
            self.on_linking(info)


class Initiator:
    """A client that shows QR codes, hears adverts and remembers linked phones."""

    def __init__(
        self,
        *,
        adverts: Adverts,
        tunnels: Tunnels,
        hear_within: float = HEAR_WITHIN,
        bluetooth: Bluetooth = Bluetooth.ON,
        clock: Clock | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.bluetooth = bluetooth
        self.phones: dict[bytes, LinkingInfo] = {}
        """Those that may be called without a QR code, by contact id; a 410 makes us forget one."""
        self._adverts = adverts
        self._tunnels = tunnels
        self._hear_within = hear_within
        self._clock = clock if clock is not None else SystemClock()
        self._random = random
        self.identity = noise.new_key(random)

    def qr_code(self, operation: str = "ga", *, can_link: bool = True) -> QrCode:
        """A new code for one session."""
        self._require_bluetooth()
        return QrCode.of_client(
            self.identity,
            self._random(16),
            time=int(self._clock.time()),
            can_link=can_link,
            operation=operation,
        )

    @asynccontextmanager
    async def session(self, code: QrCode) -> AsyncIterator[Session]:
        """The session with whoever scans `code` nearby."""
        eid = await self._hear(keys.eid_key(code.secret), "no phone nearby answered the QR code")
        path = f"/cable/connect/{eid.routing_id.hex().upper()}/{keys.tunnel_id(code.secret).hex().upper()}"
        tunnel = await self._tunnels.dial(path, domain=eid.domain)
        async with _closing(tunnel):
            psk = keys.psk(code.secret, eid.to_bytes())
            handshake = noise.Initiator(psk, identity=self.identity, new_key=self._new_key)
            yield await self._secure(tunnel, handshake, self.identity, eid.domain)

    @asynccontextmanager
    async def call_phone(self, phone: LinkingInfo, operation: str = "ga") -> AsyncIterator[Session]:
        """A session with a linked phone, without a QR code; LinkForgotten if the server says it is gone."""
        self._require_bluetooth()
        nonce = self._random(16)
        payload = ClientPayload(link_id=phone.link_id, client_nonce=nonce, operation=operation)
        contact = base64.urlsafe_b64encode(phone.contact_id).rstrip(b"=").decode()
        headers = {CLIENT_PAYLOAD_HEADER: payload.to_hex(), SIGNAL_HEADER: "true"}
        try:
            tunnel = await self._tunnels.dial(
                f"/cable/contact/{contact}", domain=phone.domain, headers=headers
            )
        except LinkForgotten:
            self.phones.pop(phone.contact_id, None)
            raise
        async with _closing(tunnel):
            if tunnel.signals:
                await self._await_phone(tunnel)
            eid = await self._hear(
                keys.eid_key(phone.link_secret, nonce), "the linked phone was called, and is not nearby"
            )
            psk = keys.psk(phone.link_secret, eid.to_bytes())
            handshake = noise.Initiator(psk, phone_identity=phone.phone_identity, new_key=self._new_key)
            yield await self._secure(tunnel, handshake, None, eid.domain)

    async def _await_phone(self, tunnel: Tunnel) -> None:
        try:
            signal = await tunnel.receive(within=self._hear_within)
        except NothingCame:
            raise HybridError(
                "the linked phone was called, and does not answer: it is locked, switched off or linked no more"
            ) from None
        if signal != b"\x00":
            raise HybridError("the tunnel server's signal is not a single zero byte")

    def _require_bluetooth(self) -> None:
        if self.bluetooth is Bluetooth.OFF:
            raise HybridError("Bluetooth is off: switch it on to use a phone")
        if self.bluetooth is Bluetooth.ABSENT:
            raise HybridError("this computer has no Bluetooth adapter: use a security key instead of a phone")

    def _remember(self, phone: LinkingInfo) -> None:
        self.phones[phone.contact_id] = phone

    def _new_key(self) -> noise.KeyPair:
        return noise.new_key(self._random)

    async def _hear(self, eid_key: bytes, nobody: str) -> advert.Eid:
        """The advert that is meant for us. Without it there is no proof of proximity, and no session."""
        try:
            async with asyncio.timeout(self._hear_within):
                async for heard in self._adverts():
                    eid = advert.trial_decrypt(heard, eid_key)
                    if eid is not None:
                        return eid
        except TimeoutError:
            pass
        raise HybridError(nobody)

    async def _secure(
        self, tunnel: Tunnel, handshake: noise.Initiator, identity: noise.KeyPair | None, domain: int
    ) -> Session:
        await tunnel.send(handshake.first_message())
        session = handshake.finish(await tunnel.receive(within=self._hear_within))
        frames = Frames.of_client(session)
        greeting = Greeting.from_bytes(frames.open(await tunnel.receive(within=self._hear_within)))
        return Session(
            tunnel=tunnel,
            frames=frames,
            greeting=greeting,
            identity=identity,
            handshake_hash=session.handshake_hash,
            domain=domain,
            on_linking=self._remember,
        )


@asynccontextmanager
async def _closing(tunnel: Tunnel) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await tunnel.close()
