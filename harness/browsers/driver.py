"""Playwright on a loop of its own: pages that can be asked from any thread, while their ceremonies wait."""

from __future__ import annotations

import asyncio
import atexit
import re
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from harness.browsers.browser import PATIENCE, Page, PageError, Pending
from harness.errors import Failure, SetupError
from harness.ports import BackgroundLoop

if TYPE_CHECKING:
    from playwright.async_api import Page as AsyncPage
    from playwright.async_api import Playwright

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
        self._do(self.playwright.goto(url), f"goto {url}")

    def reload(self) -> None:
        self._do(self.playwright.reload(), "reload")

    def begin(self, script: str, argument: Any = None) -> Pending[Any]:
        return Pending(later(self._run(script, argument)), f"a script at {self.url}")

    async def _run(self, script: str, argument: Any) -> Any:
        from playwright.async_api import Error

        try:
            return await self.playwright.evaluate(script, argument)
        except Error as error:
            raise _page_error(error.message) from None

    def click(self, selector: str, *, timeout: float = PATIENCE) -> None:
        self._do(self.playwright.click(selector, timeout=timeout * 1000), f"click {selector}")

    def fill(self, selector: str, text: str, *, timeout: float = PATIENCE) -> None:
        self._do(self.playwright.fill(selector, text, timeout=timeout * 1000), f"fill {selector}")

    def text(self, selector: str = "body", *, timeout: float = PATIENCE) -> str:
        return self._do(self.playwright.inner_text(selector, timeout=timeout * 1000), f"text of {selector}")

    def wait_for(
        self,
        selector: str | None = None,
        *,
        text: str | None = None,
        url: str | None = None,
        timeout: float = PATIENCE,
    ) -> None:
        milliseconds = timeout * 1000
        if url is not None:
            address = re.compile(re.escape(url))
            self._do(self.playwright.wait_for_url(address, timeout=milliseconds), f"address {url}")
        if text is not None:
            where = self.playwright.locator(selector or "body").filter(has_text=text).first
            self._do(where.wait_for(timeout=milliseconds), f"text {text!r}")
        elif selector is not None:
            self._do(self.playwright.locator(selector).first.wait_for(timeout=milliseconds), selector)

    def screenshot(self) -> bytes:
        return self._do(self.playwright.screenshot(), "screenshot")

    def clear_cookies(self) -> None:
        now(self.playwright.context.clear_cookies())

    def close(self) -> None:
        now(self.playwright.close())

    def _do(self, work: Coroutine[Any, Any, T], what: str) -> T:
        from playwright.async_api import Error, TimeoutError

        try:
            return now(work)
        except TimeoutError:
            raise Failure(f"{what}: not in time at {self.url}; the page shows: {self._glance()}") from None
        except Error as error:
            raise Failure(f"{what}: {error.message.splitlines()[0]}") from None

    def _glance(self) -> str:
        from playwright.async_api import Error

        try:
            shown = now(self.playwright.inner_text("body", timeout=1000))
        except Error:
            return "nothing"
        return repr(" ".join(shown.split())[:300])


_THROWN = re.compile(r"(?:Page\.evaluate: )?(?:(?P<name>[A-Za-z]*Error)\b:? ?)?(?P<message>.*)")


def _page_error(text: str) -> PageError:
    first = text.splitlines()[0] if text else ""
    match = _THROWN.match(first)
    assert match is not None
    return PageError(match["name"] or "Error", match["message"])
