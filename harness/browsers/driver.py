"""Playwright on a loop of its own: pages that can be asked from any thread, while their ceremonies wait."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from harness.browsers.browser import (
    PATIENCE,
    SHOWN,
    Context,
    Looks,
    NotShown,
    Page,
    PageError,
    Pending,
    Sent,
)
from harness.errors import Failure, SetupError
from harness.ports import BackgroundLoop

if TYPE_CHECKING:
    from playwright.async_api import Browser as AsyncBrowser
    from playwright.async_api import BrowserContext, Playwright, Request
    from playwright.async_api import Page as AsyncPage

    from harness.browsers.bridge import PageBridge

T = TypeVar("T")
_loop = BackgroundLoop()
_playwright: Playwright | None = None


def later(work: Coroutine[Any, Any, T]) -> Future[T]:
    return asyncio.run_coroutine_threadsafe(work, _loop.loop)


def now(work: Coroutine[Any, Any, T]) -> T:
    return _loop.run(work)


def playwright() -> Playwright:
    """Its driver, started once for the whole process."""
    global _playwright
    if _playwright is None:
        try:
            from playwright.async_api import async_playwright
        except ImportError:
            raise SetupError("browsers are driven by Playwright: pip install 'stuntkey[browser]'") from None
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
GLANCES = 30
"""Milliseconds between two looks at a page one waits for. At each frame, as is usual, the page is drawn for each."""
_VISIBLE = " >> visible=true"


class PlaywrightPage(Page):
    def __init__(self, page: AsyncPage) -> None:
        self.playwright = page
        """Playwright's own, of its async API; it lives on the loop of `driver`."""
        page.set_default_timeout(PATIENCE * 1000)

    @property
    def url(self) -> str:
        return self.playwright.url

    @property
    def title(self) -> str:
        return now(self.playwright.title())

    def goto(self, url: str) -> None:
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

    def click(self, selector: str, *, timeout: float = PATIENCE) -> None:
        work = self.playwright.click(f"{selector}{_VISIBLE}", timeout=timeout * 1000)
        self._do(work, f"click {selector}")

    def fill(self, selector: str, text: str, *, timeout: float = PATIENCE) -> None:
        work = self.playwright.fill(f"{selector}{_VISIBLE}", text, timeout=timeout * 1000)
        self._do(work, f"fill {selector}")

    def choose(self, selector: str, value: str, *, timeout: float = PATIENCE) -> None:
        work = self.playwright.select_option(selector, value, timeout=timeout * 1000)
        self._do(work, f"choose {value} in {selector}")

    def check(self, selector: str, checked: bool = True, *, timeout: float = PATIENCE) -> None:
        work = self.playwright.set_checked(selector, checked, timeout=timeout * 1000)
        self._do(work, f"{'' if checked else 'un'}check {selector}")

    def text(self, selector: str = "body", *, timeout: float = PATIENCE) -> str:
        work = self.playwright.locator(selector).first.inner_text(timeout=timeout * 1000)
        return self._do(work, f"read {selector}")

    def wait_for(
        self,
        *selectors: str,
        text: str | None = None,
        url: str | None = None,
        timeout: float = PATIENCE,
    ) -> str:
        milliseconds = timeout * 1000
        if url is not None:
            address = re.compile(re.escape(url))
            self._do(self.playwright.wait_for_url(address, timeout=milliseconds), f"come to {url}")
        if text is not None:
            where = ", ".join(selectors) or "body"
            found = self.playwright.locator(where).filter(has_text=text).first
            self._do(found.wait_for(timeout=milliseconds), f"find the text {text!r}")
        return self._first_shown(selectors, milliseconds) if selectors else ""

    def _first_shown(self, selectors: Sequence[str], milliseconds: float) -> str:
        what = f"find {' or '.join(selectors)}"
        return str(self._do(self._found(SHOWN, list(selectors), milliseconds), what))

    def wait_until(self, script: str, *, not_: Any, timeout: float = PATIENCE) -> Any:
        look = f"(not) => {{ const now = ({script})(); return now === not ? null : {{ now }}; }}"
        found = self._do(self._found(look, not_, timeout * 1000), "wait for the page to settle")
        return found["now"]

    async def _found(self, script: str, argument: Any, milliseconds: float) -> Any:
        """What a function returns, once that is something; asked anew on the next page, if this one goes on to it."""
        from playwright.async_api import Error

        for _ in range(NAVIGATIONS):
            try:
                waiting = self.playwright.wait_for_function(
                    script, arg=argument, timeout=milliseconds, polling=GLANCES
                )
                return await (await waiting).json_value()
            except Error as error:
                if DESTROYED not in error.message:
                    raise
        raise NotShown(f"{self.url}: the page goes on and on to other pages")

    def screenshot(self) -> bytes:
        return self._do(self.playwright.screenshot(animations="disabled", caret="hide"), "take a screenshot")

    def clear_cookies(self) -> None:
        now(self.playwright.context.clear_cookies())

    def close(self) -> None:
        now(self.playwright.close())

    def _do(self, work: Coroutine[Any, Any, T], what: str) -> T:
        from playwright.async_api import Error, TimeoutError

        try:
            return now(work)
        except TimeoutError:
            raise NotShown(
                f"the page did not let one {what} in time, at {self.url}; it shows: {self._glance()}"
            ) from None
        except Error as error:
            raise NotShown(f"the page did not let one {what}: {error.message.splitlines()[0]}") from None

    def _glance(self) -> str:
        from playwright.async_api import Error

        try:
            shown = now(self.playwright.inner_text("body", timeout=1000))
        except Error:
            return "nothing"
        return repr(" ".join(shown.split())[:300])


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
        retire: Callable[[PlaywrightContext], None],
    ) -> None:
        super().__init__()
        self.looks = looks
        self.bridged = bridged
        self._sent: list[Sent] = []
        self._bridge: PageBridge | None = None
        self._retire = retire
        self._context, page = now(self._open(browser))
        self._page = PlaywrightPage(page)

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
        session = await self._context.new_cdp_session(page)
        await session.send("Storage.clearDataForOrigin", {"origin": min(origins), "storageTypes": "all"})
        await session.send("Page.resetNavigationHistory")
        await session.detach()
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
