"""Two lies in one ceremony: what neither shows alone."""

from __future__ import annotations

import broken_sites
import pytest

from harness.errors import SetupError
from harness.fuzz import findings
from harness.fuzz.campaign import Plan, run
from harness.fuzz.catalogue import OPERATORS, operator_of
from harness.fuzz.events import CaseEnded, Event
from harness.fuzz.operator import Case, Expected
from harness.fuzz.targets.exchange import Exchange
from harness.fuzz.targets.site import Site
from harness.fuzz.trial import Trials
from harness.fuzz.verdicts import Judgement, Result

LOOSE = "B27+J01/authentication/other & unknown"


def one(site: Site, name: str) -> Result:
    _, case = findings.parse_finding(f"x:{name}@3")
    assert case.name == name
    operator = operator_of(case.operator)
    return Trials(site).play(case, operator, operator.variant(case.variant))


def test_what_only_two_lies_show_is_a_finding() -> None:
    verifier = broken_sites.LooseWithExtensions
    for alone in ("B27/authentication/other", "J01/authentication/unknown"):
        assert one(Site(verifier=verifier()), alone).judgement is Judgement.HELD
    found = one(Site(verifier=verifier()), LOOSE)
    assert (found.judgement, found.confirmed) == (Judgement.FINDING, True)
    assert found.evidence is not None
    paths = [each.path for each in found.evidence.differences]
    assert "clientData.origin" in paths
    assert any(path.startswith("credential.clientExtensionResults") for path in paths)


def test_what_one_lie_shows_is_not_told_again() -> None:
    found = one(
        Site(verifier=broken_sites.VerifiesNoSignature()), "G01+J01/authentication/attacker's & unknown"
    )
    assert found.judgement is Judgement.SKIPPED
    assert "by itself: accepted" in found.reason


def test_a_lie_that_undoes_the_other_is_none() -> None:
    """The byte order mark is put before client data whose origin was wrong, and those are replaced."""
    site = Site(verifier=broken_sites.VerifiesNoSignature())
    result = one(site, "B12+G08/authentication/other & white space")
    assert result.judgement is not Judgement.FINDING


def test_the_exchange_withstands_pairs() -> None:
    results: list[Result] = []

    def handle(event: Event) -> None:
        if isinstance(event, CaseEnded):
            results.append(event.result)

    plan = Plan(targets=("exchange",), only=("[BCEGJ]*",), combine=150)
    assert len([case for case in plan.cases() if "+" in case.operator]) == 150
    run(plan, handle)
    pairs = [each for each in results if "+" in each.case.operator]
    assert len(pairs) == 150
    assert {each.expected for each in pairs} == {Expected.REJECT}
    assert len([each for each in pairs if each.judgement is Judgement.HELD]) > 100
    wrong = [each for each in results if each.judgement in (Judgement.FINDING, Judgement.UNDECIDED)]
    assert not [(each.case.name, each.conduct, each.reason) for each in wrong]


def test_pairs_follow_from_the_seed() -> None:
    def pairs(seed: int) -> list[Case]:
        return Plan(targets=(), only=("[BC]*",), combine=20, seed=seed).cases()[-20:]

    assert pairs(1) == pairs(1)
    assert {each.name for each in pairs(1)} != {each.name for each in pairs(2)}


def test_unknown_parts_are_told() -> None:
    with pytest.raises(SetupError, match="no operator B99"):
        findings.parse_finding("x:B27+B99/authentication/other & other@0")
    assert "B27+B28" not in OPERATORS


def test_an_honest_pair_is_accepted() -> None:
    operator = operator_of("G12+J01")
    assert operator.expected is Expected.IGNORE
    result = one(Site(verifier=Exchange()), "G12+J01/authentication/n - s & unknown")
    assert result.judgement is Judgement.HELD
    assert result.conduct.value == "accepted"
