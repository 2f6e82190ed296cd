"""authenticatorConfig, driven by python-fido2's client."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from bench import ERR, PIN, Bench, MakeBench, is_token, refused, with_finger
from fido2 import cbor
from fido2.ctap2 import ClientPin, Config
from fido2.ctap2.pin import PinProtocol

from authenticator.person import Presence

P = ClientPin.PERMISSION
LONG_PIN = "27418305"


def config(bench: Bench, protocol: PinProtocol | None = None, pin: str = PIN) -> Config:
    """With a token for acfg if a PIN is set."""
    client = bench.client_pin(protocol)
    if bench.state.pin_hash is None:
        return Config(client.ctap)
    token = client.get_pin_token(pin, P.AUTHENTICATOR_CFG)
    return Config(client.ctap, client.protocol, token)


def raw_config(
    bench: Bench, sub_command: int, params: dict[int, Any] | None = None, token: bytes | None = None
) -> None:
    """What python-fido2 has no method for."""
    client = bench.client_pin()
    extra: dict[str, Any] = {}
    if token is not None:
        message = b"\xff" * 32 + b"\x0d" + struct.pack("<B", sub_command)
        message += cbor.encode(params) if params is not None else b""
        extra = {
            "pin_uv_protocol": client.protocol.VERSION,
            "pin_uv_param": client.protocol.authenticate(token, message),
        }
    client.ctap.config(sub_command, params, **extra)


def set_min_pin_length(bench: Bench, pin: str = PIN, **arguments: Any) -> None:
    config(bench, pin=pin).set_min_pin_length(**arguments)


# Who may configure


def test_a_fresh_key_is_anyones_to_configure(authenticator: MakeBench) -> None:
    bench = authenticator()
    config(bench).enable_enterprise_attestation()
    config(bench).set_min_pin_length(6, ["example.com"])
    assert bench.state.enterprise_attestation
    assert (bench.state.min_pin_length, bench.state.min_pin_rp_ids) == (6, ("example.com",))


def test_a_protected_key_wants_a_token(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    bench.client_pin(pin_protocol).set_pin(PIN)
    with refused(ERR.PUAT_REQUIRED):
        Config(bench.ctap).enable_enterprise_attestation()
    assert not bench.state.enterprise_attestation
    config(bench, pin_protocol).enable_enterprise_attestation()
    assert bench.state.enterprise_attestation
    config(bench, pin_protocol).enable_enterprise_attestation()  # it is no toggle
    assert bench.state.enterprise_attestation


def test_a_finger_protects_too_and_may_configure(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    with refused(ERR.PUAT_REQUIRED):
        Config(bench.ctap).toggle_always_uv()
    client = bench.client_pin()
    token = client.get_uv_token(P.AUTHENTICATOR_CFG)
    Config(bench.ctap, client.protocol, token).toggle_always_uv()
    assert bench.state.always_uv


def test_a_token_for_something_else_or_for_nothing(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    with refused(ERR.PIN_AUTH_INVALID):
        Config(bench.ctap, client.protocol, token).toggle_always_uv()
    with refused(ERR.PIN_AUTH_INVALID):
        Config(bench.ctap, client.protocol, bytes(32)).toggle_always_uv()
    token = client.get_pin_token(PIN, P.AUTHENTICATOR_CFG)
    with refused(ERR.MISSING_PARAMETER):
        bench.ctap.config(Config.CMD.TOGGLE_ALWAYS_UV, None, None, bytes(16))
    with refused(ERR.INVALID_PARAMETER):
        bench.ctap.config(Config.CMD.TOGGLE_ALWAYS_UV, None, 7, bytes(16))
    assert not bench.state.always_uv
    raw_config(bench, Config.CMD.TOGGLE_ALWAYS_UV, token=token)
    assert bench.state.always_uv


def test_the_token_signs_the_parameters(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, P.AUTHENTICATOR_CFG)
    message = b"\xff" * 32 + b"\x0d\x03" + cbor.encode({1: 4})
    param = client.protocol.authenticate(token, message)
    with refused(ERR.PIN_AUTH_INVALID):
        bench.ctap.config(3, {1: 63}, client.protocol.VERSION, param)
    bench.ctap.config(3, {1: 4}, client.protocol.VERSION, param)


@pytest.mark.parametrize(
    ("sub_command", "without"),
    [
        (0x01, "enterprise_attestation"),
        (0x02, "always_uv"),
        (0x03, "set_min_pin_length"),
        (0x04, "long_touch_for_reset"),
    ],
)
def test_what_the_key_does_not_have(authenticator: MakeBench, sub_command: int, without: str) -> None:
    with refused(ERR.INVALID_SUBCOMMAND):
        raw_config(authenticator(features={without: False}), sub_command, {})
    raw_config(authenticator(), sub_command, {})


@pytest.mark.parametrize("sub_command", [0x00, 0x05, 0x99, 0x1FF])
def test_unknown_subcommands(authenticator: MakeBench, sub_command: int) -> None:
    with refused(ERR.INVALID_SUBCOMMAND):
        authenticator().ctap.config(sub_command)


def test_a_key_without_configuration(authenticator: MakeBench) -> None:
    assert authenticator(features={"config": False}).send(b"\x0d\xa1\x01\x02") == bytes(
        (ERR.INVALID_COMMAND,)
    )
    assert authenticator().send(b"\x0d\xa0") == bytes((ERR.MISSING_PARAMETER,))


# alwaysUv


def test_always_uv_is_toggled_and_a_reset_restores_it(authenticator: MakeBench) -> None:
    bench = authenticator()
    bench.client_pin().set_pin(PIN)
    for expected in (True, False, True):
        config(bench).toggle_always_uv()
        info = bench.ctap.info
        assert info.options["alwaysUv"] is expected
        # "If alwaysUv is present and true, makeCredUvNotRqd MUST be false", and U2F is off.
        assert info.options.get("makeCredUvNotRqd", False) is not expected
        assert ("U2F_V2" in info.versions) is not expected
        bench.authenticator.power_cycle()
        assert bench.state.always_uv is expected
    bench.ctap.reset()
    assert bench.state.always_uv is False


def test_who_finds_always_uv_on_may_switch_it_off_until_there_is_a_pin(authenticator: MakeBench) -> None:
    bench = authenticator(features={"always_uv_by_default": True})
    with refused(ERR.PUAT_REQUIRED):  # the way out is for toggleAlwaysUv alone
        Config(bench.ctap).set_min_pin_length(6)
    Config(bench.ctap).toggle_always_uv()
    assert bench.state.always_uv is False
    Config(bench.ctap).toggle_always_uv()
    bench.client_pin().set_pin(PIN)
    with refused(ERR.PUAT_REQUIRED):
        Config(bench.ctap).toggle_always_uv()
    assert bench.state.always_uv is True


# setMinPINLength


def test_the_minimum_grows_and_forces_a_pin_that_is_too_short(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    set_min_pin_length(bench, min_pin_length=len(PIN))
    assert not bench.state.force_pin_change
    token = client.get_pin_token(PIN, P.PERSISTENT_CREDENTIAL_MGMT)
    set_min_pin_length(bench, min_pin_length=6)
    assert bench.ctap.info.min_pin_length == 6
    assert bench.ctap.info.force_pin_change is True
    assert bench.state.persistent_pin_uv_auth_token != token
    with refused(ERR.PIN_POLICY_VIOLATION):
        client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    with refused(ERR.PIN_POLICY_VIOLATION):
        client.change_pin(PIN, "12345")
    client.change_pin(PIN, LONG_PIN)
    assert not bench.state.force_pin_change
    set_min_pin_length(bench, LONG_PIN, min_pin_length=8)
    assert not bench.state.force_pin_change
    for shorter in (7, 4, 0):
        with refused(ERR.PIN_POLICY_VIOLATION):
            set_min_pin_length(bench, LONG_PIN, min_pin_length=shorter)
    with refused(ERR.PIN_POLICY_VIOLATION):
        set_min_pin_length(bench, LONG_PIN, min_pin_length=64)
    assert bench.state.min_pin_length == 8
    bench.ctap.reset()
    assert bench.state.min_pin_length == 4


def test_a_change_is_forced_and_tokens_end(authenticator: MakeBench) -> None:
    bench = authenticator()
    with refused(ERR.PIN_NOT_SET):
        set_min_pin_length(bench, force_change_pin=True)
    client = bench.client_pin()
    client.set_pin(LONG_PIN)
    token = client.get_pin_token(LONG_PIN, P.AUTHENTICATOR_CFG)
    Config(bench.ctap, client.protocol, token).set_min_pin_length(4)
    assert is_token(bench, client.protocol, token, P.AUTHENTICATOR_CFG)
    Config(bench.ctap, client.protocol, token).set_min_pin_length(force_change_pin=True)
    assert bench.state.force_pin_change
    assert not is_token(bench, client.protocol, token, P.AUTHENTICATOR_CFG)


def test_rp_ids_replace_those_before(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"max_min_pin_rp_ids": 2})
    set_min_pin_length(bench, rp_ids=["a.example", "b.example"])
    assert bench.state.min_pin_rp_ids == ("a.example", "b.example")
    set_min_pin_length(bench, rp_ids=[])
    assert bench.state.min_pin_rp_ids == ("a.example", "b.example")
    with refused(ERR.KEY_STORE_FULL):
        set_min_pin_length(bench, min_pin_length=8, rp_ids=["c.example", "d.example", "e.example"])
    assert bench.state.min_pin_length == 4  # all or nothing
    set_min_pin_length(bench, rp_ids=["c.example"])
    assert bench.state.min_pin_rp_ids == ("c.example",)
    with refused(ERR.CBOR_UNEXPECTED_TYPE):
        raw_config(bench, 3, {2: [b"a.example"]})


def test_rp_ids_need_an_extension_that_tells_them(authenticator: MakeBench) -> None:
    bench = authenticator(extensions=frozenset({"hmac-secret"}))
    with refused(ERR.INVALID_PARAMETER):
        set_min_pin_length(bench, rp_ids=["a.example"])


def test_the_complexity_policy_stays_on(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin("1111")
    set_min_pin_length(bench, "1111", pin_complexity_policy=True)
    assert bench.ctap.info.pin_complexity_policy is True
    assert bench.state.force_pin_change  # what the old one is like cannot be seen from its hash
    with refused(ERR.PIN_POLICY_VIOLATION):
        client.change_pin("1111", "2222")
    client.change_pin("1111", LONG_PIN)
    set_min_pin_length(bench, LONG_PIN)
    raw_config(bench, 3, {4: False}, bench.client_pin().get_pin_token(LONG_PIN, P.AUTHENTICATOR_CFG))
    assert bench.state.pin_complexity_policy
    assert not bench.state.force_pin_change
    bench.ctap.reset()
    assert not bench.state.pin_complexity_policy


def test_a_key_without_complexity_policy_ignores_the_wish(authenticator: MakeBench) -> None:
    bench = authenticator(extensions=frozenset({"minPinLength"}))
    raw_config(bench, 3, {4: True})
    assert not bench.state.pin_complexity_policy


# The rest


def test_long_touch_for_reset(authenticator: MakeBench) -> None:
    bench = authenticator()
    raw_config(bench, 0x04)
    assert bench.state.long_touch_for_reset
    bench.ctap.reset()
    [ask] = bench.person.asked
    assert isinstance(ask, Presence)
    assert ask.hold == 10.0
    assert not bench.state.long_touch_for_reset
    bench.ctap.reset()
    assert isinstance(bench.person.asked[-1], Presence)
    assert bench.person.asked[-1].hold == 0.0


def test_vendor_prototype(authenticator: MakeBench) -> None:
    with refused(ERR.INVALID_SUBCOMMAND):
        raw_config(authenticator(features={"vendor_config_commands": ()}), 0xFF, {1: 0x6A6F})
    bench = authenticator(features={"vendor_config_commands": (0x6A6F, 1 << 63)})
    raw_config(bench, 0xFF, {1: 1 << 63})
    with refused(ERR.INVALID_PARAMETER):
        raw_config(bench, 0xFF, {1: 0x6A6E})
    with refused(ERR.MISSING_PARAMETER):
        raw_config(bench, 0xFF, {})
