"""Stock Firefox over Marionette: its own HID stack; its prompts answered where they are asked, without clicks."""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from authenticator.person import AccountChoice, Chosen, Pin, PinEntry
from harness.acts import Pulled
from harness.browsers.browser import PATIENCE, HidBrowser, Page, PageError, Pending
from harness.browsers.chromium import without_machine
from harness.browsers.display import Display
from harness.browsers.marionette import Marionette, MarionetteError
from harness.browsers.process import BrowserProcess, find_program
from harness.errors import Failure, SetupError, StuntkeyError
from harness.virtual_key import VirtualKey

T = TypeVar("T")
NAMES = ("firefox-esr", "firefox")
START = 60.0
LOOK_AGAIN = 0.03
PREFERENCES: Mapping[str, bool | int | str] = {
    "marionette.port": 0,
    "security.webauth.webauthn_enable_softtoken": False,
    "security.webauth.webauthn_enable_usbtoken": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.region.network.url": "",
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "dom.disable_beforeunload": True,
    "focusmanager.testmode": True,
}
"""Nothing of this changes WebAuthn but which keys it looks for."""


class Firefox(HidBrowser):
    """Its steps are the types of its prompts: presence, pin-required, pin-invalid, select-sign-result, ..."""

    name = "firefox"

    def __init__(
        self,
        *,
        headless: bool = True,
        port: str | None = "mock",
        preferences: Mapping[str, bool | int | str] | None = None,
        environment: Mapping[str, str] | None = None,
        consents_to_attestation: bool = True,
        program: str | None = None,
    ) -> None:
        super().__init__(port)
        self.consents_to_attestation = consents_to_attestation
        """What the person answers where a site asks for attestation."""
        self.display: Display | None = None
        self.problems: list[StuntkeyError] = []
        self._program = program or find_program(
            NAMES, variable="STUNTKEY_FIREFOX", remedy="apt-get install firefox-esr"
        )
        try:
            self.require_sees_keys(self._program)
            self._open(headless, {**PREFERENCES, **(preferences or {})}, dict(environment or {}))
        except BaseException:
            self.close()
            raise

    def _open(
        self, headless: bool, preferences: Mapping[str, bool | int | str], environment: dict[str, str]
    ) -> None:
        profile = Path(tempfile.mkdtemp(prefix="stuntkey-firefox-"))
        self._stack.callback(shutil.rmtree, profile, ignore_errors=True)
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()
        ]
        (profile / "user.js").write_text("".join(lines))
        own = {"HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1", **self.environment}
        command = [self._program, "-no-remote", "-profile", str(profile), "-marionette"]
        command.append("-remote-allow-system-access")
        if headless:
            command.append("-headless")
        else:
            self.display = self._stack.enter_context(Display())
            own |= self.display.environment
        self.process = BrowserProcess(command, {**without_machine(os.environ), **own, **environment})
        self._stack.callback(self.process.end)
        self.marionette = self._connect(profile / "MarionetteActivePort")
        self._stack.callback(self.marionette.close)
        self.marionette.start_session()
        self.version = str(self.marionette.capabilities.get("browserVersion", ""))
        self._prompts = _Prompts(self)
        self._page = FirefoxPage(self, self.marionette.send("WebDriver:GetWindowHandle")["value"])

    def _connect(self, port_file: Path) -> Marionette:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self.process.exit_code is not None:
                raise SetupError(f"{self._program} ended as it started: {self.process.last_words()}")
            try:
                return Marionette(int(port_file.read_text()), START)
            except (OSError, ValueError):
                time.sleep(LOOK_AGAIN)
        raise SetupError(f"{self._program} opened no Marionette port in {START:g} s")

    @property
    def page(self) -> FirefoxPage:
        return self._page

    def new_page(self, url: str | None = None) -> FirefoxPage:
        handle = self.marionette.send("WebDriver:NewWindow", {"type": "tab", "focus": True})["handle"]
        page = FirefoxPage(self, handle)
        if url is not None:
            page.goto(url)
        return page

    def screenshot_screen(self) -> bytes:
        return self.display.screenshot() if self.display is not None else super().screenshot_screen()

    def answer_prompts(self) -> None:
        """Looked after whenever a ceremony is waited for."""
        self._prompts.answer()

    def cancel(self) -> None:
        """The person presses Cancel in whatever prompt there is."""
        self._prompts.cancel()


class _Prompts:
    """Replaces the observer that would show them: its PIN prompt is modal and blocks the browser."""

    def __init__(self, browser: Firefox) -> None:
        self._browser = browser
        self._tid: int | None = None
        browser.marionette.in_chrome(_REPLACE_PROMPTS)

    def answer(self) -> None:
        for text in self._browser.marionette.in_chrome(_TAKE_PROMPTS):
            prompt = json.loads(text)
            kind, tid = prompt["prompt"]["type"], prompt["tid"]
            self._tid = tid
            self._browser.ui_steps.add(kind)
            try:
                self._answer(kind, tid, prompt)
            except StuntkeyError as problem:
                self._browser.problems.append(problem)
                self._call("cancel", tid)

    def cancel(self) -> None:
        if self._tid is not None:
            self._call("cancel", self._tid)

    def _answer(self, kind: str, tid: int, prompt: dict[str, Any]) -> None:
        if kind in ("pin-required", "pin-invalid"):
            self._enter_pin(tid, wrong_before=kind == "pin-invalid")
        elif kind == "select-sign-result":
            self._choose_account(tid, prompt["prompt"]["entities"])
        elif kind == "attestation-consent":
            self._call("setHasAttestationConsent", tid, self._browser.consents_to_attestation)

    def _enter_pin(self, tid: int, *, wrong_before: bool) -> None:
        key = self._asking_key()
        state = key.engine.authenticator.state
        ask = PinEntry(retries=state.pin_retries, min_length=state.min_pin_length, wrong_before=wrong_before)
        outcome = _ask(key, ask)
        if isinstance(outcome, Pin):
            self._call("pinCallback", tid, outcome.text)
        else:
            self._call("cancel", tid)

    def _choose_account(self, tid: int, entities: list[dict[str, Any]]) -> None:
        names = tuple(str(each.get("name") or each.get("displayName") or "") for each in entities)
        outcome = _ask(self._asking_key(), AccountChoice(rp_id="", accounts=names))
        if isinstance(outcome, Chosen):
            self._call("selectionCallback", tid, outcome.index)
        else:
            self._call("cancel", tid)

    def _asking_key(self) -> VirtualKey:
        if not self._browser.keys:
            raise Failure("Firefox asks about a key that is gone")
        return max(
            self._browser.keys, key=lambda key: max((e.at for e in key.trace.of("response")), default=0.0)
        )

    def _call(self, method: str, *arguments: Any) -> None:
        self._browser.marionette.in_chrome(_CALL_SERVICE, method, list(arguments))


def _ask(key: VirtualKey, ask: PinEntry | AccountChoice) -> Any:
    outcome = key.engine.ask_and_wait(ask, key.clock.monotonic() + PATIENCE)
    if isinstance(outcome, Pulled):
        key.engine.pulled()
    return outcome


_REPLACE_PROMPTS = """
  for (const observer of [...Services.obs.enumerateObservers("webauthn-prompt")]) {
    Services.obs.removeObserver(observer, "webauthn-prompt");
  }
  const main = Services.wm.getMostRecentWindow("navigator:browser");
  main.stuntkeyPrompts = [];
  main.stuntkeyObserver = {observe: (subject, topic, data) => main.stuntkeyPrompts.push(data)};
  Services.obs.addObserver(main.stuntkeyObserver, "webauthn-prompt");
"""
_TAKE_PROMPTS = """
  const main = Services.wm.getMostRecentWindow("navigator:browser");
  return main.stuntkeyPrompts.splice(0);
"""
_CALL_SERVICE = """
  const [method, values] = arguments;
  const service = Components.classes["@mozilla.org/webauthn/service;1"].getService(
    Components.interfaces.nsIWebAuthnService);
  service[method](...values);
"""
_BEGIN = """
  const [id, argument] = arguments;
  const results = globalThis.__stuntkeyResults ??= {};
  const failed = (error) => ({name: String(error?.name ?? "Error"), message: String(error?.message ?? error)});
  (async () => {
    let value = (%s
    );
    if (typeof value === "function") value = value(argument);
    return await value;
  })().then(
    (value) => { results[id] = {value: value === undefined ? null : value}; },
    (error) => { results[id] = failed(error); });
"""
_TAKE = """
  const [id] = arguments;
  const results = globalThis.__stuntkeyResults;
  if (!results) return "gone";
  const result = results[id];
  delete results[id];
  return result ?? null;
"""


class FirefoxPage(Page):
    def __init__(self, browser: Firefox, handle: str) -> None:
        self._browser = browser
        self._marionette = browser.marionette
        self._handle = handle
        self._count = 0

    def _send(self, command: str, parameters: dict[str, Any] | None = None) -> Any:
        self._marionette.send("WebDriver:SwitchToWindow", {"handle": self._handle, "focus": True})
        return self._marionette.send(f"WebDriver:{command}", parameters)

    @property
    def url(self) -> str:
        return str(self._send("GetCurrentURL")["value"])

    @property
    def title(self) -> str:
        return str(self._send("GetTitle")["value"])

    def goto(self, url: str) -> None:
        self._send("Navigate", {"url": url})

    def reload(self) -> None:
        self._send("Refresh")

    def begin(self, script: str, argument: Any = None) -> Pending[Any]:
        self._count += 1
        self._send("GetWindowHandle")
        try:
            self._marionette.in_page(_BEGIN % script, self._count, argument)
        except MarionetteError as error:
            raise PageError("Error", error.message) from None
        future: Future[Any] = Future()
        threading.Thread(
            target=self._follow, args=(self._count, future), name="Firefox's ceremony", daemon=True
        ).start()
        return Pending(future, f"a script at {self.url}")

    def _follow(self, number: int, future: Future[Any]) -> None:
        """Marionette tells nothing by itself: ask for the result, and look after prompts meanwhile."""
        try:
            while True:
                self._browser.answer_prompts()
                result = self._marionette.in_page(_TAKE, number)
                if result == "gone":
                    raise PageError("Error", "the page went away")
                if result is not None:
                    break
                time.sleep(LOOK_AGAIN)
            if "name" in result:
                raise PageError(result["name"], result["message"])
            future.set_result(result["value"])
        except BaseException as error:
            future.set_exception(error)

    def click(self, selector: str, *, timeout: float = PATIENCE) -> None:
        self._retry(
            timeout, f"click {selector}", lambda: self._send("ElementClick", {"id": self._find(selector)})
        )

    def fill(self, selector: str, text: str, *, timeout: float = PATIENCE) -> None:
        def fill() -> None:
            element = self._find(selector)
            self._send("ElementClear", {"id": element})
            self._send("ElementSendKeys", {"id": element, "text": text})

        self._retry(timeout, f"fill {selector}", fill)

    def text(self, selector: str = "body", *, timeout: float = PATIENCE) -> str:
        return self._retry(
            timeout,
            f"text of {selector}",
            lambda: str(self._send("GetElementText", {"id": self._find(selector)})["value"]),
        )

    def wait_for(
        self,
        selector: str | None = None,
        *,
        text: str | None = None,
        url: str | None = None,
        timeout: float = PATIENCE,
    ) -> None:
        def there() -> None:
            if url is not None and url not in self.url:
                raise MarionetteError("timeout", f"the address is {self.url}")
            if text is not None:
                shown = str(self._send("GetElementText", {"id": self._find(selector or "body")})["value"])
                if text not in shown:
                    raise MarionetteError("timeout", f"the page shows {shown[:300]!r}")
            elif (
                selector is not None
                and not self._send("IsElementDisplayed", {"id": self._find(selector)})["value"]
            ):
                raise MarionetteError("timeout", f"{selector} is not visible")

        self._retry(timeout, f"wait for {text or selector or url}", there)

    def screenshot(self) -> bytes:
        return base64.b64decode(self._send("TakeScreenshot", {"full": False})["value"])

    def clear_cookies(self) -> None:
        self._send("DeleteAllCookies")

    def close(self) -> None:
        self._send("CloseWindow")
        handles = self._marionette.send("WebDriver:GetWindowHandles")
        if handles:
            self._marionette.send("WebDriver:SwitchToWindow", {"handle": handles[0], "focus": True})

    def _find(self, selector: str) -> str:
        found = self._send("FindElement", {"using": "css selector", "value": selector})["value"]
        return str(next(iter(found.values())))

    def _retry(self, timeout: float, what: str, work: Callable[[], T]) -> T:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return work()
            except MarionetteError as error:
                if error.kind not in _TRANSIENT:
                    raise
                if time.monotonic() > deadline:
                    _give_up(what, timeout, error)
            time.sleep(LOOK_AGAIN)


_TRANSIENT = frozenset(
    {
        "no such element",
        "stale element reference",
        "element not interactable",
        "element click intercepted",
        "timeout",
        "javascript error",
    }
)


def _give_up(what: str, timeout: float, error: MarionetteError) -> NoReturn:
    raise Failure(f"{what}: not in {timeout:g} s: {error.message}") from None
