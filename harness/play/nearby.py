"""Phones near the computer: a stock desktop Chromium that shows QR codes, and the person who scans them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from harness.browsers.browser import PATIENCE, UiStep
from harness.errors import SetupError, StuntkeyError
from harness.play.cast import Actor

if TYPE_CHECKING:
    from harness.browsers.chromium import Chromium
    from harness.hybrid.phone import PhoneEvent


class Tell(Protocol):
    def __call__(self, who: str, what: str, detail: str, picture: bytes | None = None) -> None: ...


SHOWS_CODE = "kCableV2QRCode"
INSTEAD = ("kBlePowerOnAutomatic", "kBlePowerOnManual", "kMechanismSelection")
"""What Chromium shows instead while Bluetooth is off: that it should be on, or a list with security keys first."""
IN_WORDS = {
    SHOWS_CODE: "shows a QR code",
    "kBlePowerOnAutomatic": "asks for Bluetooth",
    "kBlePowerOnManual": "asks for Bluetooth",
    "kMechanismSelection": "shows the list of ways",
    "kCableV2Connecting": "connects to the phone",
    "kCableV2Connected": "is connected to the phone",
    "kCableV2Error": "lost the phone",
    "kClosed": "closes its dialog",
}


class Nearby:
    """The browser, its Bluetooth and tunnel, and the phone in the person's hand."""

    def __init__(self, *, slow: float, sees_keys: bool) -> None:
        try:
            from harness.hybrid.stage import HybridStage
        except ImportError as error:
            raise SetupError(
                f"phones by QR code need {error.name}: pip install 'stuntkey[browser,hybrid]', or --via page"
            ) from None
        self._stack = ExitStack()
        self._changing = threading.Lock()
        self._held: tuple[Actor, Tell] | None = None
        self._closing = False
        self._powered = True
        self._last_code: str | None = None
        try:
            self._stage = self._stack.enter_context(
                HybridStage(port="mock" if sees_keys else None, slow=slow)
            )
            # One hand: what the browser shows is answered in order, away from the thread that hears of it.
            self._hand = ThreadPoolExecutor(max_workers=1, thread_name_prefix="phone in hand")
            self._stack.callback(self._hand.shutdown, cancel_futures=True)
            self._stage.browser.ui_steps.listeners.append(self._hear)
        except BaseException:
            self.close()
            raise

    @property
    def browser(self) -> Chromium:
        return self._stage.browser

    def hold(self, phone: Actor, computer: Actor, tell: Tell) -> None:
        """This phone scans the next QR code that the computer shows."""
        self.power(computer.bluetooth)
        with self._changing:
            self._held = phone, tell

    def power(self, on: bool) -> None:
        """The computer's Bluetooth is on or off from now on."""
        if on is not self._powered:
            self._powered = on
            self._stage.power(on)

    def put_away(self) -> None:
        """A QR code on the screen is nobody's business now."""
        with self._changing:
            self._held = None

    def close(self) -> None:
        with self._changing:
            self._held, self._closing = None, True
        self._stack.close()

    # What the browser shows

    def _hear(self, step: UiStep) -> None:
        with self._changing:
            held = self._held
            if held is None:
                return
            phone, tell = held
            tell("browser", IN_WORDS.get(step.name, step.name), step.detail)
            if step.name in INSTEAD:
                why = "the browser shows no QR code"
                self._hand.submit(self._give_up, tell, "page", why)
            elif step.name == SHOWS_CODE:
                self._hand.submit(self._scan, phone, tell)

    def _scan(self, phone: Actor, tell: Tell) -> None:
        assert phone.key is not None

        def told(event: PhoneEvent) -> None:
            tell(phone.name, event.stage.value, event.detail)

        try:
            code = self._last_code = self._stage.read_code(PATIENCE, other_than=self._last_code)
            tell("browser", "its QR code as the phone saw it", "", self._stage.last_picture)
            device = self._stage.phone(
                phone.key,
                name=phone.name,
                on_event=told,
                bluetooth=phone.bluetooth,
                locked=phone.is_locked,
            )
            # Nobody unlocks a locked phone before the play says so.
            patience = {"join_within": 0.0} if phone.is_locked else {}
            session = self._stage.scan(device, code, **patience)
        except StuntkeyError as error:
            self._give_up(tell, phone.name, f"scans no QR code: {error}")
            return
        session.add_done_callback(lambda done: self._ended(done, phone, tell))

    def _ended(self, session: Future[None], phone: Actor, tell: Tell) -> None:
        error = None if session.cancelled() else session.exception()
        with self._changing:
            if error is None or self._closing:
                return
            self._hand.submit(self._give_up, tell, phone.name, f"gave up: {error}")

    def _give_up(self, tell: Tell, who: str, why: str) -> None:
        tell(who, why, "")
        assert self._stage.browser.dialogs is not None
        self._stage.browser.dialogs.cancel()
