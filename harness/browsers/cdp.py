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


class VirtualAuthenticators:
    """Chromium's own, in one page: they are made by DevTools, and replace what the page would find by itself."""

    def __init__(self, page: PlaywrightPage) -> None:
        self._session: CDPSession = now(page.playwright.context.new_cdp_session(page.playwright))
        self.send("enable", {"enableUI": False})

    def add(self, **options: Any) -> str:
        """Its id. Options in DevTools' own words, over `USUAL`."""
        answer = self.send("addVirtualAuthenticator", {"options": {**USUAL, **options}})
        return str(answer["authenticatorId"])

    def remove(self, authenticator: str) -> None:
        self.send("removeVirtualAuthenticator", {"authenticatorId": authenticator})

    def credentials(self, authenticator: str) -> list[dict[str, Any]]:
        return list(self.send("getCredentials", {"authenticatorId": authenticator})["credentials"])

    def put(self, authenticator: str, credential: dict[str, Any]) -> None:
        """One that another authenticator had."""
        self.send("addCredential", {"authenticatorId": authenticator, "credential": credential})

    def send(self, command: str, parameters: dict[str, Any]) -> Any:
        """Any command of DevTools' WebAuthn domain."""
        return now(self._session.send(f"WebAuthn.{command}", parameters))

    def close(self) -> None:
        """The page finds keys by itself again."""
        self.send("disable", {})
        now(self._session.detach())


class CdpBrowser(Browser):
    """Its keys are Chromium's, made by DevTools' WebAuthn.addVirtualAuthenticator, and each belongs to one page."""

    name = "cdp"

    def __init__(self, *, headless: bool = True, **options: Any) -> None:
        super().__init__()
        self._chromium = self._stack.enter_context(Chromium(headless=headless, port=None, **options))
        self._take_steps(self._chromium.ui_steps)
        self.version = self._chromium.version
        self._of: dict[PlaywrightPage, VirtualAuthenticators] = {}
        self.authenticators_of(self.page)

    @property
    def page(self) -> PlaywrightPage:
        return self._chromium.page

    def new_page(self, url: str | None = None) -> PlaywrightPage:
        page = self._chromium.new_page()
        self.authenticators_of(page)
        if url is not None:
            page.goto(url)
        return page

    @property
    def is_running(self) -> bool:
        return self._chromium.is_running

    def authenticators_of(self, page: PlaywrightPage | None = None) -> VirtualAuthenticators:
        page = page or self.page
        if page not in self._of:
            self._of[page] = VirtualAuthenticators(page)
        return self._of[page]

    def add_authenticator(self, page: PlaywrightPage | None = None, **options: Any) -> str:
        """Its id. Options in DevTools' own words, over `USUAL`."""
        return self.authenticators_of(page).add(**options)

    def remove_authenticator(self, authenticator: str, page: PlaywrightPage | None = None) -> None:
        self.authenticators_of(page).remove(authenticator)

    def credentials(self, authenticator: str, page: PlaywrightPage | None = None) -> list[dict[str, Any]]:
        return self.authenticators_of(page).credentials(authenticator)

    def send(self, command: str, parameters: dict[str, Any], page: PlaywrightPage | None = None) -> Any:
        """Any command of DevTools' WebAuthn domain."""
        return self.authenticators_of(page).send(command, parameters)

    def plug_in(self, key: VirtualKey) -> None:
        raise SetupError(
            "the cdp backend has Chromium's own virtual keys: use add_authenticator(), or chromium"
        )
