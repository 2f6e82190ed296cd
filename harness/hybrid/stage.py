"""Everything around a phone and a stock desktop Chromium: Bluetooth without a radio, tunnels without the internet.

with HybridStage() as stage:
    waiting = stage.browser.page.create(options)
    session = stage.scan(stage.phone(VirtualKey("icloud-keychain")))     # reads the QR code off the screen
    waiting.result()
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

from harness.browsers.browser import PATIENCE
from harness.browsers.chromium import Chromium
from harness.closing import Closing
from harness.errors import Failure
from harness.hybrid.bluez import MockBluez
from harness.hybrid.camera import passkey_code
from harness.hybrid.domains import ASSIGNED
from harness.hybrid.phone import Phone
from harness.hybrid.private_bus import PrivateBus
from harness.hybrid.radio import Radio
from harness.hybrid.tls import TunnelCertificate
from harness.hybrid.tunnel import Tunnels
from harness.hybrid.tunnel_server import TunnelServer
from harness.ports import BackgroundLoop
from harness.virtual_key import VirtualKey

T = TypeVar("T")
SCREEN = (2800, 2300)
"""At scale 2: a QR code that is drawn smaller is read badly, and a smaller window cuts the dialog off."""
LOOK_AGAIN = 0.1
_loop = BackgroundLoop()


class HybridStage(Closing):
    """Opened in the order that matters: the browser looks for Bluetooth once, when it starts."""

    def __init__(
        self,
        *,
        adapter: bool = True,
        powered: bool = True,
        bluetooth: Callable[[str], AbstractAsyncContextManager[Radio]] | None = None,
        tunnel_domains: Sequence[str] = ASSIGNED,
        **browser_options: Any,
    ) -> None:
        """`bluetooth` is given a bus and has BlueZ on it while it is entered: a mock of it, if nobody else does."""
        mock = partial(MockBluez, adapter=adapter, powered=powered)
        self._stack = ExitStack()
        self._last_code: str | None = None
        self.last_picture = b""
        """PNG of the QR code that was read last, for reports."""
        try:
            certificate = TunnelCertificate(tunnel_domains)
            bus = self._enter(PrivateBus())
            self.radio = self._enter((bluetooth or mock)(bus.address))
            self.tunnel_server: TunnelServer = self._enter(TunnelServer(tls=certificate.server_context()))
            at = f"{self.tunnel_server.host}:{self.tunnel_server.port}"
            self._tunnels = Tunnels(at=at, tls=certificate.client_context())
            browser_options.setdefault("port", None)
            browser_options["flags"] = [
                *browser_options.get("flags", ()),
                f"--host-resolver-rules=MAP *:443 {at}, EXCLUDE localhost",
                f"--ignore-certificate-errors-spki-list={certificate.spki_hash}",
            ]
            environment = {**bus.environment, **browser_options.pop("environment", {})}
            self.browser = self._stack.enter_context(
                Chromium(headless=False, size=SCREEN, scale=2, environment=environment, **browser_options)
            )
        except BaseException:
            self.close()
            raise

    def _enter(self, service: AbstractAsyncContextManager[T]) -> T:
        entered = _loop.run(service.__aenter__())
        self._stack.callback(lambda: _loop.run(_leave(service)))
        return entered

    @property
    def bluez(self) -> MockBluez:
        assert isinstance(self.radio, MockBluez)
        return self.radio

    def phone(self, key: VirtualKey, *, domain: int = 0, **options: Any) -> Phone:
        """A phone in this room. Its key is any with a screen lock, fingers or face; `domain` is its tunnels'."""
        return Phone(key, radio=self.radio, tunnels=replace(self._tunnels, domain=domain), **options)

    def unlock(self, phone: Phone) -> None:
        """The person opens a locked phone, and what waited for that goes on."""
        _loop.run(_do(phone.unlock))

    def power(self, on: bool) -> None:
        """The person switches the computer's Bluetooth on or off."""
        _loop.run(_do(lambda: self.bluez.power(on)))

    def read_code(self, timeout: float = PATIENCE, *, other_than: str | None = None) -> str:
        """What the QR code on the screen says; not the last dialog's, which may still be going."""
        from PIL import Image

        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with Image.open(BytesIO(self.browser.screenshot_screen())) as picture:
                seen = passkey_code(picture)
                if seen is not None and seen.text != other_than:
                    self.last_picture = seen.cut_out(picture)
                    return seen.text
            time.sleep(LOOK_AGAIN)
        steps = ", ".join(self.browser.ui_steps.names) or "none"
        raise Failure(f"no QR code on the screen in {timeout:g} s; the browser's steps: {steps}")

    def scan(self, phone: Phone, code: str | None = None, **options: Any) -> Future[None]:
        """Point the phone's camera at the code on the screen (or another one). Done when the session is over.

        A code is scanned once: the last dialog's may still be going.
        """
        text = self.read_code(other_than=self._last_code) if code is None else code
        self._last_code = text
        return self.later(phone.scan(text, **options))

    def later(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine of the phone's or the tunnel server's on their loop."""
        return asyncio.run_coroutine_threadsafe(work, _loop.loop)

    def break_tunnel(self, phone: Phone) -> None:
        _loop.run(_do(phone.break_tunnel))

    def close(self) -> None:
        self._stack.close()


async def _do(work: Callable[[], None]) -> None:
    work()


async def _leave(service: AbstractAsyncContextManager[Any]) -> None:
    await service.__aexit__(None, None, None)
