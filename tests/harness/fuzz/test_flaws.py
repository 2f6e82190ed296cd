"""The measure of the fuzzer: an exchange that is broken in any of these ways is caught, and the sound one is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.fuzz.campaign import Plan, replay, run
from harness.fuzz.catalogue import OPERATORS
from harness.fuzz.events import CaseEnded, Event, TargetLost
from harness.fuzz.operator import Case
from harness.fuzz.targets.http import HttpSite
from harness.fuzz.trial import Trials
from harness.fuzz.verdicts import Conduct, Judgement, Result
from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.flaws import FLAWS
from scenarios.exchange.server import Exchange

SITE = Path(__file__).parents[3] / "scenarios" / "exchange.fuzz.yaml"
POLICY = str(SITE.with_suffix(".toml"))
CAUGHT_BY = {
    "type-unchecked": "B10/authentication/webauthn.create",
    "challenge-unchecked": "B12/authentication/other",
    "challenge-prefix": "B14/authentication/first half",
    "challenge-in-body": "B19/registration/log in",
    "duplicate-members": "B07/authentication/origin",
    "origin-unchecked": "B27/authentication/*",
    "origin-host-only": "B33/authentication/*",
    "origin-suffix": "B30/authentication/*",
    "origin-subdomains": "B34/authentication/*",
    "origin-mirrored": "B40/registration/log in",
    "cross-origin": "B43/authentication/*",
    "rp-id-unchecked": "C01/authentication/*",
    "presence-unchecked": "C07/authentication/*",
    "verification-unchecked": "C09/authentication/*",
    "backup-unchecked": "C13/registration/*",
    "trailing-bytes": "C25/authentication/*",
    "embedded-key": "C21/authentication/*",
    "counter-unchecked": "C39/authentication/log in",
    "counter-not-kept": "C39/authentication/log in",
    "algorithm-unchecked": "D14/registration/*",
    "signature-unchecked": "G01/authentication/*",
    "zero-signature": "G03/authentication/*",
    "malformed-crashes": "E01/registration/*",
    "challenge-reused": "B22/authentication/replay",
    "challenge-of-anyone": "B17/registration/log in",
    "challenge-of-session": "B18/*",
    "short-challenge": "I16/registration/quality",
    "constant-challenge": "I16/registration/quality",
    "session-kept": "I14/authentication/fixation",
    "csrf-unchecked": "I13/registration/registration",
    "id-unchecked": "A04/authentication/*",
    "any-passkey": "H02/authentication/own handle",
    "handle-names-user": "H03/authentication/victim's handle",
    "step-up-by-anyone": "H11/authentication/attacker's passkey",
    "other-payload": "A16/authentication/*",
    "prefix-look-up": "H10/authentication/prefix",
    "deleted-passkey": "H07/authentication/deleted",
    "failure-counts": "H12/authentication/counter",
    "password-alone": "H13/authentication/password",
    "credential-overwritten": "C34/registration/overwritten",
    "finish-as-nobody": "I01/registration/other session",
    "finish-as-other": "I03/registration/other's session",
    "body-names-user": "I02/registration/victim's name",
    "delete-anyones": "I07/*",
    "rename-anyones": "I08/*",
    "nothing-excluded": "I17/registration/second registration",
}


LEFT_OUT = {"C12", "E11", "E12", "G16", "H08"}
"""They need attestation, a site that does without user verification, or accounts that can be deleted."""


def cases(pattern: str) -> Iterator[Case]:
    number, _, rest = pattern.partition("/")
    for case in OPERATORS[number].cases(0):
        if (
            rest == "*"
            or case.name == pattern
            or (rest.endswith("/*") and case.name.startswith(pattern[:-1]))
        ):
            yield case


@contextmanager
def trials(*flaws: str) -> Iterator[Trials]:
    from harness.fuzz.targets.known import open_target

    with Exchange(POLICY, flaws=frozenset(flaws)) as exchange:
        target = open_target(f"{SITE}@{exchange.url}")
        assert isinstance(target, HttpSite)
        try:
            yield Trials(target)
        finally:
            target.close()


def play(trial: Trials, case: Case) -> Result:
    operator = OPERATORS[case.operator]
    return trial.play(case, operator, operator.variant(case.variant))


def test_every_flaw_is_tried() -> None:
    assert set(CAUGHT_BY) == set(FLAWS)
    reported = re.compile(r"CVE-\d{4}-\d+|GHSA(-\w{4}){3}|YSA-\d+|#\d+")
    assert len([flaw for flaw in FLAWS.values() if reported.search(flaw.imitates)]) >= 30


@pytest.mark.parametrize("flaw", CAUGHT_BY)
def test_flaw_is_caught(flaw: str) -> None:
    chosen = list(cases(CAUGHT_BY[flaw]))
    assert chosen
    with trials(flaw) as trial:
        results: list[Result] = []
        for case in chosen:
            results.append(play(trial, case))
            if results[-1].judgement is Judgement.FINDING:
                break
    found = results[-1]
    assert found.judgement is Judgement.FINDING, [(each.conduct, each.reason) for each in results]
    assert found.confirmed
    assert found.conduct is (Conduct.CRASHED if flaw == "malformed-crashes" else Conduct.ACCEPTED)
    if flaw == "malformed-crashes" and found.evidence is None:
        return  # the server cut the connection before its 500 arrived: there is no answer to show
    assert found.evidence is not None


def test_a_log_in_without_the_csrf_token_is_caught() -> None:
    [case] = cases("I13/registration/log in")
    with trials("csrf-unchecked") as trial:
        assert play(trial, case).judgement is Judgement.FINDING
    with trials() as trial:
        assert play(trial, case).judgement is Judgement.HELD


def test_sound_exchange_withstands_the_whole_campaign() -> None:
    """Over HTTP: no must-reject accepted, no must-accept refused, no 500, and nothing that cannot be said."""
    results: list[Result] = []

    def handle(event: Event) -> None:
        assert not isinstance(event, TargetLost), event.why
        if isinstance(event, CaseEnded):
            results.append(event.result)

    with Exchange(POLICY) as exchange:
        ended = run(Plan(targets=(f"{SITE}@{exchange.url}",), workers=2), handle)
    wrong = [each for each in results if each.judgement in (Judgement.FINDING, Judgement.UNDECIDED)]
    assert not [f"{each.case.name}: {each.conduct.value} {each.reason} {each.notes}" for each in wrong]
    assert ended.out_of_budget == 0
    played = {each.case.operator for each in results if each.judgement is not Judgement.SKIPPED}
    left_out = set(OPERATORS) - played
    # Attestation is for the verifier by itself (test_matrix.py): this exchange asks for none.
    assert {name for name in left_out if not name.startswith("F")} == LEFT_OUT


def test_unknown_flaw_is_told() -> None:
    with pytest.raises(ConfigurationError, match="did you mean signature-unchecked"):
        Exchange(POLICY, flaws=frozenset({"signature-uncheckt"}))


CHANCE = {"id", "rawId", "credentialId", "challenge", "userHandle", "signature"}
"""Of a ceremony at a site that keeps its accounts: new each time."""


def settled(value: Any) -> Any:
    """What follows from the lie alone."""
    if isinstance(value, dict):
        return {name: settled(each) for name, each in value.items() if name not in CHANCE}
    return [settled(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("flaw", "pattern"),
    [
        ("signature-unchecked", "G01/*"),
        ("origin-host-only", "B33/registration/*"),
        ("backup-unchecked", "C13/authentication/*"),
    ],
)
def test_replay_over_http(flaw: str, pattern: str) -> None:
    """The same lie to another account: all that is sent is the same but what the site, or chance, has made."""
    case = next(cases(pattern))
    with Exchange(POLICY, flaws=frozenset({flaw})) as exchange:
        first, again = (replay(f"{SITE}@{exchange.url}", case) for _ in range(2))
    assert first.judgement is Judgement.FINDING
    assert first.confirmed
    assert replace(again, evidence=first.evidence, reason=first.reason) == first
    one, other = first.evidence, again.evidence
    assert one is not None
    assert other is not None
    assert one.differences == other.differences != ()
    assert settled(one.decoded) == settled(other.decoded)
    assert settled(one.honest) == settled(other.honest)
    requests = [json.loads(each.request) for each in (one, other)]
    assert [each["rawId"] for each in requests] == [each.decoded["rawId"] for each in (one, other)]
    assert requests[0]["rawId"] != requests[1]["rawId"], "a replay does not meet its own accounts"
    assert [set(each["response"]) for each in requests] == [set(one.decoded["response"])] * 2
