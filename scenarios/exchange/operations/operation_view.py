"""An operation as its owner sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import uses_of
from scenarios.exchange.operations.proofs import addresses
from scenarios.exchange.operations.ways import Way, owner, wanted_factors, ways_of
from scenarios.exchange.policy import Action
from scenarios.exchange.tables import Operation


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
