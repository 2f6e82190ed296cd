"""The exchange's pages in a real Chromium, with the browser's own virtual authenticator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from playwright import sync_api

from scenarios.exchange.policy import policy_names
from scenarios.exchange.server import Exchange
from tests.legibility import hard_to_read, is_wider_than_the_screen

CHROMIUM = (
    shutil.which("chromium") or shutil.which("google-chrome") or "install chromium: tools/setup browser"
)

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
EMAIL, PHONE, PASSWORD, ADDRESS = "ann@example.com", "+15550100", "correct horse battery", "T" + "a" * 33


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Ann:
    """At the exchange, with a platform authenticator that verifies her at once, or does not answer."""

    def __init__(self, chromium: Any, exchange: Exchange) -> None:
        self.exchange = exchange
        agent = IPHONE if exchange.service.policy.name == "mexc" else WINDOWS
        self.context = chromium.new_context(user_agent=agent, viewport={"width": 390, "height": 844})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self._cdp = self.context.new_cdp_session(self.page)
        self._cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._authenticator = made["authenticatorId"]
        self.secret = ""

    def _hear(self, message: Any) -> None:
        """A refusal is the exchange's answer, and in the console; anything else there is a mistake."""
        if message.type == "error" and "server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)

    def answers(self, enabled: bool) -> None:
        self._cdp.send(
            "WebAuthn.setAutomaticPresenceSimulation",
            {"authenticatorId": self._authenticator, "enabled": enabled},
        )

    def go(self, path: str) -> None:
        self.page.goto(self.exchange.url + path)

    def it(self, name: str) -> Any:
        return self.page.locator(f'[data-test="{name}"]')

    def see(self, name: str, suffix: str = ":visible") -> Any:
        self.page.wait_for_selector(f'[data-test="{name}"]{suffix}')
        return self.it(name)

    def enter_codes(self) -> None:
        self.see("verify", "[data-state=codes]")
        for factor, to in (("email", EMAIL), ("phone", PHONE), ("new-phone", PHONE)):
            if self.it(f"send-{factor}").count():
                self.it(f"send-{factor}").click()
                self.see(f"sent-{factor}", "[data-state=sent]")
                self.it(f"code-{factor}").fill(self.exchange.outbox.code(to))
        for factor in ("totp", "new-totp"):
            if self.it(f"code-{factor}").count():
                self.exchange.clock.advance(30)
                self.it(f"code-{factor}").fill(pyotp.TOTP(self.secret).at(self.exchange.clock.now()))
        self.it("verify-submit").click()

    def sign_up(self) -> None:
        self.go("/sign-up")
        self.it("email").fill(EMAIL)
        self.it("password").fill(PASSWORD)
        self.it("submit").click()
        self.enter_codes()
        self.page.wait_for_url("**/dashboard")
        self.go("/security")
        self.it("bind-totp").click()
        self.see("totp", "[open]")
        self.secret = self.it("totp-secret").text_content()
        assert self.it("totp-qr").evaluate("image => image.naturalWidth") > 100
        self.it("totp-next").click()
        self.enter_codes()
        self.see("bound-totp", "[data-bound=yes]")

    def withdraw(self) -> None:
        self.go("/withdraw")
        self.it("confirm").click()
        assert self.see("field-error").text_content() == "Enter an amount such as 12.5."
        assert self.it("amount").get_attribute("aria-invalid") == "true"
        assert self.page.evaluate("document.activeElement.id") == "amount"
        self.it("address").fill(ADDRESS)
        self.it("amount").fill("2.50")
        self.it("confirm").click()
        self.see("review", "[open]")
        assert self.it("review-amount").text_content() == "2.5 USDT"
        self.it("confirm-withdrawal").click()

    def receipt(self) -> str:
        self.see("receipt")
        assert self.it("receipt-amount").text_content() == "2.5 USDT"
        assert self.it("receipt-address").text_content() == ADDRESS
        return str(self.it("verified-with").text_content())

    def log_out(self) -> None:
        self.it("log-out").click()
        self.see("to-log-in")


@pytest.fixture
def ann(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Ann]:
    with Exchange(request.param) as exchange:
        made = Ann(chromium, exchange)
        made.sign_up()
        yield made
        assert not made.complaints
        made.context.close()


@pytest.mark.parametrize("ann", ["mexc"], indirect=True)
def test_mexc_from_the_first_withdrawal_to_autofill(ann: Ann) -> None:
    ann.withdraw()
    ann.see("add-passkey-prompt", "[open]")
    ann.it("prompt-add-passkey").click()
    ann.enter_codes()
    assert ann.receipt() == "passkey"
    ann.log_out()
    ann.answers(False)
    ann.go("/log-in")
    ann.it("identifier").fill(EMAIL)
    ann.it("next").click()
    slider = ann.see("slider")
    ann.it("slider-handle").fill(slider.get_attribute("data-gap"))
    ann.answers(True)
    ann.it("slider-done").click()
    ann.page.wait_for_url("**/dashboard")
    ann.log_out()
    ann.go("/log-in")  # the autofill's request is answered at once
    ann.page.wait_for_url("**/dashboard")


@pytest.mark.parametrize("ann", ["okx-web"], indirect=True)
def test_okx_web_from_a_passkey_to_its_removal(ann: Ann) -> None:
    ann.go("/security/passkeys")
    ann.it("enable-passkeys").click()
    ann.see("verify", "[data-state=codes]")
    ann.it("send-email").click()
    ann.see("sent-email", "[data-state=sent]")
    code = ann.exchange.outbox.code(EMAIL)
    ann.it("code-email").fill(code)
    ann.it("face-scene").select_option("too-dark")
    ann.it("face-check").click()
    ann.see("verify-error", "[data-error=face-not-verified]")
    ann.it("face-scene").select_option("clear")
    ann.it("face-check").click()
    ann.page.wait_for_selector("#verify-face", state="hidden")
    assert ann.it("code-email").input_value() == code  # what was typed stays
    ann.enter_codes()
    ann.see("add-passkey").click()
    ann.see("method-this-device").click()
    ann.see("passkey")
    assert "gone if its device is lost" in ann.see("notice", "[data-what=backup]").text_content()
    ann.it("rename").click()
    ann.see("new-name").fill("My laptop")
    ann.it("rename-save").click()
    ann.see("passkey-name", ":has-text('My laptop')")
    ann.withdraw()
    assert ann.receipt() == "passkey"
    ann.log_out()
    ann.answers(False)
    ann.go("/log-in")
    ann.it("identifier").fill(EMAIL)
    ann.it("next").click()
    ann.see("use-password").click()
    ann.see("password").fill(PASSWORD)
    ann.it("log-in").click()
    ann.see("verify-other").click()
    ann.enter_codes()
    ann.page.wait_for_url("**/dashboard")
    ann.go("/security/passkeys")
    ann.it("remove").click()
    ann.see("remove-confirm").click()
    ann.enter_codes()
    ann.see("hold")
    assert ann.it("passkey").count() == 0


OUTSIDE = ("/", "/log-in", "/recovery", "/help")
INSIDE = ("/dashboard", "/security", "/security/passkeys", "/wallets", "/deposit", "/withdraw", "/c2c")
DIALOGS = "dialog => { dialog.close(); dialog.showModal(); }"
"""What a page keeps for later is looked at as well."""


@pytest.mark.parametrize("ann", policy_names(), indirect=True)
def test_pages_fit_the_screen_and_can_be_read(ann: Ann) -> None:
    """On a phone and on a desktop, in light and in dark, with all that their dialogs hold."""
    problems = [*looked_at(ann, INSIDE)]
    ann.go("/dashboard")
    ann.log_out()
    problems += looked_at(ann, OUTSIDE)
    assert problems == []


def looked_at(ann: Ann, paths: tuple[str, ...]) -> Iterator[str]:
    for path in paths:
        ann.go(path)
        ann.page.wait_for_selector("main:not([data-state=loading])")
        for number in range(-1, ann.page.locator("dialog").count()):
            if number >= 0:
                ann.page.locator("dialog").nth(number).evaluate(DIALOGS)
            for width, height in ((390, 844), (1200, 900)):
                ann.page.set_viewport_size({"width": width, "height": height})
                if is_wider_than_the_screen(ann.page):
                    yield f"{path} is wider than {width} pixels"
            for scheme in ("light", "dark"):
                ann.page.emulate_media(color_scheme=scheme)
                yield from (f"{path} in {scheme}: {each}" for each in hard_to_read(ann.page))
            if number >= 0:
                ann.page.locator("dialog").nth(number).evaluate("dialog => dialog.close()")
