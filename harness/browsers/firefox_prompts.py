"""Firefox's prompts for security keys, answered by the person of the key that asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from authenticator.person import AccountChoice, Chosen, Pin, PinEntry
from authenticator.status import Status
from harness.acts import Pulled
from harness.browsers.browser import PATIENCE
from harness.errors import Failure, StuntkeyError
from harness.trace import ResponseEvent
from harness.virtual_key import VirtualKey

if TYPE_CHECKING:
    from harness.browsers.firefox import Firefox

CHANNEL = "stuntkey prompts"
GET_INFO = 0x04


class Prompts:
    """Replaces the observer that would show them: its PIN prompt is modal and blocks the browser."""

    def __init__(self, browser: Firefox) -> None:
        self._browser = browser
        self._bidi = browser.bidi
        tree = self._bidi.send("browsingContext.getTree", maxDepth=0, **{"moz:scope": "chrome"})
        self._window = tree["contexts"][0]["context"]
        self._tid: int | None = None
        self._lock = threading.Lock()
        # People take their time: whoever tells of events is not to wait for them.
        self._hand = ThreadPoolExecutor(max_workers=1, thread_name_prefix="Firefox's prompts")
        browser._stack.callback(self._hand.shutdown, cancel_futures=True)
        self._bidi.listen("script.message", self._hear)
        self._bidi.send("session.subscribe", events=["script.message"])
        self._in_chrome(_REPLACE_PROMPTS, {"type": "channel", "value": {"channel": CHANNEL}})

    def cancel(self) -> None:
        with self._lock:
            tid = self._tid
        if tid is not None:
            self._cancel(tid)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["channel"] != CHANNEL:
            return
        prompt = json.loads(message["data"]["value"])
        with self._lock:
            self._tid = prompt["tid"]
        self._browser.ui_steps.add(prompt["prompt"]["type"])
        self._hand.submit(self._answer, prompt)

    def _answer(self, prompt: dict[str, Any]) -> None:
        kind, tid = prompt["prompt"]["type"], prompt["tid"]
        try:
            if kind in ("pin-required", "pin-invalid"):
                self._enter_pin(tid, wrong_before=kind == "pin-invalid")
            elif kind == "select-sign-result":
                self._choose_account(tid, prompt["prompt"]["entities"])
            elif kind == "attestation-consent":
                consents = self._browser.consents_to_attestation
                self._browser.note(
                    "person", f"{'consents' if consents else 'does not consent'} to attestation"
                )
                self._call("setHasAttestationConsent", tid, consents)
        except StuntkeyError as problem:
            self._browser.problems.append(problem)
            self._cancel(tid)

    def _enter_pin(self, tid: int, *, wrong_before: bool) -> None:
        key = self._asking_key()
        state = key.engine.authenticator.state
        ask = PinEntry(retries=state.pin_retries, min_length=state.min_pin_length, wrong_before=wrong_before)
        outcome = _ask(key, ask)
        if isinstance(outcome, Pin):
            self._browser.note("person", "enters the PIN")
            self._call("pinCallback", tid, outcome.text)
        else:
            self._cancel(tid)

    def _choose_account(self, tid: int, entities: list[dict[str, Any]]) -> None:
        names = tuple(str(each.get("name") or each.get("displayName") or "") for each in entities)
        outcome = _ask(self._asking_key(), AccountChoice(rp_id="", accounts=names))
        if isinstance(outcome, Chosen):
            self._browser.note("person", "chooses the account", names[outcome.index])
            self._call("selectionCallback", tid, outcome.index)
        else:
            self._cancel(tid)

    def _asking_key(self) -> VirtualKey:
        if not self._browser.keys:
            raise Failure("Firefox asks about a key that is gone")
        return asking_key(self._browser.keys)

    def _cancel(self, tid: int) -> None:
        self._browser.note("person", "cancels")
        self._call("cancel", tid)

    def _call(self, method: str, *arguments: Any) -> None:
        self._in_chrome(_CALL_SERVICE, {"type": "string", "value": json.dumps([method, arguments])})

    def _in_chrome(self, script: str, argument: dict[str, Any]) -> None:
        """Run privileged JavaScript in the browser itself."""
        answer = self._bidi.send(
            "script.callFunction",
            functionDeclaration=script,
            arguments=[argument],
            target={"context": self._window},
            awaitPromise=False,
        )
        if answer["type"] == "exception":
            raise Failure(f"Firefox's own script failed: {answer['exceptionDetails'].get('text')}")


def asking_key(keys: Sequence[VirtualKey]) -> VirtualKey:
    """The key a prompt is about: the one that answered last.

    Of several, Firefox asks all for a touch, and cancels those that were not touched: their words of that may come
    after the answer of the one that was.
    """

    def last_answer(key: VirtualKey) -> float:
        answers = [each for each in key.trace.of("response") if isinstance(each, ResponseEvent)]
        telling = [
            each.at
            for each in answers
            if each.command != GET_INFO and each.status != Status.KEEPALIVE_CANCEL.name
        ]
        return telling[-1] if telling else 0.0

    return max(keys, key=last_answer)


def _ask(key: VirtualKey, ask: PinEntry | AccountChoice) -> Any:
    outcome = key.engine.ask_and_wait(ask, key.clock.monotonic() + PATIENCE)
    if isinstance(outcome, Pulled):
        key.engine.pulled()
    return outcome


_REPLACE_PROMPTS = """(tell) => {
  for (const observer of [...Services.obs.enumerateObservers("webauthn-prompt")]) {
    Services.obs.removeObserver(observer, "webauthn-prompt");
  }
  globalThis.stuntkeyObserver = {observe: (subject, topic, data) => tell(data)};
  Services.obs.addObserver(globalThis.stuntkeyObserver, "webauthn-prompt");
}"""
_CALL_SERVICE = """(text) => {
  const [method, values] = JSON.parse(text);
  const service = Components.classes["@mozilla.org/webauthn/service;1"].getService(
    Components.interfaces.nsIWebAuthnService);
  service[method](...values);
}"""
