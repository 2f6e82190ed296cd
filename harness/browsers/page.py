"""The page backend: stock Chromium whose pages talk to virtual keys instead of the browser's own WebAuthn."""

from __future__ import annotations

from typing import Any

from harness.browsers.bridge import PageBridge
from harness.browsers.browser import Browser, Context, Looks
from harness.browsers.chromium import Chromium
from harness.browsers.driver import PlaywrightPage, now
from harness.errors import SetupError
from harness.virtual_key import VirtualKey

__all__ = ["BridgedBrowser", "PageBridge"]


class BridgedBrowser(Browser):
    """Its keys are those of its bridge."""

    name = "page"

    def __init__(self, *, headless: bool = True, bridge: PageBridge | None = None, **options: Any) -> None:
        super().__init__()
        self.bridge = bridge if bridge is not None else PageBridge()
        self._take_steps(self.bridge.ui_steps)
        self._chromium = self._stack.enter_context(Chromium(headless=headless, port=None, **options))
        now(self.bridge.attach_async(self._chromium.context))
        self._page = self.new_page()

    @property
    def version(self) -> str:  # type: ignore[override]
        return self._chromium.version

    @property
    def page(self) -> PlaywrightPage:
        return self._page

    def new_page(self, url: str | None = None) -> PlaywrightPage:
        page = self._chromium.new_page(url)
        page.browser = self
        return page

    def new_context(self, looks: Looks | None = None, *, bridge: PageBridge | None = None) -> Context:
        return self._chromium.new_context(looks, bridge=bridge if bridge is not None else self.bridge)

    @property
    def is_running(self) -> bool:
        return self._chromium.is_running

    def screenshot_screen(self) -> bytes:
        return self._chromium.screenshot_screen()

    def plug_in(self, key: VirtualKey) -> None:
        if key in self.bridge.devices:
            raise SetupError(f"{key} is there already")
        self.bridge.devices.append(key)

    @property
    def keys(self) -> tuple[VirtualKey, ...]:
        return tuple(self.bridge.devices)

    def unplug(self, key: VirtualKey) -> None:
        self.bridge.devices.remove(key)
