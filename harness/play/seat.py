"""Somebody sitting at a device: a browser context with that device's looks, and what goes over its wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.play.agents import agent_of, headers_of
from harness.play.bridge import BINDING, SCRIPT, Bridge
from harness.play.cast import Actor
from harness.play.nearby import Nearby
from harness.play.window import PlaywrightWindow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request that left the browser."""

    method: str
    url: str
    body: str


class Seat:
    """The browser of one device. A private window of it is another seat."""

    def __init__(
        self,
        browser: Browser,
        actor: Actor,
        bridge: Bridge,
        *,
        is_private: bool = False,
        nearby: Nearby | None = None,
    ) -> None:
        agent = agent_of(actor.spec)
        width, height = agent.viewport
        self.actor = actor
        self.is_private = is_private
        self.nearby = nearby
        """Where phones scan what this browser shows."""
        self.sent: list[Sent] = []
        self.complaints: list[str] = []
        """What the page's scripts threw."""
        self.context = browser.new_context(
            user_agent=agent.user_agent,
            # Chromium draws its dialogs in the window as it is, and QR codes need room.
            no_viewport=True if nearby is not None else None,
            viewport={"width": width, "height": height} if nearby is None else None,
            is_mobile=agent.is_phone,
            has_touch=agent.is_phone,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        self.context.expose_binding(BINDING, bridge.answer)
        self.context.add_init_script(path=SCRIPT)
        self.context.on("request", self._note_request)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.tell_facts()
        self.window = PlaywrightWindow(self.context.new_page())

    def tell_facts(self) -> None:
        """Send the headers of the device as it is now."""
        device = self.actor.device
        locked = device.screen_lock if device is not None else self.actor.spec.screen_lock
        headers = headers_of(self.actor.spec, screen_lock=locked, bluetooth=self.actor.bluetooth)
        self.context.set_extra_http_headers(headers)

    def _note_request(self, request: Request) -> None:
        body = request.post_data_buffer
        self.sent.append(
            Sent(method=request.method, url=request.url, body=body.decode("utf-8", "replace") if body else "")
        )

    def close(self) -> None:
        self.context.close()
