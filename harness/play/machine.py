"""The browser that plays are played in: one process for many plays, a fresh context for each person and device."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from ctaphid.ports.mock import MockBus
from harness.errors import SetupError
from harness.play.nearby import Nearby
from harness.wrap import hidden_from, mock_bus

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = ("/usr/lib/chromium/chromium", "chromium", "google-chrome")
"""The program itself before its wrapper, which starts a shell first."""
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Machine:
    """A Chromium with a USB bus that keys can be plugged into while it runs."""

    def __init__(self, *, headless: bool = True, slow: float = 0.0, executable: str | None = None) -> None:
        self.headless = headless
        self._stack = ExitStack()
        self._slow = slow
        self._nearby: Nearby | None = None
        try:
            self._start(slow, executable)
        except BaseException:
            self.close()
            raise

    def _start(self, slow: float, executable: str | None) -> None:
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError:
            raise SetupError("plays need Playwright: pip install 'stuntkey[browser]'") from None
        program = executable or next((found for each in CHROMIUM if (found := shutil.which(each))), None)
        if program is None:
            raise SetupError("plays need a Chromium: apt install chromium")
        if not self.headless and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
            raise SetupError("--headed needs a screen, and DISPLAY is not set: run it under xvfb-run")
        self.bus = self._bus(program)
        self._playwright = self._stack.enter_context(sync_playwright())
        environment: dict[str, str | float | bool] = {
            **os.environ,
            **(self.bus.environment() if self.bus else {}),
        }
        # Chromium's sandbox refuses root.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            self.browser: Browser = self._playwright.chromium.launch(
                executable_path=program,
                headless=self.headless,
                slow_mo=slow * 1000,
                args=[*QUIET, *sandbox],
                env=environment,
            )
        except Error as error:
            raise SetupError(f"{program} does not start: {str(error).splitlines()[0]}") from None
        self._stack.callback(self.browser.close)

    def _bus(self, program: str) -> MockBus | None:
        """Without umockdev everything but security keys can still be played."""
        if hidden_from(program) is not None:
            return None
        try:
            return self._stack.enter_context(mock_bus())
        except SetupError as error:
            self.no_bus = str(error)
            return None

    no_bus = "this browser's sandbox hides the mock bus"

    def require_bus(self) -> MockBus:
        if self.bus is None:
            raise SetupError(f"a security key needs the mock port, or --via page: {self.no_bus}")
        return self.bus

    def nearby(self) -> Nearby:
        """Where phones are used by QR code; opened by the first play that does."""
        if self._nearby is not None and not self._nearby.browser.is_connected():
            crashed, self._nearby = self._nearby, None
            crashed.close()
        if self._nearby is None:
            self._nearby = Nearby(self._playwright, slow=self._slow, sees_keys=self.bus is not None)
        return self._nearby

    @property
    def name(self) -> str:
        return f"Chromium {self.browser.version}"

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._stack.close)
            if self._nearby is not None:
                stack.callback(self._nearby.close)

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
