"""The page backend and Chromium's own virtual authenticator: the same ceremonies by the same interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from browser_ceremonies import (
    commands,
    is_user_verified,
    log_in,
    registration,
    user_of,
    verify_log_in,
    verify_registration,
    wait_until,
)
from PIL import Image

from harness import Account, Person, VirtualKey, choose
from harness.browsers import open_browser
from harness.browsers.browser import Looks
from harness.browsers.cdp import CdpBrowser
from harness.browsers.page import BridgedBrowser, PageBridge

NewKey = Callable[..., VirtualKey]


@pytest.fixture(scope="module")
def shared_bridged() -> Iterator[BridgedBrowser]:
    with open_browser("page") as browser:
        assert isinstance(browser, BridgedBrowser)
        yield browser


@pytest.fixture
def bridged(shared_bridged: BridgedBrowser, site: str) -> Iterator[BridgedBrowser]:
    shared_bridged.bridge.person = Person()
    shared_bridged.page.goto(site)
    yield shared_bridged
    shared_bridged.page.goto("about:blank")
    shared_bridged.unplug_all()


@pytest.fixture
def account() -> Account:
    return Account("icloud-keychain")


def test_register_and_log_in(bridged: BridgedBrowser, site: str, account: Account) -> None:
    bridged.plug_in(account.sign_in("phone"))
    options = registration("bob", rk="required", uv="required")
    made = bridged.page.create(options).result()
    public_key = verify_registration(site, options, made, uv=True)
    options = log_in(uv="required")
    got = bridged.page.get(options).result()
    verify_log_in(site, options, got, public_key, uv=True)
    assert user_of(got) == "bob"
    assert made["authenticatorAttachment"] == "platform"


def test_a_page_gets_what_a_browser_would_give_it(bridged: BridgedBrowser, account: Account) -> None:
    bridged.plug_in(account.sign_in("phone"))
    seen = bridged.page.evaluate(
        """async (json) => {
          const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
          const made = await navigator.credentials.create({publicKey});
          return {
            classes: [made instanceof PublicKeyCredential, made.response instanceof AuthenticatorAttestationResponse],
            bytes: [made.rawId, made.response.attestationObject].every((each) => each instanceof ArrayBuffer),
            transports: made.response.getTransports(),
            algorithm: made.response.getPublicKeyAlgorithm(),
            same: made.toJSON().id === made.id,
            names: Object.keys(made.getClientExtensionResults()),
            prf: made.getClientExtensionResults().prf.results.first.byteLength,
          };
        }""",
        registration(rk="required", uv="required", extensions={"prf": {"eval": {"first": "AAAA"}}}),
    )
    assert seen == {
        "classes": [True, True],
        "bytes": True,
        "transports": ["hybrid", "internal"],
        "algorithm": -7,
        "same": True,
        "names": ["prf"],
        "prf": 32,
    }


def test_a_person_chooses_the_device(bridged: BridgedBrowser, account: Account, new_key: NewKey) -> None:
    phone, key = account.sign_in("phone"), new_key()
    bridged.plug_in(phone)
    bridged.plug_in(key)
    bridged.bridge.person.will(choose("yubikey-5-nfc"))
    made = bridged.page.create(registration()).result()
    assert made["authenticatorAttachment"] == "cross-platform"
    assert commands(key) == ["makeCredential"]
    assert commands(phone) == []


def test_an_attachment_leaves_no_choice(bridged: BridgedBrowser, account: Account, new_key: NewKey) -> None:
    bridged.plug_in(new_key())
    options = registration(authenticatorSelection={"authenticatorAttachment": "platform"})
    assert bridged.page.create(options).error().name == "NotAllowedError"
    bridged.plug_in(account.sign_in("phone"))
    assert bridged.page.create(options).result()["authenticatorAttachment"] == "platform"


def test_conditional_mediation_waits_for_a_passkey(bridged: BridgedBrowser, account: Account) -> None:
    phone = account.sign_in("phone")
    bridged.plug_in(phone)
    before = len(bridged.ui_steps)
    waiting = bridged.page.get(log_in(), mediation="conditional")
    bridged.ui_steps.wait_for("get", since=before)
    assert not waiting.done
    made = bridged.page.create(registration(rk="required")).result()
    assert waiting.result()["id"] == made["id"]


def test_an_abort_reaches_the_device(bridged: BridgedBrowser, account: Account) -> None:
    phone = account.sign_in("phone")
    phone.person.habit = "ignoring"
    bridged.plug_in(phone)
    waiting = bridged.page.create(registration(), abort_after=300)
    assert waiting.error().name == "AbortError"
    wait_until(lambda: any("KEEPALIVE_CANCEL" in str(e.details()) for e in phone.trace.of("response")))
    phone.person.habit = "willing"
    bridged.page.create(registration()).result()


def test_capabilities(bridged: BridgedBrowser, account: Account, new_key: NewKey) -> None:
    is_available = "() => PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()"
    bridged.plug_in(new_key())
    assert bridged.page.evaluate(is_available) is False
    bridged.plug_in(account.sign_in("phone"))
    assert bridged.page.evaluate(is_available) is True
    capabilities = bridged.page.evaluate("() => PublicKeyCredential.getClientCapabilities()")
    assert capabilities["passkeyPlatformAuthenticator"] is True
    assert bridged.page.evaluate("() => PublicKeyCredential.isConditionalMediationAvailable()") is True
    assert capabilities["conditionalCreate"] is False
    asked = bridged.page.create(registration(), mediation="conditional")
    assert asked.error().name == "NotAllowedError"
    assert account.passkeys == ()


def test_signals(bridged: BridgedBrowser, account: Account) -> None:
    bridged.plug_in(account.sign_in("phone"))
    options = registration("alice", rk="required")
    made = bridged.page.create(options).result()
    user = options["user"]["id"]
    bridged.page.evaluate(
        "(user) => PublicKeyCredential.signalCurrentUserDetails(user)",
        {"rpId": "localhost", "userId": user, "name": "alicia", "displayName": "Alicia"},
    )
    assert [each.user.name for each in account.passkeys] == ["alicia"]
    accepted = "([user, ids]) => PublicKeyCredential.signalAllAcceptedCredentials("
    accepted += "{rpId: 'localhost', userId: user, allAcceptedCredentialIds: ids})"
    bridged.page.evaluate(accepted, [user, []])
    assert account.passkeys == (), "it is hidden, where the site does not know it"
    bridged.page.evaluate(accepted, [user, [made["id"]]])
    assert [each.user.name for each in account.passkeys] == ["alicia"], "and shown again"
    bridged.page.evaluate(
        "(it) => PublicKeyCredential.signalUnknownCredential(it)",
        {"rpId": "localhost", "credentialId": made["id"]},
    )
    assert account.passkeys == ()


def test_a_rp_id_of_somebody_else(bridged: BridgedBrowser, account: Account) -> None:
    bridged.plug_in(account.sign_in("phone"))
    options = registration(rp={"id": "example.com", "name": "Somebody else"})
    assert bridged.page.create(options).error().name == "SecurityError"


def test_in_somebody_elses_playwright(site: str, account: Account) -> None:
    """By the sync API, as test suites have it; in a thread, as ours may have a loop running."""
    from concurrent.futures import ThreadPoolExecutor

    from playwright.sync_api import sync_playwright

    from harness.browsers.chromium import find_chromium

    def theirs() -> Any:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), chromium_sandbox=False)
            context = browser.new_context()
            PageBridge(account.sign_in("phone")).attach(context)
            page = context.new_page()
            page.goto(site)
            made = page.evaluate(
                """async (json) => (await navigator.credentials.create(
                  {publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json)})).id""",
                registration(rk="required"),
            )
            browser.close()
            return made

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(theirs).result()
    assert len(account.passkeys) == 1


LEFT_BEHIND = """async () => ({
  cookies: document.cookie, here: localStorage.length, tab: sessionStorage.length, past: history.length,
  databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length, url: location.search})"""
LEAVE = """async () => {
  document.cookie = 'who=ann; max-age=3600';
  localStorage.who = sessionStorage.who = 'ann';
  await new Promise((done) => { indexedDB.open('who').onsuccess = done; });
  await caches.open('who');
  history.pushState({}, '', '?who=ann'); }"""


def test_who_comes_next_finds_nothing_of_who_was_there_before(
    bridged: BridgedBrowser, site: str, account: Account
) -> None:
    phone = account.sign_in("phone")
    first = bridged.new_context(bridge=PageBridge(phone))
    first.page.goto(site)
    as_new = first.page.evaluate(LEFT_BEHIND)
    first.page.evaluate(LEAVE)
    assert first.page.evaluate(LEFT_BEHIND) != as_new
    made = first.page.create(registration(rk="required")).result()
    first.close()

    key = VirtualKey("yubikey-5-nfc", pin="1234")
    second = bridged.new_context(bridge=PageBridge(key, person=Person(pin="1234")))
    assert second is first, "it is used again"
    assert second.sent == []
    second.page.goto(site)
    assert second.page.evaluate(LEFT_BEHIND) == as_new
    assert second.page.create(registration(rk="required")).result()["id"] != made["id"]
    assert (len(account.passkeys), len(key.credentials)) == (1, 1), "each by the devices at its own bridge"

    second.page.goto(site.replace("localhost", "127.0.0.1"))
    second.close()
    third = bridged.new_context(bridge=PageBridge(phone))
    assert third is not second, "who knows what two sites left"
    third.close()


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_pictures_are_as_large_as_the_page(bridged: BridgedBrowser, site: str, size: tuple[int, int]) -> None:
    for url in ("about:blank", site, "about:blank"):
        context = bridged.new_context(Looks(size=size))
        context.page.goto(url)
        with Image.open(BytesIO(context.page.screenshot())) as picture:
            assert picture.size == size
        assert context.page.evaluate("[innerWidth, innerHeight]") == list(size)
        assert context.page.evaluate("matchMedia('(display-mode: browser)').matches")
        context.close()


def test_chromiums_own_virtual_authenticator(site: str) -> None:
    with open_browser("cdp") as browser:
        assert isinstance(browser, CdpBrowser)
        authenticator = browser.add_authenticator()
        browser.page.goto(site)
        options = registration("bob", rk="required", uv="required")
        made = browser.page.create(options).result()
        public_key = verify_registration(site, options, made, uv=True)
        options = log_in(uv="required")
        got = browser.page.get(options).result()
        verify_log_in(site, options, got, public_key, uv=True)
        assert is_user_verified(got)
        assert user_of(got) == "bob"
        assert len(browser.credentials(authenticator)) == 1
