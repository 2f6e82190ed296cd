"""Pages of stock Firefox, by WebDriver BiDi."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from harness.browsers.acts import ActingPage
from harness.browsers.bidi import Bidi, BidiError
from harness.browsers.browser import PATIENCE, NotShown, PageError, Pending

LOOK_AGAIN = 0.03
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


class FirefoxPage(ActingPage):
    """A tab."""

    def __init__(self, bidi: Bidi, context: str, slow: float = 0.0) -> None:
        super().__init__(slow)
        self._bidi = bidi
        self.context = context
        """BiDi's id of the tab, which is Marionette's handle of it."""

    @property
    def url(self) -> str:
        tree = self._bidi.send("browsingContext.getTree", root=self.context, maxDepth=0)
        return str(tree["contexts"][0]["url"])

    def goto(self, url: str) -> None:
        self._go("browsingContext.navigate", f"open {url}", url=url)

    def reload(self) -> None:
        self._go("browsingContext.reload", "reload")

    def _go(self, command: str, what: str, **parameters: Any) -> None:
        self._pause()
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

    def _press(self, x: int, y: int) -> None:
        button: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": x, "y": y},
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
