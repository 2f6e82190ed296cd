"""The worked example for a site that is not ours: django-allauth's own server, described in one file."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from harness.fuzz.campaign import Plan, run
from harness.fuzz.events import CaseEnded, Event
from harness.fuzz.verdicts import Conduct, Judgement, Result
from harness.play.play import AccountSpec
from harness.relying_parties.allauth import Allauth

RECIPE = Path(str(files("harness.fuzz.site").joinpath("recipes/django-allauth.yaml")))
HELD = ("B12/registration/other", "G01/authentication/attacker's", "H03/*", "H11/*", "B22/*")
FOUND = ("C33/*",)
"""A credential that is registered already is given to the next one who sends it (WebAuthn level 3 §7.1 step 26)."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    allauth = Allauth()
    allauth.open(AccountSpec(), "fuzz")
    yield allauth.url
    allauth.close()


def test_allauth_by_its_description(site: str) -> None:
    results: list[Result] = []

    def handle(event: Event) -> None:
        if isinstance(event, CaseEnded):
            results.append(event.result)

    run(Plan(targets=(f"{RECIPE}@{site}",), only=(*HELD, *FOUND, "P0[12]")), handle)
    told = {each.case.operator: each for each in results}
    reasons = {name: (each.conduct, each.reason[:200]) for name, each in told.items()}
    for name in ("B12", "G01", "H03", "H11", "B22", "P01", "P02"):
        assert told[name].judgement is Judgement.HELD, reasons
    found = told["C33"]
    assert (found.judgement, found.conduct) == (Judgement.FINDING, Conduct.ACCEPTED), reasons
    assert found.confirmed
    assert found.evidence is not None
