"""pinUvAuthTokens (CTAP 2.3 §6.5.2, §6.5.5.7): their permissions, timers and ends, and the one that persists."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from bench import ERR, PIN, MakeBench, is_token, refused, with_finger
from fido2.ctap2 import ClientPin
from fido2.ctap2.pin import PinProtocol, PinProtocolV1, PinProtocolV2

from authenticator.pin.permissions import Permission
from authenticator.status import CtapError as Refusal

P = ClientPin.PERMISSION
MC_GA = P.MAKE_CREDENTIAL | P.GET_ASSERTION
WRONG = "9876"
PROTOCOLS: dict[int, PinProtocol] = {1: PinProtocolV1(), 2: PinProtocolV2()}


def test_the_token_the_client_decrypts_is_the_keys(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, P.CREDENTIAL_MGMT | P.LARGE_BLOB_WRITE)
    assert is_token(bench, pin_protocol, token, P.CREDENTIAL_MGMT)
    assert is_token(bench, pin_protocol, token, P.LARGE_BLOB_WRITE)
    assert not is_token(bench, pin_protocol, token, P.AUTHENTICATOR_CFG)
    assert not is_token(bench, PROTOCOLS[3 - pin_protocol.VERSION], token, P.CREDENTIAL_MGMT)
    newer = client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    assert not is_token(bench, pin_protocol, token, P.CREDENTIAL_MGMT)
    assert is_token(bench, pin_protocol, newer, P.CREDENTIAL_MGMT)


def test_the_superseded_token_has_the_default_permissions_and_no_rp_id(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    token = client.get_pin_token(PIN)
    assert is_token(bench, pin_protocol, token, P.MAKE_CREDENTIAL)
    assert is_token(bench, pin_protocol, token, P.GET_ASSERTION)
    assert not is_token(bench, pin_protocol, token, P.CREDENTIAL_MGMT)
    tokens = bench.authenticator.tokens
    assert tokens.rp_id is None
    tokens.require_valid_for_rp("example.com")  # bound by its first use
    assert tokens.rp_id == "example.com"


@pytest.mark.parametrize("extra", [{"permissions": 1}, {"permissions_rpid": "example.com"}])
def test_the_superseded_subcommand_takes_no_permissions(
    authenticator: MakeBench, extra: dict[str, Any]
) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    agreement, secret = client._get_shared_secret()
    pin_hash = hashlib.sha256(PIN.encode()).digest()[:16]
    with refused(ERR.INVALID_PARAMETER):
        bench.ctap.client_pin(
            client.protocol.VERSION,
            ClientPin.CMD.GET_TOKEN_USING_PIN_LEGACY,
            key_agreement=agreement,
            pin_hash_enc=client.protocol.encrypt(secret, pin_hash),
            **extra,
        )
    assert client.get_pin_retries() == (8, False)


def test_a_ctap_2_0_keys_token_knows_no_limits(authenticator: MakeBench) -> None:
    bench = authenticator(
        features={"pin_uv_auth_token": False}, versions=("FIDO_2_0", "FIDO_2_1_PRE"), pin_protocols=(1,)
    )
    client = bench.client_pin(PinProtocolV1())
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, MC_GA, "example.com")
    tokens = bench.authenticator.tokens
    for _ in range(3):
        bench.clock.advance(3600)
        tokens.require_valid_for_rp("example.org")
        tokens.spend_presence()
        for permission in (P.MAKE_CREDENTIAL, P.CREDENTIAL_MGMT, P.BIO_ENROLL):
            assert is_token(bench, client.protocol, token, permission)
    assert client.get_pin_token(PIN) == token
    bench.authenticator.power_cycle()
    assert not is_token(bench, client.protocol, token, P.MAKE_CREDENTIAL)
    with refused(ERR.INVALID_SUBCOMMAND):
        bench.ctap.client_pin(1, ClientPin.CMD.GET_TOKEN_USING_PIN)


@pytest.mark.parametrize(
    ("permissions", "rp_id", "features", "code"),
    [
        (0, None, {}, ERR.INVALID_PARAMETER),
        (P.MAKE_CREDENTIAL, None, {}, ERR.MISSING_PARAMETER),
        (P.GET_ASSERTION, None, {}, ERR.MISSING_PARAMETER),
        (P.CREDENTIAL_MGMT, None, {"credential_management": False}, ERR.UNAUTHORIZED_PERMISSION),
        (P.BIO_ENROLL, None, {"bio_enrollment": False}, ERR.UNAUTHORIZED_PERMISSION),
        (P.LARGE_BLOB_WRITE, None, {"large_blobs": False}, ERR.UNAUTHORIZED_PERMISSION),
        (P.AUTHENTICATOR_CFG, None, {"config": False}, ERR.UNAUTHORIZED_PERMISSION),
        (0x40, None, {"read_only_credential_management": False}, ERR.UNAUTHORIZED_PERMISSION),
        (0x40 | P.CREDENTIAL_MGMT, None, {}, ERR.UNAUTHORIZED_PERMISSION),
        (
            P.MAKE_CREDENTIAL, "a.example", {"no_mc_ga_permissions_with_client_pin": True},
            ERR.UNAUTHORIZED_PERMISSION,
        ),
        (
            P.GET_ASSERTION, "a.example", {"no_mc_ga_permissions_with_client_pin": True},
            ERR.UNAUTHORIZED_PERMISSION,
        ),
    ],
)  # fmt: skip
def test_permissions_a_pin_does_not_give(
    authenticator: MakeBench, permissions: int, rp_id: str | None, features: dict[str, Any], code: int
) -> None:
    bench = authenticator(features=features)
    client = bench.client_pin()
    client.set_pin(PIN)
    with refused(code):
        client.get_pin_token(WRONG, P(permissions), rp_id)
    assert client.get_pin_retries() == (8, False)  # refused before the PIN was looked at


def test_no_mc_ga_permissions_with_client_pin(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator(features={"no_mc_ga_permissions_with_client_pin": True}))
    client = bench.client_pin()
    client.set_pin(PIN)
    client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    token = client.get_pin_token(PIN)
    assert not is_token(bench, client.protocol, token, P.GET_ASSERTION)
    token = client.get_uv_token(MC_GA, "example.com")
    assert is_token(bench, client.protocol, token, P.GET_ASSERTION)


def test_undefined_permissions_are_passed_over(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, P(0x100 | P.LARGE_BLOB_WRITE))
    assert is_token(bench, client.protocol, token, P.LARGE_BLOB_WRITE)


def test_a_token_dies_when_it_is_not_used_soon(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    bench.clock.advance(29.9)
    assert is_token(bench, pin_protocol, token, P.CREDENTIAL_MGMT)
    token = client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    bench.clock.advance(30)
    assert not is_token(bench, pin_protocol, token, P.CREDENTIAL_MGMT)
    signature = pin_protocol.authenticate(token, b"message")
    with pytest.raises(Refusal):  # and not only for want of a permission
        bench.authenticator.tokens.require_valid(pin_protocol.VERSION, b"message", signature)


def test_a_token_in_use_dies_after_ten_minutes(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    for _ in range(20):
        assert is_token(bench, client.protocol, token, P.CREDENTIAL_MGMT)
        bench.clock.advance(29.99)
    assert is_token(bench, client.protocol, token, P.CREDENTIAL_MGMT)
    bench.clock.advance(0.3)
    assert not is_token(bench, client.protocol, token, P.CREDENTIAL_MGMT)


def test_the_touch_of_built_in_verification_counts_for_thirty_seconds(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    client = bench.client_pin()
    tokens = bench.authenticator.tokens
    token = client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert is_token(bench, client.protocol, token, P.GET_ASSERTION)
    bench.clock.advance(29)
    assert tokens.user_present
    bench.clock.advance(1)
    assert not tokens.user_present
    assert tokens.user_verified
    client.set_pin(PIN)
    client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    assert not bench.authenticator.tokens.user_present


@pytest.mark.parametrize("what", ["power cycle", "reset", "changed PIN"])
def test_tokens_do_not_outlive(authenticator: MakeBench, what: str) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    token = client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    assert is_token(bench, client.protocol, token, P.CREDENTIAL_MGMT)
    if what == "power cycle":
        bench.authenticator.power_cycle()
    elif what == "reset":
        bench.ctap.reset()
    else:
        client.change_pin(PIN, "56789")
    assert not is_token(bench, client.protocol, token, P.CREDENTIAL_MGMT)


def test_a_touch_leaves_a_token_nothing_but_large_blob_write(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    bench.client_pin().get_uv_token(MC_GA | P.LARGE_BLOB_WRITE | P.CREDENTIAL_MGMT, "example.com")
    tokens = bench.authenticator.tokens
    assert tokens.user_present
    assert tokens.user_verified
    tokens.spend_presence()
    assert not tokens.user_present
    assert not tokens.user_verified
    assert tokens.permissions == Permission.LARGE_BLOB_WRITE


# The persistent token


def test_the_persistent_token_outlives_power_cycles_but_not_the_pin(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    ordinary = client.get_pin_token(PIN, P.CREDENTIAL_MGMT)
    persistent = client.get_pin_token(PIN, P.PERSISTENT_CREDENTIAL_MGMT)
    assert is_token(bench, pin_protocol, ordinary, P.CREDENTIAL_MGMT)  # it goes on beside the other

    def takes(token: bytes) -> bool:
        return bench.authenticator.tokens.matches_persistent(
            pin_protocol.VERSION,
            b"message",
            pin_protocol.authenticate(token, b"message"),
            bench.state.persistent_pin_uv_auth_token,
        )

    assert takes(persistent)
    assert not takes(ordinary)
    bench.clock.advance(1_000_000)
    bench.authenticator.power_cycle()
    assert takes(persistent)
    assert not is_token(bench, pin_protocol, persistent, P.PERSISTENT_CREDENTIAL_MGMT)
    # Every platform is given the same one, by either protocol.
    assert client.get_pin_token(PIN, P.PERSISTENT_CREDENTIAL_MGMT) == persistent
    other = bench.client_pin(PROTOCOLS[3 - pin_protocol.VERSION])
    assert other.get_pin_token(PIN, P.PERSISTENT_CREDENTIAL_MGMT) == persistent
    client.change_pin(PIN, "56789")
    assert not takes(persistent)
    assert client.get_pin_token("56789", P.PERSISTENT_CREDENTIAL_MGMT) != persistent


def test_built_in_verification_gives_the_persistent_token_too(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    token = bench.client_pin().get_uv_token(P.PERSISTENT_CREDENTIAL_MGMT)
    assert token == bench.state.persistent_pin_uv_auth_token
    bench.ctap.reset()
    assert bench.state.persistent_pin_uv_auth_token is None
