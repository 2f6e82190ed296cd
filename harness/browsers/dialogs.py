"""Chromium's native dialogs, answered as its user would: heard of in its step log, answered by keyboard.

Key and dialog are two sides of one story, so one person answers both: `key.person.will(enter_pin("0000"), touch())`.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from authenticator.person import AccountChoice, Chosen, Pin, PinEntry
from harness.acts import Pulled
from harness.browsers.browser import PATIENCE, Browser, PageError, UiStep
from harness.browsers.hands import Elsewhere, Hands
from harness.errors import Failure, StuntkeyError
from harness.patience import patient
from harness.trace import ResponseEvent

if TYPE_CHECKING:
    from harness.virtual_key import VirtualKey

LOOK_AGAIN = 0.05
TRY_AGAIN = patient(0.7)
"""Seconds after which keys that changed nothing are pressed once more. Chromium's buttons take none in the first half
second, so that nobody agrees to what they had no time to read."""
CLIENT_PIN, GET_ASSERTION, GET_NEXT_ASSERTION, BIO_ENROLLMENT = 0x06, 0x02, 0x08, (0x09, 0x40)

ENDS = frozenset(
    {
        "kTimedOut",
        "kErrorNoAvailableTransports",
        "kErrorNoPasskeys",
        "kErrorInternalUnrecognized",
        "kKeyNotRegistered",
        "kKeyAlreadyRegistered",
        "kMissingCapability",
        "kStorageFull",
        "kClientPinErrorSoftBlock",
        "kClientPinErrorHardBlock",
        "kClientPinErrorAuthenticatorRemoved",
        "kCableV2Error",
    }
)
"""What Chromium tells the user and not yet the page: that gets its error when the dialog is dismissed."""
CONFIRMATIONS = frozenset(
    {
        "kResidentCredentialConfirmation",
        "kOffTheRecordInterstitial",
        "kAttestationPermissionRequest",
        "kEnterpriseAttestationPermissionRequest",
    }
)


class Dialogs:
    """In a thread of its own, from the browser's first step to its last.

    dismisses   the steps that are dismissed by themselves; what is not in it stays on the screen
    confirms    the steps that are agreed to; `cancel()` says no to anything

    `look` is a picture of the screen, where there is one to be had: what is still drawn takes no keys.
    """

    def __init__(self, browser: Browser, hands: Hands, look: Callable[[], bytes] | None = None) -> None:
        self.dismisses = set(ENDS)
        self.confirms = set(CONFIRMATIONS)
        self.problems: list[StuntkeyError] = []
        """What could not be answered. Whoever waits for the page finds the reason here."""
        self._browser = browser
        self._hands = hands
        self._look = look
        self._chosen: tuple[str, bytes] | None = None
        """The account that was chosen in the last dialog, until the page has it: its name and user handle."""
        self._steps: queue.SimpleQueue[tuple[int, UiStep] | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="dialogs", daemon=True)
        hands.rest()
        browser.ui_steps.listeners.append(self._hear)
        browser.page_heard.append(self._compare)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._browser.ui_steps.listeners.remove(self._hear)
        self._browser.page_heard.remove(self._compare)
        self._steps.put(None)
        self._thread.join(PATIENCE)
        self._hands.close()

    def cancel(self) -> None:
        """The user presses Escape."""
        self._press_until_something_happens(["Escape"])

    def _compare(self, kind: str, end: dict[str, Any] | PageError) -> None:
        """Whether the page got the account that was chosen."""
        chosen, self._chosen = self._chosen, None
        if chosen is None or isinstance(end, PageError):
            return
        name, handle = chosen
        wanted = urlsafe_b64encode(handle).rstrip(b"=").decode()
        got = end.get("response", {}).get("userHandle")
        if got != wanted:
            self.problems.append(
                Failure(f"{name} was chosen (user handle {wanted}), and the page got the user handle {got}")
            )

    def _hear(self, step: UiStep) -> None:
        self._steps.put((len(self._browser.ui_steps), step))

    def _run(self) -> None:
        while (item := self._steps.get()) is not None:
            mark, step = item
            if step.name == "kSelectAccount":
                self._hands.rest()  # its rows are drawn under the pointer, and take the focus
            if mark != len(self._browser.ui_steps):
                continue  # the browser went on by itself
            try:
                self._answer(step.name)
            except StuntkeyError as problem:
                self.problems.append(problem)

    def _answer(self, step: str) -> None:
        if step == "kClientPinEntry":
            self._enter_pin()
        elif step in ("kClientPinSetup", "kClientPinChange"):
            self._set_pin()
        elif step == "kSelectAccount":
            self._choose_account()
        elif step == "kInlineBioEnrollment":
            self._finish_enrollment()
        elif step in self.dismisses:
            self._press_until_something_happens(["Escape"])
        elif step in self.confirms:
            self._press_until_something_happens(["Return"])

    # What is asked

    def _enter_pin(self) -> None:
        key = self._asking_key()
        state = key.engine.authenticator.state
        ask = PinEntry(
            retries=state.pin_retries, min_length=state.min_pin_length, wrong_before=self._asked_before()
        )
        pin = self._ask_pin(key, ask)
        if pin is None:
            self._press_until_something_happens(["Escape"])
        else:
            self._note("types the PIN")
            self._until_something_happens(lambda: self._type_into_field(pin), ["Return"])

    def _asked_before(self) -> bool:
        """Whether this ceremony has asked for the PIN before, which then was wrong."""
        asked = 0
        for name in reversed(self._browser.ui_steps.names):
            if name in ("kClosed", "kUsbInsertAndActivate"):
                break
            asked += name == "kClientPinEntry"
        return asked > 1

    def _set_pin(self) -> None:
        key = self._asking_key()
        ask = PinEntry(new=True, min_length=key.engine.authenticator.state.min_pin_length)
        pin = self._ask_pin(key, ask)
        if pin is None:
            self._press_until_something_happens(["Escape"])
            return

        def both_fields() -> None:
            self._type_into_field(pin)
            self._hands.press("Tab")
            self._type_into_field(pin)

        self._note("types a new PIN, twice")
        # Where nothing happens, the focus is in the second field: back to the first one for another try
        self._until_something_happens(both_fields, ["Return"], again=["shift+Tab"])

    def _ask_pin(self, key: VirtualKey, ask: PinEntry) -> str | None:
        outcome = key.engine.ask_and_wait(ask, key.clock.monotonic() + PATIENCE)
        if isinstance(outcome, Pulled):
            key.engine.pulled()
        return outcome.text if isinstance(outcome, Pin) else None

    def _choose_account(self) -> None:
        self._chosen = None
        key, accounts = self._accounts()
        names = tuple(name for name, _ in accounts)
        ask = AccountChoice(rp_id="", accounts=names)
        outcome = key.engine.ask_and_wait(ask, key.clock.monotonic() + PATIENCE)
        if not isinstance(outcome, Chosen):
            self._press_until_something_happens(["Escape"])
            return
        steps = outcome.index
        self._chosen = accounts[steps]
        self._note("chooses an account", names[steps])

        def go() -> None:
            if steps:
                self._hands.press(*["Tab"] * steps)

        self._until_something_happens(go, ["Return"], again=["shift+Tab"] * steps)

    def _finish_enrollment(self) -> None:
        """The key asks for its samples by itself; then the dialog has a button."""

        def enrolled() -> bool:
            last = self._last_response(*BIO_ENROLLMENT)
            return last is not None and isinstance(last.result, dict) and last.result.get(6) == 0

        self._wait(enrolled, "a finger to be enrolled")
        self._press_until_something_happens(["Return"])

    # What the keys know

    def _asking_key(self) -> VirtualKey:
        """The key the dialog speaks of: the one that was asked last for what PINs are about."""
        keys = self._browser.keys
        if not keys:
            raise Failure("the browser asks for the PIN of a key that is gone")

        def last_asked(key: VirtualKey) -> float:
            times = [
                each.at for each in key.trace.of("response") if getattr(each, "command", 0) == CLIENT_PIN
            ]
            return times[-1] if times else 0.0

        return max(keys, key=last_asked)

    def _accounts(self) -> tuple[VirtualKey, tuple[tuple[str, bytes], ...]]:
        """The key that found several, and their names and ids in its own order, which is the dialog's."""
        found: tuple[float, VirtualKey, tuple[tuple[str, bytes], ...]] | None = None
        for key in self._browser.keys:
            names: list[tuple[str, bytes]] = []
            at = 0.0
            for event in key.trace.of("response"):
                assert isinstance(event, ResponseEvent)
                user = _user(event.result)
                if event.command == GET_ASSERTION:
                    names, at = [user] if user else [], event.at
                elif event.command == GET_NEXT_ASSERTION and user:
                    names.append(user)
            if names and (found is None or at > found[0]):
                found = (at, key, tuple(names))
        if found is None:
            raise Failure("the browser asks for one of several accounts, of which no key told it")
        return found[1], found[2]

    def _last_response(self, *commands: int) -> ResponseEvent | None:
        events = [event for key in self._browser.keys for event in key.trace.of("response")]
        answers = [each for each in events if isinstance(each, ResponseEvent) and each.command in commands]
        return max(answers, key=lambda each: each.at, default=None)

    # Hands

    def _type_into_field(self, text: str) -> None:
        self._hands.press("ctrl+a")
        self._hands.type(text)

    def _note(self, what: str, detail: str = "") -> None:
        self._browser.note("person", what, detail)

    def _press_until_something_happens(self, keys: list[str]) -> None:
        self._note(f"presses {' '.join(keys)}")
        self._until_something_happens(lambda: None, keys)

    def _until_something_happens(
        self, prepare: Callable[[], None], keys: list[str], *, again: list[str] | None = None
    ) -> None:
        """Dialogs take keys a little after their step is logged, and nothing tells when. That they took them shows."""
        before = self._progress()
        elsewhere: Elsewhere | None = None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self._closing:
            self._wait_for_picture()
            elsewhere = None
            try:
                prepare()
                self._hands.press(*keys)
            except Elsewhere as another:
                elsewhere = another
            patience = time.monotonic() + TRY_AGAIN
            while time.monotonic() < patience:
                if self._progress() != before or self._closing:
                    return
                time.sleep(LOOK_AGAIN)
            if again and elsewhere is None:
                self._hands.press(*again)
        if elsewhere is not None:
            raise elsewhere
        raise Failure(f"the dialog of step {self._browser.ui_steps.names[-1]} did not react to the keyboard")

    def _progress(self) -> Any:
        return len(self._browser.ui_steps), [len(key.trace) + key.trace.dropped for key in self._browser.keys]

    def _wait_for_picture(self) -> None:
        """Until the screen stands still: then the dialog is there."""
        if self._look is None:
            return
        look, last = self._look, b""

        def still() -> bool:
            nonlocal last
            before, last = last, hashlib.sha256(look()).digest()
            return before == last

        self._wait(still, "the dialog to be drawn", within=TRY_AGAIN, strict=False)

    def _wait(
        self, done: Callable[[], bool], what: str, *, within: float = PATIENCE, strict: bool = True
    ) -> None:
        deadline = time.monotonic() + within
        while not done():
            if time.monotonic() > deadline or self._closing:
                if strict:
                    raise Failure(f"waited {within:g} s for {what}")
                return
            time.sleep(LOOK_AGAIN)


def _user(result: Any) -> tuple[str, bytes] | None:
    """Name and id in the user entity of an assertion (CTAP 2.3 §6.2, member 4)."""
    user = result.get(4) if isinstance(result, dict) else None
    if not isinstance(user, dict):
        return None
    handle = user.get("id", b"")
    return str(user.get("name") or user.get("displayName") or handle.hex()), handle
