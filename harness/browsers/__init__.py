"""Real browsers with virtual keys, and one interface for four ways to it.

with open_browser("chromium", keys=[key]) as browser:
    browser.page.goto("http://localhost:8000/")
    browser.page.create(options).result()

chromium  stock Chromium, the key found by its own HID stack     firefox  the same with stock Firefox
page      navigator.credentials answered by the keys themselves  cdp      Chromium's own virtual authenticator
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.browsers.browser import Browser, NotShown, Page, PageError, Pending, UiStep, UiSteps
from harness.errors import SetupError

if TYPE_CHECKING:
    from harness.virtual_key import VirtualKey

KINDS = ("chromium", "firefox", "page", "cdp")
__all__ = [
    "KINDS",
    "Browser",
    "NotShown",
    "Page",
    "PageError",
    "Pending",
    "UiStep",
    "UiSteps",
    "open_browser",
]


def open_browser(
    kind: str = "chromium",
    /,
    *,
    keys: Sequence[VirtualKey] = (),
    headless: bool = True,
    port: str | None = "mock",
    **options: Any,
) -> Browser:
    """A browser that is closed by `close()`, or by leaving its context. Options are those of the backend."""
    browser = _open(kind, headless, port, options)
    try:
        for key in keys:
            browser.plug_in(key)
    except BaseException:
        browser.close()
        raise
    return browser


def _open(kind: str, headless: bool, port: str | None, options: dict[str, Any]) -> Browser:
    if kind == "chromium":
        from harness.browsers.chromium import Chromium

        return Chromium(headless=headless, port=port, **options)
    if kind == "firefox":
        from harness.browsers.firefox import Firefox

        return Firefox(headless=headless, port=port, **options)
    if kind == "page":
        from harness.browsers.page import BridgedBrowser

        return BridgedBrowser(headless=headless, **options)
    if kind == "cdp":
        from harness.browsers.cdp import CdpBrowser

        return CdpBrowser(headless=headless, **options)
    raise SetupError(f"browser {kind!r}: there are {', '.join(KINDS)}")
