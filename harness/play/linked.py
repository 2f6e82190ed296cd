"""Phones that were linked before: called through a tunnel by a client of our own.

No browser of today links phones for WebAuthn (Chromium 156 says so in its QR code, key 4 = false), so that the client's
part of such a ceremony is played by `Client` and `Initiator`: contact, signal, advert and Noise NK are the real ones.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import SetupError
from harness.play.cast import Actor
from harness.ports import BackgroundLoop
from harness.webauthn.ctap import Connection, DirectConnection
from harness.webauthn.errors import not_allowed

if TYPE_CHECKING:
    from harness.hybrid.initiator import Initiator, Session
    from harness.hybrid.messages import LinkingInfo
    from harness.hybrid.phone import Phone, PhoneEvent
    from harness.play.room import Connect

HEAR_WITHIN = 5.0
"""Seconds that the computer waits for a phone that it called."""
LOOK_AGAIN = 0.05
_loop = BackgroundLoop()


@dataclass(slots=True, kw_only=True)
class _Linked:
    phone: Phone
    client: Initiator
    link: LinkingInfo
    listening: asyncio.Task[None]


class LinkedPhones:
    """The tunnel server of one play, and the phones that listen to it."""

    def __init__(self, tell: Callable[[str, str, str], None]) -> None:
        try:
            from harness.hybrid.radio import Air
            from harness.hybrid.tunnel import Tunnels
            from harness.hybrid.tunnel_server import TunnelServer
        except ImportError as error:
            raise SetupError(
                f"linked phones need {error.name}: pip install 'stuntkey[hybrid]', or --via page"
            ) from None
        self._tell = tell
        self._linked: dict[str, _Linked] = {}
        self._air = Air()
        self._server = _loop.run(TunnelServer().__aenter__())
        self._tunnels = Tunnels(at=f"{self._server.host}:{self._server.port}")

    def call(self, phone: Actor, computer: Actor) -> Connect:
        """How `phone` is reached from `computer` for one ceremony."""

        @contextmanager
        def connect(cancelled: threading.Event) -> Iterator[Connection]:
            from harness.hybrid.errors import HybridError

            assert phone.key is not None
            linked = self._called(phone, computer)
            calling = linked.client.call_phone(linked.link)
            try:
                session = _loop.run(calling.__aenter__())
            except HybridError as error:
                raise not_allowed(str(error)) from None
            try:
                yield _LinkedConnection(session, linked.phone, cancelled)
            finally:
                with suppress(HybridError):
                    _loop.run(session.shut_down())
                _loop.run(calling.__aexit__(None, None, None))

        return connect

    def _called(self, phone: Actor, computer: Actor) -> _Linked:
        from harness.hybrid.initiator import Bluetooth

        if phone.name not in self._linked:
            self._linked[phone.name] = _loop.run(self._link(phone))
            self._tell(phone.name, "was linked before the play", "")
        linked = self._linked[phone.name]
        assert phone.key is not None
        linked.phone.key = phone.key  # it may have another account since
        linked.phone.bluetooth = phone.bluetooth
        if phone.is_locked:
            linked.phone.lock()
        else:
            linked.phone.unlock()
        linked.client.bluetooth = Bluetooth.ON if computer.bluetooth else Bluetooth.OFF
        return linked

    async def _link(self, actor: Actor) -> _Linked:
        """By a QR code, as it is done once."""
        from harness.hybrid.initiator import Initiator
        from harness.hybrid.phone import Phone

        assert actor.key is not None
        is_before_the_play = True

        def told(event: PhoneEvent) -> None:
            if not is_before_the_play:
                self._tell(actor.name, event.stage.value, event.detail)

        phone = Phone(
            actor.key,
            radio=self._air,
            tunnels=self._tunnels,
            name=actor.name,
            links=True,
            on_event=told,
        )
        client = Initiator(adverts=self._air.listen, tunnels=self._tunnels, hear_within=HEAR_WITHIN)
        code = client.qr_code()
        scanning = asyncio.create_task(phone.scan(code.encode()))
        async with client.session(code) as session:
            link = session.linking or await session.await_linking()
            await session.shut_down()
        await scanning
        listening = asyncio.create_task(phone.listen(join_within=HEAR_WITHIN))
        while not self._server.hears(phone.contact):
            await asyncio.sleep(LOOK_AGAIN)
        is_before_the_play = False
        return _Linked(phone=phone, client=client, link=link, listening=listening)

    def close(self) -> None:
        _loop.run(self._close())

    async def _close(self) -> None:
        tasks = [each.listening for each in self._linked.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.__aexit__(None, None, None)


class _LinkedConnection(DirectConnection):
    """A `Client`'s to a phone far away: its requests go through the tunnel, its questions to the same person."""

    def __init__(self, session: Session, phone: Phone, cancelled: threading.Event) -> None:
        super().__init__(phone.key.engine, cancelled)
        self._session = session

    def call(self, request: bytes, deadline: float) -> bytes:
        from harness.hybrid.errors import HybridError

        within = max(0.0, deadline - self.clock.monotonic())
        answer = asyncio.run_coroutine_threadsafe(self._session.call(request, within=within), _loop.loop)
        while True:
            try:
                return answer.result(LOOK_AGAIN)
            except HybridError as error:
                raise not_allowed(str(error)) from None
            except TimeoutError:
                # Nobody tells when an event is set, so it is looked at now and then.
                if self._cancelled is not None and self._cancelled.is_set():
                    answer.cancel()
                    raise not_allowed("the page gave up") from None

    def call_u2f(self, apdu: bytes) -> bytes:
        raise not_allowed("phones speak no U2F")
