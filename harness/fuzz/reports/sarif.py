"""SARIF 2.1.0, as code scanning reads it: a rule for each operator, a result for each finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness import __version__
from harness.fuzz.catalogue import operator_of
from harness.fuzz.events import CampaignEnded, Event
from harness.fuzz.findings import replay_line
from harness.fuzz.operator import Operator, Severity
from harness.fuzz.reports import Results, write
from harness.fuzz.targets.known import described_site
from harness.fuzz.verdicts import Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.5"}
"""The property `security-severity`, by which code scanning sorts."""


class Sarif:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._results = Results()

    def __call__(self, event: Event) -> None:
        self._results(event)
        if isinstance(event, CampaignEnded):
            write(self._path, json.dumps(sarif(self._results), indent=2, ensure_ascii=False) + "\n")


def sarif(results: Results) -> dict[str, Any]:
    found = results.findings
    used = sorted({each.case.operator for each in found})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "stuntkey fuzz",
                        "version": __version__,
                        "rules": [_rule(operator_of(name)) for name in used],
                    }
                },
                "columnKind": "utf16CodeUnits",
                "results": [_result(each, used.index(each.case.operator), results) for each in found],
            }
        ],
    }


def _rule(operator: Operator) -> dict[str, Any]:
    return {
        "id": operator.id,
        "name": f"Operator{operator.id}",
        "shortDescription": {"text": operator.title},
        "fullDescription": {"text": f"{operator.title}. {operator.why}"},
        "help": {"text": f"{operator.fix} (WebAuthn level 3, {operator.step}. {operator.reference})"},
        "defaultConfiguration": {"level": _LEVELS[operator.severity]},
        "properties": {
            "security-severity": _SCORES[operator.severity],
            "tags": ["security", "webauthn", operator.scope.value],
        },
    }


def _result(result: Result, index: int, results: Results) -> dict[str, Any]:
    operator = operator_of(result.case.operator)
    told = f"{result.target}: {operator.title}: {result.conduct.value}."
    if result.notes:
        told += f" {'; '.join(result.notes)}."
    evidence = result.evidence
    changes = (
        []
        if evidence is None
        else [{"path": each.path, "honest": each.honest, "lie": each.lie} for each in evidence.differences]
    )
    made: dict[str, Any] = {
        "ruleId": operator.id,
        "ruleIndex": index,
        "level": _LEVELS[result.severity],
        "message": {"text": f"{told} {operator.fix} Again: {replay_line(result)}"},
        "locations": [_location(result)],
        "partialFingerprints": {"stuntkey/v1": result.fingerprint},
        "baselineState": "new" if result.fingerprint in results.new else "unchanged",
        "properties": {"case": result.case.name, "changes": changes, "replay": replay_line(result)},
    }
    return made


def _location(result: Result) -> dict[str, Any]:
    """Of web sites, the file that describes them: code scanning shows nothing that has no file."""
    described = described_site(result.target)
    location: dict[str, Any] = {
        "logicalLocations": [
            {
                "name": result.target,
                "fullyQualifiedName": f"{result.target}:{result.case.name}",
                "kind": "module",
            }
        ]
    }
    if described is not None:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": described[0].as_posix()},
            "region": {"startLine": 1},
        }
    return location
