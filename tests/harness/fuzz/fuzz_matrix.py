"""What each library does today with each lie: `python tests/harness/fuzz/fuzz_matrix.py` writes it down anew."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

from harness.fuzz.campaign import Plan
from harness.fuzz.catalogue import OPERATORS
from harness.fuzz.targets import Target
from harness.fuzz.targets.known import open_target
from harness.fuzz.targets.site import Site
from harness.fuzz.trial import Trials
from harness.fuzz.verdicts import Conduct, Result

FILE = Path(__file__).parents[2] / "vectors" / "fuzz_matrix.json"
IN_PROCESS = ("webauthn", "fido2", "exchange")
TOLD = (Conduct.ACCEPTED, Conduct.CRASHED, Conduct.HUNG, Conduct.INCONCLUSIVE, Conduct.NOT_APPLICABLE)
"""All others are refusals."""


def play(target: Target, section: str = "") -> dict[str, Result]:
    trials = Trials(target)
    only = (f"{section}*",) if section else ()
    return {
        case.name: trials.play(case, (operator := OPERATORS[case.operator]), operator.variant(case.variant))
        for case in Plan(targets=(), only=only).cases()
    }


def conducts(results: dict[str, Result]) -> dict[str, list[str]]:
    return {
        conduct.value: names
        for conduct in TOLD
        if (names := [name for name, result in results.items() if result.conduct is conduct])
    }


def recorded(target: str, section: str) -> dict[str, list[str]]:
    told = json.loads(FILE.read_text())[target]["conducts"]
    return {
        conduct: chosen
        for conduct, names in told.items()
        if (chosen := [name for name in names if name.startswith(section)])
    }


def version(target: Target) -> str:
    assert isinstance(target, Site)
    own = getattr(target.verifier, "version", "")
    return str(own) or ("" if target.name == "exchange" else importlib.metadata.version(target.name))


def differences(before: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    """`B33/registration/other: accepted, now rejected`."""

    def by_name(conducts: dict[str, list[str]]) -> dict[str, str]:
        return {name: conduct for conduct, names in conducts.items() for name in names}

    old, new = by_name(before), by_name(now)
    return [
        f"{name}: {old.get(name, 'rejected')}, now {new.get(name, 'rejected')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def main() -> None:
    told: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in sys.argv[1:] or (*IN_PROCESS, "simplewebauthn"):
        target = open_target(name)
        try:
            told[name] = {"version": version(target), "conducts": conducts(play(target))}
        finally:
            target.close()
    FILE.write_text(json.dumps(dict(sorted(told.items())), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
