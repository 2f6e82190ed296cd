"""Operations: what a person wants done, and the proofs of who they are that it takes.

An operation is written down with its details and their digest. It is confirmed as often as the policy says, then
verified by a passkey or by codes, then done, once. A passkey's challenge is bound to the digest, and every request
that confirms or verifies repeats the details: what is done is what was shown.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import update

from scenarios.exchange import schema
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import EXCHANGE, passkeys_of, rows_changed, uses_of
from scenarios.exchange.codes import is_code, is_totp, send_code
from scenarios.exchange.errors import Denied, not_found
from scenarios.exchange.face import face_check
from scenarios.exchange.passwords import is_password
from scenarios.exchange.policy import Action, Factor, Method
from scenarios.exchange.tables import Operation, Passkey, User

WORDS = {
    "password": "your password",
    "email": "an e-mail address",
    "phone": "a phone number",
    "email-or-phone": "an e-mail address or phone number",
    "totp": "an authenticator app",
    "face": "your face",
    "new-email": "the new e-mail address",
    "new-phone": "the new phone number",
    "new-totp": "the new authenticator app",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an operation takes."""

    codes: tuple[str, ...] = ()
    """The way without a passkey; empty: see `free`."""
    passkey: bool = False
    """Whether a passkey will do instead."""
    besides: tuple[str, ...] = ()
    """What is wanted besides the passkey."""
    always: tuple[str, ...] = ()
    """What is wanted in either case: the code sent to a new address."""
    except_passkey: str = ""
    """The one passkey that will not do: the one to be removed."""
    free: bool = False
    why_no_passkey: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a kind makes of the details it was sent."""

    details: dict[str, Any]
    secret: dict[str, Any] = field(default_factory=dict)
    """What the performing needs and nobody is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    details: type
    """The dataclass that its details are read as."""
    prepare: Callable[[Call, User, Any], Prepared]
    """Checks the details and completes them; Denied where they will not do."""
    plan: Callable[[Call, User, Operation], Plan]
    perform: Callable[[Call, User, Operation], dict[str, Any]]
    about: str
    confirmations: Callable[[Call], int] = lambda call: 0
    network: str = EXCHANGE
    finishes: bool = True
    """False: verified, it waits for the passkey to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to verify an operation."""

    way: str
    needs: list[str]
    available: bool
    why: str | None = None
    methods: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationView:
    """An operation as its owner sees it."""

    id: str
    kind: str
    state: str
    network: str
    details: dict[str, Any]
    digest: str
    confirmations: int
    ways: list[Way]
    proofs: list[str]
    sends: dict[str, str]
    attempts_left: int
    expires: float
    prompt: str | None = None
    result: dict[str, Any] | None = None
    csrf: str | None = None


def digest_of(kind: str, network: str, details: Mapping[str, Any]) -> str:
    text = json.dumps(
        {"kind": kind, "network": network, "details": details}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


# Beginning


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


# What it takes


def plan_of(call: Call, operation: Operation) -> Plan:
    from scenarios.exchange.kinds import ANONYMOUS, KINDS

    user = owner(call, operation)
    if operation.kind in ANONYMOUS:
        return ANONYMOUS[operation.kind].plan(call, user, operation)
    assert user is not None
    return KINDS[operation.kind].plan(call, user, operation)


def owner(call: Call, operation: Operation) -> User | None:
    return None if operation.user_id is None else call.db.get(User, operation.user_id)


def step_up_passkeys(call: Call, operation: Operation, plan: Plan) -> list[Passkey]:
    user = owner(call, operation)
    if user is None or not plan.passkey:
        return []
    return [each for each in passkeys_of(call, user, operation.network) if each.id != plan.except_passkey]


def ways_of(call: Call, operation: Operation) -> list[Way]:
    plan, user = plan_of(call, operation), owner(call, operation)
    if plan.free:
        return []
    ways = []
    if plan.passkey or plan.why_no_passkey:
        have = bool(step_up_passkeys(call, operation, plan))
        why = plan.why_no_passkey or (None if have else "There is no passkey for this.")
        ways.append(
            Way(
                way="passkey",
                needs=["passkey", *plan.besides, *plan.always],
                available=not why,
                why=why,
            )
        )
    if plan.codes or plan.always:
        # who recovers an account is not told what it has
        tells = operation.kind != "recover"
        missing = [each for each in plan.codes if tells and not _is_bound(user, each)]
        why = f"Bind {' and '.join(WORDS[each] for each in missing)} first." if missing else None
        ways.append(Way(way="codes", needs=[*plan.codes, *plan.always], available=not missing, why=why))
    return ways


def _is_bound(user: User | None, factor: str) -> bool:
    if user is None:
        return True  # an account that does not exist looks like one that has everything
    return {
        "email": user.email is not None,
        "phone": user.phone is not None,
        "email-or-phone": user.email is not None or user.phone is not None,
        "totp": user.totp_secret is not None,
    }.get(factor, True)


def factor_values(factors: tuple[Factor, ...]) -> tuple[str, ...]:
    return tuple(each.value for each in factors)


def step_up_plan(
    call: Call,
    user: User,
    *,
    action: Action | None,
    codes: tuple[Factor, ...],
    besides: tuple[Factor, ...] = (),
    needs_bound: tuple[Factor, ...] = (),
) -> Plan:
    """By passkey, where passkeys serve for this action (None: for whatever they are there for), or by codes."""
    serves = action is None or action in uses_of(call, user)
    unbound = [each.value for each in needs_bound if not _is_bound(user, each.value)]
    why = ""
    if serves and unbound:
        why = (
            f"Passkeys are unavailable for this: bind {' and '.join(WORDS[each] for each in unbound)} first."
        )
    return Plan(
        codes=factor_values(codes),
        passkey=serves and not why,
        besides=factor_values(besides),
        why_no_passkey=why,
    )


# Proofs


def addresses(call: Call, operation: Operation) -> dict[str, tuple[str, str]]:
    """Where codes go: factor → (channel, address)."""
    user, secret = owner(call, operation), operation.secret
    found: dict[str, tuple[str, str]] = {}
    for factor, channel, kept in (
        ("email", "email", (user.email if user else None) or secret.get("email")),
        ("phone", "sms", (user.phone if user else None) or secret.get("phone")),
        ("new-email", "email", secret.get("new-email")),
        ("new-phone", "sms", secret.get("new-phone")),
    ):
        if kept:
            found[factor] = (channel, kept)
    return found


def wanted_factors(call: Call, operation: Operation) -> set[str]:
    """Every proof that could help, in single factors."""
    wanted: set[str] = set()
    for way in ways_of(call, operation):
        if way.available:
            wanted.update(way.needs)
    if "email-or-phone" in wanted:
        wanted |= {"email", "phone"}
    return wanted - {"email-or-phone"}


def send(call: Call, operation: Operation, factor: str) -> None:
    require_open(call, operation, "verify")
    to = addresses(call, operation).get(factor)
    if to is None or factor not in wanted_factors(call, operation):
        raise Denied(409, "not-wanted", "No such code is needed here.")
    send_code(call, operation, factor, *to, real=_is_real(call, operation, factor, to[1]))


def _is_real(call: Call, operation: Operation, factor: str, to: str) -> bool:
    """False for addresses that were made up, and for those of somebody else: they get no code that works."""
    user = owner(call, operation)
    if factor.startswith("new-"):
        return not operation.secret.get("taken")
    if user is None:
        return bool(operation.secret.get("real"))
    return to in (user.email, user.phone)


def give_codes(call: Call, operation: Operation, given: Mapping[str, str]) -> None:
    """Codes as proofs. A wrong one costs an attempt; with the last of them the operation is over."""
    require_open(call, operation, "verify")
    if not given:
        raise Denied(400, "bad-request", "Enter the code.")
    wanted = wanted_factors(call, operation)
    for factor in given:
        if factor not in wanted:
            raise Denied(409, "not-wanted", "No such code is needed here.")
    # the authenticator's code comes last: it serves once, and should not be spent beside a wrong one
    for factor in sorted(given, key=lambda each: (each in ("totp", "new-totp"), each)):
        if factor in operation.proofs:
            continue
        if not _is_right(call, operation, factor, given[factor]):
            _count_wrong(call, operation, factor)
        add_proof(operation, factor)
    advance(call, operation)


def _is_right(call: Call, operation: Operation, factor: str, given: str) -> bool:
    user = owner(call, operation)
    if factor == "password":
        return is_password(
            given, None if user is None else user.password_hash, call.policy.limits.password_work
        )
    if factor == "totp":
        return user is not None and is_totp(call, user, given)
    if factor == "new-totp":
        from scenarios.exchange.codes import totp_step

        return totp_step(operation.secret["totp_secret"], given, call.now) is not None
    return is_code(call, operation, factor, given)


def _count_wrong(call: Call, operation: Operation, factor: str) -> None:
    operation.wrong_codes += 1
    left = call.policy.limits.code_attempts - operation.wrong_codes
    what = "password" if factor == "password" else "code"
    if left <= 0:
        operation.state = "ended"
        raise Denied(429, "too-many-attempts", f"Too many wrong {what}s. Start again.", factor=factor)
    raise Denied(
        403, "wrong-code", f"That {what} is wrong or has expired.", factor=factor, attempts_left=left
    )


def show_face(call: Call, operation: Operation, scene: str) -> None:
    require_open(call, operation, "verify")
    if "face" not in wanted_factors(call, operation):
        raise Denied(409, "not-wanted", "No face check is needed here.")
    subject = operation.user_id or operation.secret.get("identifier", operation.id)
    face_check(call, str(subject), scene)
    add_proof(operation, "face")
    advance(call, operation)


def add_proof(operation: Operation, proof: str) -> None:
    if proof not in operation.proofs:
        operation.proofs = [*operation.proofs, proof]


# Doing it


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


# Showing it


def view(call: Call, operation: Operation) -> OperationView:
    is_open = operation.state in ("draft", "verify")
    ways = ways_of(call, operation) if is_open else []
    wanted = wanted_factors(call, operation) if is_open else set()
    sends = {
        factor: _hint(operation, factor, to)
        for factor, (_, to) in addresses(call, operation).items()
        if factor in wanted
    }
    return OperationView(
        id=operation.id,
        kind=operation.kind,
        state=operation.state,
        network=operation.network,
        details=operation.details,
        digest=operation.digest,
        confirmations=operation.confirmations,
        ways=ways,
        proofs=operation.proofs,
        sends=sends,
        attempts_left=call.policy.limits.code_attempts - operation.wrong_codes,
        expires=operation.expires,
        prompt=_prompt(call, operation, ways),
        result=operation.result or None,
        csrf=call.csrf,
    )


def _prompt(call: Call, operation: Operation, ways: list[Way]) -> str | None:
    """MEXC's "Add Passkey for Withdrawal"."""
    leads = operation.kind == "withdraw" and call.policy.withdrawals.prompt_to_add
    has_none = not any(way.way == "passkey" and way.available for way in ways)
    user = owner(call, operation)
    if leads and ways and has_none and user is not None and Action.WITHDRAW in uses_of(call, user):
        return "add-passkey"
    return None


def _hint(operation: Operation, factor: str, to: str) -> str:
    """Where a code goes. Who recovers an account has proven nothing yet, and is told nothing of its addresses."""
    if operation.kind == "recover":
        return {"email": "your e-mail address", "phone": "your phone"}[factor]
    return masked(to)


def masked(address: str) -> str:
    """Enough for its owner to know it by."""
    if "@" in address:
        name, _, domain = address.partition("@")
        return f"{name[:1]}***@{domain}"
    return f"{address[:3]}•••{address[-2:]}"


__all__ = ["Kind", "Method", "Plan", "Prepared"]
