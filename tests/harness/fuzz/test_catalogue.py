"""The catalogue is whole, and each of its lies is one change."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from random import Random

import pytest

from authenticator.environment import HandTurnedClock
from harness.fuzz import statements
from harness.fuzz.capability import Capability
from harness.fuzz.catalogue import OPERATORS
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.decode import differences, plain
from harness.fuzz.edit import Edit, Stage
from harness.fuzz.forge import Forge, Passkey, forge
from harness.fuzz.operator import Case, Expected, Operator, Scope, Variant
from harness.fuzz.targets import Begun
from harness.fuzz.targets.site import ORIGIN, RP_ID

IDS = (Path(__file__).parents[2] / "vectors" / "operator_ids.txt").read_text().split()
EDITS = [
    (operator, variant, case)
    for operator in OPERATORS.values()
    for case in operator.cases(7)
    if isinstance((variant := operator.variant(case.variant)).lie, Edit)
]


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates and TPMs tell the time: it stands still, so that ceremonies can be compared."""
    monkeypatch.setattr(statements, "_CLOCK", HandTurnedClock())


def made(variant: Variant, case: Case, *edits: Edit) -> Forge:
    random = Random(f"{case.seed} {case.name}")
    begun = Begun(
        ceremony=case.ceremony,
        challenge=random.randbytes(32),
        user_handle=b"a user handle",
        algorithms=(-8, -7, -257),
    )
    passkey = Passkey.new(random, variant.base).used()
    built = forge(rp_id=RP_ID, origin=ORIGIN, begun=begun, passkey=passkey, random=random, edits=edits)
    built.build()
    return built


def test_every_id_is_there_once() -> None:
    assert list(OPERATORS) == sorted(OPERATORS)
    lies = [name for name in OPERATORS if not name.startswith("P")]
    assert sorted(lies) == sorted(IDS)
    assert len(IDS) == len(set(IDS)) == 237


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=lambda operator: operator.id)
def test_an_operator_says_what_why_and_what_to_do(operator: Operator) -> None:
    assert operator.variants
    names = [variant.name for variant in operator.variants]
    assert len(names) == len(set(names))
    assert not any("/" in name or "@" in name for name in names if not name.startswith("http"))
    for sentence in (operator.why, operator.fix):
        assert sentence.endswith(".")
    assert not operator.title.endswith(".")
    assert all(step.count(".") >= 1 for step in operator.step.split("/"))


def test_what_needs_accounts_says_so() -> None:
    without = [
        operator.id
        for operator in OPERATORS.values()
        if operator.id[0] in "HI" and Capability.ACCOUNTS not in operator.needs
    ]
    # Challenges are looked at before anybody logs in.
    assert without == ["I16"]
    assert all(OPERATORS[name].scope is Scope.APPLICATION for name in IDS if name[0] in "HI")


def _name(value: object) -> str | None:
    return value.name if isinstance(value, Case) else ""


@pytest.mark.parametrize(("operator", "variant", "case"), EDITS, ids=_name)
def test_an_edit_is_one_change(operator: Operator, variant: Variant, case: Case) -> None:
    assert isinstance(variant.lie, Edit)
    honest, lie = made(variant, case), made(variant, case, variant.lie)
    assert not honest.changed
    assert list(lie.changed) == [variant.lie.stage], "the edit is not reached, or is reached twice"
    before = list(takewhile(lambda stage: stage is not variant.lie.stage, lie.reached))
    for stage in before:
        assert plain(honest.reached[stage]) == plain(lie.reached[stage]), f"{stage} changed as well"
    found = differences(lie)
    assert 1 <= len(found) <= variant.leaves, [each.path for each in found]


@pytest.mark.parametrize("ceremony", list(Ceremony))
def test_a_case_is_the_same_every_time(ceremony: Ceremony) -> None:
    variants = [
        (variant, case)
        for _, variant, case in EDITS
        if case.ceremony is ceremony and variant.base.attestation in ("none", "self", "packed")
    ]
    for variant, case in variants:
        assert isinstance(variant.lie, Edit)
        bodies = {made(variant, case, variant.lie).reached[Stage.BODY] for _ in range(2)}
        if variant.base.algorithm.name != "PS256":  # whose salt is the library's
            assert len(bodies) == 1, case.name


def test_most_lies_must_be_rejected() -> None:
    expectations = [operator.expected_of(variant) for operator, variant, _ in EDITS]
    assert expectations.count(Expected.REJECT) > len(EDITS) / 2
