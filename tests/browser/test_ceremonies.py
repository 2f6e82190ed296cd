"""Stock Chromium and stock Firefox with a key on the mock port: what pages get, and what the key saw of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from browser_ceremonies import (
    CLIENT_PIN,
    GET_ASSERTION,
    MAKE_CREDENTIAL,
    attestation_of,
    commands,
    log_in,
    parameters,
    registration,
    states,
    statuses,
    steps,
    to_text,
    user_of,
    verify_log_in,
    verify_registration,
    wait_until,
)

from authenticator import cbor
from harness import VirtualKey, choose, deny, enter_pin, touch, unplug
from harness.browsers import Browser

NewKey = Callable[..., VirtualKey]
CRED_PROTECT = {"credProtect": 3}


def register(browser: Browser, **options: Any) -> dict[str, Any]:
    return browser.page.create(registration(**options)).result()


def test_register_and_log_in(browser: Browser, site: str, new_key: NewKey) -> None:
    key = new_key()
    browser.plug_in(key)
    options = registration()
    made = browser.page.create(options).result()
    public_key = verify_registration(site, options, made)
    options = log_in(made)
    got = browser.page.get(options).result()
    assert verify_log_in(site, options, got, public_key) > 0
    assert got["id"] == made["id"]
    # Firefox tells of the transport it used, Chromium of those in the key's getInfo
    assert made["response"]["transports"] == (["nfc", "usb"] if browser.name == "chromium" else ["usb"])
    assert attestation_of(made)["fmt"] == "none"
    assert not key.credentials
    assert commands(key)[0] == "makeCredential"
    assert commands(key)[-1] == "getAssertion"
    assert [each.answer for each in key.person.record] == ["touched", "touched"]
    assert steps(key)[0] == "page: navigator.credentials.create localhost as alice"
    assert f"page: navigator.credentials.create → public-key id {made['id']}" in steps(key)
    assert steps(key)[-1] == f"page: navigator.credentials.get → public-key id {got['id']}"
    presence = "kUsbInsertAndActivate" if browser.name == "chromium" else "presence"
    assert f"browser: {presence}" in steps(key)
    assert states(key)[0] == "plugged in on mock /dev/hidraw0"


def test_log_in_with_a_passkey(browser: Browser, site: str, new_key: NewKey) -> None:
    key = new_key(pin="1234")
    browser.plug_in(key)
    options = registration("bob", rk="required", uv="required")
    public_key = verify_registration(site, options, browser.page.create(options).result(), uv=True)
    assert [each.user.name for each in key.credentials] == ["bob"]
    options = log_in(uv="required")
    got = browser.page.get(options).result()
    verify_log_in(site, options, got, public_key, uv=True)
    assert user_of(got) == "bob"
    assert 3 not in parameters(key, "getAssertion")  # allowList


def test_a_wrong_pin_and_then_the_right_one(browser: Browser, new_key: NewKey) -> None:
    key = new_key(pin="1234")
    browser.plug_in(key)
    key.person.will(enter_pin("9999"))
    register(browser, uv="required")
    assert statuses(key, CLIENT_PIN).count("PIN_INVALID") == 1
    assert [each.answer for each in key.person.record] == ["a PIN", "a PIN", "touched"]
    first, second = (each.ask for each in list(key.person.record)[:2])
    assert (first.retries, first.wrong_before) == (8, False)
    assert (second.retries, second.wrong_before) == (7, True)
    assert key.engine.authenticator.state.pin_retries == 8


def test_of_two_keys_the_one_that_is_touched_wants_its_pin(browser: Browser, new_key: NewKey) -> None:
    """The other one says that it was cancelled, as late as it likes."""
    ignored, touched = new_key(pin="111111"), new_key(pin="222222")
    ignored.person.habit = "ignoring"
    touched.person.will(touch(after=1))
    browser.plug_in(ignored)
    browser.plug_in(touched)
    made = register(browser, rk="required", uv="required")
    assert [to_text(each.id) for each in touched.credentials] == [made["id"]]
    assert "a PIN" in [each.answer for each in touched.person.record]
    assert "a PIN" not in [each.answer for each in ignored.person.record]
    assert statuses(touched, CLIENT_PIN).count("PIN_INVALID") == 0
    assert commands(ignored)[-1] != "makeCredential" or "SUCCESS" not in statuses(ignored, MAKE_CREDENTIAL)


def test_a_person_who_enters_no_pin(browser: Browser, new_key: NewKey) -> None:
    key = new_key(pin="1234")
    browser.plug_in(key)
    key.person.will(deny())
    refused = browser.page.create(registration(uv="required")).error()
    assert refused.name == "NotAllowedError"
    assert "makeCredential" not in commands(key)
    assert ("person: presses Escape" if browser.name == "chromium" else "person: cancels") in steps(key)
    assert steps(key)[-1].startswith("page: navigator.credentials.create → NotAllowedError")


@pytest.mark.parametrize("account", [0, 2])
def test_one_of_several_accounts(browser: Browser, new_key: NewKey, account: int) -> None:
    key = new_key(pin="1234")
    browser.plug_in(key)
    for user in ("alice", "bob", "carol"):
        register(browser, user=user, rk="required", uv="required")
    key.person.will(choose(account))
    got = browser.page.get(log_in(uv="required")).result()
    assert user_of(got) == ["carol", "bob", "alice"][account]
    assert commands(key).count("getNextAssertion") == 2
    asked = [each.ask for each in key.person.record if hasattr(each.ask, "accounts")]
    assert [each.accounts for each in asked] == [("carol", "bob", "alice")]


def test_a_key_that_is_registered_already(browser: Browser, new_key: NewKey) -> None:
    key = new_key()
    browser.plug_in(key)
    made = register(browser)
    excluded = [{"type": "public-key", "id": made["id"]}]
    refused = browser.page.create(registration(excludeCredentials=excluded)).error()
    assert refused.name == "InvalidStateError"
    assert "CREDENTIAL_EXCLUDED" in statuses(key, MAKE_CREDENTIAL)


def test_a_key_that_is_not_registered(browser: Browser, new_key: NewKey) -> None:
    key, other = new_key(), new_key()
    browser.plug_in(other)
    made = register(browser)
    browser.unplug(other)
    browser.plug_in(key)
    asked = browser.page.get(log_in(made, timeout=3_000))
    assert asked.error().name == "NotAllowedError"
    assert statuses(key, GET_ASSERTION)[0] == "NO_CREDENTIALS"


def test_of_two_keys_the_one_that_is_touched(browser: Browser, new_key: NewKey) -> None:
    ignored, touched = new_key(), new_key()
    browser.plug_in(ignored)
    first = register(browser)
    ignored.person.habit = "ignoring"
    browser.plug_in(touched)
    # A person takes a moment; a browser that has found the touched key first has found the other one by then.
    touched.person.will(touch(after=2), touch(after=2))
    second = register(browser)
    assert statuses(touched, MAKE_CREDENTIAL)[-1] == "SUCCESS"
    assert "SUCCESS" not in statuses(ignored, MAKE_CREDENTIAL)[1:]
    got = browser.page.get(log_in(first, second)).result()
    assert got["id"] == second["id"]
    assert len(ignored.person.record) == 3, "the key that nobody touched was asked too"


def test_a_key_pulled_out_half_way(browser: Browser, new_key: NewKey) -> None:
    """Chromium goes on with the next key that is plugged in; Firefox gives up, and the page may ask again."""
    pulled, other = new_key(), new_key()
    pulled.person.will(unplug(after=0.2))
    browser.plug_in(pulled)
    waiting = browser.page.create(registration())
    if browser.name == "firefox":
        assert waiting.error().name == "NotAllowedError"
        waiting = browser.page.create(registration())
    else:
        wait_until(lambda: not pulled.is_plugged_in)
        assert not waiting.done
    browser.plug_in(other)
    waiting.result()
    assert [event.state for event in pulled.trace.of("state")][-1] == "unplugged"
    assert statuses(pulled, MAKE_CREDENTIAL) == []
    assert statuses(other, MAKE_CREDENTIAL) == ["SUCCESS"]


def test_prf(browser: Browser, new_key: NewKey) -> None:
    key = new_key(pin="1234")
    browser.plug_in(key)
    made = register(browser, rk="required", uv="required", extensions={"prf": {}})
    assert made["clientExtensionResults"]["prf"] == {"enabled": True}
    assert parameters(key, "makeCredential")[6]["hmac-secret"] is True

    def secret(first: str) -> str:
        asked = log_in(made, uv="required", extensions={"prf": {"eval": {"first": first}}})
        got = browser.page.get(asked).result()
        value: str = got["clientExtensionResults"]["prf"]["results"]["first"]
        return value

    one, again, other = secret("AAAA"), secret("AAAA"), secret("AAAB")
    assert one == again != other
    assert len(one) == 43  # 32 bytes in base64url
    assert set(parameters(key, "getAssertion")[4]["hmac-secret"]) >= {1, 2, 3}


def test_cred_protect(browser: Browser, new_key: NewKey) -> None:
    key = new_key(pin="1234")
    browser.plug_in(key)
    protection = {
        "credentialProtectionPolicy": "userVerificationRequired",
        "enforceCredentialProtectionPolicy": True,
    }
    made = register(browser, rk="required", uv="required", extensions=protection)
    # CTAP 2.3 §12.1: the extension's output is in the signed data of the page's response
    assert cbor.decode(attestation_of(made)["authData"][-len(cbor.encode(CRED_PROTECT)) :]) == CRED_PROTECT
    assert parameters(key, "makeCredential")[6]["credProtect"] == 3
    assert [each.protection.value for each in key.credentials] == [3]
    key.person.habit = "ignoring"
    unverified = browser.page.get(log_in(made, uv="discouraged"), abort_after=2_000)
    assert unverified.error().name in ("AbortError", "NotAllowedError"), "it is not found without the PIN"


def test_direct_attestation(browser: Browser, new_key: NewKey) -> None:
    key = new_key()
    browser.plug_in(key)
    made = register(browser, attestation="direct")
    assert attestation_of(made)["fmt"] == "packed"
    assert len(attestation_of(made)["attStmt"]["x5c"]) >= 1


def test_a_user_who_gives_up(browser: Browser, new_key: NewKey) -> None:
    """The page aborts; the key is told, and free for the next one."""
    key = new_key()
    key.person.habit = "ignoring"
    browser.plug_in(key)
    assert browser.page.create(registration(), abort_after=1_000).error().name == "AbortError"
    key.person.habit = "willing"
    register(browser)
    assert statuses(key, MAKE_CREDENTIAL) == ["KEEPALIVE_CANCEL", "SUCCESS"]
