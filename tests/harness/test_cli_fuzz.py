"""`stuntkey fuzz`, as it is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.errors import SetupError
from harness.fuzz import findings
from harness.fuzz.campaign import Budget, Plan
from harness.fuzz.campaign import run as play
from harness.fuzz.catalogue import OPERATORS
from harness.fuzz.events import CampaignEnded, CampaignStarted, CaseEnded, Event
from harness.fuzz.operator import Severity
from harness.fuzz.verdicts import Judgement


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fuzz", *arguments])


def test_findings_come_with_what_to_do_and_how_to_tell_them_again() -> None:
    result = run("run", "fido2", "--only", "B33", "--workers", "0")
    assert result.exit_code == 1
    assert "The site on another port: accepted." in result.output
    assert "The port belongs to it." in result.output
    name = re.search(r"fido2:B33/registration/other@0", result.output)
    assert name
    again = run("replay", name[0])
    assert again.exit_code == 1
    assert "https://login.example.com:8443" in again.output


def test_a_target_without_findings_exits_with_0() -> None:
    result = run("run", "exchange", "--only", "B3*", "--only", "G01", "--workers", "0")
    assert result.exit_code == 0
    assert "findings" in result.output


def test_json_has_all_of_a_finding(tmp_path: Path) -> None:
    out = tmp_path / "findings.json"
    result = run(
        "run", "fido2", "--only", "C13", "--json", "--seed", "5", "--workers", "0", "--out", str(out)
    )
    told = json.loads(result.output)
    assert told["ok"] is False
    finding = told["findings"][0]
    assert finding["case"] == {
        "operator": "C13",
        "variant": "BS 1, BE 0",
        "ceremony": "registration",
        "seed": 5,
    }
    assert finding["evidence"]["differences"] == [
        {"path": "authenticatorData.bs", "honest": False, "lie": True}
    ]
    assert "BS" in finding["evidence"]["decoded"]["response"]["attestationObject"]["authData"]["flags"]
    assert "BS" not in finding["evidence"]["honest"]["response"]["attestationObject"]["authData"]["flags"]
    assert finding["replay"] == "stuntkey fuzz replay 'fido2:C13/registration/BS 1, BE 0@5'"
    assert json.loads(out.read_text())["findings"] == told["findings"]
    again = run("replay", str(out), finding["fingerprint"], "--json")
    repeated = json.loads(again.output)
    assert repeated["evidence"]["request"] == finding["evidence"]["request"], "a replay is exact"


def test_a_baseline_lets_known_findings_pass_and_new_ones_not(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    run("run", "fido2", "--only", "B33", "--workers", "0", "--out", str(known))
    common = ("--baseline", str(known), "--workers", "0", "--json", "--seed", "9")
    same = run("run", "fido2", "--only", "B33", *common)
    assert (same.exit_code, json.loads(same.output)["new_findings"]) == (0, 0)
    more = run("run", "fido2", "--only", "B3[34]", *common)
    assert (more.exit_code, json.loads(more.output)["new_findings"]) == (1, 4)


def test_list_tells_what_there_is() -> None:
    told = json.loads(run("list", "--json").output)
    checks = [each for each in told if each["id"].startswith("P")]
    assert (len(told) - len(checks), len(checks)) == (237, 7), "lies, and what it looks at without one"
    assert sum(len(each["cases"]) for each in told) > 750
    critical = json.loads(run("list", "--severity", "critical", "--json").output)
    assert {each["severity"] for each in critical} == {"critical"}
    assert "Signed by another key" in run("list", "--only", "G*").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "webauthm"), "there is no target 'webauthm'"),
        (("run", "fido2", "--only", "Z9"), "no operator fits --only Z9"),
        (("run", "fido2", "--severity", "hihg"), "Did you mean 'high'?"),
        (("run", "fido2", "--budget", "much"), "neither a number of cases"),
        (("run", "fido2", "--baseline", "none.json"), "cannot read none.json"),
        (("replay", "nonsense"), "'nonsense' is no finding"),
        (("replay", "fido2:B33/registration/nothing@0"), "B33 has no registration/nothing: it has"),
        (("replay", "fido2:J99/registration/other@0"), "there is no operator J99"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, *(("--workers", "0") if arguments[0] == "run" else ()))
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert "Traceback" not in result.output


def collect(plan: Plan) -> list[Event]:
    events: list[Event] = []
    play(plan, events.append)
    return events


def test_events_come_in_order_and_add_up() -> None:
    events = collect(Plan(targets=("exchange", "fido2"), only=("C1?",)))
    started, *cases, ended = events
    assert isinstance(started, CampaignStarted)
    assert isinstance(ended, CampaignEnded)
    results = [event.result for event in cases if isinstance(event, CaseEnded)]
    assert len(results) == len(cases) == started.cases == ended.cases
    assert ended.findings == sum(result.judgement is Judgement.FINDING for result in results)


@pytest.mark.heavy
def test_workers_find_the_same() -> None:
    def found(workers: int) -> set[str]:
        events = collect(Plan(targets=("fido2",), only=("B3*", "C2*"), workers=workers))
        return {event.result.fingerprint for event in events if isinstance(event, CaseEnded)}

    assert found(2) == found(1)


def test_a_budget_is_spent_on_the_gravest_first() -> None:
    events = collect(Plan(targets=("exchange",), budget=Budget(cases=20), seed=4))
    severities = [event.result.severity for event in events if isinstance(event, CaseEnded)]
    assert len(severities) == 20
    assert {severity.word for severity in severities} == {"critical"}
    ended = events[-1]
    assert isinstance(ended, CampaignEnded)
    assert ended.out_of_budget == sum(len(list(each.cases(0))) for each in OPERATORS.values()) - 20


def test_a_run_of_the_gravest_plays_no_others(tmp_path: Path) -> None:
    out = tmp_path / "played.xml"
    only = ("B1*", "B2*", "G0*")
    patterns = [part for pattern in only for part in ("--only", pattern)]
    result = run(
        "run", "exchange", *patterns, "--severity", "critical", "--workers", "0", "--junit", str(out)
    )
    assert result.exit_code == 0, result.output
    wanted = {
        case.name: operator.severity
        for operator in OPERATORS.values()
        for case in operator.cases(0)
        if operator.id[:2] in ("B1", "B2", "G0")
    }
    played = {case.get("name") for case in ET.parse(out).iter("testcase")}
    assert played == {name for name, severity in wanted.items() if severity is Severity.CRITICAL}
    assert played < set(wanted), "there are lies that are less grave"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_budget_of_time_ends_a_run_and_says_what_it_left(workers: str) -> None:
    """Far more than a second's work; however slow the machine is, what was played and what was left add up."""
    targets = tuple(
        library + around for library in ("exchange", "webauthn", "fido2") for around in ("", "+site")
    )
    result = run("run", *targets, "--budget", "1s", "--workers", workers)
    assert result.exit_code in (0, 1), result.output
    told = re.search(
        r"(\d+) lies in [\d.]+ s \(\d+ a second\), (\d+) out of the budget", " ".join(result.output.split())
    )
    assert told, result.output
    played, left = int(told[1]), int(told[2])
    assert left > 0
    assert played + left == len(targets) * len(Plan(targets=()).cases())


def test_every_finding_can_be_written_and_read(tmp_path: Path) -> None:
    out = tmp_path / "all.json"
    result = run(
        "run", "webauthn", "--only", "B*", "--only", "E*", "--workers", "0", "--json", "--out", str(out)
    )
    told = json.loads(result.output)["findings"]
    assert any("surrogate" in each["case"]["variant"] for each in told)
    assert findings.read(out) == told


def test_findings_of_another_format_are_refused(tmp_path: Path) -> None:
    strange = tmp_path / "strange.json"
    strange.write_text('{"findings": []}')
    with pytest.raises(SetupError, match="holds no findings"):
        findings.read(strange)
