"""Campaigns in several processes: what ends or stops one is a verdict, and the others go on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import Failure, SetupError
from harness.fuzz.campaign import Plan, run
from harness.fuzz.events import CampaignEnded, CaseEnded, Event
from harness.fuzz.targets.known import open_target
from harness.fuzz.verdicts import Conduct, Judgement, Result

HERE = str(Path(__file__).parent)
BRIDGE = Path(__file__).with_name("bridge_of_nobody.py")


def campaign(target: str, *only: str, workers: int = 2) -> tuple[dict[str, Result], CampaignEnded]:
    results: dict[str, Result] = {}

    def handle(event: Event) -> None:
        if isinstance(event, CaseEnded):
            assert event.result.case.name not in results, "told twice"
            results[event.result.case.name] = event.result

    ended = run(Plan(targets=(target,), only=only, workers=workers), handle)
    return results, ended


@pytest.mark.parametrize(
    ("verifier", "conduct", "words"),
    [
        ("EndsProcess", Conduct.CRASHED, "ended with signal 9"),
        ("StandsStill", Conduct.HUNG, "stands still"),
    ],
)
def test_a_process_that_is_lost_is_a_verdict(verifier: str, conduct: Conduct, words: str) -> None:
    assert HERE in sys.path
    results, ended = campaign(
        f"broken_sites:{verifier}", "B12/registration/*", "B12/authentication/other", "G01"
    )
    lost = results["B12/authentication/other"]
    assert (lost.conduct, lost.judgement, lost.confirmed) == (conduct, Judgement.FINDING, True)
    assert words in lost.reason
    others = [each for name, each in results.items() if name != "B12/authentication/other"]
    assert others
    assert {each.judgement for each in others} == {Judgement.HELD}
    assert ended.out_of_budget == 0


def test_an_error_of_ours_is_no_verdict() -> None:
    with pytest.raises(Failure, match=r"^TypeError: null is no object$"):
        campaign("broken_sites:LosesItsPage", "B12/registration/*")


def test_processes_tell_what_one_tells() -> None:
    several, _ = campaign("fido2", "B2[789]*", "B33*", workers=2)
    alone, _ = campaign("fido2", "B2[789]*", "B33*", workers=0)
    told = [{name: each.conduct for name, each in results.items()} for results in (several, alone)]
    assert told[0] == told[1]
    requests = [
        {name: each.evidence.request for name, each in results.items() if each.evidence}
        for results in (several, alone)
    ]
    assert requests[0] == requests[1] != {}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere", "known are webauthn, fido2"),
        ("no_such_module:Thing", "cannot import no_such_module"),
        ("broken_sites:Nothing", "broken_sites has no Nothing"),
        ("broken_sites:Dead", "has no `name`|has no `algorithms`"),
        ("bridge:", "followed by the command"),
        ("bridge:/no/such/program", "cannot start the bridge"),
        ("bridge:true", "does not greet"),
    ],
)
def test_a_target_that_cannot_be_opened_is_told(target: str, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        open_target(target)
    with pytest.raises(SetupError, match=words):
        campaign(target, "B12")


def test_a_library_behind_a_bridge_by_its_command() -> None:
    results, _ = campaign(f"bridge:{sys.executable} {BRIDGE}", "B12", "G01", workers=1)
    assert results
    assert {each.judgement for each in results.values()} == {Judgement.FINDING}


def test_a_no_in_a_value_is_a_rejection_and_is_noted() -> None:
    """`verified: false`, by a library that looks at challenges and at nothing else."""
    results, _ = campaign(f"bridge:{sys.executable} {BRIDGE} challenge", "B12", "G01", workers=1)
    refused = [each for name, each in results.items() if name.startswith("B12/")]
    believed = [each for name, each in results.items() if name.startswith("G01/")]
    assert refused
    assert believed
    assert {each.judgement for each in believed} == {Judgement.FINDING}
    for each in refused:
        assert each.judgement is Judgement.HELD
        assert each.conduct.rejected
        assert each.reason == "verified: false"
        assert each.notes == ("says verified: false, which a caller could overlook",)
