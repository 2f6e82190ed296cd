"""What stock Chromium alone can do, or shows in its own dialogs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest
from browser_ceremonies import (
    CLIENT_PIN,
    MAKE_CREDENTIAL,
    attestation_of,
    commands,
    log_in,
    parameters,
    registration,
    results,
    statuses,
    to_bytes,
    user_of,
)

from authenticator.profiles.loader import load_profile
from harness import VirtualKey, choose, enter_pin
from harness.browsers import Browser, open_browser
from harness.browsers import chromium as module
from harness.browsers.display import Display
from harness.browsers.hands import Elsewhere, XdotoolHands
from harness.client import Client
from harness.errors import SetupError

NewKey = Callable[..., VirtualKey]


def test_headless_where_a_touch_is_enough(site: str, new_key: NewKey) -> None:
    key = new_key()
    with open_browser("chromium", keys=[key]) as browser:
        browser.page.goto(site)
        made = browser.page.create(registration()).result()
        assert browser.page.get(log_in(made)).result()["id"] == made["id"]
        assert browser.ui_steps.names == ["kUsbInsertAndActivate", "kClosed"] * 2


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("loading", "is not up after 0.3 s: it last said: loading"),
        (
            "DevTools listening on ws://127.0.0.1:1/devtools",
            "does not let Playwright drive it: .*ECONNREFUSED",
        ),
    ],
)
def test_one_that_does_not_come_up(
    said: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STARTUP", 0.3)
    program = tmp_path / "chromium"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\necho '{said}' >&2\nexec sleep 1000\n")
    program.chmod(0o755)
    with pytest.raises(SetupError, match=f"^{program} {words}"):
        module.Chromium(port=None, program=str(program))
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_page(chromium: Browser) -> None:
    page = chromium.page
    assert page.title == "Tests"
    page.fill("#name", "Alice")
    page.click("button")
    page.wait_for("#said", text="hello Alice")
    assert page.text("#said") == "hello Alice"
    assert page.evaluate("({n}) => n * 2", {"n": 21}) == 42
    assert page.screenshot().startswith(b"\x89PNG")
    assert chromium.screenshot_screen().startswith(b"\x89PNG")


def test_a_pin_is_set(chromium: Browser, new_key: NewKey) -> None:
    key = new_key()
    key.person.will(enter_pin("86420"))
    chromium.plug_in(key)
    before = len(chromium.ui_steps)
    chromium.page.create(registration(rk="required", uv="required")).result()
    assert chromium.ui_steps.since(before) == [
        "kUsbInsertAndActivate", "kClientPinSetup", "kClientPinTapAgain", "kClosed",
    ]  # fmt: skip
    assert key.person.pin == "86420"
    assert key.engine.authenticator.state.pin_length == 5
    assert chromium.page.get(log_in(uv="required")).result()
    assert "PIN_INVALID" not in statuses(key, CLIENT_PIN)


def test_a_pin_that_is_wrong_three_times(chromium: Browser, new_key: NewKey) -> None:
    key = new_key(pin="1234")
    key.person.will(enter_pin("0000", times=3))
    chromium.plug_in(key)
    before = len(chromium.ui_steps)
    assert chromium.page.create(registration(uv="required")).error().name == "NotAllowedError"
    assert "kClientPinErrorSoftBlock" in chromium.ui_steps.since(before)
    assert "PIN_AUTH_BLOCKED" in statuses(key, CLIENT_PIN)
    key.power_cycle()
    chromium.page.create(registration(uv="required")).result()


def test_a_key_with_a_blocked_pin_is_to_be_reset(chromium: Browser, new_key: NewKey) -> None:
    profile = load_profile("yubikey-5-nfc")
    key = new_key(replace(profile, limits=replace(profile.limits, pin_retries=1)), pin="1234")
    key.person.will(enter_pin("0000"))
    chromium.plug_in(key)
    before = len(chromium.ui_steps)
    assert chromium.page.create(registration(uv="required")).error().name == "NotAllowedError"
    assert chromium.ui_steps.since(before)[-2:] == ["kClientPinErrorHardBlock", "kClosed"]


def test_a_full_key(chromium: Browser, new_key: NewKey) -> None:
    profile = load_profile("yubikey-5-nfc")
    key = new_key(replace(profile, limits=replace(profile.limits, resident_credentials=1)), pin="1234")
    chromium.plug_in(key)
    chromium.page.create(registration("alice", rk="required", uv="required")).result()
    before = len(chromium.ui_steps)
    refused = chromium.page.create(registration("bob", rk="required", uv="required")).error()
    assert refused.name == "NotAllowedError"
    assert "kStorageFull" in chromium.ui_steps.since(before)
    assert statuses(key, MAKE_CREDENTIAL)[-1] == "KEY_STORE_FULL"
    assert [each.user.name for each in key.credentials] == ["alice"]


def test_a_key_plugged_in_while_chromium_waits(chromium: Browser, new_key: NewKey) -> None:
    key = new_key()
    before = len(chromium.ui_steps)
    waiting = chromium.page.create(registration())
    chromium.ui_steps.wait_for("kUsbInsertAndActivate", since=before)
    assert not waiting.done
    chromium.plug_in(key)
    waiting.result()
    assert commands(key) == ["makeCredential"]


@pytest.mark.parametrize("account", [0, 7, 11])
def test_one_of_more_accounts_than_the_dialog_shows_at_once(
    chromium: Browser, site: str, new_key: NewKey, account: int
) -> None:
    key = new_key(pin="1234")
    client = Client(key, site.rstrip("/"))
    for number in range(12):
        client.create(registration(f"user{number}", rk="required"))
    chromium.plug_in(key)
    key.person.will(choose(account))
    got = chromium.page.get(log_in(uv="required")).result()
    assert user_of(got) == f"user{11 - account}"


def test_a_user_who_presses_escape(chromium: Browser, new_key: NewKey) -> None:
    key = new_key()
    key.person.habit = "ignoring"
    chromium.plug_in(key)
    before = len(chromium.ui_steps)
    waiting = chromium.page.create(registration())
    chromium.ui_steps.wait_for("kUsbInsertAndActivate", since=before)
    chromium.dialogs.cancel()  # type: ignore[attr-defined]
    assert waiting.error().name == "NotAllowedError"


def test_a_finger_is_enrolled_on_the_way(chromium: Browser, new_key: NewKey) -> None:
    """Chromium offers that for keys with a sensor that knows nobody, after the PIN."""
    key = new_key("reference", pin="1234")
    chromium.plug_in(key)
    before = len(chromium.ui_steps)
    chromium.page.create(registration(uv="required")).result()
    assert "kInlineBioEnrollment" in chromium.ui_steps.since(before)
    assert len(key.engine.authenticator.state.fingerprints) == 1


def test_large_blob(chromium: Browser, new_key: NewKey) -> None:
    key = new_key(pin="1234")
    chromium.plug_in(key)
    large_blob = {"largeBlob": {"support": "required"}}
    made = chromium.page.create(registration(rk="required", uv="required", extensions=large_blob)).result()
    assert made["clientExtensionResults"]["largeBlob"] == {"supported": True}
    write = {"largeBlob": {"write": "aGVsbG8"}}
    got = chromium.page.get(log_in(made, uv="required", extensions=write)).result()
    assert got["clientExtensionResults"]["largeBlob"] == {"written": True}
    got = chromium.page.get(log_in(made, uv="required", extensions={"largeBlob": {"read": True}})).result()
    assert to_bytes(got["clientExtensionResults"]["largeBlob"]["blob"]) == b"hello"
    assert parameters(key, "makeCredential")[6]["largeBlobKey"] is True
    assert "largeBlobs" in commands(key)
    assert user_of(got) == "alice"


@pytest.mark.parametrize("permitted", [True, False])
def test_enterprise_attestation(site: str, new_key: NewKey, permitted: bool) -> None:
    """By the switch that stands for the policy SecurityKeyPermitAttestation.

    Without it Chromium asks for what the key's vendor allows (1), and passes on the batch's statement that it gets.
    """
    key = new_key("reference", serial="4711")
    with key.engine.lock:
        key.engine.authenticator.change_state(enterprise_attestation=True)
    options = {"permit_enterprise_attestation": [site.rstrip("/")]} if permitted else {}
    with open_browser("chromium", keys=[key], **options) as browser:
        browser.page.goto(site)
        made = browser.page.create(registration(attestation="enterprise")).result()
    assert parameters(key, "makeCredential")[0x0A] == (2 if permitted else 1)
    assert results(key, MAKE_CREDENTIAL)[-1].get(4, False) is permitted  # epAtt
    assert attestation_of(made)["fmt"] == "packed"


def test_where_its_sandbox_does_not_work_it_is_started_without(
    site: str, new_key: NewKey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not work for root: Chromium, asked to use it, ends at once, as it does without user namespaces."""
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with open_browser("chromium", keys=[new_key()]) as browser:
        browser.page.goto(site)
        assert browser.page.create(registration()).result()
    if os.getuid() == 0:
        assert [each.message for each in caplog.records] == [
            "Chromium's sandbox does not work here (user namespaces are off?): started without it"
        ]


def test_on_a_screen_for_somebody_to_watch(
    site: str, new_key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What answers the dialogs there types into the browser's windows only."""
    key = new_key(pin="1234")
    with Display() as screen:
        monkeypatch.setenv("DISPLAY", screen.environment["DISPLAY"])
        with open_browser("chromium", keys=[key], on_screen=True) as browser:
            browser.page.goto(site)
            assert browser.page.create(registration(uv="required")).result()
            stranger = XdotoolHands(screen.environment, session=1)
            with pytest.raises(Elsewhere, match="another window has the keyboard"):
                stranger.type("1234")
    assert commands(key)[-1] == "makeCredential"
    assert key.engine.authenticator.state.pin_retries == 8
