"""Findings as JSON, to be kept, compared and played again."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.errors import SetupError
from harness.fuzz.catalogue import operator_of
from harness.fuzz.decode import shorten
from harness.fuzz.operator import Case
from harness.fuzz.verdicts import Result

FORMAT = "stuntkey-fuzz/1"


def result_to_json(result: Result) -> dict[str, Any]:
    operator = operator_of(result.case.operator)
    told: dict[str, Any] = {
        "fingerprint": result.fingerprint,
        "target": result.target,
        "case": result.case.to_json(),
        "title": operator.title,
        "step": operator.step,
        "expected": result.expected.value,
        "severity": result.severity.word,
        "scope": operator.scope.value,
        "conduct": result.conduct.value,
        "judgement": result.judgement.value,
        "reason": shorten(result.reason),
        "kind": result.kind,
        "notes": list(result.notes),
        "confirmed": result.confirmed,
        "why": operator.why,
        "fix": operator.fix,
        "reference": operator.reference,
        "replay": replay_line(result),
    }
    evidence = result.evidence
    if evidence is not None:
        told["evidence"] = {
            "request": evidence.request,
            "response": shorten(evidence.response),
            "decoded": evidence.decoded,
            "honest": evidence.honest,
            "differences": [
                {"path": each.path, "honest": each.honest, "lie": each.lie} for each in evidence.differences
            ],
        }
    return told


def replay_line(result: Result) -> str:
    return shlex.join(("stuntkey", "fuzz", "replay", finding_name(result.target, result.case)))


def finding_name(target: str, case: Case) -> str:
    """One word that has all a replay needs: `fido2:B33/registration/other@7`."""
    return f"{target}:{case.name}@{case.seed}"


def parse_finding(text: str) -> tuple[str, Case]:
    """What `finding_name` made."""
    match = re.fullmatch(
        r"(?P<target>.+?):(?P<operator>[A-JP]\d\d(?:\+[A-J]\d\d)?)/(?P<ceremony>\w+)/(?P<variant>.+)@(?P<seed>\d+)",
        text,
    )
    if match is None:
        raise SetupError(
            f"{text!r} is no finding: give one as `stuntkey fuzz run` tells it (fido2:B33/registration/other@7), "
            "or a file of findings and the fingerprint of one"
        )
    try:
        operator = operator_of(match["operator"])
    except KeyError as unknown:  # of a pair, one of the two
        raise SetupError(
            f"there is no operator {unknown.args[0]}: `stuntkey fuzz list` has them all"
        ) from None
    for case in operator.cases(int(match["seed"])):
        if (case.variant, case.ceremony.value) == (match["variant"], match["ceremony"]):
            return match["target"], case
    variants = sorted({case.name.partition("/")[2] for case in operator.cases(0)})
    raise SetupError(
        f"{operator.id} has no {match['ceremony']}/{match['variant']}: it has {', '.join(variants)}"
    )


def write(path: Path, results: Iterable[Result], *, seed: int) -> None:
    told = {"format": FORMAT, "seed": seed, "findings": [result_to_json(result) for result in results]}
    try:
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from None


def read(path: Path) -> list[dict[str, Any]]:
    try:
        told = json.loads(path.read_text())
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise SetupError(f"{path} is no JSON: {error}") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise SetupError(f"{path} holds no findings: its format is not {FORMAT}")
    found: list[dict[str, Any]] = told["findings"]
    return found


def baseline(path: Path) -> frozenset[str]:
    """The fingerprints of the findings in a file."""
    return frozenset(each["fingerprint"] for each in read(path))


def from_file(path: Path, fingerprint: str) -> tuple[str, Case]:
    for each in read(path):
        if fingerprint in (each["fingerprint"], ""):
            return each["target"], Case.from_json(each["case"])
    raise SetupError(f"{path} has no finding {fingerprint}")
