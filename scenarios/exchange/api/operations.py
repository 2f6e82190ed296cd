"""Operations: begin, confirm, verify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from scenarios.exchange import operations
from scenarios.exchange.api.log_in import RequestCeremony
from scenarios.exchange.api.routing import Nothing, Route, get, post
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import finish_authentication, request_options
from scenarios.exchange.errors import Denied
from scenarios.exchange.operations import OperationView
from scenarios.exchange.requirements import Device, judge
from scenarios.exchange.schema import Code, JsonObject, Name, Text, Token
from scenarios.exchange.tables import Operation

FactorName = Literal["email", "phone", "new-email", "new-phone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """What is wanted; the members of `details` depend on the kind."""

    kind: Name
    details: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The details as they were shown."""

    details: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class SendCode:
    factor: FactorName


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Any of the codes that the operation's ways need."""

    email: Code | None = None
    phone: Code | None = None
    totp: Code | None = None
    new_email: Code | None = None
    new_phone: Code | None = None
    new_totp: Code | None = None
    password: Annotated[str, Text(max=512, what="your password")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What the camera sees."""

    scene: Literal["clear", "too-dark", "too-bright", "someone-else"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUpOptions:
    device: Device | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """The passkey's answer, and the details that were shown when it was asked for."""

    ceremony: Token
    credential: JsonObject
    details: JsonObject


def begin(call: Call, body: Begin) -> OperationView:
    return operations.view(call, operations.begin_kind(call, body.kind, body.details))


def _operation(call: Call) -> Operation:
    return operations.find(call, call.path["operation"])


def show(call: Call, body: Nothing) -> OperationView:
    return operations.view(call, _operation(call))


def confirm(call: Call, body: Confirm) -> OperationView:
    operation = _operation(call)
    operations.confirm(call, operation, body.details)
    return operations.view(call, operation)


def send(call: Call, body: SendCode) -> OperationView:
    operation = _operation(call)
    operations.send(call, operation, body.factor)
    return operations.view(call, operation)


def codes(call: Call, body: Codes) -> OperationView:
    operation = _operation(call)
    given = {
        name.replace("_", "-"): value
        for name in ("email", "phone", "totp", "new_email", "new_phone", "new_totp", "password")
        if (value := getattr(body, name)) is not None
    }
    operations.give_codes(call, operation, given)
    return operations.view(call, operation)


def face(call: Call, body: Face) -> OperationView:
    operation = _operation(call)
    operations.show_face(call, operation, body.scene)
    return operations.view(call, operation)


def cancel(call: Call, body: Nothing) -> OperationView:
    operation = _operation(call)
    operations.require_open(call, operation, "draft", "verify", "ready")
    operation.state = "ended"
    return operations.view(call, operation)


def passkey_options(call: Call, body: StepUpOptions) -> RequestCeremony:
    operation = _operation(call)
    operations.require_open(call, operation, "verify")
    user = operations.owner(call, operation)
    judge(call.policy, call.headers, body.device, user.region if user else "").require()
    plan = operations.plan_of(call, operation)
    if plan.why_no_passkey:
        raise Denied(403, "passkey-unavailable", plan.why_no_passkey)
    passkeys = operations.step_up_passkeys(call, operation, plan)
    if user is None or not passkeys:
        raise Denied(409, "no-passkey", "There is no passkey for this.")
    ceremony, options = request_options(
        call,
        purpose=f"operation:{operation.id}",
        user=user,
        network=operation.network,
        passkeys=passkeys,
        digest=operation.digest,
    )
    return RequestCeremony(ceremony=ceremony.id, options=options)


def passkey(call: Call, body: StepUp) -> OperationView:
    operation = _operation(call)
    operations.require_open(call, operation, "verify")
    operations.require_same_details(operation, body.details)
    finish_authentication(
        call,
        ceremony_id=body.ceremony,
        purpose=f"operation:{operation.id}",
        user=operations.owner(call, operation),
        credential=body.credential,
        digest=operation.digest,
    )
    operations.add_proof(operation, "passkey")
    operations.advance(call, operation)
    return operations.view(call, operation)


ROUTES: tuple[Route, ...] = (
    post("/api/operations", begin, Begin, OperationView, "Begin an operation", logged_in=True),
    get("/api/operations/{operation}", show, OperationView, "How far an operation is"),
    post("/api/operations/{operation}/confirm", confirm, Confirm, OperationView, "Confirm its details"),
    post("/api/operations/{operation}/send", send, SendCode, OperationView, "Send a code"),
    post("/api/operations/{operation}/codes", codes, Codes, OperationView, "Verify by codes"),
    post("/api/operations/{operation}/face", face, Face, OperationView, "Show a face"),
    post("/api/operations/{operation}/cancel", cancel, Nothing, OperationView, "Give it up"),
    post(
        "/api/operations/{operation}/passkey/options",
        passkey_options,
        StepUpOptions,
        RequestCeremony,
        "Options to verify by passkey, bound to the operation's details",
    ),
    post("/api/operations/{operation}/passkey", passkey, StepUp, OperationView, "Verify by passkey"),
)
