"""What stock Firefox does otherwise than Chromium."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest
from browser_ceremonies import (
    MAKE_CREDENTIAL,
    attestation_of,
    commands,
    is_user_verified,
    parameters,
    registration,
    statuses,
    steps,
)
from fido2.ctap import CtapError
from fido2.ctap2 import Ctap2

from harness import VirtualKey
from harness.browsers import Browser
from harness.browsers.firefox_prompts import asking_key

NewKey = Callable[..., VirtualKey]


def test_a_page(firefox: Browser) -> None:
    page = firefox.page
    assert page.title == "Tests"
    page.fill("#name", "Alice")
    page.click("button")
    page.wait_for("#said", text="hello Alice")
    assert page.text("#said") == "hello Alice"
    assert page.evaluate("({n}) => n * 2", {"n": 21}) == 42
    assert page.screenshot().startswith(b"\x89PNG")


def test_a_key_that_was_cancelled_is_not_the_one_that_asks(new_key: NewKey) -> None:
    touched, ignored = new_key(), new_key()
    ignored.person.habit = "ignoring"
    cancelled = Event()
    Ctap2(touched.ctap_device()).selection()
    with pytest.raises(CtapError, match="KEEPALIVE_CANCEL"):
        Ctap2(ignored.ctap_device()).selection(event=cancelled, on_keepalive=lambda _: cancelled.set())
    Ctap2(ignored.ctap_device()).get_info()
    assert asking_key([touched, ignored]) is touched
    assert asking_key([ignored, touched]) is touched


def test_a_key_without_a_pin_registers_unverified_even_where_verification_is_required(
    firefox: Browser, new_key: NewKey
) -> None:
    """Firefox sets no PINs, and lets the relying party find out: the flag UV is not set."""
    key = new_key()
    firefox.plug_in(key)
    made = firefox.page.create(registration(rk="required", uv="required")).result()
    assert not is_user_verified(made)
    assert commands(key) == ["makeCredential"]
    assert key.engine.authenticator.state.pin_hash is None


def test_it_asks_for_no_enterprise_attestation(firefox: Browser, new_key: NewKey) -> None:
    key = new_key("reference", serial="4711")
    with key.engine.lock:
        key.engine.authenticator.change_state(enterprise_attestation=True)
    firefox.plug_in(key)
    firefox.page.create(registration(attestation="enterprise")).result()
    assert 0x0A not in parameters(key, "makeCredential")


@pytest.mark.parametrize("consents", [True, False])
def test_it_asks_before_it_tells_the_site_which_key_it_is(
    firefox: Browser, new_key: NewKey, consents: bool
) -> None:
    key = new_key()
    firefox.plug_in(key)
    firefox.consents_to_attestation = consents  # type: ignore[attr-defined]
    try:
        made = firefox.page.create(registration(attestation="direct")).result()
    finally:
        firefox.consents_to_attestation = True  # type: ignore[attr-defined]
    assert "attestation-consent" in firefox.ui_steps.names
    assert f"person: {'consents' if consents else 'does not consent'} to attestation" in steps(key)
    assert attestation_of(made)["fmt"] == ("packed" if consents else "none")
    assert statuses(key, MAKE_CREDENTIAL)[-1] == "SUCCESS"
