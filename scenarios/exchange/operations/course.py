"""An operation's course: begun, confirmed, verified, done."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from scenarios.exchange import schema
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import EXCHANGE, rows_changed
from scenarios.exchange.errors import Denied, not_found
from scenarios.exchange.operations.kind import Prepared
from scenarios.exchange.operations.ways import owner, ways_of
from scenarios.exchange.tables import Operation, User


def digest_of(kind: str, network: str, details: Mapping[str, Any]) -> str:
    text = json.dumps(
        {"kind": kind, "network": network, "details": details}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def begin(
    call: Call,
    kind_name: str,
    prepared: Prepared,
    user: User | None,
    *,
    network: str = EXCHANGE,
    confirmations: int = 0,
    seconds: float | None = None,
) -> Operation:
    operation = Operation(
        id=secrets.token_urlsafe(16),
        kind=kind_name,
        session_id=call.session.id,
        user_id=None if user is None else user.id,
        network=network,
        details=prepared.details,
        secret=prepared.secret,
        digest=digest_of(kind_name, network, prepared.details),
        state="draft" if confirmations else "verify",
        confirmations=confirmations,
        proofs=[],
        wrong_codes=0,
        result={},
        created=call.now,
        expires=call.now + (seconds or call.policy.limits.code_minutes * 60),
    )
    call.db.add(operation)
    call.db.flush()
    return operation


def begin_kind(call: Call, kind_name: str, sent: Mapping[str, Any]) -> Operation:
    from scenarios.exchange.kinds import KINDS

    kind, user = KINDS.get(kind_name), call.user
    if kind is None:
        raise Denied(400, "bad-request", "kind: there is no such operation")
    prepared = kind.prepare(call, user, schema.read(kind.details, sent, "details"))
    operation = begin(
        call, kind_name, prepared, user, network=kind.network, confirmations=kind.confirmations(call)
    )
    if operation.network == EXCHANGE and "network" in prepared.details and kind_name == "add-passkey":
        operation.network = prepared.details["network"]
    if operation.state == "verify":
        advance(call, operation)
    return operation


def find(call: Call, operation_id: str, flaws: tuple[str, ...] = ()) -> Operation:
    """This session's operation; anybody's, of an exchange that has one of these flaws."""
    operation = call.db.get(Operation, operation_id, with_for_update=True)
    anybodys = any(call.service.has_flaw(each) for each in flaws)
    if operation is None or (operation.session_id != call.session.id and not anybodys):
        raise not_found("operation")
    return operation


def require_open(call: Call, operation: Operation, *states: str) -> None:
    if operation.expires <= call.now or operation.state == "ended":
        raise Denied(409, "operation-expired", "This request has expired. Start again.")
    if operation.state not in states:
        raise Denied(
            409, "operation-state", f"This request is not open for that: it is at {operation.state!r}."
        )


def require_same_details(operation: Operation, details: Mapping[str, Any]) -> None:
    """What you see is what you sign: the request repeats what its page showed."""
    if digest_of(operation.kind, operation.network, details) != operation.digest:
        raise Denied(403, "details-changed", "What is confirmed is not what was shown. Start again.")


def confirm(call: Call, operation: Operation, details: Mapping[str, Any]) -> None:
    require_open(call, operation, "draft")
    require_same_details(operation, details)
    operation.confirmations -= 1
    if operation.confirmations == 0:
        operation.state = "verify"
        advance(call, operation)


def add_proof(operation: Operation, proof: str) -> None:
    if proof not in operation.proofs:
        operation.proofs = [*operation.proofs, proof]


def is_proven(needs: list[str], proofs: list[str]) -> bool:
    have = set(proofs) | ({"email-or-phone"} if {"email", "phone"} & set(proofs) else set())
    return set(needs) <= have


def advance(call: Call, operation: Operation) -> None:
    """Does it, if one of its ways has been gone to the end."""
    ways = ways_of(call, operation)
    proven = [way for way in ways if way.available and is_proven(way.needs, operation.proofs)]
    if ways and not proven:
        return
    how = proven[0].way if proven else ""
    taken = call.db.execute(
        update(Operation)
        .where(Operation.id == operation.id, Operation.state == "verify")
        .values(state="done")
        .execution_options(synchronize_session=False)
    )
    if rows_changed(taken) != 1:
        raise Denied(409, "conflict", "This request is being finished already.")
    call.db.refresh(operation, ["state"])
    _perform(call, operation, how)


def _perform(call: Call, operation: Operation, how: str) -> None:
    from scenarios.exchange.kinds import ANONYMOUS, KINDS

    operation.secret = {**operation.secret, "verified_with": how}
    user = owner(call, operation)
    if operation.kind in ANONYMOUS:
        operation.result = ANONYMOUS[operation.kind].perform(call, user, operation)
        return
    kind = KINDS[operation.kind]
    assert user is not None
    if how:
        call.rotate()  # what has been stepped up to is not to be had with the old cookie
    if not kind.finishes:
        operation.state = "ready"
        operation.expires = call.now + call.policy.limits.step_up_seconds
        return
    operation.result = kind.perform(call, user, operation)


def verified_with(operation: Operation) -> str:
    return str(operation.secret.get("verified_with", ""))
