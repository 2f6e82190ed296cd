"""Every library operator against every library: what each does today, and the exchange's verifier without fault."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fuzz_matrix import FILE, IN_PROCESS, conducts, differences, play, recorded, version

from harness.fuzz.targets import Target
from harness.fuzz.targets.known import open_target
from harness.fuzz.verdicts import Conduct, Judgement

SECTIONS = "ABCDEFGIJ"


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    opened = open_target(request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("target", [*IN_PROCESS, "simplewebauthn"], indirect=True)
def test_what_a_library_does_today(target: Target, section: str) -> None:
    results = play(target, section)
    changed = differences(recorded(target.name, section), conducts(results))
    before = json.loads(FILE.read_text())[target.name]["version"]
    assert not changed, (
        f"{target.name} {version(target)} does otherwise than {before} did; if that is right, "
        "run tests/harness/fuzz/fuzz_matrix.py:\n" + "\n".join(changed)
    )
    unconfirmed = [
        name
        for name, result in results.items()
        if result.judgement is Judgement.FINDING and not result.confirmed
    ]
    assert not unconfirmed


@pytest.mark.parametrize("section", "ABCDEFGHIJ")
@pytest.mark.parametrize("target", ["exchange", "exchange+site"], indirect=True)
def test_the_exchange_withstands_all_of_it(target: Target, section: str) -> None:
    results = play(target, section)
    assert results
    wrong = [
        result for result in results.values() if result.judgement in (Judgement.FINDING, Judgement.UNDECIDED)
    ]
    assert not [
        f"{result.case.name}: {result.conduct.value} {result.reason} {result.notes}" for result in wrong
    ]


@pytest.mark.parametrize("target", ["exchange"], indirect=True)
def test_the_exchange_rejects_for_the_right_reason(target: Target) -> None:
    """Its refusals name the step, so what was looked at is known."""
    for section in "BCG":
        results = play(target, section).values()
        others = [result.case.name for result in results if result.conduct is Conduct.REJECTED_OTHERWISE]
        causes = [result for result in results if result.conduct is Conduct.REJECTED_FOR_CAUSE]
        assert len(causes) > 10 * len([name for name in others if not name.startswith(_LOOSE)])


_LOOSE = ("B15", "B36", "B47", "C35", "C36", "C37", "C41")
"""Policies, whose step is not where the strict one refuses."""
