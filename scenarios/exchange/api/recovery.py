"""The recovery of an account whose passkey and password are lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, update

from scenarios.exchange import operations
from scenarios.exchange.api.log_in import find_user, normalised
from scenarios.exchange.api.routing import Done, Nothing, Route, done, post
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import EXCHANGE, rows_changed
from scenarios.exchange.errors import Denied, not_found
from scenarios.exchange.kinds.assets import hours_left
from scenarios.exchange.operations import OperationView, Prepared
from scenarios.exchange.passwords import hash_password
from scenarios.exchange.recoveries import close_recoveries
from scenarios.exchange.schema import Identifier, Password, Token
from scenarios.exchange.service import sha256
from scenarios.exchange.tables import Recovery, Session, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    identifier: Identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRecovery:
    """After the waiting period: the token of the recovery, and a new password."""

    token: Token
    password: Password


def recover(call: Call, body: Recover) -> OperationView:
    """The same answer whether there is such an account or not."""
    identifier = normalised(body.identifier)
    user = find_user(call, identifier)
    secret = _made_up_addresses(call, identifier)
    operation = operations.begin(call, "recover", Prepared(details={}, secret=secret), user)
    return operations.view(call, operation)


def _made_up_addresses(call: Call, identifier: str) -> dict[str, Any]:
    """Of what the account does not have; nobody is shown them, and nothing is sent there."""
    seed = call.service.mac("addresses", identifier.encode()).hex()
    email = identifier if "@" in identifier else f"{seed}@nobody.invalid"
    phone = identifier if identifier.startswith("+") else f"+{seed[:12]}"
    return {"email": email, "phone": phone, "identifier": identifier, "real": False}


def complete_recovery(call: Call, body: CompleteRecovery) -> Done:
    token_hash = sha256(body.token.encode())
    recovery = call.db.get(Recovery, token_hash)
    if recovery is None or recovery.used:
        raise not_found("recovery")
    if recovery.ready > call.now:
        raise Denied(
            409,
            "recovery-waiting",
            f"Your account is being reviewed. Come back in {hours_left(recovery.ready - call.now)}.",
            until=recovery.ready,
        )
    taken = call.db.execute(
        update(Recovery).where(Recovery.token_hash == token_hash, Recovery.used.is_(False)).values(used=True)
    )
    if rows_changed(taken) != 1:
        raise not_found("recovery")
    user = call.db.get_one(User, recovery.user_id, with_for_update=True)
    user.password_hash = hash_password(body.password, call.policy.limits.password_work)
    hold = call.policy.recovery.hold_hours * 3600
    if hold:
        user.held_until = max(user.held_until, call.now + hold)
        user.held_because = "the account was recovered."
    call.db.execute(delete(Session).where(Session.user_id == user.id))
    call.tell(user, "Your account has been recovered. Remove the passkeys of the device that you have lost.")
    call.log_in(user, "recovery", EXCHANGE)
    return done(call)


def cancel_recovery(call: Call, body: Nothing) -> Done:
    """Whoever is logged in may: at worst the owner has to begin again."""
    if not close_recoveries(call, call.user, "somebody who was logged in to it said so"):
        raise not_found("recovery")
    return done(call)


ROUTES: tuple[Route, ...] = (
    post("/api/recovery", recover, Recover, OperationView, "Begin the recovery of an account"),
    post(
        "/api/recovery/complete",
        complete_recovery,
        CompleteRecovery,
        Done,
        "Set a new password after the waiting period",
    ),
    post(
        "/api/recovery/cancel",
        cancel_recovery,
        Nothing,
        Done,
        "Cancel the recovery of the account that is under way",
        logged_in=True,
    ),
)
