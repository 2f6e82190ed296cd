"""Two kinds of lies in one ceremony: an oddity that is right may switch off the check that would see a lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from harness.fuzz.base import HONEST_BASE, Base
from harness.fuzz.operator import Case, Concerns, Expected, Operator, Scope, Variant, ceremonies_of

BETWEEN = " & "
"""Between the names of the two variants; operators' ids have a + there."""

_SAME_PLACE = ({"C17", "C18", "C19"}, {"C22", "C23"})
"""A flag and what it announces: changed together they are no lie any more."""


def combined(first: Operator, second: Operator) -> Operator:
    """All pairs of their lies that change different places of one ceremony."""
    parts = (first, second)
    expectations = {each.expected for each in parts}
    return Operator(
        id=f"{first.id}+{second.id}",
        concerns=Concerns.BOTH,
        step="/".join(dict.fromkeys(step for each in parts for step in each.step.split("/"))),
        title=f"{first.title}, and: {second.title}",
        expected=_both(*expectations),
        severity=max(each.severity for each in parts),
        scope=Scope.LIBRARY if any(each.scope is Scope.LIBRARY for each in parts) else Scope.APPLICATION,
        why=" ".join(each.why for each in parts),
        fix=" ".join(dict.fromkeys(each.fix for each in parts)),
        cause="|".join(each.cause for each in parts if each.cause),
        reference="; ".join(each.reference for each in parts if each.reference),
        needs=first.needs | second.needs,
        variants=tuple(_variants(first, second)),
    )


def _variants(first: Operator, second: Operator) -> Iterator[Variant]:
    for one in first.variants:
        for other in second.variants:
            base = _common(one.base, other.base)
            if not (one.edits and other.edits) or base is None:
                continue
            if {each.stage for each in one.edits} & {each.stage for each in other.edits}:
                continue
            ceremonies = [each for each in ceremonies_of(first, one) if each in ceremonies_of(second, other)]
            if not ceremonies:
                continue
            yield Variant(
                name=f"{one.name}{BETWEEN}{other.name}",
                lie=(*one.edits, *other.edits),
                base=base,
                expected=_both(first.expected_of(one), second.expected_of(other)),
                leaves=one.leaves + other.leaves,
                only=ceremonies[0] if len(ceremonies) == 1 else None,
            )


def _common(one: Base, other: Base) -> Base | None:
    """The base of both, if one of them asks for nothing of its own."""
    if one == other or other == HONEST_BASE:
        return one
    return other if one == HONEST_BASE else None


def _both(*expectations: Expected) -> Expected:
    """What must be rejected must be rejected in any company; what is left open, stays open."""
    for word in (Expected.REJECT, Expected.POLICY, Expected.IGNORE):
        if word in expectations:
            return word
    return Expected.ACCEPT


def parts_of(case: Case) -> tuple[tuple[str, str], ...]:
    """Operator and variant of each of the two; none of a lie that stands alone."""
    first, plus, second = case.operator.partition("+")
    if not plus:
        return ()
    one, _, other = case.variant.partition(BETWEEN)
    return (first, one), (second, other)


def some(operators: Sequence[Operator], count: int, seed: int) -> list[Case]:
    """So many pairs of lies by chance, at least one of each two to be rejected; in another order with another seed."""
    able = [each for each in operators if any(variant.edits for variant in each.variants)]
    random = Random(f"combinations {seed}")
    pairs = [(one, other) for at, one in enumerate(able) for other in able[at + 1 :]]
    random.shuffle(pairs)
    chosen: list[Case] = []
    for one, other in pairs:
        if len(chosen) >= count:
            break
        if any({one.id, other.id} <= each for each in _SAME_PLACE):
            continue
        made = combined(one, other)
        cases = [
            case
            for case in made.cases(seed)
            if made.expected_of(made.variant(case.variant)) is Expected.REJECT
        ]
        if cases:
            chosen.append(random.choice(cases))
    return chosen
