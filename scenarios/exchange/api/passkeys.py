"""The passkeys of an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import update

from scenarios.exchange import operations
from scenarios.exchange.api.routing import Nothing, Route, get, post
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import (
    NETWORK_NAMES,
    account_name,
    creation_options,
    finish_registration,
    passkeys_of,
    rows_changed,
    user_handle,
    uses_of,
)
from scenarios.exchange.errors import Denied
from scenarios.exchange.kinds.passkeys import find_passkey, require_covered, require_room
from scenarios.exchange.policy import Method
from scenarios.exchange.requirements import Device, Problem, judge
from scenarios.exchange.schema import JsonObject, Name, Token
from scenarios.exchange.tables import Operation, Passkey, User
from scenarios.exchange.webauthn.encoding import to_base64url


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyView:
    """A passkey as the security page lists it."""

    id: str
    name: str
    device: str
    credential_id: str
    aaguid: str
    transports: list[str]
    network: str
    network_name: str
    synced: bool
    backed_up: bool
    attested: bool
    attestation_format: str
    created: float
    last_used: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    method: str
    available: bool
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyList:
    """`signals` is what the page tells password managers (Signal API), one for each network."""

    enabled: bool
    passkeys: list[PasskeyView]
    uses: list[str]
    possible_uses: list[str]
    networks: list[str]
    signals: list[JsonObject]
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementsQuestion:
    device: Device | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Whether passkeys are to be had on this device, and why not."""

    fits: bool
    problems: list[Problem]
    notices: list[Problem]
    methods: list[MethodView]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationOptions:
    """The verified add-passkey operation that it is for."""

    operation: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationCeremony:
    """Options for navigator.credentials.create(), and the ceremony to answer."""

    ceremony: str
    options: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """PublicKeyCredential.toJSON() of the new passkey."""

    operation: Token
    ceremony: Token
    credential: JsonObject
    name: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    name: Name


def _view(passkey: Passkey) -> PasskeyView:
    return PasskeyView(
        id=passkey.id,
        name=passkey.name,
        device=passkey.device,
        credential_id=to_base64url(passkey.credential_id),
        aaguid=str(UUID(bytes=passkey.aaguid)),
        transports=passkey.transports,
        network=passkey.network,
        network_name=NETWORK_NAMES.get(passkey.network, passkey.network),
        synced=passkey.backup_eligible,
        backed_up=passkey.backed_up,
        attested=passkey.attested,
        attestation_format=passkey.attestation_format,
        created=passkey.created,
        last_used=passkey.last_used,
    )


def list_passkeys(call: Call, body: Nothing) -> PasskeyList:
    return passkey_list(call, call.user)


def passkey_list(call: Call, user: User) -> PasskeyList:
    rules, kept = call.policy.passkeys, passkeys_of(call, user)
    return PasskeyList(
        enabled=user.passkeys_enabled or not rules.enable_step,
        passkeys=[_view(each) for each in kept],
        uses=[each.value for each in uses_of(call, user)],
        possible_uses=[each.value for each in rules.uses],
        networks=list(rules.networks),
        signals=[_signal(call, user, network, kept) for network in rules.networks],
        limit=rules.limit,
    )


def _signal(call: Call, user: User, network: str, kept: Any) -> dict[str, Any]:
    return {
        "rpId": call.service.rp_id,
        "userId": to_base64url(user_handle(call, user, network)),
        "allAcceptedCredentialIds": [
            to_base64url(each.credential_id) for each in kept if each.network == network
        ],
        "name": account_name(user),
        "displayName": account_name(user),
    }


def requirements(call: Call, body: RequirementsQuestion) -> Requirements:
    user = call.user_or_none
    verdict = judge(call.policy, call.headers, body.device, user.region if user else "")
    return Requirements(
        fits=not verdict.problems,
        problems=list(verdict.problems),
        notices=list(verdict.notices),
        methods=[
            MethodView(method=method.value, available=not why and not verdict.problems, why=why or None)
            for method, why in verdict.methods.items()
        ],
    )


def _ready(call: Call, operation_id: str) -> Operation:
    operation = operations.find(call, operation_id, flaws=("finish-as-other", "finish-as-nobody"))
    if operation.kind != "add-passkey":
        raise Denied(409, "operation-state", "This request is not for adding a passkey.")
    operations.require_open(call, operation, "ready")
    return operation


def options(call: Call, body: CreationOptions) -> CreationCeremony:
    user, operation = call.user, _ready(call, body.operation)
    require_room(call, user)
    require_covered(call, user, operation)
    ceremony, made = creation_options(
        call,
        user,
        method=Method(operation.details["method"]),
        network=operation.details["network"],
        purpose=f"create:{operation.id}",
    )
    return CreationCeremony(ceremony=ceremony.id, options=made)


def create(call: Call, body: NewCredential) -> PasskeyView:
    """A failed ceremony leaves the operation ready, so that it can be tried again without new codes."""
    operation = _ready(call, body.operation)
    user = call.user_or_none if call.service.has_flaw("finish-as-nobody") else call.user
    user = user or call.db.get_one(User, operation.user_id)
    require_room(call, user)
    require_covered(call, user, operation)
    passkey = finish_registration(
        call,
        user,
        ceremony_id=body.ceremony,
        purpose=f"create:{operation.id}",
        credential=body.credential,
        name=body.name,
    )
    taken = call.db.execute(
        update(Operation).where(Operation.id == operation.id, Operation.state == "ready").values(state="done")
    )
    if rows_changed(taken) != 1:
        raise Denied(409, "conflict", "This request is being finished already.")
    how = operations.verified_with(operation)
    call.record(user, "passkey-added", {"name": passkey.name, "network": passkey.network}, how)
    call.tell(user, f"The passkey {passkey.name!r} was added to your account.")
    return _view(passkey)


def rename(call: Call, body: Rename) -> PasskeyView:
    if not call.policy.passkeys.rename:
        raise Denied(403, "not-configurable", "Passkeys cannot be renamed here.")
    passkey = find_passkey(call, call.user, call.path["passkey"], flaw="rename-anyones")
    passkey.name = body.name
    return _view(passkey)


ROUTES: tuple[Route, ...] = (
    get("/api/passkeys", list_passkeys, PasskeyList, "The account's passkeys", logged_in=True),
    post(
        "/api/passkeys/options",
        options,
        CreationOptions,
        CreationCeremony,
        "Options for a new passkey, after a verified add-passkey operation",
        logged_in=True,
    ),
    post("/api/passkeys", create, NewCredential, PasskeyView, "Register the new passkey", logged_in=True),
    post(
        "/api/passkeys/{passkey}/name", rename, Rename, PasskeyView, "Rename one, here only", logged_in=True
    ),
    post(
        "/api/requirements",
        requirements,
        RequirementsQuestion,
        Requirements,
        "Whether this device may use passkeys",
    ),
)
