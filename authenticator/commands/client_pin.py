"""authenticatorClientPIN (CTAP 2.3 §6.5.5): PINs set and changed, tokens given for PINs and built-in verification."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from authenticator import cbor
from authenticator.operation import Steps
from authenticator.parameters import Parameters, optional, require, unsigned
from authenticator.person import Answer, Ask, Purpose
from authenticator.pin.permissions import DEFAULT_PERMISSIONS, Permission, require_permissible
from authenticator.pin.protocols import PinUvAuthProtocol, SharedSecret
from authenticator.pin.stored import hash_of_pin, require_acceptable, unpad
from authenticator.pin.token import PERSISTENT_TOKEN_SIZE
from authenticator.profiles.profile import Profile
from authenticator.status import CtapError, Status
from authenticator.user import can_verify_user, uv_retries, verify_user

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator

T = TypeVar("T")
Response: TypeAlias = dict[int, Any]

MAX_WRONG_PINS_IN_A_ROW = 3
"""Then the key must be power-cycled, so that malware cannot use up all retries by itself (§6.5.5.6 step 7.1.2)."""

_PCMR = Permission.PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY


class Key(IntEnum):
    PIN_UV_AUTH_PROTOCOL = 0x01
    SUB_COMMAND = 0x02
    KEY_AGREEMENT = 0x03
    PIN_UV_AUTH_PARAM = 0x04
    NEW_PIN_ENC = 0x05
    PIN_HASH_ENC = 0x06
    PERMISSIONS = 0x09
    RP_ID = 0x0A


class ResponseKey(IntEnum):
    KEY_AGREEMENT = 0x01
    PIN_UV_AUTH_TOKEN = 0x02
    PIN_RETRIES = 0x03
    POWER_CYCLE_STATE = 0x04
    UV_RETRIES = 0x05


class SubCommand(IntEnum):
    GET_PIN_RETRIES = 0x01
    GET_KEY_AGREEMENT = 0x02
    SET_PIN = 0x03
    CHANGE_PIN = 0x04
    GET_PIN_TOKEN = 0x05
    GET_PIN_UV_AUTH_TOKEN_USING_UV_WITH_PERMISSIONS = 0x06
    GET_UV_RETRIES = 0x07
    GET_PIN_UV_AUTH_TOKEN_USING_PIN_WITH_PERMISSIONS = 0x09


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    pin_uv_auth_protocol: int | None
    key_agreement: dict[int, Any] | None
    pin_uv_auth_param: bytes | None
    new_pin_enc: bytes | None
    pin_hash_enc: bytes | None
    permissions: int | None
    rp_id: str | None

    @classmethod
    def parse(cls, parameters: Parameters) -> Request:
        return cls(
            pin_uv_auth_protocol=unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
            key_agreement=optional(parameters, Key.KEY_AGREEMENT, dict),
            pin_uv_auth_param=optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes),
            new_pin_enc=optional(parameters, Key.NEW_PIN_ENC, bytes),
            pin_hash_enc=optional(parameters, Key.PIN_HASH_ENC, bytes),
            permissions=unsigned(parameters, Key.PERMISSIONS),
            rp_id=optional(parameters, Key.RP_ID, str),
        )


def offers_client_pin(profile: Profile) -> bool:
    features = profile.features
    gives_tokens = features.client_pin or (features.pin_uv_auth_token and _with_uv(profile))
    # hmac-secret needs a key agreement of every key that has it (§12.7), and nothing else from here
    return gives_tokens or "hmac-secret" in profile.extensions


def client_pin(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    code = require(parameters, Key.SUB_COMMAND, int)
    entry = _SUB_COMMANDS.get(code)
    if entry is None or not entry.offered(auth.profile):
        raise CtapError(Status.INVALID_SUBCOMMAND)
    request = Request.parse(parameters)
    if entry.run is None:
        response = yield from _get_token_using_uv(auth, request)
    else:
        response = entry.run(auth, request)
    return cbor.encode(response) if response else b""


def _present(value: T | None) -> T:
    """Step 1 of each subcommand: its mandatory parameters are there."""
    if value is None:
        raise CtapError(Status.MISSING_PARAMETER)
    return value


def _require_protocol(auth: Authenticator, request: Request) -> PinUvAuthProtocol:
    """Step 2 of each."""
    return auth.tokens.require_protocol(_present(request.pin_uv_auth_protocol))


# What needs no PIN


def _get_pin_retries(auth: Authenticator, request: Request) -> Response:
    """§6.5.5.2."""
    return {
        ResponseKey.PIN_RETRIES: auth.state.pin_retries,
        ResponseKey.POWER_CYCLE_STATE: auth.wrong_pins_in_a_row >= MAX_WRONG_PINS_IN_A_ROW,
    }


def _get_uv_retries(auth: Authenticator, request: Request) -> Response:
    """§6.5.5.3."""
    return {ResponseKey.UV_RETRIES: uv_retries(auth)}


def _get_key_agreement(auth: Authenticator, request: Request) -> Response:
    """§6.5.5.4."""
    return {ResponseKey.KEY_AGREEMENT: _require_protocol(auth, request).public_key()}


# Setting and changing the PIN


def _set_pin(auth: Authenticator, request: Request) -> Response:
    """§6.5.5.5."""
    key_agreement, new_pin_enc = _present(request.key_agreement), _present(request.new_pin_enc)
    param = _present(request.pin_uv_auth_param)
    protocol = _require_protocol(auth, request)
    # Step 3: a PIN that is set is changed, not set
    if auth.state.pin_hash is not None:
        raise CtapError(Status.PIN_AUTH_INVALID)
    # Steps 4 and 5
    secret = protocol.decapsulate(key_agreement)
    if not secret.verify(new_pin_enc, param):
        raise CtapError(Status.PIN_AUTH_INVALID)
    _store_new_pin(auth, secret, new_pin_enc)
    return {}


def _change_pin(auth: Authenticator, request: Request) -> Response:
    """§6.5.5.6."""
    key_agreement, new_pin_enc = _present(request.key_agreement), _present(request.new_pin_enc)
    pin_hash_enc, param = _present(request.pin_hash_enc), _present(request.pin_uv_auth_param)
    protocol = _require_protocol(auth, request)
    # Step 3
    _require_pin_not_blocked(auth)
    # Steps 4 and 5
    secret = protocol.decapsulate(key_agreement)
    if not secret.verify(new_pin_enc + pin_hash_enc, param):
        raise CtapError(Status.PIN_AUTH_INVALID)
    # Steps 6 to 8
    _require_right_pin(auth, protocol, secret, pin_hash_enc)
    # Steps 9 to 18
    _store_new_pin(auth, secret, new_pin_enc)
    # Step 19; step 20, the persistent token, went with the old PIN
    auth.tokens.reset()
    return {}


def _store_new_pin(auth: Authenticator, secret: SharedSecret, new_pin_enc: bytes) -> None:
    """§6.5.5.5 steps 6 to 12, §6.5.5.6 steps 9 to 18 and 20."""
    try:
        padded = secret.decrypt(new_pin_enc)
    except CtapError:
        raise CtapError(Status.PIN_AUTH_INVALID) from None
    pin, state, limits = unpad(padded), auth.state, auth.profile.limits
    length = require_acceptable(pin, state, limits)
    pin_hash = hash_of_pin(pin)
    # §6.5.5.6 step 13: a change that was demanded must be one
    if state.force_pin_change and state.pin_hash == pin_hash:
        raise CtapError(Status.PIN_POLICY_VIOLATION)
    auth.change_state(
        pin_hash=pin_hash,
        pin_length=length,
        pin_retries=limits.pin_retries,
        force_pin_change=False,
        persistent_pin_uv_auth_token=None,
    )


# The PIN compared


def _require_pin_not_blocked(auth: Authenticator) -> None:
    if auth.state.pin_hash is None:
        raise CtapError(Status.PIN_NOT_SET)
    if auth.state.pin_retries == 0:
        raise CtapError(Status.PIN_BLOCKED)
    if auth.wrong_pins_in_a_row >= MAX_WRONG_PINS_IN_A_ROW:
        raise CtapError(Status.PIN_AUTH_BLOCKED)


def _require_right_pin(
    auth: Authenticator, protocol: PinUvAuthProtocol, secret: SharedSecret, pin_hash_enc: bytes
) -> None:
    """§6.5.5.6 steps 6 to 8, §6.5.5.7.1 and .2 steps 8 to 10."""
    limits, current = auth.profile.limits, auth.state.pin_hash
    assert current is not None
    # Counted down, and stored, before the comparison: pulling the plug does not save a guess.
    auth.change_state(pin_retries=auth.state.pin_retries - 1)
    try:
        given = secret.decrypt(pin_hash_enc)
    except CtapError:
        given = b""
    if not hmac.compare_digest(given, current):
        protocol.regenerate()
        auth.wrong_pins_in_a_row += 1
        if auth.state.pin_retries == 0:
            raise CtapError(Status.PIN_BLOCKED)
        if auth.wrong_pins_in_a_row >= MAX_WRONG_PINS_IN_A_ROW:
            raise CtapError(Status.PIN_AUTH_BLOCKED)
        raise CtapError(Status.PIN_INVALID)
    auth.wrong_pins_in_a_row = 0
    # §6.5.2.3: the right PIN opens built-in verification again too
    auth.change_state(pin_retries=limits.pin_retries, uv_retries=limits.uv_retries, uv_count_since_pin=0)


# Tokens


def _get_pin_token(auth: Authenticator, request: Request) -> Response:
    """§6.5.5.7.1, superseded; the only way to a token of a key without pinUvAuthToken."""
    key_agreement, pin_hash_enc = _present(request.key_agreement), _present(request.pin_hash_enc)
    protocol = _require_protocol(auth, request)
    features = auth.profile.features
    # Steps 3 and 4; CTAP 2.0, which has neither parameter, ignores what it does not know
    if features.pin_uv_auth_token and not (request.permissions is None and request.rp_id is None):
        raise CtapError(Status.INVALID_PARAMETER)
    # Step 5
    _require_pin_not_blocked(auth)
    # Steps 6 to 10
    secret = protocol.decapsulate(key_agreement)
    _require_right_pin(auth, protocol, secret, pin_hash_enc)
    # Step 11
    if auth.state.force_pin_change:
        raise CtapError(Status.PIN_INVALID)
    if not features.pin_uv_auth_token:
        auth.tokens.begin_using_unrestricted(protocol)
    else:
        # Steps 12 to 14
        permissions = 0 if features.no_mc_ga_permissions_with_client_pin else int(DEFAULT_PERMISSIONS)
        auth.tokens.begin_using(protocol, permissions, None, user_present=False)
    # Step 15
    return {ResponseKey.PIN_UV_AUTH_TOKEN: secret.encrypt(protocol.token)}


def _get_token_using_pin(auth: Authenticator, request: Request) -> Response:
    """§6.5.5.7.2."""
    key_agreement, pin_hash_enc = _present(request.key_agreement), _present(request.pin_hash_enc)
    permissions = _present(request.permissions)
    protocol = _require_protocol(auth, request)
    # Steps 3 and 4
    require_permissible(auth.profile, permissions, request.rp_id, built_in_uv=False)
    # Step 5
    _require_pin_not_blocked(auth)
    # Steps 6 to 10
    secret = protocol.decapsulate(key_agreement)
    _require_right_pin(auth, protocol, secret, pin_hash_enc)
    # Step 11
    if auth.state.force_pin_change:
        raise CtapError(Status.PIN_POLICY_VIOLATION)
    # Steps 12 to 17
    return _grant(auth, protocol, secret, permissions, request.rp_id, user_present=False)


def _get_token_using_uv(auth: Authenticator, request: Request) -> Generator[Ask, Answer, Response]:
    """§6.5.5.7.3."""
    key_agreement, permissions = _present(request.key_agreement), _present(request.permissions)
    protocol = _require_protocol(auth, request)
    # Steps 3 and 4
    require_permissible(auth.profile, permissions, request.rp_id, built_in_uv=True)
    # Step 5
    if not can_verify_user(auth):
        raise CtapError(Status.NOT_ALLOWED)
    # Step 6: a platform that will try again by itself wants to tell the user in between
    internal_retry = (auth.profile.limits.preferred_platform_uv_attempts or 0) <= 1
    secret = protocol.decapsulate(key_agreement)
    # Steps 7, 9 and 10; the pad or screen that asks for the PIN is the display of step 8
    yield from verify_user(auth, Purpose.AUTHORISE, request.rp_id, internal_retry=internal_retry)
    # Steps 11 to 16: whoever was recognised has touched the key
    return _grant(auth, protocol, secret, permissions, request.rp_id, user_present=True)


def _grant(
    auth: Authenticator,
    protocol: PinUvAuthProtocol,
    secret: SharedSecret,
    permissions: int,
    rp_id: str | None,
    *,
    user_present: bool,
) -> Response:
    if permissions & _PCMR.value:
        # The one token that outlives a power cycle: all platforms share it until the PIN changes.
        token = auth.state.persistent_pin_uv_auth_token
        if token is None:
            token = auth.environment.random.bytes(PERSISTENT_TOKEN_SIZE)
            auth.change_state(persistent_pin_uv_auth_token=token)
    else:
        auth.tokens.begin_using(protocol, permissions, rp_id, user_present=user_present)
        token = protocol.token
    return {ResponseKey.PIN_UV_AUTH_TOKEN: secret.encrypt(token)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    run: Callable[[Authenticator, Request], Response] | None
    """None for the one that asks the person."""
    offered: Callable[[Profile], bool]


def _with_pin(profile: Profile) -> bool:
    return profile.features.client_pin


def _with_uv(profile: Profile) -> bool:
    return profile.features.user_verification is not None


_SUB_COMMANDS: dict[int, _Entry] = {
    SubCommand.GET_PIN_RETRIES: _Entry(run=_get_pin_retries, offered=_with_pin),
    SubCommand.GET_KEY_AGREEMENT: _Entry(run=_get_key_agreement, offered=lambda profile: True),
    SubCommand.SET_PIN: _Entry(run=_set_pin, offered=_with_pin),
    SubCommand.CHANGE_PIN: _Entry(run=_change_pin, offered=_with_pin),
    SubCommand.GET_PIN_TOKEN: _Entry(run=_get_pin_token, offered=_with_pin),
    SubCommand.GET_PIN_UV_AUTH_TOKEN_USING_UV_WITH_PERMISSIONS: _Entry(
        run=None,
        offered=lambda profile: _with_uv(profile) and profile.features.pin_uv_auth_token,
    ),
    SubCommand.GET_UV_RETRIES: _Entry(
        run=_get_uv_retries,
        # CTAP 2.0 has no such counter; FIDO_2_1_PRE brought it along with its fingers.
        offered=lambda profile: (
            _with_uv(profile)
            and (profile.features.pin_uv_auth_token or profile.features.bio_enrollment_preview)
        ),
    ),
    SubCommand.GET_PIN_UV_AUTH_TOKEN_USING_PIN_WITH_PERMISSIONS: _Entry(
        run=_get_token_using_pin,
        offered=lambda profile: _with_pin(profile) and profile.features.pin_uv_auth_token,
    ),
}
