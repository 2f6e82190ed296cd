"""Verdicts that can be trusted: broken sites are seen through, and what is not known is not claimed."""

from __future__ import annotations

import json
from typing import Any

import broken_options
import broken_sites
import pytest
from broken_options import Published
from broken_sites import Broken
from fuzz_matrix import play

from harness.fuzz import campaign, player
from harness.fuzz.capability import Capability
from harness.fuzz.catalogue import OPERATORS
from harness.fuzz.events import Event, TargetLost
from harness.fuzz.operator import Case, Expected, Severity
from harness.fuzz.targets import Answer, Outcome, Target
from harness.fuzz.targets import site as sites
from harness.fuzz.targets.exchange import Exchange
from harness.fuzz.targets.site import APPLICATION, Site
from harness.fuzz.trial import Trials
from harness.fuzz.verdicts import Conduct, Judgement, Result, judge


def one(target: Target, name: str) -> Result:
    operator, ceremony, variant = name.split("/")
    for case in OPERATORS[operator].cases(3):
        if (case.ceremony.value, case.variant) == (ceremony, variant):
            return Trials(target).play(case, OPERATORS[operator], OPERATORS[operator].variant(variant))
    raise AssertionError(name)


def test_who_believes_any_blob_and_who_reads_no_status_is_found_out() -> None:
    with_metadata = APPLICATION | {Capability.METADATA}

    def findings(verifier: Exchange) -> set[str]:
        results = play(Site(verifier=verifier, capabilities=with_metadata), "F45").values()
        return {result.case.variant for result in results if result.judgement is Judgement.FINDING}

    reported = {"REVOKED", "ATTESTATION_KEY_COMPROMISE", "USER_KEY_REMOTE_COMPROMISE"}
    every = {case.variant for case in OPERATORS["F45"].cases(0)}
    assert findings(Exchange()) == set()
    assert findings(broken_sites.BelievesAnyBlob()) == every - reported
    assert findings(broken_sites.ReadsNoStatus()) == every


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (broken_sites.KeepsChallenges, {"B22", "I05"}),
        (broken_sites.AnswersAnyChallenge, {"B12", "B14", "B16", "B17", "B18", "B19", "B23"}),
        (broken_sites.AnybodysPasskey, {"H01", "H02", "H04", "H11"}),
        (broken_sites.Upserts, {"C32", "C33", "C34", "I12"}),
        (broken_sites.DeletesForAnybody, {"I07", "I08"}),
        (broken_sites.ShortChallenges, {"I16"}),
        (broken_sites.NeverExpires, {"B21"}),
        (broken_sites.StoresCounterFirst, {"H12"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_broken_site_is_caught_on_its_flaw_alone(site: type[Broken], expected: set[str]) -> None:
    found: set[str] = set()
    for section in "BCHI":
        results = play(site(), section).values()
        found |= {result.case.operator for result in results if result.judgement is Judgement.FINDING}
    assert found == expected


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (broken_options.Published, ""),
        (broken_options.NamesAsHandles, "P01/registration/personal data"),
        (broken_options.HandlesThatChange, "P02/registration/stable and own"),
        (broken_options.OneHandleForAll, "P02/registration/stable and own"),
        (broken_options.VerificationMisspelt, "P03/registration/registration"),
        (broken_options.VerificationForgottenAtLogIn, "P03/registration/log-in"),
        (broken_options.WeakAlgorithms, "P04/registration/pubKeyCredParams"),
        (broken_options.RareAlgorithms, "P04/registration/pubKeyCredParams"),
        (broken_options.TellsStrangers, "P05/authentication/stranger"),
        (broken_options.MakesUpOthers, "P05/authentication/stranger"),
        (broken_options.RelatedToAnybody, "P06/registration/well-known"),
        (broken_options.TwoRpIds, "P07/registration/rp.id"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_a_site_publishes_is_looked_at(site: type[Published], expected: str) -> None:
    results = play(site(), "P")
    assert {result.judgement for result in results.values()} <= SEEN, [
        each.reason for each in results.values()
    ]
    found = [name for name, result in results.items() if result.conduct is Conduct.ACCEPTED]
    assert found == ([expected] if expected else [])
    if expected:
        told = Judgement.POLICY if expected.startswith("P05") else Judgement.FINDING
        assert results[expected].judgement is told


SEEN = {Judgement.HELD, Judgement.FINDING, Judgement.POLICY}
"""Everything was looked at."""


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("application/json", "{}", "holds no `origins`"),
        ("application/json", '{"origins": "https://login.example.com"}', "no list of texts"),
        ("text/plain", '{"origins": []}', "browsers want application/json"),
        ("application/json", '{"origins": ["login.example.com"]}', "is no origin"),
        ("application/json", '{"origins": ["http://login.example.com"]}', "changed on its way"),
        (
            "application/json",
            json.dumps({"origins": [f"https://{each}.com" for each in "abcdef"]}),
            "6 different",
        ),
        ("text/html", "<html>", ""),
        ("application/json", '{"origins": ["https://a.example", "http://localhost:8000"]}', ""),
    ],
)
def test_lists_of_related_origins(kind: str, text: str, words: str) -> None:
    site = Published()
    site.well_known = (200, kind, text)
    result = one(site, "P06/registration/well-known")
    assert result.judgement is (Judgement.FINDING if words else Judgement.HELD)
    assert words in result.reason


@pytest.mark.parametrize("ceremony", ["registration", "log in"])
def test_a_race_is_won_where_challenges_are_only_read(ceremony: str) -> None:
    site = broken_sites.ReadsChallenges(capabilities=APPLICATION | {Capability.REMOTE})
    result = one(site, f"B26/registration/{ceremony}")
    assert (result.conduct, result.judgement, result.confirmed) == (
        Conduct.ACCEPTED,
        Judgement.FINDING,
        True,
    )


def test_a_signature_that_nobody_verifies_is_critical() -> None:
    result = one(Site(verifier=broken_sites.VerifiesNoSignature()), "G01/authentication/attacker's")
    assert (result.judgement, result.severity) == (Judgement.FINDING, Severity.CRITICAL)
    assert result.confirmed
    assert result.evidence is not None
    assert [each.path for each in result.evidence.differences] == ["signing key"]
    assert result.evidence.decoded["response"]["clientDataJSON"]["type"] == "webauthn.get"


def test_an_accident_is_a_crash_and_no_rejection() -> None:
    result = one(Site(verifier=broken_sites.Stumbles()), "B27/authentication/other")
    assert (result.conduct, result.kind) == (Conduct.CRASHED, "ZeroDivisionError")
    assert (result.judgement, result.severity) == (Judgement.FINDING, Severity.LOW)


def test_what_does_not_repeat_is_no_finding() -> None:
    result = one(Site(verifier=broken_sites.ChangesItsMind()), "G01/authentication/attacker's")
    assert result.judgement is Judgement.UNDECIDED
    assert "first accepted, then rejected" in result.reason


def test_a_hang_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "PATIENCE", 0.3)
    result = one(Site(verifier=broken_sites.ThinksForEver()), "B12/authentication/other")
    assert (result.conduct, result.severity) == (Conduct.HUNG, Severity.MEDIUM)


@pytest.mark.parametrize(
    ("site", "why"),
    [(broken_sites.Throttles, "too many requests"), (broken_sites.Dead, "connection refused")],
    ids=["throttling", "dead"],
)
def test_what_cannot_be_known_is_undecided(site: type[Broken], why: str) -> None:
    result = one(site(), "B12/authentication/other")
    assert result.judgement is Judgement.UNDECIDED
    assert why in result.reason


def test_a_target_that_refuses_the_truth_is_told_no_lies() -> None:
    results = play(Site(verifier=broken_sites.RefusesAll()), "C").values()
    told = [result for result in results if result.judgement is not Judgement.SKIPPED]
    assert not [result for result in told if result.judgement is not Judgement.UNDECIDED]
    assert any("a genuine registration is not accepted" in result.reason for result in results)


B12 = OPERATORS["B12"]
CASE = next(iter(B12.cases(0)))


def _judged(answer: Answer, **changes: Any) -> Result:
    return judge("t", CASE, B12, B12.variants[0], answer, **changes)


@pytest.mark.parametrize(
    ("answer", "conduct"),
    [
        (Answer(outcome=Outcome.REFUSED, reason="Wrong challenge in response."), Conduct.REJECTED_FOR_CAUSE),
        (Answer(outcome=Outcome.REFUSED, reason="", step="7.1.8"), Conduct.REJECTED_FOR_CAUSE),
        (Answer(outcome=Outcome.REFUSED, reason="no", step="7.1.9"), Conduct.REJECTED_OTHERWISE),
        (Answer(outcome=Outcome.REFUSED, reason="CSRF token missing"), Conduct.REJECTED_OTHERWISE),
        (Answer(outcome=Outcome.REFUSED, reason="Verification failed"), Conduct.REJECTED),
        (Answer(outcome=Outcome.THROTTLED), Conduct.THROTTLED),
        (Answer(outcome=Outcome.UNREACHABLE), Conduct.INCONCLUSIVE),
    ],
)
def test_reasons_are_told_apart(answer: Answer, conduct: Conduct) -> None:
    assert _judged(answer).conduct is conduct


def test_each_expectation_has_its_own_judgement() -> None:
    accepted, refused = Answer(outcome=Outcome.ACCEPTED), Answer(outcome=Outcome.REFUSED)
    table = {
        Expected.REJECT: (Judgement.FINDING, Judgement.HELD),
        Expected.ACCEPT: (Judgement.HELD, Judgement.FINDING),
        Expected.IGNORE: (Judgement.HELD, Judgement.HELD),
        Expected.POLICY: (Judgement.POLICY, Judgement.POLICY),
        Expected.FLAG: (Judgement.FINDING, Judgement.HELD),
    }
    for operator in OPERATORS.values():
        for variant in operator.variants:
            wanted = table[operator.expected_of(variant)]
            told = tuple(
                judge("t", CASE, operator, variant, answer).judgement for answer in (accepted, refused)
            )
            assert told == wanted, operator.id


def test_an_oddity_with_an_effect_is_a_finding() -> None:
    a20 = OPERATORS["A20"]
    case = next(iter(a20.cases(0)))
    result = judge("t", case, a20, a20.variants[0], Answer(outcome=Outcome.ACCEPTED), effect="locked out")
    assert result.judgement is Judgement.FINDING
    assert "locked out" in result.notes


def test_a_library_is_not_blamed_for_what_is_the_application_s() -> None:
    library, site = Site(verifier=Exchange()), broken_sites.Upserts()
    assert one(library, "C32/registration/again").judgement is Judgement.SKIPPED
    assert one(site, "C32/registration/again").judgement is Judgement.FINDING


def test_cases_survive_json() -> None:
    for operator in OPERATORS.values():
        for case in operator.cases(11):
            assert Case.from_json(case.to_json()) == case


def test_a_dead_target_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "open_target", lambda name: broken_sites.Dead())
    events: list[Event] = []
    ended = campaign.run(campaign.Plan(targets=("dead",), only=("B*",)), events.append)
    [lost] = [event for event in events if isinstance(event, TargetLost)]
    assert "connection refused" in lost.why
    assert (ended.cases, ended.undecided, ended.findings) == (5, 5, 0)
    assert ended.out_of_budget > 100
