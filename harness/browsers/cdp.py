"""The cdp backend: Chromium's own virtual authenticator, for comparison. It replaces real discovery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.browsers.browser import Browser
from harness.browsers.chromium import Chromium
from harness.browsers.driver import PlaywrightPage, now
from harness.errors import SetupError
from harness.virtual_key import VirtualKey

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

USUAL = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "automaticPresenceSimulation": True,
    "isUserVerified": True,
}


class CdpBrowser(Browser):
    """Its keys are Chromium's, made by DevTools' WebAuthn.addVirtualAuthenticator, and each belongs to one page."""

    name = "cdp"

    def __init__(self, *, headless: bool = True, **options: Any) -> None:
        super().__init__()
        self._chromium = self._stack.enter_context(Chromium(headless=headless, port=None, **options))
        self.ui_steps = self._chromium.ui_steps
        self.version = self._chromium.version
        self._sessions: dict[PlaywrightPage, CDPSession] = {}
        self._enable(self.page)

    @property
    def page(self) -> PlaywrightPage:
        return self._chromium.page

    def new_page(self, url: str | None = None) -> PlaywrightPage:
        page = self._chromium.new_page()
        self._enable(page)
        if url is not None:
            page.goto(url)
        return page

    def _enable(self, page: PlaywrightPage) -> None:
        session = self._sessions[page] = now(self._chromium.context.new_cdp_session(page.playwright))
        now(session.send("WebAuthn.enable", {"enableUI": False}))

    def add_authenticator(self, page: PlaywrightPage | None = None, **options: Any) -> str:
        """Its id. Options in DevTools' own words, over `USUAL`."""
        answer = self.send("addVirtualAuthenticator", {"options": {**USUAL, **options}}, page)
        return str(answer["authenticatorId"])

    def remove_authenticator(self, authenticator: str, page: PlaywrightPage | None = None) -> None:
        self.send("removeVirtualAuthenticator", {"authenticatorId": authenticator}, page)

    def credentials(self, authenticator: str, page: PlaywrightPage | None = None) -> list[dict[str, Any]]:
        answer = self.send("getCredentials", {"authenticatorId": authenticator}, page)
        return list(answer["credentials"])

    def send(self, command: str, parameters: dict[str, Any], page: PlaywrightPage | None = None) -> Any:
        """Any command of DevTools' WebAuthn domain."""
        return now(self._sessions[page or self.page].send(f"WebAuthn.{command}", parameters))

    def plug_in(self, key: VirtualKey) -> None:
        raise SetupError(
            "the cdp backend has Chromium's own virtual keys: use add_authenticator(), or chromium"
        )
