"""Stock desktop Chromium and a phone: by the QR code on its screen, a mock of Bluetooth and a tunnel on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from browser_ceremonies import (
    GET_ASSERTION,
    MAKE_CREDENTIAL,
    attestation_of,
    is_user_verified,
    log_in,
    registration,
    statuses,
    user_of,
    verify_log_in,
    verify_registration,
    wait_until,
)

from authenticator.environment import HandTurnedClock
from harness import Account, Device, VirtualKey, deny
from harness.browsers import Page
from harness.hybrid.domains import ASSIGNED, FIRST_HASHED, tunnel_domain
from harness.hybrid.errors import HybridError
from harness.hybrid.phone import QR_LIFETIME, Stage
from harness.hybrid.qr import QrCode
from harness.hybrid.radio import Air
from harness.hybrid.stage import HybridStage
from harness.people import Question

HYBRID: dict[str, Any] = {"uv": "required", "hints": ["hybrid"]}


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[HybridStage]:
    with HybridStage(tunnel_domains=[*ASSIGNED, tunnel_domain(FIRST_HASHED)]) as stage:
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


@pytest.mark.parametrize("profile", ["icloud-keychain", "google-password-manager"])
def test_prf(stage: HybridStage, page: Page, profile: str) -> None:
    """Over hybrid the phone does prf itself; over USB the browser would make hmac-secret of it."""
    salts, others = {"first": "AAAA", "second": "BBBB"}, {"first": "CCCC"}
    with Account(profile).sign_in("phone") as key:

        def prf(waiting: Any) -> dict[str, Any]:
            stage.scan(stage.phone(key))
            made: dict[str, Any] = waiting.result()
            outputs: dict[str, Any] = made["clientExtensionResults"]["prf"]
            return {**outputs, "id": made["id"]}

        made = prf(page.create(registration(rk="required", extensions={"prf": {"eval": salts}}, **HYBRID)))
        assert made["enabled"] is True
        got = prf(page.get(log_in(extensions={"prf": {"eval": salts}}, **HYBRID)))
        assert set(got["results"]) == {"first", "second"}
        assert len(got["results"]["first"]) == 43
        # A phone may answer at registration already, and then as it does later
        assert made.get("results", got["results"]) == got["results"]
        inputs = {"eval": salts, "evalByCredential": {made["id"]: others}}
        own = prf(page.get(log_in({"id": made["id"]}, extensions={"prf": inputs}, **HYBRID)))
        assert set(own["results"]) == {"first"}
        assert own["results"]["first"] != got["results"]["first"]


def test_a_device_bound_phone_has_no_prf(stage: HybridStage, page: Page) -> None:
    with Device("phone", "android-device-bound") as key:
        waiting = page.create(registration(rk="required", extensions={"prf": {}}, **HYBRID))
        stage.scan(stage.phone(key))
        assert not waiting.result()["clientExtensionResults"].get("prf", {}).get("enabled", False)


def test_the_aaguid_is_kept(stage: HybridStage, page: Page, key: VirtualKey) -> None:
    """Chromium blanks a security key's where a site wants no attestation, and not a phone's."""
    waiting = page.create(registration(rk="required", attestation="none", **HYBRID))
    stage.scan(stage.phone(key))
    data = attestation_of(waiting.result())["authData"]
    assert data[37:53] == key.profile.aaguid
    assert any(data[37:53])


def test_a_tunnel_at_a_hashed_domain(stage: HybridStage, page: Page, key: VirtualKey) -> None:
    waiting = page.create(registration(rk="required", **HYBRID))
    stage.scan(stage.phone(key, domain=FIRST_HASHED))
    assert is_user_verified(waiting.result())


def test_phones_that_refuse_and_one_of_two_that_does_not(
    stage: HybridStage, page: Page, key: VirtualKey
) -> None:
    """One QR code on the screen; whatever a phone makes of it, the browser waits until one is near and willing."""
    waiting = page.create(registration(rk="required", **HYBRID))
    code = stage.read_code()
    # Chromium says that it keeps no links, so that no phone offers any.
    assert not QrCode.decode(code).can_link
    late = HandTurnedClock(time.time() + QR_LIFETIME + 10)
    elsewhere = stage.phone(key, links=True)
    elsewhere.radio = Air()
    refusing = {
        "has expired": stage.phone(key, clock=late),
        "is locked, and nobody unlocks it": stage.phone(key, locked=True),
        "cannot prove that it is near": stage.phone(key, bluetooth=False),
        "nothing came through the tunnel": elsewhere,
    }
    for told, phone in refusing.items():
        with pytest.raises(HybridError, match=told):
            stage.scan(phone, code, join_within=1.0).result(30)
        assert not waiting.done
    first, second = stage.phone(key, locked=True, links=True), stage.phone(key)
    told_second: list[BaseException | None] = []

    def while_asked(question: Question) -> None:
        told_second.append(stage.scan(second, code).exception(30))

    key.person.on_ask = while_asked
    session = stage.scan(first, code)
    wait_until(lambda: [event.stage for event in first.events] == [Stage.LOCKED])
    stage.unlock(first)
    assert is_user_verified(waiting.result())
    session.result(30)
    assert "409: this tunnel is open already" in str(told_second[0])
    assert Stage.LINKED not in [event.stage for event in first.events]


def test_a_phone_without_a_screen_lock(stage: HybridStage, page: Page) -> None:
    """It says that it verifies its user, as phones do, and refuses: the page has its answer at once."""
    with Account("google-password-manager").sign_in("phone", screen_lock=False) as key:
        waiting = page.create(registration(rk="required", **HYBRID))
        phone = stage.phone(key)
        stage.scan(phone)
        assert waiting.error().name == "NotAllowedError"
        assert statuses(key, MAKE_CREDENTIAL) == ["OPERATION_DENIED"]


def test_a_phone_that_is_switched_off_while_it_asks(stage: HybridStage, page: Page, key: VirtualKey) -> None:
    key.person.habit = "ignoring"
    phone = stage.phone(key)
    waiting = page.create(registration(rk="required", **HYBRID))
    session = stage.scan(phone)
    wait_until(lambda: Stage.REQUEST in [event.stage for event in phone.events])
    key.unplug()
    with pytest.raises(HybridError, match="was switched off"):
        session.result(30)
    assert waiting.error().name == "NotAllowedError"


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
