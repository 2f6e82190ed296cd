"""authenticatorConfig (CTAP 2.3 §6.11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from authenticator import cbor
from authenticator.operation import Steps
from authenticator.parameters import Parameters, optional, require, unsigned
from authenticator.pin.permissions import Permission
from authenticator.profiles.profile import Profile
from authenticator.status import CtapError, Status
from authenticator.user import has_client_pin, is_protected

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator

COMMAND = 0x0D


class Key(IntEnum):
    SUB_COMMAND = 0x01
    SUB_COMMAND_PARAMS = 0x02
    PIN_UV_AUTH_PROTOCOL = 0x03
    PIN_UV_AUTH_PARAM = 0x04


class SubCommand(IntEnum):
    ENABLE_ENTERPRISE_ATTESTATION = 0x01
    TOGGLE_ALWAYS_UV = 0x02
    SET_MIN_PIN_LENGTH = 0x03
    ENABLE_LONG_TOUCH_FOR_RESET = 0x04
    VENDOR_PROTOTYPE = 0xFF


class MinPinLengthKey(IntEnum):
    NEW_MIN_PIN_LENGTH = 0x01
    MIN_PIN_LENGTH_RP_IDS = 0x02
    FORCE_CHANGE_PIN = 0x03
    PIN_COMPLEXITY_POLICY = 0x04


class VendorKey(IntEnum):
    VENDOR_COMMAND_ID = 0x01


Params: TypeAlias = dict[int, Any]


def offered_sub_commands(profile: Profile) -> list[int]:
    """getInfo's authenticatorConfigCommands."""
    return [int(code) for code, entry in _SUB_COMMANDS.items() if entry.offered(profile)]


def has_pin_complexity_policy(profile: Profile) -> bool:
    """Whether setMinPINLength can switch the policy on, and getInfo tells of it."""
    return profile.features.set_min_pin_length and "pinComplexityPolicy" in profile.extensions


def config(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    # Steps 1 and 2
    code = require(parameters, Key.SUB_COMMAND, int)
    entry = _SUB_COMMANDS.get(code)
    if entry is None or not entry.offered(auth.profile):
        raise CtapError(Status.INVALID_SUBCOMMAND)
    params = optional(parameters, Key.SUB_COMMAND_PARAMS, dict)
    # Step 3: who finds alwaysUv on, and no way to verify anyone yet, may switch it off
    protected, always_uv = is_protected(auth), auth.state.always_uv
    is_way_out = always_uv and not protected and code == SubCommand.TOGGLE_ALWAYS_UV
    # Step 4
    if (protected or always_uv) and not is_way_out:
        auth.tokens.require_authorised(
            unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
            optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes),
            b"\xff" * 32 + bytes((COMMAND, code)) + (cbor.encode(params) if params is not None else b""),
            Permission.AUTHENTICATOR_CONFIGURATION,
        )
    # Step 5
    entry.run(auth, params or {})
    return b""
    yield


def _enable_enterprise_attestation(auth: Authenticator, params: Params) -> None:
    """§6.11.1."""
    auth.change_state(enterprise_attestation=True)


def _toggle_always_uv(auth: Authenticator, params: Params) -> None:
    """§6.11.2. While it is on, makeCredUvNotRqd is false and U2F, which verifies nobody, is off (§7.2)."""
    auth.change_state(always_uv=not auth.state.always_uv)


def _set_min_pin_length(auth: Authenticator, params: Params) -> None:
    """§6.11.4."""
    state, profile = auth.state, auth.profile
    # Step 1
    new_length = unsigned(params, MinPinLengthKey.NEW_MIN_PIN_LENGTH)
    length = state.min_pin_length if new_length is None else new_length
    rp_ids = optional(params, MinPinLengthKey.MIN_PIN_LENGTH_RP_IDS, list)
    if rp_ids is not None and any(type(rp_id) is not str for rp_id in rp_ids):
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    force = optional(params, MinPinLengthKey.FORCE_CHANGE_PIN, bool)
    complexity = optional(params, MinPinLengthKey.PIN_COMPLEXITY_POLICY, bool)
    # Step 2: it only ever grows, until a reset
    if not state.min_pin_length <= length <= profile.limits.max_pin_length:
        raise CtapError(Status.PIN_POLICY_VIOLATION)
    # Step 3: who may be told, where there is a way to tell it
    if rp_ids is not None and not profile.extensions & {"minPinLength", "pinComplexityPolicy"}:
        raise CtapError(Status.INVALID_PARAMETER)
    # Step 8, before anything has changed
    if rp_ids and len(rp_ids) > profile.limits.max_min_pin_rp_ids:
        raise CtapError(Status.KEY_STORE_FULL)
    # Step 4
    has_pin = has_client_pin(auth)
    if force and not has_pin:
        raise CtapError(Status.PIN_NOT_SET)
    # §7.4.3: once on, the policy stays until a reset; a key without one ignores the wish. What the PIN
    # is like cannot be seen from its hash, so one that was set before must be set anew.
    newly_complex = (
        bool(complexity) and has_pin_complexity_policy(profile) and not state.pin_complexity_policy
    )
    # Steps 5 and 6
    must_change = state.force_pin_change or (
        has_pin and (bool(force) or state.pin_length < length or newly_complex)
    )
    changes: dict[str, Any] = {
        "min_pin_length": length,
        "force_pin_change": must_change,
        "pin_complexity_policy": state.pin_complexity_policy or newly_complex,
    }
    if rp_ids:
        changes["min_pin_rp_ids"] = tuple(dict.fromkeys(rp_ids))
    # Step 7: whoever must change the PIN is nobody until they have
    if must_change:
        changes["persistent_pin_uv_auth_token"] = None
    auth.change_state(**changes)
    if must_change:
        auth.tokens.reset()


def _enable_long_touch_for_reset(auth: Authenticator, params: Params) -> None:
    """§6.11.5. Only a reset takes it back."""
    auth.change_state(long_touch_for_reset=True)


def _vendor_prototype(auth: Authenticator, params: Params) -> None:
    """§6.11.3. The vendor's commands are taken and change nothing."""
    command = unsigned(params, VendorKey.VENDOR_COMMAND_ID)
    if command is None:
        raise CtapError(Status.MISSING_PARAMETER)
    if command not in auth.profile.features.vendor_config_commands:
        raise CtapError(Status.INVALID_PARAMETER)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    run: Callable[[Authenticator, Params], None]
    offered: Callable[[Profile], bool]


_SUB_COMMANDS: dict[int, _Entry] = {
    SubCommand.ENABLE_ENTERPRISE_ATTESTATION: _Entry(
        run=_enable_enterprise_attestation, offered=lambda profile: profile.features.enterprise_attestation
    ),
    SubCommand.TOGGLE_ALWAYS_UV: _Entry(
        run=_toggle_always_uv, offered=lambda profile: profile.features.always_uv
    ),
    SubCommand.SET_MIN_PIN_LENGTH: _Entry(
        run=_set_min_pin_length, offered=lambda profile: profile.features.set_min_pin_length
    ),
    SubCommand.ENABLE_LONG_TOUCH_FOR_RESET: _Entry(
        run=_enable_long_touch_for_reset, offered=lambda profile: profile.features.long_touch_for_reset
    ),
    SubCommand.VENDOR_PROTOTYPE: _Entry(
        run=_vendor_prototype, offered=lambda profile: bool(profile.features.vendor_config_commands)
    ),
}
