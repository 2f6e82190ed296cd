"""What stock Firefox does otherwise than Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ceremonies import MAKE_CREDENTIAL, attestation_of, commands, registration, statuses

from harness import VirtualKey
from harness.browsers import Browser

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


def test_it_sets_no_pin(firefox: Browser, new_key: NewKey) -> None:
    key = new_key()
    firefox.plug_in(key)
    waiting = firefox.page.create(registration(rk="required", uv="required"))
    firefox.ui_steps.wait_for("pin-not-set")
    firefox.cancel()  # type: ignore[attr-defined]
    assert waiting.error().name == "NotAllowedError"
    assert "makeCredential" not in commands(key)
    assert key.engine.authenticator.state.pin_hash is None


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
    assert attestation_of(made)["fmt"] == ("packed" if consents else "none")
    assert statuses(key, MAKE_CREDENTIAL)[-1] == "SUCCESS"
