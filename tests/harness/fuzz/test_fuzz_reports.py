"""Reports of a real campaign: against PyPI's fido2, whose defaults accept other ports and sub-domains."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from harness.cli.fuzz import fuzz
from harness.fuzz import findings
from harness.fuzz.campaign import Plan, replay, run
from harness.fuzz.catalogue import OPERATORS
from harness.fuzz.events import CampaignEnded
from harness.fuzz.reports import Results, together
from harness.fuzz.reports.html import Html
from harness.fuzz.reports.junit import JUnit
from harness.fuzz.reports.sarif import Sarif
from harness.fuzz.verdicts import Judgement

ONLY = ("B12", "B27", "B33", "B36")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results, CampaignEnded]:
    folder = tmp_path_factory.mktemp("reports")
    results = Results()
    handlers = together(
        results, Html(folder / "fuzz.html"), Sarif(folder / "fuzz.sarif"), JUnit(folder / "fuzz.xml")
    )
    ended = run(Plan(targets=("fido2", "exchange"), only=ONLY), handlers)
    assert results.findings, "there is something to report"
    return folder, results, ended


def test_sarif_is_what_code_scanning_reads(played: tuple[Path, Results, CampaignEnded]) -> None:
    """SARIF 2.1.0: §3.13 version, §3.14 runs, §3.19 driver, §3.27 results and their rules."""
    folder, results, _ = played
    log: dict[str, Any] = json.loads((folder / "fuzz.sarif").read_text())
    assert log["version"] == "2.1.0"
    (run_,) = log["runs"]
    rules = run_["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["id"] in OPERATORS
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
    assert len(run_["results"]) == len(results.findings)
    for result in run_["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["baselineState"] in ("new", "unchanged", "updated", "absent")
        assert result["message"]["text"]
        assert result["locations"]
    prints = {each["partialFingerprints"]["stuntkey/v1"] for each in run_["results"]}
    assert prints == {each.fingerprint for each in results.findings}


def test_junit_counts_agree(played: tuple[Path, Results, CampaignEnded]) -> None:
    folder, _results, ended = played
    suites = ET.parse(folder / "fuzz.xml").getroot()
    assert (
        sum(int(suite.get("tests", "")) for suite in suites)
        == ended.cases
        == len(suites.findall(".//testcase"))
    )
    assert sum(int(suite.get("failures", "")) for suite in suites) == ended.new_findings
    assert len(suites.findall(".//failure")) == ended.new_findings
    for failure in suites.iter("failure"):
        assert "stuntkey fuzz replay" in (failure.text or "")


def test_known_findings_do_not_fail(tmp_path: Path, played: tuple[Path, Results, CampaignEnded]) -> None:
    _, results, _ = played
    known = frozenset(each.fingerprint for each in results.findings)
    plan = Plan(targets=("fido2",), only=ONLY, baseline=known)
    run(plan, together(JUnit(tmp_path / "fuzz.xml"), Sarif(tmp_path / "fuzz.sarif")))
    assert not list(ET.parse(tmp_path / "fuzz.xml").getroot().iter("failure"))
    log = json.loads((tmp_path / "fuzz.sarif").read_text())
    assert {each["baselineState"] for each in log["runs"][0]["results"]} == {"unchanged"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        assert tag not in ("script", "img", "link", "iframe"), "the page has all it needs"
        if known.get("id"):
            self.ids.add(str(known["id"]))
        if known.get("href"):
            self.links.add(str(known["href"]))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_has_the_matrix_and_each_finding(played: tuple[Path, Results, CampaignEnded]) -> None:
    folder, results, _ = played
    page = _Page()
    page.feed((folder / "fuzz.html").read_text())
    assert page.links
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    for each in results.findings:
        assert findings.replay_line(each) in page.text
        assert OPERATORS[each.case.operator].fix in page.text
        assert each.evidence is not None
        for change in each.evidence.differences:
            assert change.path in page.text
            assert str(change.lie)[:200] in page.text
    for name in {each.case.operator for each in results.all}:
        assert OPERATORS[name].title in page.text
    assert {each.judgement for each in results.all} >= {Judgement.FINDING, Judgement.HELD, Judgement.POLICY}


def test_replay_line_finds_it_again(played: tuple[Path, Results, CampaignEnded]) -> None:
    _, results, _ = played
    finding = results.findings[0]
    name = findings.finding_name(finding.target, finding.case)
    told = CliRunner().invoke(fuzz, ["replay", name, "--json"])
    assert told.exit_code == 1
    again = json.loads(told.stdout)
    assert again["fingerprint"] == finding.fingerprint
    assert finding.evidence is not None
    assert again["evidence"]["request"] == finding.evidence.request


@pytest.mark.parametrize(
    ("target", "only"),
    [
        ("fido2", ("[A-EGJ]*",)),
        ("webauthn", ("[A-EGJ]*",)),
        (
            "simplewebauthn",
            ("B45", "C19", "C31", "D05", "G10/*/negative"),
        ),  # whose process is started for each replay
    ],
)
def test_each_finding_is_found_again_exactly(target: str, only: tuple[str, ...]) -> None:
    """All but attestation statements, whose certificates and times are made anew."""
    results = Results()
    run(Plan(targets=(target,), only=only, seed=3), results)
    assert len({finding.case.operator for finding in results.findings}) >= 5
    for finding in results.findings:
        again = replay(*findings.parse_finding(findings.finding_name(finding.target, finding.case)))
        assert again == finding


def test_reports_by_command(tmp_path: Path) -> None:
    files = {each: tmp_path / each for each in ("html", "sarif", "junit")}
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    told = CliRunner().invoke(fuzz, ["run", "fido2", "--only", "B33", "--workers", "0", *options])
    assert told.exit_code == 1, told.output
    assert re.search(r"<article", files["html"].read_text())
    assert all(path.stat().st_size for path in files.values())
