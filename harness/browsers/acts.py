"""What a person does at a page, the same in every browser: by scripts that look, and the browser's own mouse.

A script costs a page next to nothing. Playwright's own acts first bring it a library, in each document anew.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Any

from harness.browsers.browser import PATIENCE, SHOWN, NotShown, Page, PageError
from harness.errors import Failure, SetupError

SLICE = 1.0
"""Seconds that one question waits inside the page, which may go on to another one meanwhile."""

_WITHIN = """async (argument) => {
  const end = performance.now() + argument.within;
  const look = (%s);
  for (;;) {
    const found = await look(argument.value);
    if (found !== null && found !== undefined) return {found};
    if (performance.now() > end) return null;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}"""
"""Ask again and again, in the page."""
_FIRST_SHOWN = """const first = (selector) => [...document.querySelectorAll(selector)].find(
    (each) => each.checkVisibility({checkVisibilityCSS: true}));"""
_TARGET = f"""async (selector) => {{
  {_FIRST_SHOWN}
  const element = first(selector);
  if (!element || element.disabled) return null;
  element.scrollIntoView({{block: "center", inline: "center", behavior: "instant"}});
  const box = element.getBoundingClientRect();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const now = element.getBoundingClientRect();
  if (["x", "y", "width", "height"].some((side) => box[side] !== now[side])) return null;
  const point = {{x: Math.floor(box.x + box.width / 2), y: Math.floor(box.y + box.height / 2)}};
  const hit = document.elementFromPoint(point.x, point.y);
  const places = [element, ...(element.labels ?? [])];
  return hit && places.some((each) => each.contains(hit)) ? point : null;
}}"""
"""Where to press: it is shown, may be used, stands still, and nothing lies over it."""
_FILL = f"""([selector, text]) => {{
  {_FIRST_SHOWN}
  const element = first(selector);
  if (!element || element.disabled || element.readOnly) return null;
  element.focus();
  if (["range", "color", "date", "time", "month", "week", "datetime-local"].includes(element.type)) {{
    element.value = text;
    for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, {{bubbles: true}}));
    return true;
  }}
  if (element.select) element.select();
  else getSelection().selectAllChildren(element);
  const typed = document.execCommand(text ? "insertText" : "delete", false, text);
  return typed || (element.value ?? element.textContent) === text ? true : null;
}}"""
_CHOOSE = """([selector, value]) => {
  const element = document.querySelector(selector);
  if (!element || element.disabled || ![...element.options].some((each) => each.value === value)) return null;
  if (element.value !== value) {
    element.value = value;
    for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, {bubbles: true}));
  }
  return true;
}"""
_CHECKED = "(selector) => document.querySelector(selector)?.checked"
_TEXT = "(selector) => document.querySelector(selector)?.innerText"
_FOUND_TEXT = """([selectors, text]) => {
  const plain = (value) => value.replace(/\\s+/g, " ").toLowerCase();
  return [...document.querySelectorAll(selectors)].some((each) => each.checkVisibility({checkVisibilityCSS: true}) &&
    plain(each.innerText).includes(plain(text))) || null;
}"""


class ActingPage(Page):
    """A page that can be gone to, asked and pressed can be acted on."""

    def __init__(self, slow: float = 0.0) -> None:
        self._slow = slow

    @abstractmethod
    def _press(self, x: int, y: int) -> None:
        """The mouse's button, there in the part of the page that is seen."""

    def _pause(self) -> None:
        """For whoever watches."""
        time.sleep(self._slow)

    def _within(self, timeout: float, what: str, script: str, value: Any) -> Any:
        """What a function in the page returns, once that is something."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            argument = {"within": min(left, SLICE) * 1000, "value": value}
            try:
                found = self.evaluate(_WITHIN % script, argument, timeout=left + PATIENCE)
            except PageError as error:
                if "valid selector" in error.message:
                    raise SetupError(f"{what}: that is no CSS selector") from None
                raise
            if found is not None:
                return found["found"]
        raise NotShown(
            f"the page did not let one {what} in {timeout:g} s, at {self.url}; it shows: {self._glance()}"
        )

    def _glance(self) -> str:
        try:
            return repr(" ".join(str(self.evaluate("document.body.innerText", timeout=1)).split())[:300])
        except Failure:
            return "nothing"

    @property
    def title(self) -> str:
        return str(self.evaluate("document.title"))

    def click(self, selector: str, *, timeout: float = PATIENCE) -> None:
        self._pause()
        point = self._within(timeout, f"click {selector}", _TARGET, selector)
        self._press(point["x"], point["y"])

    def fill(self, selector: str, text: str, *, timeout: float = PATIENCE) -> None:
        self._pause()
        self._within(timeout, f"fill {selector}", _FILL, [selector, text])

    def choose(self, selector: str, value: str, *, timeout: float = PATIENCE) -> None:
        self._pause()
        self._within(timeout, f"choose {value} in {selector}", _CHOOSE, [selector, value])

    def check(self, selector: str, checked: bool = True, *, timeout: float = PATIENCE) -> None:
        what = f"{'' if checked else 'un'}check {selector}"
        if self._within(timeout, what, _CHECKED, selector) != checked:
            self.click(selector, timeout=timeout)

    def text(self, selector: str = "body", *, timeout: float = PATIENCE) -> str:
        return str(self._within(timeout, f"read {selector}", _TEXT, selector))

    def wait_for(
        self,
        *selectors: str,
        text: str | None = None,
        url: str | None = None,
        timeout: float = PATIENCE,
    ) -> str:
        if url is not None:
            at = "(part) => location.href.includes(part) || null"
            self._within(timeout, f"come to {url}", at, url)
        if text is not None:
            where = [", ".join(selectors) or "body", text]
            self._within(timeout, f"find the text {text!r}", _FOUND_TEXT, where)
        if not selectors:
            return ""
        return str(self._within(timeout, f"find {' or '.join(selectors)}", SHOWN, list(selectors)))

    def wait_until(self, script: str, *, not_: Any, timeout: float = PATIENCE) -> Any:
        look = f"(not) => {{ const now = ({script})(); return now === not ? null : {{now}}; }}"
        return self._within(timeout, "wait for the page to settle", look, not_)["now"]
