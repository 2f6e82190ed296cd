"""Stock desktop Chromium and a phone: by the QR code on its screen, a mock of Bluetooth and a tunnel on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser_ceremonies import (
    GET_ASSERTION,
    MAKE_CREDENTIAL,
    is_user_verified,
    log_in,
    registration,
    statuses,
    user_of,
    verify_log_in,
    verify_registration,
    wait_until,
)

from harness import Account, VirtualKey, deny
from harness.browsers import Page
from harness.hybrid.phone import Stage
from harness.hybrid.stage import HybridStage

HYBRID: dict[str, Any] = {"uv": "required", "hints": ["hybrid"]}


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[HybridStage]:
    with HybridStage() as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: HybridStage, site: str) -> Iterator[HybridStage]:
    shared_stage.browser.page.goto(site)
    yield shared_stage
    shared_stage.browser.page.goto("about:blank")
    assert shared_stage.browser.dialogs is not None
    assert not shared_stage.browser.dialogs.problems


@pytest.fixture
def page(stage: HybridStage) -> Page:
    return stage.browser.page


@pytest.fixture
def key() -> Iterator[VirtualKey]:
    with Account("icloud-keychain").sign_in("phone") as device:
        yield device


def register(stage: HybridStage, key: VirtualKey) -> dict[str, Any]:
    waiting = stage.browser.page.create(registration(rk="required", **HYBRID))
    session = stage.scan(stage.phone(key))
    made: dict[str, Any] = waiting.result()
    session.result(30)
    return made


def test_register_and_log_in(stage: HybridStage, page: Page, site: str, key: VirtualKey) -> None:
    phone = stage.phone(key)
    before = len(stage.browser.ui_steps)
    options = registration("bob", rk="required", **HYBRID)
    waiting = page.create(options)
    session = stage.scan(phone)
    made = waiting.result()
    session.result(30)
    public_key = verify_registration(site, options, made, uv=True)
    assert stage.browser.ui_steps.since(before)[0] == "kCableV2QRCode"
    assert made["response"]["transports"] == ["hybrid", "internal"]

    options = log_in(**HYBRID)
    waiting = page.get(options)
    session = stage.scan(phone)
    got = waiting.result()
    session.result(30)
    verify_log_in(site, options, got, public_key, uv=True)
    assert is_user_verified(got)
    assert user_of(got) == "bob"
    assert got["authenticatorAttachment"] == "cross-platform"
    assert statuses(key, MAKE_CREDENTIAL) == statuses(key, GET_ASSERTION) == ["SUCCESS"]
    stages = [event.stage for event in phone.events]
    assert stages == [
        Stage.SCANNED, Stage.TUNNEL_OPEN, Stage.ON_AIR, Stage.JOINED, Stage.SECURE, Stage.REQUEST, Stage.RESPONSE,
        Stage.SHUT_DOWN,
    ] * 2  # fmt: skip
    assert {"StartDiscovery", "StopDiscovery"} <= set(stage.bluez.calls)
    wait_until(lambda: len(stage.tunnel_server) == 0)


def test_a_site_that_asks_for_another_device(
    stage: HybridStage, page: Page, site: str, key: VirtualKey
) -> None:
    """A phone by QR code is cross-platform, whatever it is to the pages on itself."""
    options = registration(rk="required", **HYBRID)
    options["authenticatorSelection"]["authenticatorAttachment"] = "cross-platform"
    waiting = page.create(options)
    stage.scan(stage.phone(key))
    made = waiting.result()
    verify_registration(site, options, made, uv=True)
    assert made["authenticatorAttachment"] == "cross-platform"


def test_prf(stage: HybridStage, page: Page, key: VirtualKey) -> None:
    """Over hybrid the phone does prf itself; over USB the browser would make hmac-secret of it."""
    waiting = page.create(registration(rk="required", extensions={"prf": {}}, **HYBRID))
    stage.scan(stage.phone(key))
    assert waiting.result()["clientExtensionResults"]["prf"]["enabled"] is True
    secrets = []
    for _ in range(2):
        waiting = page.get(log_in(extensions={"prf": {"eval": {"first": "AAAA"}}}, **HYBRID))
        stage.scan(stage.phone(key))
        secrets.append(waiting.result()["clientExtensionResults"]["prf"]["results"]["first"])
    assert secrets[0] == secrets[1]
    assert len(secrets[0]) == 43


def test_a_wrong_phone(stage: HybridStage, page: Page, key: VirtualKey) -> None:
    register(stage, key)
    with Account("icloud-keychain").sign_in("somebody else's") as other:
        waiting = page.get(log_in(**HYBRID))
        stage.scan(stage.phone(other))
        assert waiting.error().name == "NotAllowedError"
        assert statuses(other, GET_ASSERTION) == ["NO_CREDENTIALS"]


def test_a_person_who_declines(stage: HybridStage, page: Page, key: VirtualKey) -> None:
    register(stage, key)
    key.person.will(deny())
    waiting = page.get(log_in(**HYBRID))
    stage.scan(stage.phone(key))
    assert waiting.error().name == "NotAllowedError"
    assert statuses(key, GET_ASSERTION) == ["OPERATION_DENIED"]


def test_a_tunnel_that_breaks(stage: HybridStage, page: Page, key: VirtualKey) -> None:
    register(stage, key)
    key.person.habit = "ignoring"
    phone = stage.phone(key)
    before = len(stage.browser.ui_steps)
    waiting = page.get(log_in(**HYBRID))
    session = stage.scan(phone)
    stage.browser.ui_steps.wait_for("kCableV2Connected", since=before)
    assert not waiting.done
    stage.break_tunnel(phone)
    assert waiting.error().name == "NotAllowedError"
    session.result(30)
    assert phone.events[-1].stage is Stage.BROKEN
    key.person.habit = "willing"
    waiting = page.get(log_in(**HYBRID))
    stage.scan(stage.phone(key))
    assert is_user_verified(waiting.result())


def test_bluetooth_is_off_and_then_on(site: str, key: VirtualKey) -> None:
    with HybridStage(powered=False) as stage:
        stage.browser.page.goto(site)
        waiting = stage.browser.page.create(registration(rk="required", **HYBRID))
        stage.browser.ui_steps.wait_for("kBlePowerOnAutomatic")
        assert "kCableV2QRCode" not in stage.browser.ui_steps.names
        stage.power(True)
        stage.scan(stage.phone(key))
        assert is_user_verified(waiting.result())


def test_no_bluetooth_adapter(site: str) -> None:
    """Chromium then shows no QR code, and asks for a security key."""
    with HybridStage(adapter=False) as stage:
        stage.browser.page.goto(site)
        waiting = stage.browser.page.create(registration(rk="required", **HYBRID))
        stage.browser.ui_steps.wait_for("kUsbInsertAndActivate")
        assert stage.browser.dialogs is not None
        stage.browser.dialogs.cancel()
        assert waiting.error().name == "NotAllowedError"
        assert "kCableV2QRCode" not in stage.browser.ui_steps.names
