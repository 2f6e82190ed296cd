"""The ways to verify an operation, and whether they are open to its owner."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import passkeys_of, uses_of
from scenarios.exchange.operations.kind import Plan
from scenarios.exchange.policy import Action, Factor
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
class Way:
    """One way to verify an operation."""

    way: str
    needs: list[str]
    available: bool
    why: str | None = None
    methods: list[str] | None = None


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


def wanted_factors(call: Call, operation: Operation) -> set[str]:
    """Every proof that could help, in single factors."""
    wanted: set[str] = set()
    for way in ways_of(call, operation):
        if way.available:
            wanted.update(way.needs)
    if "email-or-phone" in wanted:
        wanted |= {"email", "phone"}
    return wanted - {"email-or-phone"}


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
