"""Stock Chromium: its own HID stack, its own dialogs, nothing replaced. Driven by Playwright over DevTools."""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.browsers.browser import PATIENCE, HidBrowser, Looks
from harness.browsers.dialogs import Dialogs
from harness.browsers.display import Display, existing_screen
from harness.browsers.driver import PlaywrightContext, PlaywrightPage, now, playwright
from harness.browsers.hands import HANDS, Hands, UinputHands, XdotoolHands, find_xdotool
from harness.browsers.process import BrowserProcess, find_program, without_machine
from harness.errors import SetupError
from harness.patience import patient

if TYPE_CHECKING:
    from playwright.async_api import Browser as AsyncBrowser
    from playwright.async_api import BrowserContext

    from harness.browsers.bridge import PageBridge

_log = logging.getLogger(__name__)
NAMES = (
    "/usr/lib/chromium/chromium",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
QUIET = (
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--disable-search-engine-choice-screen",
    "--disable-features=Translate,MediaRouter,OptimizationHints,"
    # a new frame at each navigation, and two renderers for each window's address bar: much of its time, for nothing
    "RenderDocument,PaintHolding,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
)
"""Nothing of this changes WebAuthn: it keeps the browser from calling home, and from asking and doing other things."""
NO_SANDBOX = "--no-sandbox"
ONE_FORK_LESS = "--enable-features=NetworkServiceInProcess2"
"""For umockdev: its library holds a lock while a path is looked up, and the network service is forked off a browser
that has many threads by then. If one of them is looking up a path, the child waits for that lock for ever, and no page
loads."""
GPU_UNCONFINED = "--disable-gpu-sandbox"
"""For umockdev, where the sandbox is on: with its library the GPU process, which draws the screen, makes a system call
that its sandbox kills it for (SIGSYS). Renderers keep theirs."""
SPARE_CONTEXTS = 6
"""How many contexts are kept for whoever wants the same looks again."""
STEP_LOG = ("--enable-logging=stderr", "--vmodule=device_event_log*=2,*fido*=2,*cable*=2")
_STEP = re.compile(r"UI step: (k\w+)")
STARTUP = patient(60.0)
"""Seconds that it may take to say where DevTools listens."""
_LISTENING = re.compile(r"DevTools listening on (ws://\S+)")
_NOWHERE = "unix:path=/nonexistent"


def find_chromium() -> str:
    return find_program(NAMES, variable="STUNTKEY_CHROMIUM", remedy="apt-get install chromium")


class Chromium(HidBrowser):
    """Headless where a touch is all it takes; with a screen of its own (Xvfb) where its native dialogs appear.

    flags         more switches, after ours
    environment   more environment, after ours: DBUS_SYSTEM_BUS_ADDRESS, say
    permit_enterprise_attestation   the origins for which the administrator allows it
    scale, size   of the screen (`headless=False`); a QR code is read best at scale 2
    port          mock or uhid; None for a browser without keys
    on_screen     on the screen in $DISPLAY, for somebody to watch
    hands         what types into its native dialogs: xdotool, or uinput, a keyboard of the kernel's, for a screen that
                  takes its input from the kernel; None: whoever watches answers them
    slow          seconds between what is done in its pages, to watch it
    """

    name = "chromium"

    def __init__(
        self,
        *,
        headless: bool = True,
        port: str | None = "mock",
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        permit_enterprise_attestation: Iterable[str] = (),
        size: tuple[int, int] = (1280, 1024),
        scale: float = 1,
        on_screen: bool = False,
        hands: str | None = "xdotool",
        slow: float = 0.0,
        program: str | None = None,
    ) -> None:
        super().__init__(port)
        self._spare: list[PlaywrightContext] = []
        self.headless = headless and not on_screen
        self.display: Display | None = None
        self.dialogs: Dialogs | None = None
        self._program = program or find_chromium()
        self._flags = [*_rights(), *QUIET, *STEP_LOG]
        if port == "mock":
            self._flags += [ONE_FORK_LESS] if os.geteuid() == 0 else [ONE_FORK_LESS, GPU_UNCONFINED]
        permitted = ",".join(permit_enterprise_attestation)
        if permitted:
            self._flags.append(f"--webauthn-permit-enterprise-attestation={permitted}")
        self._size, self._scale, self._slow = size, scale, slow
        self._on_screen = on_screen
        if hands is not None and hands not in HANDS:
            raise SetupError(f"hands {hands!r}: there are {', '.join(HANDS)}, and None")
        without = self.headless or (on_screen and port is None)
        self._hands = None if without else hands
        try:
            if self._hands == "xdotool":
                find_xdotool()
            self.require_sees_keys(self._program)
            self._open(list(flags), dict(environment or {}))
        except BaseException:
            self.close()
            raise

    def _open(self, flags: list[str], environment: dict[str, str]) -> None:
        self._profile = tempfile.mkdtemp(prefix="stuntkey-chromium-")
        self._stack.callback(shutil.rmtree, self._profile, ignore_errors=True)
        own = {
            "HOME": self._profile,
            "DBUS_SESSION_BUS_ADDRESS": _NOWHERE,
            "DBUS_SYSTEM_BUS_ADDRESS": _NOWHERE,
            **self.environment,
        }
        if self.headless:
            flags = ["--headless=new", *flags]
        elif self._on_screen:
            own |= existing_screen()
        else:
            width, height = self._size
            self.display = self._stack.enter_context(Display(width, height))
            own |= self.display.environment
            window = f"--window-size={int(width / self._scale)},{int(height / self._scale)}"
            flags = [window, "--window-position=0,0", f"--force-device-scale-factor={self._scale:g}", *flags]
        environment = {**without_machine(os.environ), **own, **environment}
        if not self._start(flags, environment):
            words = self.process.last_words()
            if NO_SANDBOX in self._flags or not any("sandbox" in line for line in self.process.log):
                raise SetupError(f"{self._program} ended as it started: {words}")
            _log.warning(
                "Chromium's sandbox does not work here (user namespaces are off?): started without it"
            )
            self._flags.append(NO_SANDBOX)
            if not self._start(flags, environment):
                raise SetupError(f"{self._program} ended as it started: {self.process.last_words()}")
        self._browser = self._connect()
        self._stack.callback(lambda: now(self._browser.close()))
        self.version = self._browser.version
        if self._hands is not None:
            self.dialogs = Dialogs(
                self, self._new_hands(), self.display.frame if self.display is not None else None
            )
            self._stack.callback(self.dialogs.close)
        # The tab it starts with may still be on its way to about:blank, and then loses our first navigation.
        self._first = self._new_page()
        for page in self.context.pages:
            if page is not self._first.playwright:
                now(page.close())

    def _start(self, flags: list[str], environment: dict[str, str]) -> bool:
        """Whether it is up."""
        self._listening = threading.Event()
        self._endpoint = ""
        self.process = BrowserProcess(
            [
                self._program,
                f"--user-data-dir={self._profile}",
                "--remote-debugging-port=0",
                *self._flags,
                *flags,
                "about:blank",
            ],
            environment,
            self._read,
            folder=self._profile,
        )
        deadline = time.monotonic() + STARTUP
        try:
            while not self._listening.wait(0.1):
                if self.process.exit_code is not None:
                    self.process.end()
                    return False
                if time.monotonic() > deadline:
                    log = self.process.log
                    said = f"it last said: {log[-1][:300]}" if log else "it said nothing"
                    raise SetupError(f"{self._program} is not up after {STARTUP:g} s: {said}")
            self._stack.callback(self.process.end)
        except BaseException:
            self.process.end()
            raise
        return True

    def _connect(self) -> AsyncBrowser:
        driver = playwright()
        from playwright.async_api import Error

        try:
            return now(driver.chromium.connect_over_cdp(self._endpoint, timeout=PATIENCE * 1000))
        except Error as error:
            words = error.message.splitlines()[0]
            raise SetupError(f"{self._program} does not let Playwright drive it: {words}") from None

    def _new_hands(self) -> Hands:
        if self._hands == "uinput":
            return UinputHands()
        if self.display is not None:
            return XdotoolHands(self.display.environment)
        return XdotoolHands(existing_screen(), session=self.process.pid)

    def _read(self, line: str) -> None:
        if match := _LISTENING.search(line):
            self._endpoint = match[1]
            self._listening.set()
        elif match := _STEP.search(line):
            self.ui_steps.add(match[1])

    @property
    def endpoint(self) -> str:
        """Where it listens for DevTools, for others who drive it beside us."""
        return self._endpoint

    @property
    def context(self) -> BrowserContext:
        return self._browser.contexts[0]

    @property
    def page(self) -> PlaywrightPage:
        return self._first

    def _new_page(self) -> PlaywrightPage:
        page = PlaywrightPage(now(self.context.new_page()), self._slow)
        page.browser = self
        return page

    def new_page(self, url: str | None = None) -> PlaywrightPage:
        page = self._new_page()
        if url is not None:
            page.goto(url)
        return page

    def new_context(
        self, looks: Looks | None = None, *, bridge: PageBridge | None = None
    ) -> PlaywrightContext:
        looks, bridged = looks or Looks(), bridge is not None
        spare = next((each for each in self._spare if (each.looks, each.bridged) == (looks, bridged)), None)
        if spare is not None:
            self._spare.remove(spare)
        else:
            if len(self._spare) >= SPARE_CONTEXTS:
                self._spare.pop(0).end()
            spare = PlaywrightContext(
                self._browser,
                looks,
                bridged=bridged,
                headless=self.headless,
                slow=self._slow,
                retire=self._spare.append,
            )
        spare.use(bridge)
        return spare

    @property
    def is_running(self) -> bool:
        return self.process.exit_code is None and self._browser.is_connected()

    def screenshot_screen(self) -> bytes:
        return self.display.screenshot() if self.display is not None else super().screenshot_screen()


def _rights() -> list[str]:
    """Chromium's sandbox refuses to run as root; for everybody else it stays on, where it works."""
    return [NO_SANDBOX] if os.geteuid() == 0 else []
