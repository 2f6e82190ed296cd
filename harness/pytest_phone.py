"""The `phone` fixture's phone: it can scan the QR code that the browser of the test shows."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from harness.errors import SetupError
from harness.platform import Device

if TYPE_CHECKING:
    from harness.hybrid.stage import HybridStage

_MODULES = ("websockets", "dbus_fast", "zxingcpp", "trustme", "PIL")
_PROGRAMS = {"Xvfb": "xvfb", "dbus-daemon": "dbus"}


class PhoneAtHand(Device):
    """A phone beside the computer. `stage` is asked for when something is scanned."""

    def __init__(self, *args: Any, stage: Callable[[], HybridStage], **options: Any) -> None:
        super().__init__(*args, **options)
        self._stage = stage

    def scan(self, code: str | None = None, **options: Any) -> Future[None]:
        """Scan the QR code on the screen, or `code`. Done when the session is over; options are a `Phone`'s."""
        stage = self._stage()
        return stage.scan(stage.phone(self, name=self.name, **options), code)


def why_not(browser: str) -> str:
    """What is missing for a QR code on the screen; empty if nothing is."""
    if browser != "chromium":
        return "only stock Chromium shows QR codes: --stuntkey-browser chromium"
    if lacking := [each for each in _MODULES if importlib.util.find_spec(each) is None]:
        return f"it needs {lacking[0]}: pip install 'stuntkey[browser,hybrid]'"
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    return f"it needs Debian packages: apt-get install {' '.join(missing)}" if missing else ""


def require_codes(browser: str) -> None:
    if reason := why_not(browser):
        raise SetupError(f"phone.scan(): {reason}")
