"""Words for attacks: lies that span several requests, on the accounts, sessions and credentials around a library."""

from __future__ import annotations

from collections.abc import Mapping

from harness.fuzz.arena import Attack
from harness.fuzz.capability import Capability
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity, Variant

ACCOUNTS = frozenset({Capability.ACCOUNTS})
SESSIONS = ACCOUNTS | {Capability.SESSIONS}
MANAGE = ACCOUNTS | {Capability.MANAGE}


def attacks(**attacks: Attack) -> tuple[Variant, ...]:
    """A variant for each; the underscores of their names are spaces."""
    return tuple(Variant(name=name.replace("_", " "), lie=attack) for name, attack in attacks.items())


def attack_operator(
    number: str,
    concerns: Concerns,
    step: str,
    title: str,
    severity: Severity,
    why: str,
    fix: str,
    needs: frozenset[Capability],
    attacks: Mapping[str, Attack],
    *,
    cause: str = "",
    reference: str = "",
    expected: Expected = Expected.REJECT,
) -> Operator:
    """An operator of attacks alone, a row of its table."""
    return Operator(
        id=number,
        concerns=concerns,
        step=step,
        title=title,
        expected=expected,
        severity=severity,
        scope=Scope.APPLICATION,
        why=why,
        fix=fix,
        cause=cause,
        reference=reference,
        needs=needs,
        variants=tuple(Variant(name=name, lie=attack) for name, attack in attacks.items()),
    )
