"""Pages of stock Firefox, by WebDriver BiDi."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from harness.browsers.bidi import Bidi, BidiError
from harness.browsers.browser import PATIENCE, SHOWN, NotShown, Page, PageError, Pending
from harness.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
LOOK_AGAIN = 0.03
SLICE = 1.0
"""Seconds that one question waits inside the page, which may go on to another one meanwhile."""
GONE = frozenset({"no such frame", "no such node", "unknown error", "no such history entry"})
"""What BiDi says where a page went away while it was asked."""

_RUN = """async (text) => {
  try {
    const argument = JSON.parse(text);
    let value = (%s
    );
    if (typeof value === "function") value = value(argument);
    value = await value;
    return JSON.stringify({value: value === undefined ? null : value});
  } catch (error) {
    return JSON.stringify({name: String(error?.name ?? "Error"), message: String(error?.message ?? error)});
  }
}"""
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
_TARGET = """async (selector) => {
  const shown = (each) => each.checkVisibility({checkVisibilityCSS: true});
  const element = [...document.querySelectorAll(selector)].find(shown);
  if (!element || element.disabled) return null;
  element.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
  const box = element.getBoundingClientRect();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const now = element.getBoundingClientRect();
  if (["x", "y", "width", "height"].some((side) => box[side] !== now[side])) return null;
  const point = {x: Math.floor(box.x + box.width / 2), y: Math.floor(box.y + box.height / 2)};
  const hit = document.elementFromPoint(point.x, point.y);
  const places = [element, ...(element.labels ?? [])];
  return hit && places.some((each) => each.contains(hit)) ? point : null;
}"""
"""Where to click: it is shown, may be used, stands still, and nothing lies over it."""
_FILL = """([selector, text]) => {
  const shown = (each) => each.checkVisibility({checkVisibilityCSS: true});
  const element = [...document.querySelectorAll(selector)].find(shown);
  if (!element || element.disabled || element.readOnly) return null;
  element.focus();
  if (["range", "color", "date", "time", "month", "week", "datetime-local"].includes(element.type)) {
    element.value = text;
    for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, {bubbles: true}));
    return true;
  }
  element.select?.();
  document.execCommand(text ? "insertText" : "delete", false, text);
  return element.value === text ? true : null;
}"""
_CHOOSE = """([selector, value]) => {
  const element = document.querySelector(selector);
  if (!element || element.disabled || ![...element.options].some((each) => each.value === value)) return null;
  if (element.value !== value) {
    element.value = value;
    for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, {bubbles: true}));
  }
  return true;
}"""
_TEXT = "(selector) => document.querySelector(selector)?.innerText"
_FOUND_TEXT = """([selectors, text]) => {
  const plain = (value) => value.replace(/\\s+/g, " ").toLowerCase();
  return [...document.querySelectorAll(selectors)].some((each) => each.checkVisibility({checkVisibilityCSS: true}) &&
    plain(each.innerText).includes(plain(text))) || null;
}"""


class FirefoxPage(Page):
    """A tab."""

    def __init__(self, bidi: Bidi, context: str, slow: float = 0.0) -> None:
        self._bidi = bidi
        self._slow = slow
        self.context = context
        """BiDi's id of the tab, which is Marionette's handle of it."""

    @property
    def url(self) -> str:
        tree = self._bidi.send("browsingContext.getTree", root=self.context, maxDepth=0)
        return str(tree["contexts"][0]["url"])

    @property
    def title(self) -> str:
        return str(self.evaluate("document.title"))

    def goto(self, url: str) -> None:
        self._go("browsingContext.navigate", f"open {url}", url=url)

    def reload(self) -> None:
        self._go("browsingContext.reload", "reload")

    def _go(self, command: str, what: str, **parameters: Any) -> None:
        time.sleep(self._slow)
        try:
            self._bidi.send(command, context=self.context, wait="interactive", **parameters)
        except BidiError as error:
            raise NotShown(f"the page did not let one {what}: {error.message}") from None

    def begin(self, script: str, argument: Any = None) -> Pending[Any]:
        return Pending(self._call(script, argument), "a script in Firefox")

    def _call(self, script: str, argument: Any) -> Future[Any]:
        sent = self._bidi.begin(
            "script.callFunction",
            functionDeclaration=_RUN % script,
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self.context},
            awaitPromise=True,
        )
        future: Future[Any] = Future()

        def done(answered: Future[Any]) -> None:
            try:
                future.set_result(_value(answered.result()))
            except BaseException as error:
                future.set_exception(PageError("Error", GOES_ON) if _is_gone(error) else error)

        sent.add_done_callback(done)
        return future

    def evaluate(self, script: str, argument: Any = None, *, timeout: float = PATIENCE) -> Any:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.begin(script, argument).result(timeout)
            except PageError as error:
                if error.message != GOES_ON or time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_AGAIN)

    def _within(self, timeout: float, what: str, script: str, value: Any) -> Any:
        """What a function in the page returns, once that is something."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            argument = {"within": min(left, SLICE) * 1000, "value": value}
            if (found := self.evaluate(_WITHIN % script, argument, timeout=timeout)) is not None:
                return found["found"]
        raise NotShown(
            f"the page did not let one {what} in {timeout:g} s, at {self.url}; it shows: {self._glance()}"
        )

    def _glance(self) -> str:
        try:
            return repr(" ".join(str(self.evaluate("document.body.innerText", timeout=1)).split())[:300])
        except Failure:
            return "nothing"

    def click(self, selector: str, *, timeout: float = PATIENCE) -> None:
        time.sleep(self._slow)
        point = self._within(timeout, f"click {selector}", _TARGET, selector)
        button: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": point["x"], "y": point["y"]},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": button}
        self._while_there(
            lambda: self._bidi.send("input.performActions", context=self.context, actions=[mouse])
        )

    def _while_there(self, work: Callable[[], Any]) -> None:
        """A click may lead to another page before BiDi has told that it is done."""
        try:
            work()
        except BidiError as error:
            if not _is_gone(error):
                raise NotShown(f"Firefox did not do it: {error.message}") from None

    def fill(self, selector: str, text: str, *, timeout: float = PATIENCE) -> None:
        time.sleep(self._slow)
        self._within(timeout, f"fill {selector}", _FILL, [selector, text])

    def choose(self, selector: str, value: str, *, timeout: float = PATIENCE) -> None:
        time.sleep(self._slow)
        self._within(timeout, f"choose {value} in {selector}", _CHOOSE, [selector, value])

    def check(self, selector: str, checked: bool = True, *, timeout: float = PATIENCE) -> None:
        what = f"{'' if checked else 'un'}check {selector}"
        state = "(selector) => document.querySelector(selector)?.checked"
        if self._within(timeout, what, state, selector) != checked:
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
        return self._first_shown(selectors, timeout) if selectors else ""

    def _first_shown(self, selectors: Sequence[str], timeout: float) -> str:
        return str(self._within(timeout, f"find {' or '.join(selectors)}", SHOWN, list(selectors)))

    def wait_until(self, script: str, *, not_: Any, timeout: float = PATIENCE) -> Any:
        look = f"(not) => {{ const now = ({script})(); return now === not ? null : {{now}}; }}"
        return self._within(timeout, "wait for the page to settle", look, not_)["now"]

    def screenshot(self) -> bytes:
        try:
            taken = self._bidi.send("browsingContext.captureScreenshot", context=self.context)
        except BidiError as error:
            raise NotShown(f"Firefox took no screenshot: {error.message}") from None
        return base64.b64decode(taken["data"])

    def clear_cookies(self) -> None:
        self._bidi.send("storage.deleteCookies", partition={"type": "context", "context": self.context})

    def close(self) -> None:
        self._bidi.send("browsingContext.close", context=self.context)


GOES_ON = "the page went away"


def _is_gone(error: BaseException) -> bool:
    return isinstance(error, BidiError) and error.kind in GONE


def _value(answer: dict[str, Any]) -> Any:
    if answer["type"] == "exception":
        raise PageError("Error", str(answer["exceptionDetails"].get("text", "a script failed")))
    told = json.loads(answer["result"]["value"])
    if "value" not in told:
        raise PageError(told["name"], told["message"])
    return told["value"]
