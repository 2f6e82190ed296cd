"""The client's side of WebAuthn: the person, and how they are verified."""

from __future__ import annotations

from typing import Any

import pytest
from client_requests import PASSKEY, UP, UV, asks, creation, directly_and_by_wire, flags, refusal, request

from harness import (
    Client,
    ClientError,
    HandTurnedClock,
    VirtualKey,
    deny,
    enter_pin,
    ignore,
    unplug,
    wrong_finger,
)


@directly_and_by_wire
@pytest.mark.parametrize("wanted", ["required", "preferred", "discouraged"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("nothing", {}), ("pin", {"pin": "2468"}), ("finger", {"pin": "2468", "fingers": ["f"]})],
)
def test_user_verification(kind: str, options: dict[str, Any], wanted: str, wire: bool) -> None:
    key = VirtualKey(clock=HandTurnedClock(), **options)
    client = Client(key, wire=wire)
    made = client.create(creation(authenticatorSelection={"userVerification": wanted}))
    had_to_set_a_pin = kind == "nothing" and wanted == "required"
    verified = had_to_set_a_pin or (kind != "nothing" and wanted != "discouraged")
    assert bool(flags(made) & UV) == verified
    expected = (
        {"nothing": "Presence", "pin": "PinEntry", "finger": "Verification"}[kind] if verified else "Presence"
    )
    assert asks(key)[0] == ("PinEntry" if had_to_set_a_pin else expected)
    signed = client.get(request(made["id"], userVerification=wanted))
    assert bool(flags(signed) & UV) == verified
    assert flags(signed) & UP


def test_a_passkey_is_never_made_on_a_protected_key_without_verification() -> None:
    key = VirtualKey(pin="2468")
    made = Client(key).create(creation(authenticatorSelection=PASSKEY | {"userVerification": "discouraged"}))
    assert flags(made) & UV


@directly_and_by_wire
def test_a_wrong_pin_is_asked_again_and_a_right_one_resets_the_count(wire: bool) -> None:
    key = VirtualKey(pin="2468", clock=HandTurnedClock())
    key.person.will(enter_pin("0000"), enter_pin("1111"))
    client = Client(key, wire=wire)
    assert flags(client.create(creation())) & UV
    entries = [each.ask for each in key.person.record if type(each.ask).__name__ == "PinEntry"]
    assert [(each.retries, each.wrong_before) for each in entries] == [(8, False), (7, True), (6, True)]  # type: ignore[union-attr]
    assert key.engine.authenticator.state.pin_retries == 8


@directly_and_by_wire
def test_three_wrong_pins_block_until_the_power_cycle_and_eight_for_good(wire: bool) -> None:
    key = VirtualKey(pin="2468", clock=HandTurnedClock())
    client = Client(key, wire=wire)
    for attempts in (3, 3, 2):
        key.person.will(enter_pin("0000", times=attempts))
        with pytest.raises(ClientError, match="blocked") as refused:
            client.create(creation())
        assert refused.value.name == "NotAllowedError"
        assert not key.person.script
        key.power_cycle()
    with pytest.raises(ClientError, match="until the key is reset"):
        client.create(creation())


def test_nobody_enters_a_pin() -> None:
    key = VirtualKey(pin="2468")
    key.person.will(deny())
    with pytest.raises(ClientError, match="entered no PIN"):
        Client(key).create(creation())
    key.person.pin = None
    assert refusal(lambda: Client(key).create(creation())) == "NotAllowedError"


def test_a_pin_is_set_where_it_is_required_and_missing() -> None:
    key = VirtualKey()
    key.person.will(enter_pin("13579"))
    made = Client(key).create(creation(authenticatorSelection={"userVerification": "required"}))
    assert flags(made) & UV
    assert key.person.pin == "13579"
    assert key.engine.authenticator.state.pin_length == 5
    too_short = VirtualKey()
    too_short.person.will(enter_pin("1"))
    with pytest.raises(ClientError, match="4 to 63"):
        Client(too_short).create(creation(authenticatorSelection={"userVerification": "required"}))


def test_a_pin_that_must_be_changed_is_changed() -> None:
    key = VirtualKey(pin="2468")
    key.engine.authenticator.change_state(force_pin_change=True)
    key.person.will(enter_pin("2468"), enter_pin("97531"))
    assert flags(Client(key).create(creation())) & UV
    assert not key.engine.authenticator.state.force_pin_change
    assert flags(Client(key).create(creation("bob"))) & UV
    assert key.person.pin == "97531"


@directly_and_by_wire
def test_wrong_fingers_and_then_the_pin(wire: bool) -> None:
    key = VirtualKey(pin="2468", fingers=["index"], clock=HandTurnedClock())
    key.person.will(wrong_finger(times=3))
    client = Client(key, wire=wire)
    made = client.create(creation())
    assert flags(made) & UV
    assert asks(key)[:4] == ["Verification"] * 3 + ["PinEntry"]
    key.person.will(wrong_finger(times=1))
    assert flags(client.get(request(made["id"]))) & UV


def test_a_refusal_is_a_refusal() -> None:
    key = VirtualKey(pin="2468", fingers=["index"])
    key.person.will(deny())
    assert refusal(lambda: Client(key).create(creation())) == "NotAllowedError"
    assert asks(key) == ["Verification"], "the PIN is no way around it"


def test_a_key_without_any_verification() -> None:
    from dataclasses import replace

    profile = VirtualKey().profile
    features = replace(
        profile.features,
        client_pin=False,
        user_verification=None,
        bio_enrollment=False,
        bio_enrollment_preview=False,
    )
    client = Client(VirtualKey(replace(profile, features=features)))
    required = {"userVerification": "required"}
    assert refusal(lambda: client.create(creation(authenticatorSelection=required))) == "ConstraintError"
    made = client.create(creation())
    assert flags(made) == UP | 0x40
    assert refusal(lambda: client.get(request(made["id"], **required))) == "ConstraintError"


@directly_and_by_wire
def test_nobody_is_there_until_the_time_is_up(wire: bool) -> None:
    clock = HandTurnedClock()
    key = VirtualKey(clock=clock)
    key.person.habit = "ignoring"
    start = clock.monotonic()
    with pytest.raises(ClientError, match="NotAllowedError"):
        Client(key, wire=wire).create(creation(timeout=5_000))
    assert clock.monotonic() - start >= 5
    key.person.pin = None
    key.person.habit = "willing"
    assert Client(key, wire=wire).create(creation())


def test_the_clients_own_time_is_up_before_the_keys() -> None:
    clock = HandTurnedClock()
    key = VirtualKey(pin="2468", clock=clock)
    for act in (ignore(), enter_pin("2468", after=60)):
        key.person.will(act)
        start = clock.monotonic()
        assert refusal(lambda: Client(key).create(creation(timeout=5_000))) == "NotAllowedError"
        assert clock.monotonic() - start == pytest.approx(5)


@directly_and_by_wire
@pytest.mark.parametrize("options", [{}, {"pin": "2468"}])
def test_the_key_is_pulled_out(options: dict[str, Any], wire: bool) -> None:
    key = VirtualKey(**options)
    key.person.will(unplug())
    client = Client(key, wire=wire)
    assert refusal(lambda: client.create(creation())) == "NotAllowedError"
    assert not key.is_plugged_in
    assert refusal(lambda: client.create(creation())) == "NotAllowedError"
