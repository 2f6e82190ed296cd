"""authenticatorCredentialManagement (CTAP 2.3 §6.8), and the prototype of FIDO_2_1_PRE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from authenticator import cbor
from authenticator.credential import Credential
from authenticator.credential import rp_id_hash as hash_of
from authenticator.operation import Steps
from authenticator.parameters import Parameters, member, optional, optional_member, require, unsigned
from authenticator.pin.permissions import Permission
from authenticator.status import CtapError, Status
from authenticator.truncation import truncated_name, truncated_rp_id

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


class Key(IntEnum):
    SUB_COMMAND = 0x01
    SUB_COMMAND_PARAMS = 0x02
    PIN_UV_AUTH_PROTOCOL = 0x03
    PIN_UV_AUTH_PARAM = 0x04


class SubCommand(IntEnum):
    GET_CREDS_METADATA = 0x01
    ENUMERATE_RPS_BEGIN = 0x02
    ENUMERATE_RPS_GET_NEXT_RP = 0x03
    ENUMERATE_CREDENTIALS_BEGIN = 0x04
    ENUMERATE_CREDENTIALS_GET_NEXT_CREDENTIAL = 0x05
    DELETE_CREDENTIAL = 0x06
    UPDATE_USER_INFORMATION = 0x07


class Param(IntEnum):
    RP_ID_HASH = 0x01
    CREDENTIAL_ID = 0x02
    USER = 0x03


class ResponseKey(IntEnum):
    EXISTING_RESIDENT_CREDENTIALS_COUNT = 0x01
    MAX_POSSIBLE_REMAINING_RESIDENT_CREDENTIALS_COUNT = 0x02
    RP = 0x03
    RP_ID_HASH = 0x04
    TOTAL_RPS = 0x05
    USER = 0x06
    CREDENTIAL_ID = 0x07
    PUBLIC_KEY = 0x08
    TOTAL_CREDENTIALS = 0x09
    CRED_PROTECT = 0x0A
    LARGE_BLOB_KEY = 0x0B
    THIRD_PARTY_PAYMENT = 0x0C


Params: TypeAlias = dict[int, Any]
Response: TypeAlias = dict[int, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    auth: Authenticator
    channel: int
    params: Params
    rp_id: str | None
    """The RP id the token is bound to."""

    def require_unbound(self) -> None:
        """Whoever may manage one relying party's credentials is not told of the others."""
        if self.rp_id is not None:
            raise CtapError(Status.PIN_AUTH_INVALID)

    def require_bound_to(self, rp_id_hash: bytes) -> None:
        # Not require_valid_for_rp: a token bound to no RP id stays so here.
        if self.rp_id is not None and hash_of(self.rp_id) != rp_id_hash:
            raise CtapError(Status.PIN_AUTH_INVALID)


def credential_management(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    return _run(auth, parameters, channel, _SUB_COMMANDS)
    yield


def credential_management_preview(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    # On a key that has both, the code 0x41 is another name: libfido2 updates users by it (up to 1.12 at least).
    has_both = auth.profile.features.credential_management
    return _run(auth, parameters, channel, _SUB_COMMANDS if has_both else _PREVIEW_SUB_COMMANDS)
    yield


def _run(auth: Authenticator, parameters: Parameters, channel: int, table: dict[int, _Entry]) -> bytes:
    code = require(parameters, Key.SUB_COMMAND, int)
    entry = table.get(code)
    if entry is None:
        raise CtapError(Status.INVALID_SUBCOMMAND)
    params = optional(parameters, Key.SUB_COMMAND_PARAMS, dict)
    rp_id = _authorised_rp_id(auth, parameters, code, params, entry) if entry.authorised else None
    response = entry.run(_Call(auth=auth, channel=channel, params=params or {}, rp_id=rp_id))
    return cbor.encode(response) if response else b""


def _authorised_rp_id(
    auth: Authenticator, parameters: Parameters, code: int, params: Params | None, entry: _Entry
) -> str | None:
    """The steps every subcommand begins with; what the token that was used is bound to."""
    number = unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL)
    param = optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes)
    message = bytes((code,)) + (cbor.encode(params) if params is not None else b"")
    if entry.read_only and number is not None and param is not None:
        persistent = auth.state.persistent_pin_uv_auth_token
        if auth.tokens.matches_persistent(number, message, param, persistent):
            return None
    auth.tokens.require_authorised(number, param, message, Permission.CREDENTIAL_MANAGEMENT)
    return auth.tokens.rp_id


def _get_creds_metadata(call: _Call) -> Response:
    """§6.8.2."""
    call.require_unbound()
    auth, existing = call.auth, len(call.auth.store)
    return {
        ResponseKey.EXISTING_RESIDENT_CREDENTIALS_COUNT: existing,
        ResponseKey.MAX_POSSIBLE_REMAINING_RESIDENT_CREDENTIALS_COUNT: max(
            0, auth.profile.limits.resident_credentials - existing
        ),
    }


def _enumerate_rps_begin(call: _Call) -> Response:
    """§6.8.3."""
    call.require_unbound()
    one_of_each = {credential.rp_id_hash: credential for credential in call.auth.store.credentials()}
    if not one_of_each:
        raise CtapError(Status.NO_CREDENTIALS)
    first, *rest = one_of_each.values()
    call.auth.keep("rps", call.channel, rest)
    return {**_rp(call.auth, first), ResponseKey.TOTAL_RPS: len(one_of_each)}


def _enumerate_rps_get_next_rp(call: _Call) -> Response:
    return _rp(call.auth, _next(call, "rps"))


def _enumerate_credentials_begin(call: _Call) -> Response:
    """§6.8.4."""
    hash_of_rp_id = require(call.params, Param.RP_ID_HASH, bytes)
    call.require_bound_to(hash_of_rp_id)
    found = call.auth.store.for_rp(hash_of_rp_id)
    if not found:
        raise CtapError(Status.NO_CREDENTIALS)
    first, *rest = found
    call.auth.keep("credentials", call.channel, rest)
    return {**_credential(call.auth, first), ResponseKey.TOTAL_CREDENTIALS: len(found)}


def _enumerate_credentials_get_next_credential(call: _Call) -> Response:
    return _credential(call.auth, _next(call, "credentials"))


def _delete_credential(call: _Call) -> Response:
    """§6.8.5."""
    credential = _named(call)
    call.auth.store.remove(credential.id)
    call.auth.credentials_changed()
    return {}


def _update_user_information(call: _Call) -> Response:
    """§6.8.6."""
    user = require(call.params, Param.USER, dict)
    user_id = member(user, "id", bytes)
    credential = _named(call)
    if user_id != credential.user.id:
        raise CtapError(Status.INVALID_PARAMETER)
    size = call.auth.profile.limits.stored_user_names
    # What is empty or left out is forgotten.
    name = truncated_name(optional_member(user, "name", str), size) or None
    display_name = truncated_name(optional_member(user, "displayName", str), size) or None
    changed = replace(credential.user, name=name, display_name=display_name)
    call.auth.store.put(replace(credential, user=changed))
    call.auth.credentials_changed()
    return {}


def _named(call: _Call) -> Credential:
    """The discoverable credential a descriptor names."""
    descriptor = require(call.params, Param.CREDENTIAL_ID, dict)
    credential = call.auth.store.get(member(descriptor, "id", bytes))
    if credential is None:
        raise CtapError(Status.NO_CREDENTIALS)
    call.require_bound_to(credential.rp_id_hash)
    return credential


def _next(call: _Call, kind: str) -> Credential:
    remaining: list[Credential] | None = call.auth.kept(kind)
    if not remaining:
        raise CtapError(Status.NOT_ALLOWED)
    credential, *rest = remaining
    call.auth.keep(kind, call.channel, rest)
    return credential


def _rp(auth: Authenticator, credential: Credential) -> Response:
    rp = {"id": truncated_rp_id(credential.rp_id, auth.profile.limits.stored_rp_id)}
    if credential.rp_name is not None:
        rp["name"] = credential.rp_name
    return {ResponseKey.RP: rp, ResponseKey.RP_ID_HASH: credential.rp_id_hash}


def _credential(auth: Authenticator, credential: Credential) -> Response:
    extensions = auth.profile.extensions
    response: Response = {
        ResponseKey.USER: credential.user.to_cbor(),
        ResponseKey.CREDENTIAL_ID: credential.descriptor,
        ResponseKey.PUBLIC_KEY: credential.key.public_cose_key(),
    }
    if "credProtect" in extensions:
        response[ResponseKey.CRED_PROTECT] = int(credential.protection)
    if credential.large_blob_key is not None:
        response[ResponseKey.LARGE_BLOB_KEY] = credential.large_blob_key
    if "thirdPartyPayment" in extensions:
        response[ResponseKey.THIRD_PARTY_PAYMENT] = credential.third_party_payment
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    run: Callable[[_Call], Response]
    authorised: bool = True
    """Whether it wants a pinUvAuthParam; what goes on with an enumeration does not."""
    read_only: bool = False
    """Whether the permission pcmr is enough."""


_SUB_COMMANDS: dict[int, _Entry] = {
    SubCommand.GET_CREDS_METADATA: _Entry(run=_get_creds_metadata, read_only=True),
    SubCommand.ENUMERATE_RPS_BEGIN: _Entry(run=_enumerate_rps_begin, read_only=True),
    SubCommand.ENUMERATE_RPS_GET_NEXT_RP: _Entry(run=_enumerate_rps_get_next_rp, authorised=False),
    SubCommand.ENUMERATE_CREDENTIALS_BEGIN: _Entry(run=_enumerate_credentials_begin, read_only=True),
    SubCommand.ENUMERATE_CREDENTIALS_GET_NEXT_CREDENTIAL: _Entry(
        run=_enumerate_credentials_get_next_credential, authorised=False
    ),
    SubCommand.DELETE_CREDENTIAL: _Entry(run=_delete_credential),
    SubCommand.UPDATE_USER_INFORMATION: _Entry(run=_update_user_information),
}

_PREVIEW_SUB_COMMANDS = {
    code: entry for code, entry in _SUB_COMMANDS.items() if code != SubCommand.UPDATE_USER_INFORMATION
}
