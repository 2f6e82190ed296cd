"""Somebody sitting at a device: a browser with that device's looks, and what goes over its wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.browsers import Browser, Page
from harness.browsers.bridge import PageBridge
from harness.browsers.browser import Looks, Sent, UiSteps
from harness.browsers.chromium import Chromium
from harness.errors import StuntkeyError
from harness.play.agents import agent_of, headers_of
from harness.play.cast import Actor
from harness.play.nearby import Nearby
from harness.play.room import PlayRoom
from harness.virtual_key import VirtualKey


class Seat:
    """The browser of one device. A private window of it is another seat."""

    def __init__(
        self,
        browser: Browser,
        actor: Actor,
        room: PlayRoom,
        *,
        is_private: bool = False,
        nearby: Nearby | None = None,
    ) -> None:
        agent = agent_of(actor.spec)
        # Chromium draws its dialogs in the window as it is, and QR codes need room.
        has_dialogs = isinstance(browser, Chromium) and browser.dialogs is not None
        self.actor = actor
        self.room = room
        self.is_private = is_private
        self.nearby = nearby
        """Where phones scan what this browser shows."""
        self.bridge = PageBridge(room=room)
        looks = Looks(
            user_agent=agent.user_agent,
            size=None if has_dialogs else agent.viewport,
            is_phone=agent.is_phone and not has_dialogs,
        )
        self._browser = browser
        self.context = browser.new_context(looks, bridge=self.bridge)
        try:
            self.tell_facts()
        except BaseException:
            self.context.close()
            raise

    @property
    def window(self) -> Page:
        return self.context.page

    @property
    def sent(self) -> list[Sent]:
        return self.context.sent

    @property
    def complaints(self) -> list[str]:
        return self.context.complaints

    @property
    def ui_steps(self) -> UiSteps:
        """What the browser itself shows: dialogs that are no part of a page."""
        return self._browser.ui_steps

    def take_problems(self) -> list[StuntkeyError]:
        """What could not be answered in the browser's dialogs since the last time."""
        if not isinstance(self._browser, Chromium) or self._browser.dialogs is None:
            return []
        problems = self._browser.dialogs.problems
        taken, problems[:] = list(problems), []
        return taken

    @contextmanager
    def plugged_in(self, key: VirtualKey) -> Iterator[None]:
        self._browser.plug_in(key)
        try:
            yield
        finally:
            self._browser.unplug(key)

    def tell_facts(self) -> None:
        """Send the headers of the device as it is now."""
        device = self.actor.device
        locked = device.screen_lock if device is not None else self.actor.spec.screen_lock
        headers = headers_of(self.actor.spec, screen_lock=locked, bluetooth=self.actor.bluetooth)
        self.context.set_headers(headers)

    def close(self) -> None:
        self.context.close()
