"""Playwright on a loop of its own: pages that can be asked from any thread, while their ceremonies wait."""

from __future__ import annotations

import asyncio
import atexit
import base64
import contextlib
import re
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from harness.browsers.acts import ActingPage
from harness.browsers.browser import (
    PATIENCE,
    Context,
    Looks,
    NotShown,
    PageError,
    Pending,
    Sent,
)
from harness.errors import Failure, SetupError
from harness.ports import BackgroundLoop

if TYPE_CHECKING:
    from playwright.async_api import Browser as AsyncBrowser
    from playwright.async_api import BrowserContext, CDPSession, Playwright, Request
    from playwright.async_api import Page as AsyncPage

    from harness.browsers.bridge import PageBridge

T = TypeVar("T")
_loop = BackgroundLoop()
_playwright: Playwright | None = None
_starting = threading.Lock()


def later(work: Coroutine[Any, Any, T]) -> Future[T]:
    return asyncio.run_coroutine_threadsafe(work, _loop.loop)


def now(work: Coroutine[Any, Any, T]) -> T:
    return _loop.run(work)


def playwright() -> Playwright:
    """Its driver, started once for the whole process."""
    global _playwright
    with _starting:
        if _playwright is None:
            try:
                from playwright.async_api import async_playwright
            except ImportError:
                raise SetupError(
                    "browsers are driven by Playwright: pip install 'stuntkey[browser]'"
                ) from None
            _playwright = now(async_playwright().start())
            atexit.register(_stop)
        return _playwright


def _stop() -> None:
    global _playwright
    if _playwright is not None:
        now(_playwright.stop())
        _playwright = None


NAVIGATIONS = 5
"""How often a page may go on to another one while a question is put to it."""
DESTROYED = "context was destroyed"
"""What Playwright says of a script whose page went on to another one."""


class PlaywrightPage(ActingPage):
    def __init__(self, page: AsyncPage, slow: float = 0.0) -> None:
        super().__init__(slow)
        self.playwright = page
        """Playwright's own, of its async API; it lives on the loop of `driver`."""
        page.set_default_timeout(PATIENCE * 1000)
        self._session: CDPSession | None = None

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One of the DevTools protocol's, to this page."""
        if self._session is None:
            self._session = await self.playwright.context.new_cdp_session(self.playwright)
        result: dict[str, Any] = await self._session.send(method, parameters)
        return result

    @property
    def url(self) -> str:
        return self.playwright.url

    def goto(self, url: str) -> None:
        self._pause()
        self._do(self.playwright.goto(url, wait_until="domcontentloaded"), f"open {url}")

    def reload(self) -> None:
        self._do(self.playwright.reload(wait_until="domcontentloaded"), "reload")

    def begin(self, script: str, argument: Any = None) -> Pending[Any]:
        return Pending(later(self._run(script, argument)), f"a script at {self.url}")

    async def _run(self, script: str, argument: Any) -> Any:
        from playwright.async_api import Error

        try:
            return await self.playwright.evaluate(script, argument)
        except Error as error:
            raise _page_error(error.message) from None

    def evaluate(self, script: str, argument: Any = None, *, timeout: float = PATIENCE) -> Any:
        for _ in range(NAVIGATIONS):
            try:
                return self.begin(script, argument).result(timeout)
            except PageError as error:
                if DESTROYED not in error.message:
                    raise
                self._do(self.playwright.wait_for_load_state("domcontentloaded"), "load")
        raise Failure(f"{self.url}: the page goes on and on to other pages")

    def _press(self, x: int, y: int) -> None:
        self._do(self.playwright.mouse.click(x, y), "press the mouse's button")

    def screenshot(self) -> bytes:
        # Playwright's own brings the page to rest first, which takes as long again.
        taken = self._do(
            self.command("Page.captureScreenshot", format="png", optimizeForSpeed=True), "take a screenshot"
        )
        return base64.b64decode(taken["data"])

    def clear_cookies(self) -> None:
        now(self.playwright.context.clear_cookies())

    def close(self) -> None:
        now(self.playwright.close())

    def _do(self, work: Coroutine[Any, Any, T], what: str) -> T:
        from playwright.async_api import Error

        try:
            return now(work)
        except Error as error:
            raise NotShown(f"the page did not let one {what}: {error.message.splitlines()[0]}") from None


class PlaywrightContext(Context):
    """A browser context of Playwright's with one page.

    A new one costs a second of two cores' time, mostly for processes of its own. So one that was closed is used again
    by whoever wants the same looks, once everything is forgotten that its site could have left in it; where there was
    more than one site, it is not.
    """

    def __init__(
        self,
        browser: AsyncBrowser,
        looks: Looks,
        *,
        bridged: bool,
        headless: bool,
        slow: float,
        retire: Callable[[PlaywrightContext], None],
    ) -> None:
        super().__init__()
        self.looks = looks
        self.bridged = bridged
        self._sent: list[Sent] = []
        self._bridge: PageBridge | None = None
        self._retire = retire
        self._context, page = now(self._open(browser))
        self._page = PlaywrightPage(page, slow)
        if headless and looks.size is not None:
            now(self._hide_frame(*looks.size))

    async def _open(self, browser: AsyncBrowser) -> tuple[BrowserContext, AsyncPage]:
        size = self.looks.size
        context = await browser.new_context(
            user_agent=self.looks.user_agent,
            viewport={"width": size[0], "height": size[1]} if size is not None else None,
            no_viewport=True if size is None else None,
            is_mobile=self.looks.is_phone,
            has_touch=self.looks.is_phone,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        if self.bridged:
            from harness.browsers.bridge import attach_async

            await attach_async(context, self._answer)
        context.on("request", self._note_request)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        return context, await context.new_page()

    async def _hide_frame(self, width: int, height: int) -> None:
        """A window that nobody sees needs no toolbar, which would be drawn anew for each page."""
        window = await self._page.command("Browser.getWindowForTarget")
        bounds = {"windowState": "fullscreen"}
        await self._page.command("Browser.setWindowBounds", windowId=window["windowId"], bounds=bounds)
        # The size that was asked for is forgotten until it changes.
        for each in (height - 1, height):
            await self._page.playwright.set_viewport_size({"width": width, "height": each})

    def use(self, bridge: PageBridge | None) -> None:
        """Somebody new begins here."""
        self._bridge = bridge
        self._sent, self.complaints = [], []

    def _answer(self, origin: str, top_origin: str, message: dict[str, Any]) -> dict[str, Any]:
        assert self._bridge is not None
        return self._bridge.answer(origin, top_origin, message)

    @property
    def page(self) -> PlaywrightPage:
        return self._page

    @property
    def sent(self) -> list[Sent]:
        return self._sent

    def set_headers(self, headers: Mapping[str, str]) -> None:
        now(self._context.set_extra_http_headers(dict(headers)))

    def _note_request(self, request: Request) -> None:
        body = request.post_data_buffer
        self._sent.append(
            Sent(method=request.method, url=request.url, body=body.decode("utf-8", "replace") if body else "")
        )

    def close(self) -> None:
        from playwright.async_api import Error

        try:
            is_as_new = now(self._forget())
        except Error:  # the page or the browser has crashed
            is_as_new = False
        if is_as_new:
            self._retire(self)
        else:
            self.end()

    async def _forget(self) -> bool:
        """Whether nothing is left here of the site that was shown."""
        page = self._page.playwright
        origins = {"/".join(sent.url.split("/", 3)[:3]) for sent in self._sent if sent.url.startswith("http")}
        if len(origins) != 1 or len(self._context.pages) != 1 or not page.url.startswith(f"{min(origins)}/"):
            return False
        await page.evaluate("sessionStorage.clear()")
        await page.goto("about:blank")
        await self._context.clear_cookies()
        await self._context.clear_permissions()
        await self._context.set_extra_http_headers({})
        await self._page.command("Storage.clearDataForOrigin", origin=min(origins), storageTypes="all")
        await self._page.command("Page.resetNavigationHistory")
        return True

    def end(self) -> None:
        from playwright.async_api import Error

        with contextlib.suppress(Error):
            now(self._context.close())


_THROWN = re.compile(r"(?:Page\.evaluate: )?(?:(?P<name>[A-Za-z]*Error)\b:? ?)?(?P<message>.*)")


def _page_error(text: str) -> PageError:
    first = text.splitlines()[0] if text else ""
    match = _THROWN.match(first)
    assert match is not None
    return PageError(match["name"] or "Error", match["message"])
