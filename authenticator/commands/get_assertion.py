"""authenticatorGetAssertion and authenticatorGetNextAssertion (CTAP 2.3 §6.2, §6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from authenticator import cbor
from authenticator.authenticator_data import Flags, authenticator_data
from authenticator.commands.ceremony import Ceremony, authorise, find_listed
from authenticator.commands.parameters import Parameters, descriptors, option, optional, require, unsigned
from authenticator.credential import Credential, CredProtect, rp_id_hash
from authenticator.extensions import Assertion, get_assertion_extensions
from authenticator.operation import Steps
from authenticator.person import AccountChoice, Chosen, Purpose
from authenticator.pin.token import Permission
from authenticator.profiles.profile import Profile, Quirk
from authenticator.status import CtapError, Status
from authenticator.user import require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


class Key(IntEnum):
    RP_ID = 0x01
    CLIENT_DATA_HASH = 0x02
    ALLOW_LIST = 0x03
    EXTENSIONS = 0x04
    OPTIONS = 0x05
    PIN_UV_AUTH_PARAM = 0x06
    PIN_UV_AUTH_PROTOCOL = 0x07


class ResponseKey(IntEnum):
    CREDENTIAL = 0x01
    AUTH_DATA = 0x02
    SIGNATURE = 0x03
    USER = 0x04
    NUMBER_OF_CREDENTIALS = 0x05
    USER_SELECTED = 0x06
    LARGE_BLOB_KEY = 0x07
    UNSIGNED_EXTENSION_OUTPUTS = 0x08


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    rp_id: str
    client_data_hash: bytes
    allow: list[bytes]
    has_allow_list: bool
    extensions: dict[str, Any]
    presence: bool
    ceremony: Ceremony

    @classmethod
    def parse(cls, parameters: Parameters, profile: Profile) -> Request:
        rp_id = require(parameters, Key.RP_ID, str)
        client_data_hash = require(parameters, Key.CLIENT_DATA_HASH, bytes)
        options = optional(parameters, Key.OPTIONS, dict) or {}
        if option(options, "rk") is not None:  # step 4.3: not an option of this command
            raise CtapError(Status.UNSUPPORTED_OPTION)
        allow = descriptors(parameters, Key.ALLOW_LIST, profile.limits.max_credentials_in_list)
        return cls(
            rp_id=rp_id,
            client_data_hash=client_data_hash,
            allow=allow,
            has_allow_list=bool(parameters.get(Key.ALLOW_LIST)),
            extensions=optional(parameters, Key.EXTENSIONS, dict) or {},
            presence=option(options, "up") is not False,
            ceremony=Ceremony(
                purpose=Purpose.LOG_IN,
                permission=Permission.GET_ASSERTION,
                rp_id=rp_id,
                client_data_hash=client_data_hash,
                user_verification=bool(option(options, "uv")),
                pin_uv_auth_param=optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes),
                pin_uv_auth_protocol=unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
            ),
        )


@dataclass(slots=True, kw_only=True)
class _Remaining:
    """What getNextAssertion goes on with."""

    credentials: list[Credential]
    request: Request
    extensions: list[Any]
    verified: bool
    present: bool


def get_assertion(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    request = Request.parse(parameters, auth.profile)
    ceremony = request.ceremony
    # Steps 1, 2, 4 to 6
    verified = yield from authorise(auth, ceremony, uv_not_required=True, presence=request.presence)

    # Step 7: locate the credentials, without those whose protection demands more
    hash_of_rp_id = rp_id_hash(request.rp_id)
    found: list[Credential]
    if request.has_allow_list:
        found = [
            credential
            for credential in find_listed(auth, request.allow, request.rp_id, hash_of_rp_id)
            if verified or credential.protection is not CredProtect.UV_REQUIRED
        ]
    else:
        found = [
            credential
            for credential in auth.store.for_rp(hash_of_rp_id)
            if verified or credential.protection is CredProtect.UV_OPTIONAL
        ]

    assertion = Assertion(auth=auth, request=request, verified=verified)
    extensions = get_assertion_extensions(assertion)
    for extension, value in extensions:
        extension.check_assertion(assertion, value)

    # Step 9
    present = ceremony.touched
    if request.presence and not present:
        if not (ceremony.pin_uv_auth_param is not None and auth.tokens.user_present):
            purpose = Purpose.LOG_IN if found else Purpose.NO_CREDENTIALS
            yield from require_presence(purpose, request.rp_id, found[0].user.name if len(found) == 1 else None)
        present = True
    if ceremony.pin_uv_auth_param is not None and request.presence:
        auth.tokens.spend_presence()
    # Step 7.3: told after the touch, so that nobody learns in silence what the key holds
    if not found:
        raise CtapError(Status.NO_CREDENTIALS)

    # Step 12
    remaining = _Remaining(credentials=found, request=request, extensions=extensions, verified=verified, present=request.presence and present)
    if request.has_allow_list or len(found) == 1:
        return _respond(auth, found[0], remaining)
    if auth.profile.has(Quirk.SELECT_ACCOUNT_ON_DEVICE) and request.presence and verified:
        accounts = tuple(each.user.name or each.user.display_name or each.user.id.hex() for each in found)
        answer = yield AccountChoice(rp_id=request.rp_id, accounts=accounts)
        if not isinstance(answer, Chosen) or not 0 <= answer.index < len(found):
            raise CtapError(Status.OPERATION_DENIED)
        return _respond(auth, found[answer.index], remaining, user_selected=True)
    remaining.credentials = found[1:]
    response = _respond(auth, found[0], remaining, count=len(found))
    auth.keep("assertions", channel, remaining)
    return response


def get_next_assertion(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    remaining: _Remaining | None = auth.kept("assertions")
    if remaining is None or not remaining.credentials:
        auth.continuation = None
        raise CtapError(Status.NOT_ALLOWED)
    credential = remaining.credentials.pop(0)
    response = _respond(auth, credential, remaining)
    if remaining.credentials:
        auth.keep("assertions", channel, remaining)  # §6.3 step 6: the timer starts again
    else:
        auth.continuation = None
    return response
    yield  # a command is a generator, also one that asks nothing


def _respond(
    auth: Authenticator, credential: Credential, context: _Remaining, *, count: int = 1, user_selected: bool = False
) -> bytes:
    request, tamper = context.request, auth.environment.tamper
    assertion = Assertion(auth=auth, request=request, verified=context.verified, credential=credential)
    for extension, value in context.extensions:
        extension.get(assertion, value)
    flags = 0
    if context.present:
        flags |= Flags.UP
    if context.verified:
        flags |= Flags.UV
    if credential.backup_eligible:
        flags |= Flags.BE
        if credential.backed_up:
            flags |= Flags.BS
    data = tamper.authenticator_data(
        authenticator_data(
            rp_id_hash=credential.rp_id_hash,
            flags=flags,
            counter=auth.next_counter(credential),
            extensions=cbor.encode(assertion.outputs) if assertion.outputs else b"",
        )
    )
    signature = tamper.signature(credential.key.sign(tamper.message_to_sign(data + request.client_data_hash)))
    response: dict[int, Any] = {
        ResponseKey.CREDENTIAL: credential.descriptor,
        ResponseKey.AUTH_DATA: data,
        ResponseKey.SIGNATURE: signature,
    }
    if credential.discoverable:
        # §6.2.2 step 14: names only after verification, and only where they help to choose
        with_names = (context.verified and (count > 1 or not request.has_allow_list)) or auth.profile.has(Quirk.USER_NAME_ALWAYS)
        response[ResponseKey.USER] = credential.user.to_cbor(with_names=with_names)
    if count > 1:
        response[ResponseKey.NUMBER_OF_CREDENTIALS] = count
    if user_selected:
        response[ResponseKey.USER_SELECTED] = True
    if assertion.large_blob_key is not None:
        response[ResponseKey.LARGE_BLOB_KEY] = assertion.large_blob_key
    if assertion.unsigned_outputs:
        response[ResponseKey.UNSIGNED_EXTENSION_OUTPUTS] = assertion.unsigned_outputs
    return cbor.encode(response)
