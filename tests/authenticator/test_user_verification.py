"""Who must verify the user, and how: makeCredential's and getAssertion's steps on it (CTAP 2.3 §6.1.2, §6.2.2)."""

from __future__ import annotations

from typing import Any

import pytest
from bench import ERR, PIN, Bench, MakeBench, refused, when_nobody_agrees, with_finger
from direct_device import CANCELS, NOTHING
from fido2.ctap2 import ClientPin
from fido2.ctap2.pin import PinProtocol
from fido2.webauthn import AuthenticatorData

from authenticator.person import DECLINED, NotRecognised, Presence, Purpose, Verification
from authenticator.profiles.profile import Quirk

P = ClientPin.PERMISSION
FLAG = AuthenticatorData.FLAG
HASH = bytes(range(32))
RP = "example.com"
UV = {"uv": True}
RK = {"rk": True}
NO_CLIENT_PIN = {"client_pin": False}
NOT_WITH_PIN = {"no_mc_ga_permissions_with_client_pin": True}
ALWAYS_UV = {"always_uv_by_default": True}
NEVER_WITHOUT = {"make_cred_uv_not_required": False}


def create(bench: Bench, options: dict[str, bool] | None = None, **others: Any) -> AuthenticatorData:
    return bench.ctap.make_credential(
        HASH,
        {"id": others.pop("rp_id", RP)},
        {"id": others.pop("user_id", b"user"), "name": "user"},
        [{"type": "public-key", "alg": -7}],
        options=options,
        **others,
    ).auth_data


def get(bench: Bench, options: dict[str, bool] | None = None, **others: Any) -> AuthenticatorData:
    return bench.ctap.get_assertion(others.pop("rp_id", RP), HASH, options=options, **others).auth_data


def with_pin(bench: Bench) -> Bench:
    bench.client_pin().set_pin(PIN)
    return bench


def token(
    bench: Bench, permission: int, rp_id: str = RP, protocol: PinProtocol | None = None, *, uv: bool = False
) -> dict[str, Any]:
    """The parameters of a request that goes with a fresh token."""
    client = bench.client_pin(protocol)
    given = (
        client.get_uv_token(P(permission), rp_id) if uv else client.get_pin_token(PIN, P(permission), rp_id)
    )
    return {
        "pin_uv_param": client.protocol.authenticate(given, HASH),
        "pin_uv_protocol": client.protocol.VERSION,
    }


def with_credential(bench: Bench) -> Bench:
    """A discoverable credential for getAssertion to find; then the person's record is blank."""
    create(bench, RK)
    bench.person.asked.clear()
    return bench


def presences(bench: Bench) -> int:
    return sum(isinstance(ask, Presence) for ask in bench.person.asked)


# Step 1: a zero-length pinUvAuthParam


@pytest.mark.parametrize("command", [create, get])
def test_a_zero_length_param_selects_the_key(authenticator: MakeBench, command: Any) -> None:
    bench = authenticator()
    with refused(ERR.PIN_NOT_SET):
        command(bench, pin_uv_param=b"")
    with refused(ERR.PIN_NOT_SET):  # it is the PIN that is told of
        command(with_finger(bench), pin_uv_param=b"", pin_uv_protocol=1)
    with_pin(bench)
    with refused(ERR.PIN_INVALID):
        command(bench, pin_uv_param=b"", pin_uv_protocol=1)
    assert [ask.purpose for ask in bench.person.asked if isinstance(ask, Presence)] == [
        Purpose.SELECT_KEY
    ] * 3
    for does, code in (
        (DECLINED, ERR.OPERATION_DENIED),
        (NOTHING, ERR.USER_ACTION_TIMEOUT),
        (CANCELS, ERR.KEEPALIVE_CANCEL),
    ):
        bench.person.will(does)
        with refused(code):
            command(bench, pin_uv_param=b"", pin_uv_protocol=1)
    assert len(bench.authenticator.store) == 0


# Step 2


@pytest.mark.parametrize("command", [create, get])
def test_a_param_goes_with_a_known_protocol(authenticator: MakeBench, command: Any) -> None:
    bench = with_pin(authenticator(pin_protocols=(2,)))
    with refused(ERR.MISSING_PARAMETER):
        command(bench, pin_uv_param=bytes(32))
    for unknown in (0, 1, 3):
        with refused(ERR.INVALID_PARAMETER):
            command(bench, pin_uv_param=bytes(32), pin_uv_protocol=unknown)


# The uv option (§6.1.2 step 5, §6.2.2 step 4)


@pytest.mark.parametrize("command", [create, get])
def test_the_uv_option_needs_built_in_verification_that_is_ready(
    authenticator: MakeBench, command: Any
) -> None:
    for bench in (
        authenticator(),  # no finger is enrolled
        with_pin(authenticator()),
        authenticator(features={"user_verification": None, "bio_enrollment": False}),
    ):
        with refused(ERR.INVALID_OPTION):
            command(bench, UV)


@pytest.mark.parametrize("command", [create, get])
def test_the_uv_option_beside_a_param_is_as_if_absent(authenticator: MakeBench, command: Any) -> None:
    bench = with_pin(with_credential(authenticator()))
    permission = P.MAKE_CREDENTIAL if command is create else P.GET_ASSERTION
    assert command(bench, UV, **token(bench, permission)).is_user_verified()
    assert [type(ask) for ask in bench.person.asked] == [Presence]


# A key that is not protected


def test_an_unprotected_key_asks_for_a_touch_and_no_more(authenticator: MakeBench) -> None:
    bench = authenticator()
    for options in (None, RK, {"uv": False}):
        data = create(bench, options)
        assert data.is_user_present()
        assert not data.is_user_verified()
    data = get(bench)
    assert data.is_user_present()
    assert not data.is_user_verified()
    assert presences(bench) == 4


@pytest.mark.parametrize("command", [create, get])
def test_a_param_for_a_key_without_pin(authenticator: MakeBench, command: Any) -> None:
    with refused(ERR.PIN_NOT_SET):
        command(authenticator(), pin_uv_param=bytes(16), pin_uv_protocol=1)
    assert not authenticator().person.asked


# makeCredential on a protected key: steps 7, 8 and 10


@pytest.mark.parametrize(
    ("features", "finger", "pin", "options", "code"),
    [
        # makeCredUvNotRqd: a credential that is not discoverable may be made without verification
        ({}, False, True, None, None),
        ({}, True, False, None, None),
        ({}, False, True, RK, ERR.PUAT_REQUIRED),
        ({}, True, True, RK, ERR.PUAT_REQUIRED),
        ({}, True, False, RK, ERR.OPERATION_DENIED),  # the option clientPin is false
        (NOT_WITH_PIN, True, True, RK, ERR.OPERATION_DENIED),
        # without it, none may
        (NEVER_WITHOUT, False, True, None, ERR.PUAT_REQUIRED),
        (NEVER_WITHOUT, False, True, RK, ERR.PUAT_REQUIRED),
        (NEVER_WITHOUT, True, False, None, ERR.OPERATION_DENIED),
        (NEVER_WITHOUT | NO_CLIENT_PIN, True, False, None, ERR.OPERATION_DENIED),
        (NEVER_WITHOUT | NOT_WITH_PIN, True, True, None, ERR.OPERATION_DENIED),
        (NEVER_WITHOUT, False, False, None, None),
        (NEVER_WITHOUT, False, False, RK, None),
    ],
)
def test_making_credentials_without_verification(
    authenticator: MakeBench,
    features: dict[str, Any],
    finger: bool,
    pin: bool,
    options: dict[str, bool] | None,
    code: int | None,
) -> None:
    bench = authenticator(features=features)
    if finger:
        with_finger(bench)
    if pin:
        with_pin(bench)
    if code is None:
        assert not create(bench, options).is_user_verified()
    else:
        with refused(code):
            create(bench, options)
        assert not bench.person.asked


def test_assertions_need_no_verification_of_a_protected_key(authenticator: MakeBench) -> None:
    bench = with_pin(with_finger(with_credential(authenticator(features=NEVER_WITHOUT))))
    data = get(bench)
    assert data.is_user_present()
    assert not data.is_user_verified()


# alwaysUv (§6.1.2 step 6, §6.2.2 step 5)


@pytest.mark.parametrize("command", [create, get])
@pytest.mark.parametrize(
    ("features", "pin", "code"),
    [
        ({}, False, ERR.PUAT_REQUIRED),  # the host has a PIN set first
        ({}, True, ERR.PUAT_REQUIRED),
        (NO_CLIENT_PIN, False, ERR.OPERATION_DENIED),
        (NOT_WITH_PIN, True, ERR.OPERATION_DENIED),
    ],
)
def test_always_uv_without_verification(
    authenticator: MakeBench, command: Any, features: dict[str, Any], pin: bool, code: int
) -> None:
    bench = authenticator(features=ALWAYS_UV | features)
    if pin:
        with_pin(bench)
    with refused(code):
        command(bench)
    assert not bench.person.asked


def test_always_uv_verifies_by_itself_where_it_can(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator(features=ALWAYS_UV))
    assert create(bench, RK).is_user_verified()
    assert get(bench).is_user_verified()
    # The finger is the touch.
    assert [type(ask) for ask in bench.person.asked] == [Verification, Verification]


def test_always_uv_takes_tokens(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = with_pin(authenticator(features=ALWAYS_UV))
    assert create(bench, RK, **token(bench, P.MAKE_CREDENTIAL, protocol=pin_protocol)).is_user_verified()
    assert get(bench, **token(bench, P.GET_ASSERTION, protocol=pin_protocol)).is_user_verified()


def test_always_uv_leaves_silent_assertions_alone(authenticator: MakeBench) -> None:
    bench = with_credential(authenticator())
    bench.authenticator.change_state(always_uv=True)
    data = get(bench, {"up": False})
    assert data.flags & (FLAG.UP | FLAG.UV) == 0
    assert not bench.person.asked


# A token (§6.1.2 step 11.1, §6.2.2 step 6.1)


def test_a_tokens_verification_and_presence_are_spent_with_the_first_touch(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = with_pin(authenticator())
    request = token(bench, P.MAKE_CREDENTIAL | P.GET_ASSERTION, protocol=pin_protocol)
    assert create(bench, RK, **request).is_user_verified()
    for command in (create, get):
        with refused(ERR.PIN_AUTH_INVALID):
            command(bench, **request)
    assert presences(bench) == 1


def test_silent_assertions_spend_nothing(authenticator: MakeBench) -> None:
    bench = with_pin(with_credential(authenticator()))
    request = token(bench, P.GET_ASSERTION)
    for _ in range(3):
        data = get(bench, {"up": False}, **request)
        assert data.is_user_verified()
        assert not data.is_user_present()
    assert get(bench, **request).is_user_present()


def test_a_finger_that_gave_the_token_is_the_touch(authenticator: MakeBench) -> None:
    bench = with_finger(with_credential(authenticator()))
    request = token(bench, P.GET_ASSERTION, uv=True)
    data = get(bench, **request)
    assert data.is_user_present()
    assert data.is_user_verified()
    assert presences(bench) == 0
    request = token(bench, P.GET_ASSERTION, uv=True)
    get(bench, {"up": False}, **request)
    bench.clock.advance(30)  # userPresentTimeLimit
    get(bench, **request)
    assert presences(bench) == 1


@pytest.mark.parametrize("command", [create, get])
def test_tokens_that_do_not_fit(authenticator: MakeBench, command: Any, pin_protocol: PinProtocol) -> None:
    bench = with_pin(with_credential(authenticator()))
    right, wrong = P.MAKE_CREDENTIAL, P.GET_ASSERTION
    if command is get:
        right, wrong = wrong, right
    with refused(ERR.PIN_AUTH_INVALID):
        command(bench, **token(bench, wrong, protocol=pin_protocol))
    with refused(ERR.PIN_AUTH_INVALID):
        command(bench, **token(bench, right, "example.org", pin_protocol))
    with refused(ERR.PIN_AUTH_INVALID):
        command(bench, **token(bench, right, protocol=pin_protocol) | {"pin_uv_param": bytes(16)})
    other = 3 - pin_protocol.VERSION
    with refused(ERR.PIN_AUTH_INVALID):
        command(bench, **token(bench, right, protocol=pin_protocol) | {"pin_uv_protocol": other})
    assert not bench.person.asked
    command(bench, **token(bench, right, protocol=pin_protocol))


def test_a_token_without_rp_id_is_bound_by_its_first_use(authenticator: MakeBench) -> None:
    bench = with_pin(with_credential(authenticator()))
    create(bench, None, rp_id="example.org")
    client = bench.client_pin()
    given = client.get_pin_token(PIN)
    request = {
        "pin_uv_param": client.protocol.authenticate(given, HASH),
        "pin_uv_protocol": client.protocol.VERSION,
    }
    get(bench, {"up": False}, **request)
    with refused(ERR.PIN_AUTH_INVALID):
        get(bench, {"up": False}, rp_id="example.org", **request)
    get(bench, {"up": False}, **request)


# Built-in verification (§6.1.2 step 11.2, §6.2.2 step 6.2)


@pytest.mark.parametrize("command", [create, get])
def test_the_uv_option_verifies(authenticator: MakeBench, command: Any) -> None:
    bench = with_finger(with_credential(authenticator()))
    bench.person.will(NotRecognised(), NotRecognised())
    data = command(bench, UV)
    assert data.is_user_verified()
    assert data.is_user_present()
    assert [type(ask) for ask in bench.person.asked] == [Verification] * 3


@pytest.mark.parametrize("command", [create, get])
@pytest.mark.parametrize(
    ("pin", "overrides", "code"),
    [
        (True, {}, ERR.PUAT_REQUIRED),
        (True, {"features": NOT_WITH_PIN}, ERR.PIN_BLOCKED),
        (False, {}, ERR.PIN_BLOCKED),
        (False, {"limits": {"uv_retries": 5}}, ERR.OPERATION_DENIED),
        (True, {"quirks": frozenset({Quirk.UV_FAILURE_IS_OPERATION_DENIED})}, ERR.OPERATION_DENIED),
    ],
    ids=["PIN next", "PIN not allowed", "no PIN", "retries left", "quirk"],
)
def test_wrong_fingers(
    authenticator: MakeBench, command: Any, pin: bool, overrides: dict[str, Any], code: int
) -> None:
    bench = with_finger(with_credential(authenticator(**overrides)))
    if pin:
        with_pin(bench)
    bench.person.will(*[NotRecognised()] * 3)
    with refused(code):
        command(bench, UV)
    assert len(bench.person.asked) == 3
    assert bench.state.uv_retries == bench.authenticator.profile.limits.uv_retries - 3


@pytest.mark.parametrize("command", [create, get])
@when_nobody_agrees
def test_no_finger_at_all(authenticator: MakeBench, command: Any, does: Any, code: int) -> None:
    bench = with_pin(with_finger(with_credential(authenticator())))
    bench.person.will(does)
    with refused(code):
        command(bench, UV)


# The excludeList (§6.1.2 step 12)


def test_an_excluded_credential_is_told_whatever_the_person_does(authenticator: MakeBench) -> None:
    bench = authenticator()
    made = create(bench)
    assert made.credential_data is not None
    excluded = {"exclude_list": [{"type": "public-key", "id": made.credential_data.credential_id}]}
    bench.person.asked.clear()
    for does, code in (
        (None, ERR.CREDENTIAL_EXCLUDED),
        (DECLINED, ERR.CREDENTIAL_EXCLUDED),
        (NOTHING, ERR.CREDENTIAL_EXCLUDED),
        (CANCELS, ERR.KEEPALIVE_CANCEL),
    ):
        if does is not None:
            bench.person.will(does)
        with refused(code):
            create(bench, **excluded)
    assert {ask.purpose for ask in bench.person.asked if isinstance(ask, Presence)} == {Purpose.EXCLUDED}
    create(bench, rp_id="example.org", **excluded)


def test_a_finger_shown_already_is_touch_enough_for_an_excluded_credential(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    made = create(bench)
    assert made.credential_data is not None
    bench.person.asked.clear()
    with refused(ERR.CREDENTIAL_EXCLUDED):
        create(bench, UV, exclude_list=[{"type": "public-key", "id": made.credential_data.credential_id}])
    assert presences(bench) == 0
