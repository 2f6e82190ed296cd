"""What adapters do with a page: the little that every browser has in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import Failure

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 20.0
"""Seconds for a page to show something. A busy machine needs them; no play waits for them to pass."""

NAVIGATIONS = 5
"""How often a page may go on to another one while a question is put to it."""

_SHOWN = """(selectors) => selectors.find((selector) => [...document.querySelectorAll(selector)].some(
    (each) => each.checkVisibility({ checkVisibilityCSS: true }))) ?? null"""


class PageError(Failure):
    """A page is not as the adapter knows it."""


class Window(Protocol):
    """A browser's window, by CSS selectors. Each act waits until it can be done; `PageError` if it never can."""

    @property
    def address(self) -> str: ...
    def goto(self, url: str) -> None: ...
    def click(self, selector: str) -> None: ...
    def fill(self, selector: str, text: str) -> None: ...
    def choose(self, selector: str, value: str) -> None:
        """An option of a <select>, by its value."""

    def check(self, selector: str, checked: bool) -> None: ...
    def has(self, selector: str) -> bool:
        """Whether something of that kind is shown now."""

    def wait_for(self, *selectors: str) -> str:
        """The first of them that is shown."""

    def wait_until(self, script: str, *, not_: str) -> str:
        """What a JavaScript function returns, once it is something else than `not_`."""

    def text(self, selector: str = "body") -> str: ...
    def texts(self, selector: str) -> list[str]: ...
    def attribute(self, selector: str, name: str) -> str | None: ...
    def evaluate(self, script: str, argument: Any = None) -> Any:
        """The value of a JavaScript function, called in the page."""

    def screenshot(self) -> bytes: ...


class PlaywrightWindow:
    """A `Window` of a page that Playwright drives."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE * 1000)

    @property
    def address(self) -> str:
        return self.page.url

    def goto(self, url: str) -> None:
        with self._told(f"open {url}"):
            self.page.goto(url, wait_until="domcontentloaded")

    def click(self, selector: str) -> None:
        with self._told(f"click {selector}"):
            self.page.click(f"{selector} >> visible=true")

    def fill(self, selector: str, text: str) -> None:
        with self._told(f"fill {selector}"):
            self.page.fill(f"{selector} >> visible=true", text)

    def choose(self, selector: str, value: str) -> None:
        with self._told(f"choose {value} in {selector}"):
            self.page.select_option(selector, value)

    def check(self, selector: str, checked: bool) -> None:
        with self._told(f"{'' if checked else 'un'}check {selector}"):
            self.page.set_checked(selector, checked)

    def has(self, selector: str) -> bool:
        return bool(self.evaluate(_SHOWN, [selector]))

    def wait_for(self, *selectors: str) -> str:
        with self._told(f"find {' or '.join(selectors)}"):
            return str(self.page.wait_for_function(_SHOWN, arg=list(selectors)).json_value())

    def wait_until(self, script: str, *, not_: str) -> str:
        waiting = f"() => {{ const now = ({script})(); return now === {json.dumps(not_)} ? null : now; }}"
        with self._told("wait for the page to settle"):
            return str(self.page.wait_for_function(waiting).json_value())

    def text(self, selector: str = "body") -> str:
        with self._told(f"read {selector}"):
            return self.page.locator(selector).first.inner_text()

    def texts(self, selector: str) -> list[str]:
        return self.page.locator(selector).all_inner_texts()

    def attribute(self, selector: str, name: str) -> str | None:
        with self._told(f"read {selector}"):
            return self.page.locator(selector).first.get_attribute(name)

    def evaluate(self, script: str, argument: Any = None) -> Any:
        from playwright.sync_api import Error

        for _ in range(NAVIGATIONS):
            try:
                return self.page.evaluate(script, argument)
            except Error as error:
                if "context was destroyed" not in error.message:
                    raise PageError(f"a script failed in the page: {error.message.splitlines()[0]}") from None
                self.page.wait_for_load_state("domcontentloaded")
        raise PageError("the page goes on and on to other pages")

    def screenshot(self) -> bytes:
        return self.page.screenshot(animations="disabled", caret="hide")

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        from playwright.sync_api import Error, TimeoutError

        try:
            yield
        except TimeoutError:
            raise PageError(f"the page did not let one {what} within {PATIENCE:g} s") from None
        except Error as error:
            raise PageError(f"the page did not let one {what}: {error.message.splitlines()[0]}") from None
