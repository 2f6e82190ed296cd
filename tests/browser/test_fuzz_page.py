"""Lies that are told to a site through its own page and script, in a real browser."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.fuzz.campaign import Plan, run
from harness.fuzz.events import CaseEnded, Event
from harness.fuzz.verdicts import Conduct, Judgement, Result

EXAMPLES = Path(__file__).parents[2] / "examples"
DESCRIBED = EXAMPLES / "my_site.fuzz.yaml"


@pytest.fixture(scope="module")
def my_site() -> Iterator[Any]:
    with runpy.run_path(str(EXAMPLES / "my_site.py"))["MySite"]() as site:
        yield site


def campaign(url: str, *only: str) -> dict[str, Result]:
    results: dict[str, Result] = {}

    def handle(event: Event) -> None:
        if isinstance(event, CaseEnded):
            results[event.result.case.name] = event.result

    run(Plan(targets=(f"{DESCRIBED}@{url}",), only=only), handle)
    return results


def test_a_page_is_lied_to(my_site: Any) -> None:
    held = ("B12/registration/other", "B12/authentication/other", "G01/authentication/attacker's", "P01/*")
    results = campaign(my_site.url, *held, "A02/registration/number", "G12/authentication/n - s")
    told = {name: (each.judgement.value, each.conduct.value, each.reason) for name, each in results.items()}
    for name in ("B12/registration/other", "B12/authentication/other", "G01/authentication/attacker's"):
        assert results[name].judgement is Judgement.HELD, told
        assert "Not done" in results[name].reason
    assert results["P01/registration/personal data"].judgement is Judgement.HELD, told
    assert results["G12/authentication/n - s"].conduct is Conduct.ACCEPTED, told
    impossible = results["A02/registration/number"]
    assert impossible.judgement is Judgement.SKIPPED
    assert "no browser hands such a credential to a page" in impossible.reason


def test_a_page_whose_site_believes_any_origin_is_found_out(my_site: Any) -> None:
    sound, my_site._fido._verify = my_site._fido._verify, lambda origin: True
    try:
        results = campaign(my_site.url, "B27/authentication/other")
    finally:
        my_site._fido._verify = sound
    [found] = results.values()
    assert (found.judgement, found.conduct, found.confirmed) == (
        Judgement.FINDING,
        Conduct.ACCEPTED,
        True,
    ), found.reason
    assert "Welcome, fuzz-" in found.reason
