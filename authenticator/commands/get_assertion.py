"""authenticatorGetAssertion and authenticatorGetNextAssertion (CTAP 2.3 §6.2, §6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authenticator import cbor
from authenticator.authenticator_data import authenticator_data, flags_of
from authenticator.commands.ceremony import Ceremony, find_listed
from authenticator.credential import Credential, CredProtect, rp_id_hash
from authenticator.extensions import Assertion, Inputs, assertion_inputs
from authenticator.operation import Steps
from authenticator.parameters import Parameters, descriptors, option, optional, require, unsigned
from authenticator.person import AccountChoice, Chosen, Purpose
from authenticator.pin.permissions import Permission
from authenticator.profiles.profile import Kind, Profile, Quirk
from authenticator.status import CtapError, Status
from authenticator.user import require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


# Bound once, for the reason that is given at `Key`.
_LOG_IN, _GET_ASSERTION = Purpose.LOG_IN, Permission.GET_ASSERTION
_UV_OPTIONAL, _UV_REQUIRED = CredProtect.UV_OPTIONAL, CredProtect.UV_REQUIRED
_SECURITY_KEY = Kind.SECURITY_KEY
_SELECT_ACCOUNT_ON_DEVICE, _USER_NAME_ALWAYS = Quirk.SELECT_ACCOUNT_ON_DEVICE, Quirk.USER_NAME_ALWAYS


class Key:
    """Plain numbers: in Python 3.11 reading an enum's member takes longer than reading the parameter itself."""

    RP_ID = 0x01
    CLIENT_DATA_HASH = 0x02
    ALLOW_LIST = 0x03
    EXTENSIONS = 0x04
    OPTIONS = 0x05
    PIN_UV_AUTH_PARAM = 0x06
    PIN_UV_AUTH_PROTOCOL = 0x07


class ResponseKey:
    CREDENTIAL = 0x01
    AUTH_DATA = 0x02
    SIGNATURE = 0x03
    USER = 0x04
    NUMBER_OF_CREDENTIALS = 0x05
    USER_SELECTED = 0x06
    LARGE_BLOB_KEY = 0x07
    UNSIGNED_EXTENSION_OUTPUTS = 0x08


@dataclass(slots=True, kw_only=True)
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
        presence, user_verification = True, False
        options = optional(parameters, Key.OPTIONS, dict)
        if options:
            if option(options, "rk") is not None:  # step 4.2: not an option of this command
                raise CtapError(Status.UNSUPPORTED_OPTION)
            presence, user_verification = option(options, "up") is not False, option(options, "uv") is True
        return cls(
            rp_id=rp_id,
            client_data_hash=client_data_hash,
            allow=descriptors(parameters, Key.ALLOW_LIST, profile.limits.max_credentials_in_list),
            has_allow_list=bool(parameters.get(Key.ALLOW_LIST)),
            extensions=optional(parameters, Key.EXTENSIONS, dict) or {},
            presence=presence,
            ceremony=Ceremony(
                purpose=_LOG_IN,
                permission=_GET_ASSERTION,
                rp_id=rp_id,
                client_data_hash=client_data_hash,
                user_verification=user_verification,
                pin_uv_auth_param=optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes),
                pin_uv_auth_protocol=unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
            ),
        )


@dataclass(slots=True, kw_only=True)
class _Context:
    """What all assertions of one request share; getNextAssertion goes on with it."""

    request: Request
    extensions: Inputs
    verified: bool
    found: Sequence[Credential]
    answered: int = 0


def get_assertion(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    profile = auth.profile
    request = Request.parse(parameters, profile)
    ceremony, presence = request.ceremony, request.presence
    # Steps 1 and 2
    if ceremony.pin_uv_auth_param is not None:
        yield from ceremony.select(auth)
    # Steps 4 and 5
    ceremony.require_verification(auth, not_required=True, presence=presence)
    # Step 6
    verified = yield from ceremony.verify(auth)
    # Step 7
    found = _locate(auth, request, verified=verified)
    # Step 7.6; CTAP 2.0 tells it after the touch
    if not found and not _tells_after_touch(profile):
        raise CtapError(Status.NO_CREDENTIALS)
    # Step 10 begins here: a bad input is refused before the person is asked, not after.
    extensions = assertion_inputs(auth, request) if request.extensions and found else []
    # Step 9
    if presence:
        if not ceremony.has_presence(auth):
            purpose = _LOG_IN if found else Purpose.NO_CREDENTIALS
            yield from require_presence(
                purpose, request.rp_id, found[0].user.name if len(found) == 1 else None
            )
        auth.tokens.spend_presence()
        if not found:
            raise CtapError(Status.NO_CREDENTIALS)
    elif not found:
        raise CtapError(Status.NO_CREDENTIALS)

    context = _Context(request=request, extensions=extensions, verified=verified, found=found)
    # Step 11: any one of the listed credentials will do
    if request.has_allow_list:
        return _respond(auth, found[0], context)
    # Step 12.2: a display shows the accounts, also if there is but one
    if presence and verified and _has_display(profile):
        chosen = 0
        if len(found) > 1:
            accounts = tuple(each.user.name or each.user.display_name or each.user.id.hex() for each in found)
            answer = yield AccountChoice(rp_id=request.rp_id, accounts=accounts)
            if not isinstance(answer, Chosen) or not 0 <= answer.index < len(found):
                raise CtapError(Status.OPERATION_DENIED)
            chosen = answer.index
        return _respond(auth, found[chosen], context, user_selected=True)
    # Step 12.1
    response = _respond(auth, found[0], context, count=len(found))
    if len(found) > 1:
        context.answered = 1
        auth.keep("assertions", channel, context)
    return response


def get_next_assertion(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    # Steps 1 to 3
    context: _Context | None = auth.kept("assertions")
    if context is None or context.answered >= len(context.found):
        auth.continuation = None
        raise CtapError(Status.NOT_ALLOWED)
    response = _respond(auth, context.found[context.answered], context)
    context.answered += 1
    auth.keep("assertions", channel, context)  # step 6: the timer starts again
    return response
    yield  # a command is a generator, also one that asks nothing


def _has_display(profile: Profile) -> bool:
    """Of its own: the choice of an account is not left to the host. Platforms and providers have one."""
    return profile.kind is not _SECURITY_KEY or profile.has(_SELECT_ACCOUNT_ON_DEVICE)


def _tells_after_touch(profile: Profile) -> bool:
    return "FIDO_2_1" not in profile.versions and "FIDO_2_3" not in profile.versions


def _locate(auth: Authenticator, request: Request, *, verified: bool) -> Sequence[Credential]:
    """Step 7: newest first, without those whose protection demands more than there was."""
    hash_of_rp_id = rp_id_hash(request.rp_id)
    if request.has_allow_list:
        return [
            credential
            for credential in find_listed(auth, request.allow, request.rp_id, hash_of_rp_id)
            if verified or credential.protection is not _UV_REQUIRED
        ]
    found = auth.store.for_rp(hash_of_rp_id)
    return found if verified else auth.unguarded(found)


def _respond(
    auth: Authenticator,
    credential: Credential,
    context: _Context,
    *,
    count: int = 1,
    user_selected: bool = False,
) -> bytes:
    """Step 13."""
    request, tamper = context.request, auth.environment.tamper
    assertion = None
    if context.extensions:
        assertion = Assertion(auth=auth, request=request, verified=context.verified, credential=credential)
        for extension, value in context.extensions:
            extension.get(assertion, value)
    data = tamper.authenticator_data(
        authenticator_data(
            rp_id_hash=credential.rp_id_hash,
            flags=flags_of(credential, present=request.presence, verified=context.verified),
            counter=auth.next_counter(credential),
            extensions=cbor.encode(assertion.outputs) if assertion is not None and assertion.outputs else b"",
        )
    )
    signature = tamper.signature(
        credential.key.sign(
            tamper.message_to_sign(data + request.client_data_hash),
            repeatable=auth.environment.random.seeded,
        )
    )
    response: dict[int, Any] = {
        ResponseKey.CREDENTIAL: credential.descriptor,
        ResponseKey.AUTH_DATA: data,
        ResponseKey.SIGNATURE: signature,
    }
    if credential.discoverable:
        # §6.2.2: names only after verification, and only where there are several accounts to choose from
        several = len(context.found) > 1 and not request.has_allow_list and not user_selected
        with_names = (context.verified and several) or auth.profile.has(_USER_NAME_ALWAYS)
        response[ResponseKey.USER] = credential.user.to_cbor(with_names=with_names)
    if count > 1:
        response[ResponseKey.NUMBER_OF_CREDENTIALS] = count
    if user_selected:
        response[ResponseKey.USER_SELECTED] = True
    if assertion is not None:
        if assertion.large_blob_key is not None:
            response[ResponseKey.LARGE_BLOB_KEY] = assertion.large_blob_key
        if assertion.unsigned_outputs:
            response[ResponseKey.UNSIGNED_EXTENSION_OUTPUTS] = assertion.unsigned_outputs
    return cbor.encode(response)
