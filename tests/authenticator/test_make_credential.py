"""authenticatorMakeCredential: what it makes, and in which order it refuses (CTAP 2.3 §6.1.2)."""

from __future__ import annotations

from typing import Any

import pytest
from bench import ERR, Bench, MakeBench, refused, when_nobody_agrees, with_finger
from ceremonies import (
    CLIENT_DATA_HASH,
    RP_ID,
    P,
    credential_id,
    log_in,
    public_key,
    register,
    token,
    with_pin,
)
from direct_device import CANCELS, NOTHING
from fido2.ctap2 import CredentialManagement
from fido2.webauthn import AuthenticatorData

from authenticator import cbor
from authenticator.person import DECLINED, NotRecognised, Presence, Purpose

F = AuthenticatorData.FLAG
VALID: dict[int, Any] = {
    1: CLIENT_DATA_HASH,
    2: {"id": RP_ID},
    3: {"id": b"alice"},
    4: [{"type": "public-key", "alg": -7}],
}


def send(bench: Bench, changes: dict[int, Any] | None = None, without: tuple[int, ...] = ()) -> int:
    """The status of the valid request with these changes."""
    parameters = {key: value for key, value in {**VALID, **(changes or {})}.items() if key not in without}
    return bench.send(b"\x01" + cbor.encode(parameters))[0]


# What it makes


def test_a_credential_that_is_not_stored(authenticator: MakeBench) -> None:
    bench = authenticator()
    registration = register(bench)
    data = registration.auth_data
    assert data.flags == F.UP | F.AT
    assert data.rp_id_hash.hex() == "a379a6f6eeafb9a55e378c118034e2751e682fab9f2d30ab13d2125586ce1947"
    assert data.credential_data is not None
    assert data.credential_data.aaguid == bench.authenticator.profile.aaguid
    assert len(bench.authenticator.store) == 0
    (asked,) = bench.person.asked
    assert asked == Presence(purpose=Purpose.REGISTER, rp_id=RP_ID, user_name="alice")


def test_a_passkey_of_the_same_user_takes_the_place_of_the_old_one(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"resident_credentials": 2})
    first, second = register(bench, resident=True), register(bench, resident=True)
    register(bench, resident=True, user=b"bob")
    assert next(bench.authenticator.store.credentials()).id == credential_id(second)
    with refused(ERR.KEY_STORE_FULL):
        register(bench, resident=True, user=b"carol")
    register(bench, resident=True, user=b"bob", name="robert")  # full, but it needs no more room
    with refused(ERR.NO_CREDENTIALS):
        log_in(bench, allow=[credential_id(first)])


def test_where_there_is_no_room_other_credentials_still_can_be_made(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"resident_credentials": 0})
    assert bench.ctap.info.remaining_disc_creds == 0
    with refused(ERR.KEY_STORE_FULL):
        register(bench, resident=True)
    register(bench)


def test_the_first_algorithm_in_the_relying_partys_order_wins(authenticator: MakeBench) -> None:
    bench = authenticator()
    assert public_key(register(bench, algorithms=[-999, -35, -7]))[3] == -35
    assert public_key(register(bench, algorithms=[-8, -7]))[3] == -8


def test_an_unknown_type_of_credential_is_passed_over(authenticator: MakeBench) -> None:
    bench = authenticator()
    entries = [{"type": "other", "alg": -7}, {"type": "public-key", "alg": -8}]
    response = bench.send(b"\x01" + cbor.encode({**VALID, 4: entries}))
    data = AuthenticatorData(cbor.decode(response[1:])[2])
    assert data.credential_data is not None
    assert data.credential_data.public_key[3] == -8
    assert send(bench, {4: [{"type": "other", "alg": -7}]}) == ERR.UNSUPPORTED_ALGORITHM


def test_platforms_and_providers_keep_every_passkey(authenticator: MakeBench) -> None:
    bench = authenticator("icloud-keychain")
    data = register(bench).auth_data
    assert data.flags & (F.BE | F.BS) == F.BE | F.BS
    assert len(bench.authenticator.store) == 1


def test_attestation_by_preference(authenticator: MakeBench) -> None:
    bench = authenticator()
    assert register(bench).fmt == "packed"

    def preferring(*formats: str) -> tuple[str, Any]:
        response = cbor.decode(bench.send(b"\x01" + cbor.encode({**VALID, 11: list(formats)}))[1:])
        return response[1], response[3]

    assert preferring("none") == ("none", {})
    assert preferring("tpm", "fido-u2f")[0] == "fido-u2f"
    assert preferring("unheard-of")[0] == "packed"


# Parameters


@pytest.mark.parametrize("key", [1, 2, 3, 4])
def test_a_parameter_is_missing(authenticator: MakeBench, key: int) -> None:
    assert send(authenticator(), without=(key,)) == ERR.MISSING_PARAMETER


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({1: "text"}, ERR.CBOR_UNEXPECTED_TYPE),
        ({2: "text"}, ERR.CBOR_UNEXPECTED_TYPE),
        ({2: {}}, ERR.MISSING_PARAMETER),
        ({2: {"id": b"bytes"}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({2: {"id": "a", "name": 1}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({3: {"name": "no id"}}, ERR.MISSING_PARAMETER),
        ({3: {"id": "text"}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({3: {"id": bytes(65)}}, ERR.INVALID_LENGTH),
        ({3: {"id": b"a", "displayName": 5}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({4: {}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({4: []}, ERR.UNSUPPORTED_ALGORITHM),
        ({4: ["text"]}, ERR.CBOR_UNEXPECTED_TYPE),
        ({4: [{"alg": -7}]}, ERR.MISSING_PARAMETER),
        ({4: [{"type": "public-key"}]}, ERR.MISSING_PARAMETER),
        # Every entry is looked at, also after the one that is taken.
        ({4: [{"type": "public-key", "alg": -7}, {"type": "public-key"}]}, ERR.MISSING_PARAMETER),
        ({4: [{"type": "public-key", "alg": "ES256"}]}, ERR.CBOR_UNEXPECTED_TYPE),
        ({4: [{"type": "public-key", "alg": -65535}]}, ERR.UNSUPPORTED_ALGORITHM),
        ({5: {}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({5: [{"type": "public-key"}]}, ERR.MISSING_PARAMETER),
        ({5: [{"type": "public-key", "id": b"x"}] * 17}, ERR.LIMIT_EXCEEDED),
        ({6: []}, ERR.CBOR_UNEXPECTED_TYPE),
        ({7: []}, ERR.CBOR_UNEXPECTED_TYPE),
        ({7: {"rk": 1}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({7: {"up": False}}, ERR.INVALID_OPTION),
        ({7: {"uv": True}}, ERR.INVALID_OPTION),
        ({8: "text"}, ERR.CBOR_UNEXPECTED_TYPE),
        ({8: bytes(16)}, ERR.MISSING_PARAMETER),
        ({8: bytes(16), 9: 7}, ERR.INVALID_PARAMETER),
        ({9: -1}, ERR.CBOR_UNEXPECTED_TYPE),
        ({10: 1}, ERR.INVALID_PARAMETER),
        ({11: [1]}, ERR.CBOR_UNEXPECTED_TYPE),
    ],
)
def test_a_parameter_is_wrong(authenticator: MakeBench, changes: dict[int, Any], status: int) -> None:
    bench = authenticator()
    assert send(bench, changes) == status
    assert bench.person.asked == []


@pytest.mark.parametrize(
    "changes", [{7: {"up": True}}, {7: {"future": 1}}, {99: "future"}, {6: {"future": [1]}}]
)
def test_what_is_unknown_is_ignored(authenticator: MakeBench, changes: dict[int, Any]) -> None:
    assert send(authenticator(), changes) == 0


def test_a_key_without_room_for_passkeys_says_so(authenticator: MakeBench) -> None:
    bench = authenticator(features={"resident_keys": False})
    assert send(bench, {7: {"rk": True}}) == ERR.UNSUPPORTED_OPTION
    assert send(bench, {7: {"rk": False}}) == 0


# The person


@when_nobody_agrees
def test_nobody_touches_the_key(authenticator: MakeBench, does: Any, code: int) -> None:
    bench = authenticator()
    bench.person.will(does)
    with refused(code):
        register(bench, resident=True)
    assert len(bench.authenticator.store) == 0
    register(bench, resident=True)


# Excluded credentials


@pytest.mark.parametrize("resident", [False, True])
def test_an_excluded_credential_is_told_after_a_touch(authenticator: MakeBench, resident: bool) -> None:
    bench = authenticator()
    made = credential_id(register(bench, resident=resident))
    bench.person.asked.clear()
    with refused(ERR.CREDENTIAL_EXCLUDED):
        register(bench, user=b"bob", exclude=[b"another's", made])
    assert [ask.purpose for ask in bench.person.asked if isinstance(ask, Presence)] == [Purpose.EXCLUDED]
    for answer, status in (
        (DECLINED, ERR.CREDENTIAL_EXCLUDED),
        (NOTHING, ERR.CREDENTIAL_EXCLUDED),
        (CANCELS, ERR.KEEPALIVE_CANCEL),
    ):
        bench.person.will(answer)
        with refused(status):
            register(bench, exclude=[made])
    register(bench, rp_id="other.example", exclude=[made])


def test_an_excluded_credential_shows_up_only_to_whom_it_may(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    made = register(bench, auth=token(bench, P.MAKE_CREDENTIAL), extensions={"credProtect": 3}, resident=True)
    register(bench, user=b"bob", exclude=[credential_id(made)])
    with refused(ERR.CREDENTIAL_EXCLUDED):
        register(bench, exclude=[credential_id(made)], auth=token(bench, P.MAKE_CREDENTIAL))


# Verification


def test_a_token_verifies_and_is_spent(authenticator: MakeBench, pin_protocol: Any) -> None:
    bench = with_pin(authenticator())
    auth = token(bench, P.MAKE_CREDENTIAL | P.GET_ASSERTION, protocol=pin_protocol)
    assert register(bench, auth=auth).auth_data.flags & F.UV
    with refused(ERR.PIN_AUTH_INVALID):
        register(bench, auth=auth)


@pytest.mark.parametrize(
    ("permissions", "rp_id"),
    [(P.GET_ASSERTION, RP_ID), (P.MAKE_CREDENTIAL, "other.example"), (P.CREDENTIAL_MGMT, None)],
)
def test_a_token_for_something_else(authenticator: MakeBench, permissions: int, rp_id: str | None) -> None:
    bench = with_pin(authenticator())
    with refused(ERR.PIN_AUTH_INVALID):
        register(bench, auth=token(bench, permissions, rp_id))


def test_a_passkey_wants_verification_where_there_is_a_pin(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    with refused(ERR.PUAT_REQUIRED):
        register(bench, resident=True)
    assert not register(bench).auth_data.flags & F.UV  # makeCredUvNotRqd


def test_without_make_cred_uv_not_rqd_everything_does(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator(features={"make_cred_uv_not_required": False}))
    with refused(ERR.PUAT_REQUIRED):
        register(bench)


def test_always_uv_wants_a_pin_to_be_set_first(authenticator: MakeBench) -> None:
    bench = authenticator()
    bench.authenticator.change_state(always_uv=True)
    with refused(ERR.PUAT_REQUIRED):
        register(bench)
    with_pin(bench)
    with refused(ERR.PUAT_REQUIRED):
        register(bench)
    assert register(bench, auth=token(bench, P.MAKE_CREDENTIAL)).auth_data.flags & F.UV


def test_always_uv_uses_the_sensor_unasked(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    bench.authenticator.change_state(always_uv=True)
    assert register(bench).auth_data.flags & F.UV


def test_the_option_uv_uses_the_sensor_and_one_touch_does_for_all(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    data = register(bench, options={"uv": True}).auth_data
    assert data.flags & F.UV
    assert len(bench.person.asked) == 1


def test_a_sensor_that_fails_leaves_the_pin(authenticator: MakeBench) -> None:
    bench = with_finger(with_pin(authenticator()))
    bench.person.will(*[NotRecognised()] * 3)
    with refused(ERR.PUAT_REQUIRED):
        register(bench, options={"uv": True})


def test_an_excluded_credential_needs_no_second_touch_after_the_sensor(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    made = credential_id(register(bench))
    bench.person.asked.clear()
    with refused(ERR.CREDENTIAL_EXCLUDED):
        register(bench, exclude=[made], options={"uv": True})
    assert len(bench.person.asked) == 1


@pytest.mark.parametrize("pin_is_set", [False, True])
def test_a_zero_length_parameter_asks_which_key_is_meant(authenticator: MakeBench, pin_is_set: bool) -> None:
    bench = authenticator()
    if pin_is_set:
        with_pin(bench)
    # Even before the algorithms are looked at: this is step 1
    status = send(bench, {4: [{"type": "public-key", "alg": -999}], 8: b"", 9: 1})
    assert status == (ERR.PIN_INVALID if pin_is_set else ERR.PIN_NOT_SET)
    assert [ask.purpose for ask in bench.person.asked if isinstance(ask, Presence)] == [Purpose.SELECT_KEY]


# Enterprise attestation


def test_enterprise_attestation(authenticator: MakeBench) -> None:
    bench = authenticator()
    assert send(bench, {10: 2}) == ERR.INVALID_PARAMETER  # not enabled
    bench.authenticator.change_state(enterprise_attestation=True)
    assert send(bench, {10: 3}) == ERR.INVALID_OPTION
    assert not register(bench, enterprise_attestation=1).ep_att
    assert register(bench, enterprise_attestation=1, rp_id="enterprise.example").ep_att
    assert register(bench, enterprise_attestation=2).ep_att


def test_enterprise_attestation_comes_after_verification_in_the_order_of_refusals(
    authenticator: MakeBench,
) -> None:
    bench = with_pin(authenticator())
    assert send(bench, {7: {"rk": True}, 10: 9}) == ERR.PUAT_REQUIRED


def test_counters_go_up_with_every_signature(authenticator: MakeBench) -> None:
    bench = authenticator()
    first = register(bench)
    assert first.auth_data.counter == 1
    assert log_in(bench, allow=[credential_id(first)]).auth_data.counter == 2
    assert register(bench).auth_data.counter == 3


def test_user_names_that_are_too_long_are_cut_where_the_device_has_little_room(
    authenticator: MakeBench,
) -> None:
    bench = with_pin(authenticator(limits={"stored_user_names": 64}))
    register(bench, resident=True, name="ä" * 40, auth=token(bench, P.MAKE_CREDENTIAL))
    auth = token(bench, P.CREDENTIAL_MGMT, None)
    management = CredentialManagement(bench.ctap, auth.protocol, auth.token)
    (rp,) = management.enumerate_rps()
    (credential,) = management.enumerate_creds(rp[4])
    assert credential[6]["name"] == "ä" * 32
