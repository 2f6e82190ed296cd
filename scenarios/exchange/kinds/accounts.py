"""Signing up, the second step of a log-in, and recovery: operations of people who are not logged in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import EXCHANGE, passkeys_of, uses_of
from scenarios.exchange.errors import Denied
from scenarios.exchange.markets import give_demo_money
from scenarios.exchange.operations import Plan, factor_values
from scenarios.exchange.policy import Action
from scenarios.exchange.recoveries import open_recovery
from scenarios.exchange.tables import Operation, User


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousKind:
    plan: Callable[[Call, User | None, Operation], Plan]
    perform: Callable[[Call, User | None, Operation], dict[str, Any]]
    about: str


def _plan_sign_up(call: Call, user: User | None, operation: Operation) -> Plan:
    return Plan(codes=tuple(each for each in ("email", "phone") if each in operation.secret))


def _sign_up(call: Call, user: User | None, operation: Operation) -> dict[str, Any]:
    secret = operation.secret
    made = User(
        handle=secrets.token_bytes(32),
        email=secret.get("email"),
        phone=secret.get("phone"),
        password_hash=secret["password_hash"],
        region=secret.get("region", ""),
        created=call.now,
        uses=None,
    )
    call.db.add(made)
    call.db.flush()
    give_demo_money(call, made)
    call.log_in(made, "sign-up", EXCHANGE)
    return {"logged_in": True}


def _plan_log_in(call: Call, user: User | None, operation: Operation) -> Plan:
    rules = call.policy.log_in
    bound = {
        "email": user is None or user.email is not None,
        "phone": user is None or user.phone is not None,
        "totp": user is None or user.totp_secret is not None,
    }
    # what is not set up yet cannot be asked for, or nobody could log in to set it up
    codes = tuple(each for each in factor_values(rules.password_needs) if bound.get(each, True))
    serves = False
    if rules.second_factor and user is not None:
        serves = Action.LOG_IN in uses_of(call, user) and bool(passkeys_of(call, user, EXCHANGE))
    return Plan(codes=codes, passkey=serves, free=not codes or call.service.has_flaw("password-alone"))


def _log_in(call: Call, user: User | None, operation: Operation) -> dict[str, Any]:
    if user is None:
        raise Denied(403, "wrong-code", "That code is wrong or has expired.")
    how = str(operation.secret.get("verified_with"))
    call.log_in(user, "password" if how == "codes" else "password and passkey", EXCHANGE)
    return {"logged_in": True}


def _plan_recovery(call: Call, user: User | None, operation: Operation) -> Plan:
    return Plan(codes=factor_values(call.policy.recovery.needs))


def _recover(call: Call, user: User | None, operation: Operation) -> dict[str, Any]:
    if user is None:
        raise Denied(403, "wrong-code", "That code is wrong or has expired.")
    token, ready = open_recovery(call, user)
    return {"token": token, "ready": ready}


KINDS = {
    "sign-up": AnonymousKind(plan=_plan_sign_up, perform=_sign_up, about="Sign up"),
    "log-in": AnonymousKind(plan=_plan_log_in, perform=_log_in, about="Log in"),
    "recover": AnonymousKind(plan=_plan_recovery, perform=_recover, about="Recover an account"),
}
