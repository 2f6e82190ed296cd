"""A tunnel server with TLS, a phone and a client in one room: what the tests of both roles play in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from authenticator import cbor
from harness import Account
from harness.hybrid.initiator import Initiator
from harness.hybrid.messages import LinkingInfo
from harness.hybrid.phone import Phone, Stage
from harness.hybrid.radio import Air
from harness.hybrid.tls import TunnelCertificate
from harness.hybrid.tunnel import Tunnels
from harness.hybrid.tunnel_server import TunnelServer
from harness.platform import Device

CERTIFICATE = TunnelCertificate(["cable.ua5v.com", "cable.auth.com"])
CREATE = b"\x01" + cbor.encode(
    {
        1: bytes(32),
        2: {"id": "example.com", "name": "Example"},
        3: {"id": b"user", "name": "u", "displayName": "U"},
        4: [{"alg": -7, "type": "public-key"}, {"alg": -257, "type": "public-key"}],
        7: {"rk": True, "uv": True},
    }
)
GET = b"\x02" + cbor.encode({1: "example.com", 2: bytes(32), 5: {"uv": True}})


@dataclass(kw_only=True)
class Scenery:
    server: TunnelServer
    air: Air
    phone: Phone
    client: Initiator

    async def link(self) -> LinkingInfo:
        """Register by QR code, and be linked on the way."""
        code = self.client.qr_code("mc")
        scanning = asyncio.create_task(self.phone.scan(code.encode()))
        async with self.client.session(code) as session:
            assert (await session.call(CREATE))[0] == 0
            link = await session.await_linking() if session.linking is None else session.linking
            await session.shut_down()
        await scanning
        return link

    async def until_it_listens(self) -> None:
        while not self.server.hears(self.phone.contact):
            await asyncio.sleep(0.01)

    async def until(self, stage: Stage) -> None:
        """The phone has come so far in its present session."""
        while not self.phone.events or self.phone.events[-1].stage is not stage:
            await asyncio.sleep(0.01)

    def device(self) -> Device:
        assert isinstance(self.phone.key, Device)
        return self.phone.key


def play(
    scene: Callable[[Scenery], Awaitable[None]],
    *,
    profile: str = "google-password-manager",
    hear_within: float = 10.0,
    ping_interval: float = 20.0,
    **options: Any,
) -> None:
    async def main() -> None:
        server = TunnelServer(tls=CERTIFICATE.server_context(), ping_interval=ping_interval)
        async with server:
            air = Air()
            tunnels = Tunnels(
                at=f"{server.host}:{server.port}",
                tls=CERTIFICATE.client_context(),
                ping_interval=ping_interval,
            )
            options.setdefault("links", True)
            key = Device("phone", profile) if profile == "android-device-bound" else _synced(profile)
            phone = Phone(key, radio=air, tunnels=tunnels, **options)
            client = Initiator(adverts=air.listen, tunnels=tunnels, hear_within=hear_within)
            async with asyncio.timeout(60):
                await scene(Scenery(server=server, air=air, phone=phone, client=client))

    asyncio.run(main())


def _synced(profile: str) -> Device:
    return Account(profile).sign_in("phone")
