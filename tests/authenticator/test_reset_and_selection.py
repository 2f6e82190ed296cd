"""authenticatorReset and authenticatorSelection."""

from __future__ import annotations

from typing import Any

from bench import ERR, PIN, MakeBench, refused, when_nobody_agrees

from authenticator.person import NotRecognised, Presence, Purpose
from authenticator.profiles.profile import Quirk

PUB_KEY_CRED_PARAMS = [{"type": "public-key", "alg": -7}]


def test_a_reset_forgets_everything(authenticator: MakeBench) -> None:
    bench = authenticator()
    ctap = bench.ctap
    ctap.make_credential(
        bytes(32), {"id": "example.com"}, {"id": b"1", "name": "a"}, PUB_KEY_CRED_PARAMS, options={"rk": True}
    )
    sealed = ctap.make_credential(
        bytes(32), {"id": "example.com"}, {"id": b"2", "name": "b"}, PUB_KEY_CRED_PARAMS
    )
    assert sealed.auth_data.credential_data is not None
    allowed = {"type": "public-key", "id": sealed.auth_data.credential_data.credential_id}
    ctap.get_assertion("example.com", bytes(32), [allowed])
    bench.client_pin().set_pin(PIN)
    bench.authenticator.change_state(
        always_uv=True, min_pin_length=8, force_pin_change=True, pin_retries=0, uv_retries=0
    )
    secret = bench.state.master_secret
    ctap.reset()
    state = bench.state
    assert state.pin_hash is None
    assert (state.pin_retries, state.uv_retries, state.min_pin_length) == (8, 3, 4)
    assert not state.always_uv
    assert not state.force_pin_change
    assert state.master_secret != secret
    assert len(bench.authenticator.store) == 0
    for allow_list in (None, [allowed]):
        with refused(ERR.NO_CREDENTIALS):
            ctap.get_assertion("example.com", bytes(32), allow_list)


def test_a_reset_must_come_within_ten_seconds_of_power_up(authenticator: MakeBench) -> None:
    bench = authenticator()
    bench.clock.advance(10)
    bench.ctap.reset()
    bench.clock.advance(0.1)
    with refused(ERR.NOT_ALLOWED):  # a reset is no power-up
        bench.ctap.reset()
    assert len(bench.person.asked) == 1
    bench.authenticator.power_cycle()
    bench.ctap.reset()


@when_nobody_agrees
def test_no_reset_without_a_touch(authenticator: MakeBench, does: Any, code: int) -> None:
    bench = authenticator()
    bench.client_pin().set_pin(PIN)
    bench.person.will(does)
    with refused(code):
        bench.ctap.reset()
    assert bench.state.pin_hash is not None


def test_quirks_of_reset(authenticator: MakeBench) -> None:
    bench = authenticator(quirks=frozenset({Quirk.NO_TOUCH_FOR_RESET, Quirk.RESET_ANY_TIME}))
    bench.clock.advance(3600)
    bench.client_pin().set_pin(PIN)
    bench.ctap.reset()
    assert bench.state.pin_hash is None
    assert not bench.person.asked


def test_a_device_that_is_not_reset_over_ctap(authenticator: MakeBench) -> None:
    with refused(ERR.INVALID_COMMAND):
        authenticator(features={"reset": False}).ctap.reset()


@when_nobody_agrees
def test_another_key_is_selected(authenticator: MakeBench, does: Any, code: int) -> None:
    bench = authenticator()
    bench.person.will(does)
    with refused(code):
        bench.ctap.selection()


def test_this_key_is_selected(authenticator: MakeBench) -> None:
    bench = authenticator()
    bench.ctap.selection()
    bench.person.will(NotRecognised())  # by a finger the sensor does not know
    bench.ctap.selection()
    assert [ask.purpose for ask in bench.person.asked if isinstance(ask, Presence)] == [
        Purpose.SELECT_KEY
    ] * 2
    with refused(ERR.INVALID_COMMAND):
        authenticator(features={"selection": False}).ctap.selection()
