"""authenticatorGetAssertion and authenticatorGetNextAssertion (CTAP 2.3 §6.2.2, §6.3)."""

from __future__ import annotations

from typing import Any

import pytest
from bench import ERR, Bench, MakeBench, refused, when_nobody_agrees, with_finger
from ceremonies import (
    CLIENT_DATA_HASH,
    RP_ID,
    P,
    credential_id,
    descriptor,
    log_in,
    public_key,
    register,
    token,
    verify,
    with_pin,
)
from fido2.webauthn import AuthenticatorData

from authenticator import cbor
from authenticator.person import DECLINED, AccountChoice, Chosen, Presence, Purpose

F = AuthenticatorData.FLAG
VALID: dict[int, Any] = {1: RP_ID, 2: CLIENT_DATA_HASH}


def send(bench: Bench, changes: dict[int, Any] | None = None, without: tuple[int, ...] = ()) -> int:
    parameters = {key: value for key, value in {**VALID, **(changes or {})}.items() if key not in without}
    return bench.send(b"\x02" + cbor.encode(parameters))[0]


def users(bench: Bench, *names: str) -> None:
    for name in names:
        register(bench, resident=True, user=name.encode(), name=name)


# Which credential


def test_a_listed_credential(authenticator: MakeBench) -> None:
    bench = authenticator()
    made = register(bench)
    assertion = log_in(bench, allow=[b"another's", credential_id(made)])
    verify(assertion, public_key(made))
    assert assertion.credential["id"] == credential_id(made)
    assert assertion.user is None
    assert assertion.auth_data.flags == F.UP


def test_the_newest_of_several_accounts_comes_first(authenticator: MakeBench) -> None:
    bench = authenticator()
    users(bench, "alice", "bob", "carol")
    ctap = bench.ctap
    first = ctap.get_assertion(RP_ID, CLIENT_DATA_HASH)
    assert first.number_of_credentials == 3
    assertions = [first, ctap.get_next_assertion(), ctap.get_next_assertion()]
    assert [each.user["id"] for each in assertions if each.user] == [b"carol", b"bob", b"alice"]
    assert [each.number_of_credentials for each in assertions[1:]] == [None, None]
    with refused(ERR.NOT_ALLOWED):
        ctap.get_next_assertion()


def test_names_are_told_after_verification_and_where_there_are_several(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    for name in ("alice", "bob"):
        auth = token(bench, P.MAKE_CREDENTIAL)
        register(bench, resident=True, user=name.encode(), name=name, auth=auth)
    assert log_in(bench).user == {"id": b"bob"}
    auth = token(bench, P.GET_ASSERTION)
    assert log_in(bench, auth=auth).user == {"id": b"bob", "name": "bob", "displayName": "Bob"}
    following = cbor.decode(bench.send(b"\x08")[1:])
    assert following[4] == {"id": b"alice", "name": "alice", "displayName": "Alice"}
    listed = [each.id for each in bench.authenticator.store.credentials()]
    assert log_in(bench, allow=listed, auth=token(bench, P.GET_ASSERTION)).user == {"id": b"alice"}


def test_a_single_account_is_told_by_its_id_alone(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    register(bench, resident=True, auth=token(bench, P.MAKE_CREDENTIAL))
    assert log_in(bench, auth=token(bench, P.GET_ASSERTION)).user == {"id": b"alice"}


def test_credentials_of_another_relying_party_or_key_are_not_ours(authenticator: MakeBench) -> None:
    bench = authenticator()
    made, passkey = credential_id(register(bench)), credential_id(register(bench, resident=True))
    for each in (made, passkey):
        with refused(ERR.NO_CREDENTIALS):
            log_in(bench, rp_id="other.example", allow=[each])
    forged = made[:-1] + bytes((made[-1] ^ 1,))
    with refused(ERR.NO_CREDENTIALS):
        log_in(bench, allow=[forged, b"", bytes(12), bytes(400)])


def test_no_credentials_is_told_at_once_since_ctap_2_1(authenticator: MakeBench) -> None:
    bench = authenticator()
    with refused(ERR.NO_CREDENTIALS):
        log_in(bench)
    assert bench.person.asked == []


def test_no_credentials_is_told_after_a_touch_in_ctap_2_0(authenticator: MakeBench) -> None:
    bench = authenticator(versions=("FIDO_2_0",))
    with refused(ERR.NO_CREDENTIALS):
        log_in(bench)
    assert [ask.purpose for ask in bench.person.asked if isinstance(ask, Presence)] == [
        Purpose.NO_CREDENTIALS
    ]
    bench.person.will(DECLINED)
    with refused(ERR.OPERATION_DENIED):
        log_in(bench)


# Protection


@pytest.mark.parametrize(
    ("protection", "verified", "listed", "found"),
    [
        (1, False, False, True),
        (2, False, False, False),
        (2, False, True, True),
        (2, True, False, True),
        (3, False, False, False),
        (3, False, True, False),
        (3, True, False, True),
        (3, True, True, True),
    ],
)
def test_cred_protect(
    authenticator: MakeBench, protection: int, verified: bool, listed: bool, found: bool
) -> None:
    bench = with_pin(authenticator())
    made = register(
        bench, resident=True, auth=token(bench, P.MAKE_CREDENTIAL), extensions={"credProtect": protection}
    )
    allow = [credential_id(made)] if listed else None
    auth = token(bench, P.GET_ASSERTION) if verified else None
    if found:
        verify(log_in(bench, allow=allow, auth=auth), public_key(made))
    else:
        with refused(ERR.NO_CREDENTIALS):
            log_in(bench, allow=allow, auth=auth)


def test_protected_accounts_are_left_out_of_the_list(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    for name, protection in (("alice", 1), ("bob", 3), ("carol", 1)):
        auth = token(bench, P.MAKE_CREDENTIAL)
        register(bench, resident=True, user=name.encode(), auth=auth, extensions={"credProtect": protection})
    for _ in range(2):  # the second time from what is remembered
        assert log_in(bench).number_of_credentials == 2
    assert log_in(bench, auth=token(bench, P.GET_ASSERTION)).number_of_credentials == 3


# Presence and verification


def test_without_presence_nobody_is_asked(authenticator: MakeBench) -> None:
    bench = authenticator()
    made = register(bench)
    bench.person.asked.clear()
    assertion = log_in(bench, allow=[credential_id(made)], options={"up": False})
    assert assertion.auth_data.flags == 0
    assert bench.person.asked == []
    verify(assertion, public_key(made))


@when_nobody_agrees
def test_nobody_touches_the_key(authenticator: MakeBench, does: Any, code: int) -> None:
    bench = authenticator()
    made = credential_id(register(bench))
    bench.person.will(does)
    with refused(code):
        log_in(bench, allow=[made])
    assert log_in(bench, allow=[made]).auth_data.counter == 2  # the refused one did not count


def test_a_token_verifies_and_is_spent(authenticator: MakeBench, pin_protocol: Any) -> None:
    bench = with_pin(authenticator())
    made = credential_id(register(bench))
    auth = token(bench, P.GET_ASSERTION, protocol=pin_protocol)
    # A silent request leaves it for the one that counts (§6.2.2 step 9 is not reached).
    assert log_in(bench, allow=[made], auth=auth, options={"up": False}).auth_data.flags == F.UV
    assert log_in(bench, allow=[made], auth=auth).auth_data.flags == F.UP | F.UV
    with refused(ERR.PIN_AUTH_INVALID):
        log_in(bench, allow=[made], auth=auth)


def test_a_token_where_no_pin_is_set(authenticator: MakeBench) -> None:
    assert send(authenticator(), {6: bytes(16), 7: 1}) == ERR.PIN_NOT_SET


def test_always_uv(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    made = credential_id(register(bench))
    bench.authenticator.change_state(always_uv=True)
    with refused(ERR.PUAT_REQUIRED):
        log_in(bench, allow=[made])
    assert log_in(bench, allow=[made], options={"up": False}).auth_data.flags == 0
    assert log_in(bench, allow=[made], auth=token(bench, P.GET_ASSERTION)).auth_data.flags & F.UV


def test_the_option_uv(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    made = credential_id(register(bench))
    bench.person.asked.clear()
    assert log_in(bench, allow=[made], options={"uv": True}).auth_data.flags == F.UP | F.UV
    assert len(bench.person.asked) == 1


# Parameters


@pytest.mark.parametrize(
    ("changes", "without", "status"),
    [
        ({}, (1,), ERR.MISSING_PARAMETER),
        ({}, (2,), ERR.MISSING_PARAMETER),
        ({1: b"bytes"}, (), ERR.CBOR_UNEXPECTED_TYPE),
        ({2: "text"}, (), ERR.CBOR_UNEXPECTED_TYPE),
        ({3: {}}, (), ERR.CBOR_UNEXPECTED_TYPE),
        ({3: [7]}, (), ERR.CBOR_UNEXPECTED_TYPE),
        ({3: [{"id": b"x"}]}, (), ERR.MISSING_PARAMETER),
        ({3: [descriptor(b"x")] * 17}, (), ERR.LIMIT_EXCEEDED),
        ({4: 5}, (), ERR.CBOR_UNEXPECTED_TYPE),
        ({5: {"rk": True}}, (), ERR.UNSUPPORTED_OPTION),
        ({5: {"rk": False}}, (), ERR.UNSUPPORTED_OPTION),
        ({5: {"uv": True}}, (), ERR.INVALID_OPTION),
        ({5: {"up": "yes"}}, (), ERR.CBOR_UNEXPECTED_TYPE),
        ({6: bytes(16)}, (), ERR.MISSING_PARAMETER),
        ({6: bytes(16), 7: 3}, (), ERR.INVALID_PARAMETER),
        ({6: b"", 7: 2}, (), ERR.PIN_NOT_SET),
    ],
)
def test_a_parameter_is_wrong(
    authenticator: MakeBench, changes: dict[int, Any], without: tuple[int, ...], status: int
) -> None:
    assert send(authenticator(), changes, without) == status


def test_an_empty_allow_list_is_none(authenticator: MakeBench) -> None:
    bench = authenticator()
    users(bench, "alice")
    assert send(bench, {3: []}) == 0


# getNextAssertion


def test_next_belongs_to_one_channel(authenticator: MakeBench) -> None:
    bench = authenticator()
    users(bench, "alice", "bob")
    log_in(bench)
    assert bench.send(b"\x08", channel=2)[0] == ERR.NOT_ALLOWED
    assert bench.send(b"\x08")[0] == ERR.NOT_ALLOWED


def test_next_is_dropped_by_another_command(authenticator: MakeBench) -> None:
    bench = authenticator()
    users(bench, "alice", "bob")
    log_in(bench)
    bench.send(b"\x04")
    assert bench.send(b"\x08")[0] == ERR.NOT_ALLOWED


def test_next_has_a_deadline_that_starts_again_with_each(authenticator: MakeBench) -> None:
    bench = authenticator()
    users(bench, "alice", "bob", "carol", "dave")
    log_in(bench)
    for _ in range(2):
        bench.clock.advance(29)
        assert bench.send(b"\x08")[0] == 0
    bench.clock.advance(30)
    assert bench.send(b"\x08")[0] == ERR.NOT_ALLOWED


def test_next_without_a_beginning(authenticator: MakeBench) -> None:
    bench = authenticator()
    assert bench.send(b"\x08")[0] == ERR.NOT_ALLOWED
    users(bench, "alice")
    log_in(bench)
    assert bench.send(b"\x08")[0] == ERR.NOT_ALLOWED


def test_power_is_cut_between_two_assertions(authenticator: MakeBench) -> None:
    bench = authenticator()
    users(bench, "alice", "bob")
    log_in(bench)
    bench.authenticator.power_cycle()
    assert bench.send(b"\x08")[0] == ERR.NOT_ALLOWED


# Keys with a display


def test_an_account_is_chosen_on_the_device(authenticator: MakeBench) -> None:
    bench = authenticator("icloud-keychain")
    users(bench, "alice", "bob", "carol")
    bench.person.asked.clear()
    assertion = log_in(bench)
    assert assertion.user_selected
    assert assertion.auth_data.flags & F.UV
    assert assertion.number_of_credentials is None
    choices = [ask for ask in bench.person.asked if isinstance(ask, AccountChoice)]
    assert [choice.accounts for choice in choices] == [("carol", "bob", "alice")]


@pytest.mark.parametrize("answer", [DECLINED, Chosen(7), Chosen(-1)])
def test_no_account_is_chosen(authenticator: MakeBench, answer: Any) -> None:
    bench = authenticator("icloud-keychain")
    users(bench, "alice", "bob")
    operation = bench.authenticator.begin(b"\x02" + cbor.encode(VALID))
    while not isinstance(operation.ask, AccountChoice):
        assert operation.ask is not None
        reply = bench.person.answer(operation.ask)
        operation.resume(reply)  # type: ignore[arg-type]
    operation.resume(answer)
    assert operation.response == bytes((ERR.OPERATION_DENIED,))


def test_a_single_account_counts_as_chosen_where_it_was_shown(authenticator: MakeBench) -> None:
    bench = authenticator("icloud-keychain")
    users(bench, "alice")
    assert log_in(bench).user_selected
