"""Stock Firefox: its own HID stack; its prompts answered where they are asked, without clicks.

Marionette opens the session, WebDriver BiDi does the rest: it tells of prompts, requests and messages by itself.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.browsers.bidi import Bidi
from harness.browsers.browser import Context, HidBrowser, Looks
from harness.browsers.display import Display, existing_screen
from harness.browsers.firefox_contexts import TOO_OLD, Contexts
from harness.browsers.firefox_page import FirefoxPage
from harness.browsers.firefox_prompts import Prompts
from harness.browsers.marionette import Marionette
from harness.browsers.process import BrowserProcess, find_program, without_machine
from harness.errors import SetupError, StuntkeyError
from harness.patience import patient

if TYPE_CHECKING:
    from harness.browsers.bridge import PageBridge

NAMES = ("firefox-esr", "firefox")
START = patient(60.0)
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


def find_firefox() -> str:
    return find_program(NAMES, variable="STUNTKEY_FIREFOX", remedy="apt-get install firefox-esr")


class Firefox(HidBrowser):
    """Its steps are the types of its prompts: presence, pin-required, pin-invalid, select-sign-result, ...

    on_screen   on the screen in $DISPLAY, for somebody to watch
    slow        seconds between what is done in its pages, to watch it
    """

    name = "firefox"

    def __init__(
        self,
        *,
        headless: bool = True,
        port: str | None = "mock",
        preferences: Mapping[str, bool | int | str] | None = None,
        environment: Mapping[str, str] | None = None,
        consents_to_attestation: bool = True,
        on_screen: bool = False,
        slow: float = 0.0,
        program: str | None = None,
    ) -> None:
        super().__init__(port)
        self.consents_to_attestation = consents_to_attestation
        """What the person answers where a site asks for attestation."""
        self.display: Display | None = None
        self.problems: list[StuntkeyError] = []
        self._on_screen, self._slow = on_screen, slow
        self._program = program or find_firefox()
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
        command += ["-remote-debugging-port", "0", "-remote-allow-system-access"]
        if self._on_screen:
            own |= existing_screen()
        elif headless:
            command.append("-headless")
        else:
            self.display = self._stack.enter_context(Display())
            own |= self.display.environment
        self.process = BrowserProcess(
            command, {**without_machine(os.environ), **own, **environment}, folder=profile
        )
        self._stack.callback(self.process.end)
        marionette = self._connect(profile / "MarionetteActivePort")
        self._stack.callback(marionette.close)
        marionette.start_session()
        self.version = str(marionette.capabilities.get("browserVersion", ""))
        address = marionette.capabilities.get("webSocketUrl")
        if not isinstance(address, str):
            raise SetupError(f"Firefox {self.version} has no WebDriver BiDi: {TOO_OLD}")
        self.bidi = Bidi(address, timeout=START)
        self._stack.callback(self.bidi.close)
        self._prompts = Prompts(self)
        self._contexts = Contexts(self.bidi, self._slow)
        self._page = self._page_of(marionette.send("WebDriver:GetWindowHandle")["value"])

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

    def _page_of(self, context: str) -> FirefoxPage:
        page = FirefoxPage(self.bidi, context, self._slow)
        page.browser = self
        return page

    def new_page(self, url: str | None = None) -> FirefoxPage:
        page = self._page_of(self.bidi.send("browsingContext.create", type="tab")["context"])
        if url is not None:
            page.goto(url)
        return page

    def new_context(self, looks: Looks | None = None, *, bridge: PageBridge | None = None) -> Context:
        return self._contexts.new(looks or Looks(), bridge)

    @property
    def is_running(self) -> bool:
        return self.process.exit_code is None

    def screenshot_screen(self) -> bytes:
        return self.display.screenshot() if self.display is not None else super().screenshot_screen()

    def cancel(self) -> None:
        """The person presses Cancel in whatever prompt there is."""
        self._prompts.cancel()
