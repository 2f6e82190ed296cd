"""Several people's browsers in one Firefox: user contexts, with looks and page bridges of their own."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from typing import TYPE_CHECKING, Any

from harness.browsers.bidi import Bidi, BidiError
from harness.browsers.browser import Context, Looks, Sent
from harness.browsers.firefox_page import FirefoxPage
from harness.errors import SetupError

if TYPE_CHECKING:
    from harness.browsers.bridge import PageBridge

TOO_OLD = "plays and contexts need Firefox 153 or newer (apt-get install firefox-esr)"
SENT, ANSWERED = "network.beforeRequestSent", "network.responseCompleted"
EVENTS = (SENT, ANSWERED, "log.entryAdded", "script.message")
TOLD_WITHIN = 2.0
"""Seconds that Firefox has to tell a request's body."""
BODIES = 1_000_000
"""Bytes of request bodies that Firefox keeps for us."""
_PRELOAD = """(tell) => {
  const waiting = new Map();
  let numbers = 0;
  globalThis.__stuntkey = (message) => new Promise((resolve) => {
    const number = ++numbers;
    waiting.set(number, resolve);
    tell(JSON.stringify({number, message}));
  });
  globalThis.__stuntkeyAnswer = (number, text) => {
    waiting.get(number)(JSON.parse(text));
    waiting.delete(number);
  };
  %s
}"""
_ANSWER = "(number, text) => globalThis.__stuntkeyAnswer(number, text)"


class Contexts:
    """All of a browser, and which of them an event is about."""

    def __init__(self, bidi: Bidi, slow: float) -> None:
        self._bidi = bidi
        self._slow = slow
        self._open: dict[str, FirefoxContext] = {}
        self._is_listening = False

    def new(self, looks: Looks, bridge: PageBridge | None) -> FirefoxContext:
        if not self._is_listening:
            self._is_listening = True
            for event in EVENTS:
                self._bidi.listen(event, self._listener(event))
            self._bidi.send("session.subscribe", events=[each for each in EVENTS if each != "script.message"])
        context = FirefoxContext(self._bidi, looks, bridge, self._open, self._slow)
        self._open[context.page.context] = context
        return context

    def _listener(self, event: str) -> Any:
        def hear(parameters: dict[str, Any]) -> None:
            place = parameters.get("context") or (parameters.get("source") or {}).get("context")
            if (context := self._of(place)) is not None:
                context.hear(event, parameters)

        return hear

    def _of(self, place: str | None) -> FirefoxContext | None:
        if place is None or place in self._open:
            return self._open.get(place or "")
        try:
            tree = self._bidi.send("browsingContext.getTree")["contexts"]
        except BidiError:
            return None
        return next((self._open.get(top["context"]) for top in tree if place in set(_frames(top))), None)


def _frames(tree: Mapping[str, Any]) -> list[str]:
    return [tree["context"], *(frame for child in tree["children"] or () for frame in _frames(child))]


class FirefoxContext(Context):
    def __init__(
        self,
        bidi: Bidi,
        looks: Looks,
        bridge: PageBridge | None,
        others: dict[str, FirefoxContext],
        slow: float,
    ) -> None:
        super().__init__()
        self._requests: dict[str, Mapping[str, Any]] = {}
        self._bodies: dict[str, Future[Any]] = {}
        self._bidi = bidi
        self._bridge = bridge
        self._others = others
        try:
            self._user_context: str = bidi.send("browser.createUserContext")["userContext"]
            self._where = {"userContexts": [self._user_context]}
            self._dress(looks)
            self._channel = f"stuntkey bridge {self._user_context}"
            if bridge is not None:
                self._put_up(bridge)
            # Ceremonies wait for people, and a page may ask for several things at once.
            self._hands = ThreadPoolExecutor(max_workers=4, thread_name_prefix="page bridge")
            self._collector: str = bidi.send(
                "network.addDataCollector",
                dataTypes=["request"],
                maxEncodedDataSize=BODIES,
                **self._where,
            )["collector"]
            made = bidi.send("browsingContext.create", type="tab", userContext=self._user_context)
        except BidiError as error:
            if error.kind in ("unknown command", "invalid argument"):
                raise SetupError(f"this Firefox does not know {error}: {TOO_OLD}") from None
            raise
        self._page = FirefoxPage(bidi, made["context"], slow)
        if looks.size is not None:
            width, height = looks.size
            viewport = {"width": width, "height": height}
            bidi.send("browsingContext.setViewport", context=made["context"], viewport=viewport)

    def _dress(self, looks: Looks) -> None:
        if looks.user_agent is not None:
            self._bidi.send("emulation.setUserAgentOverride", userAgent=looks.user_agent, **self._where)

    def _put_up(self, bridge: PageBridge) -> None:
        from harness.browsers.bridge import SCRIPT

        self._bidi.send(
            "script.addPreloadScript",
            functionDeclaration=_PRELOAD % SCRIPT,
            arguments=[{"type": "channel", "value": {"channel": self._channel}}],
            **self._where,
        )

    @property
    def page(self) -> FirefoxPage:
        return self._page

    def set_headers(self, headers: Mapping[str, str]) -> None:
        listed = [
            {"name": name, "value": {"type": "string", "value": value}} for name, value in headers.items()
        ]
        self._bidi.send("network.setExtraHeaders", headers=listed, **self._where)

    def close(self) -> None:
        self._others.pop(self._page.context, None)
        self._hands.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(BidiError):  # the browser has crashed, and all that it held is gone
            self._bidi.send("browser.removeUserContext", userContext=self._user_context)

    # What is told of it

    def hear(self, event: str, parameters: dict[str, Any]) -> None:
        if event == "log.entryAdded":
            if parameters["type"] == "javascript" and parameters["level"] == "error":
                self.complaints.append(str(parameters["text"]))
        elif event == "script.message":
            if parameters["channel"] == self._channel:
                self._hands.submit(self._answer, parameters)
        elif event == SENT:
            request = parameters["request"]
            self._requests[request["request"]] = request
        elif event == ANSWERED and parameters["request"].get("bodySize"):
            # Firefox tells it once the answer is there; of a page that goes on to another one, perhaps never.
            number = parameters["request"]["request"]
            self._bodies[number] = self._bidi.begin(
                "network.getData", dataType="request", collector=self._collector, request=number
            )

    @property
    def sent(self) -> list[Sent]:
        return [
            Sent(
                method=request["method"],
                url=request["url"],
                body=_body(self._bodies[number]) if number in self._bodies else "",
            )
            for number, request in list(self._requests.items())
        ]

    def _answer(self, parameters: dict[str, Any]) -> None:
        from harness.browsers.bridge import origin_of

        assert self._bridge is not None
        asked = json.loads(parameters["data"]["value"])
        source = parameters["source"]
        try:
            tree = self._bidi.send("browsingContext.getTree", root=self._page.context)["contexts"][0]
            place = _find(tree, source["context"])
            origin, top_origin = origin_of(place["url"]), origin_of(tree["url"])
            answer = self._bridge.answer(origin, top_origin, asked["message"])
            self._bidi.send(
                "script.callFunction",
                functionDeclaration=_ANSWER,
                arguments=[
                    {"type": "number", "value": asked["number"]},
                    {"type": "string", "value": json.dumps(answer)},
                ],
                target={"realm": source["realm"]},
                awaitPromise=False,
            )
        except BidiError:
            pass  # the page is gone, and waits no more


def _body(told: Future[Any]) -> str:
    try:
        data = told.result(TOLD_WITHIN)["bytes"]
    except (BidiError, NotDone):
        return ""
    if data["type"] == "string":
        return str(data["value"])
    return base64.b64decode(data["value"]).decode("utf-8", "replace")


def _find(tree: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    if tree["context"] == place:
        return tree
    for child in tree["children"] or ():
        found = _find(child, place)
        if found:
            return found
    return {}
