"""The browsers that plays are played in: one process for many plays, a fresh context for each person and device."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from harness.browsers import Browser
from harness.closing import Closing
from harness.errors import SetupError
from harness.play.nearby import Nearby
from harness.wrap import hidden_from, mock_bus

if TYPE_CHECKING:
    from harness.browsers.chromium import Chromium

BROWSERS = ("chromium", "firefox")


class NotInThisBrowser(SetupError):
    """The browser itself cannot do what a play is about."""


class Machine(Closing):
    """A browser with a USB bus that keys can be plugged into; and a second one with a screen, for what needs that."""

    def __init__(self, browser: str = "chromium", *, headless: bool = True, slow: float = 0.0) -> None:
        self.kind = browser
        self._slow = slow
        self._stack = ExitStack()
        self._nearby: Nearby | None = None
        self._with_dialogs: Chromium | None = None
        self._is_watched = not headless
        self.no_bus = ""
        """Why there is none, where security keys cannot be plugged in."""
        port = self._port(_program(browser))
        try:
            self.browser = self._stack.enter_context(_open(browser, headless=headless, port=port, slow=slow))
        except BaseException:
            self.close()
            raise

    def _port(self, program: str) -> str | None:
        """Without umockdev everything but security keys can still be played."""
        if hidden_from(program) is not None:
            self.no_bus = "this browser's sandbox hides the mock bus"
            return None
        try:
            with mock_bus():
                return "mock"
        except SetupError as error:
            self.no_bus = str(error)
            return None

    def require_bus(self) -> None:
        if self.no_bus:
            raise SetupError(f"a security key needs the mock port, or --via page: {self.no_bus}")

    def nearby(self) -> Nearby:
        """Where phones are used by QR code; opened by the first play that does."""
        if self.kind != "chromium":
            raise NotInThisBrowser(f"{self.kind.title()} on Linux uses no phones by QR code")
        if self._nearby is not None and not self._nearby.browser.is_running:
            crashed, self._nearby = self._nearby, None
            crashed.close()
        if self._nearby is None:
            self._nearby = Nearby(slow=self._slow, sees_keys=not self.no_bus)
        return self._nearby

    def with_dialogs(self) -> Browser:
        """Where the browser asks for PINs: Chromium does so in dialogs of its own, which need a screen.

        Opened by the first play with such a key. Firefox is answered in any case, and whoever watches answers himself.
        """
        if self.kind != "chromium" or self._is_watched:
            return self.browser
        if self._with_dialogs is not None and not self._with_dialogs.is_running:
            crashed, self._with_dialogs = self._with_dialogs, None
            crashed.close()
        if self._with_dialogs is None:
            from harness.browsers.chromium import Chromium

            self._with_dialogs = Chromium(
                headless=False, port=None if self.no_bus else "mock", slow=self._slow
            )
        return self._with_dialogs

    @property
    def is_running(self) -> bool:
        return self.browser.is_running

    @property
    def name(self) -> str:
        return f"{self.kind.title()} {self.browser.version}"

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._stack.close)
            if self._nearby is not None:
                stack.callback(self._nearby.close)
            if self._with_dialogs is not None:
                stack.callback(self._with_dialogs.close)


def _program(browser: str) -> str:
    if browser == "chromium":
        from harness.browsers.chromium import find_chromium

        return find_chromium()
    from harness.browsers.firefox import find_firefox

    return find_firefox()


def _open(browser: str, *, headless: bool, port: str | None, slow: float) -> Browser:
    if browser == "chromium":
        from harness.browsers.chromium import Chromium

        return Chromium(on_screen=not headless, port=port, slow=slow)
    from harness.browsers.firefox import Firefox

    return Firefox(on_screen=not headless, port=port, slow=slow)
