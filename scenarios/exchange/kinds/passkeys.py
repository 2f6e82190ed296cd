"""Adding and removing passkeys, and what they serve for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from sqlalchemy import delete, select

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import passkeys_of
from scenarios.exchange.errors import Denied, not_found
from scenarios.exchange.operations import Kind, Plan, Prepared, factor_values, verified_with
from scenarios.exchange.policy import Action, Method
from scenarios.exchange.requirements import Device, judge
from scenarios.exchange.schema import Items, Name, Token
from scenarios.exchange.tables import Operation, Passkey, Session, User


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """Where a new passkey is to live, and for which network."""

    method: Literal["this-device", "another-device", "security-key"] = "this-device"
    network: Name = "exchange"
    device: Device | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabling:
    """Passkeys are to be turned on for the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRemoval:
    """Which passkey is to go."""

    passkey: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """What passkeys are to serve for."""

    uses: Annotated[list[Literal["log-in", "withdraw", "deposit", "c2c"]], Items(max=4)]


def require_room(call: Call, user: User) -> None:
    limit = call.policy.passkeys.limit
    if limit is not None and len(passkeys_of(call, user)) >= limit:
        raise Denied(
            409,
            "too-many-passkeys",
            f"You have {limit} passkeys, which is the maximum. Remove one to add another.",
        )


def _prepare_new(call: Call, user: User, sent: NewPasskey) -> Prepared:
    rules = call.policy.passkeys
    if rules.enable_step and not user.passkeys_enabled:
        raise Denied(409, "passkeys-not-enabled", "Enable passkeys first.")
    method = Method(sent.method)
    if method not in rules.methods:
        raise Denied(403, "method-unavailable", "Passkeys are not made that way here.")
    if sent.network not in rules.networks:
        raise Denied(400, "unknown-network", "Passkeys are not registered for that here.")
    judge(call.policy, call.headers, sent.device, user.region).require_method(method)
    require_room(call, user)
    return Prepared(details={"method": sent.method, "network": sent.network})


def _plan_new(call: Call, user: User, operation: Operation) -> Plan:
    needs = factor_values(call.policy.passkeys.add_needs)
    return Plan(codes=needs, free=not needs or covers_first(call, user))


def covers_first(call: Call, user: User) -> bool:
    """Whether passkeys were enabled a moment ago, in this session, and there is none: that proof does for the first."""
    if not call.policy.passkeys.enable_needs or passkeys_of(call, user):
        return False
    enabled = select(Operation.id).where(
        Operation.session_id == call.session.id,
        Operation.user_id == user.id,
        Operation.kind == "enable-passkeys",
        Operation.state == "done",
        Operation.expires > call.now,
    )
    return call.db.scalars(enabled).first() is not None


def require_covered(call: Call, user: User, operation: Operation) -> None:
    """That a passkey which is made on the proof of enabling is the first."""
    if call.policy.passkeys.add_needs and not verified_with(operation) and passkeys_of(call, user):
        raise Denied(409, "operation-expired", "This request has expired. Start again.")


def _prepare_enabling(call: Call, user: User, sent: Enabling) -> Prepared:
    if not call.policy.passkeys.enable_step or user.passkeys_enabled:
        raise Denied(409, "passkeys-enabled", "Passkeys are enabled already.")
    judge(call.policy, call.headers, None, user.region).require()
    return Prepared(details={})


def _plan_enabling(call: Call, user: User, operation: Operation) -> Plan:
    needs = factor_values(call.policy.passkeys.enable_needs)
    return Plan(codes=needs, free=not needs)


def _enable(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    user.passkeys_enabled = True
    operation.expires = call.now + call.policy.limits.step_up_seconds
    how = verified_with(operation)
    call.record(user, "passkeys-enabled", {}, how)
    call.tell(user, "Passkeys were enabled for your account.")
    return {"done": True, "verified_with": how}


def _prepare_removal(call: Call, user: User, sent: PasskeyRemoval) -> Prepared:
    passkey = find_passkey(call, user, sent.passkey)
    return Prepared(
        details={"passkey": passkey.id, "name": passkey.name, "network": passkey.network},
    )


def find_passkey(call: Call, user: User, passkey_id: str, flaw: str = "delete-anyones") -> Passkey:
    passkey = call.db.get(Passkey, passkey_id)
    if passkey is None or (passkey.user_id != user.id and not call.service.has_flaw(flaw)):
        raise not_found("passkey")
    return passkey


def _plan_removal(call: Call, user: User, operation: Operation) -> Plan:
    rules = call.policy.removal
    needs = factor_values(rules.needs)
    if not needs and not rules.passkey:
        return Plan(free=True)
    return Plan(codes=needs, passkey=rules.passkey, except_passkey=operation.details["passkey"])


def _remove(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    passkey = find_passkey(call, user, operation.details["passkey"])
    how, rules = verified_with(operation), call.policy.removal
    held = bool(rules.hold_hours) and how != "passkey"
    if held:
        user.held_until = max(user.held_until, call.now + rules.hold_hours * 3600)
        user.held_because = "a passkey was removed without another passkey to verify it."
    call.record(user, "passkey-removed", {"name": passkey.name, "network": passkey.network}, how)
    if call.service.has_flaw("deleted-passkey"):
        call.service.deleted[passkey.credential_id] = passkey
    # whoever has the device that is lost is logged out there
    call.db.execute(
        delete(Session).where(
            Session.user_id == user.id, Session.passkey_id == passkey.id, Session.id != call.session.id
        )
    )
    call.db.delete(passkey)
    call.db.flush()
    hold = f" Withdrawals and P2P trading are held for {rules.hold_hours} hours." if held else ""
    call.tell(user, f"The passkey {passkey.name!r} was removed from your account.{hold}")
    return {"removed": passkey.id, "held": held, "verified_with": how}


def _prepare_uses(call: Call, user: User, sent: Uses) -> Prepared:
    if not call.policy.passkeys.uses_configurable:
        raise Denied(403, "not-configurable", "What passkeys serve for cannot be changed here.")
    possible = {each.value for each in call.policy.passkeys.uses}
    if not set(sent.uses) <= possible:
        raise Denied(400, "bad-request", f"uses: passkeys serve for {', '.join(sorted(possible))} here")
    return Prepared(details={"uses": [each.value for each in Action if each.value in sent.uses]})


def _plan_uses(call: Call, user: User, operation: Operation) -> Plan:
    return Plan(codes=factor_values(call.policy.passkeys.configure_needs))


def _save_uses(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    user.uses = operation.details["uses"]
    call.record(user, "passkey-uses", operation.details, verified_with(operation))
    return {"uses": user.uses}


def _made_elsewhere(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    raise AssertionError("a passkey is made by its ceremony")


KINDS = {
    "enable-passkeys": Kind(
        details=Enabling,
        prepare=_prepare_enabling,
        plan=_plan_enabling,
        perform=_enable,
        about="Turn passkeys on",
    ),
    "add-passkey": Kind(
        details=NewPasskey,
        prepare=_prepare_new,
        plan=_plan_new,
        perform=_made_elsewhere,
        about="Add a passkey",
        finishes=False,
    ),
    "remove-passkey": Kind(
        details=PasskeyRemoval,
        prepare=_prepare_removal,
        plan=_plan_removal,
        perform=_remove,
        about="Remove a passkey",
        confirmations=lambda call: 1 if call.policy.removal.confirm else 0,
    ),
    "passkey-uses": Kind(
        details=Uses,
        prepare=_prepare_uses,
        plan=_plan_uses,
        perform=_save_uses,
        about="Choose what passkeys serve for",
    ),
}
