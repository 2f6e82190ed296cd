"""The report for people: one page with everything in it, that asks no network for anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import SetupError
from harness.fuzz.catalogue import OPERATORS, operator_of
from harness.fuzz.decode import differing
from harness.fuzz.events import CampaignEnded, CampaignStarted, Event, TargetLost, credulity
from harness.fuzz.findings import replay_line
from harness.fuzz.reports import Results, write
from harness.fuzz.verdicts import Judgement, Result

_WORST = (Judgement.FINDING, Judgement.UNDECIDED, Judgement.POLICY, Judgement.HELD, Judgement.SKIPPED)
SECTIONS = {
    "A": "The envelope",
    "B": "Client data",
    "C": "Authenticator data",
    "D": "Keys and algorithms",
    "E": "The attestation object",
    "F": "Attestation statements",
    "G": "Signatures",
    "H": "Whose credential it is",
    "I": "Registration and life of credentials",
    "J": "Extensions",
    "P": "What it asks for",
}


class Html:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._results = Results()
        self._seed = 0
        self._lost: list[TargetLost] = []

    def __call__(self, event: Event) -> None:
        self._results(event)
        match event:
            case CampaignStarted():
                self._seed = event.seed
            case TargetLost():
                self._lost.append(event)
            case CampaignEnded():
                write(self._path, page(self._results, event, self._seed, self._lost))


def page(results: Results, ended: CampaignEnded, seed: int = 0, lost: Sequence[TargetLost] = ()) -> str:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise SetupError("the HTML report needs Jinja: pip install 'stuntkey[fuzz]'") from None
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    template = environment.from_string(
        files("harness.fuzz.reports").joinpath("fuzz.html.jinja").read_text(encoding="utf-8")
    )
    targets = list(dict.fromkeys(each.target for each in results.all))
    return template.render(
        version=__version__,
        ended=ended,
        seed=seed,
        warnings=[*(f"{each.target}: {each.why}" for each in lost), *map(credulity, ended.credulous)],
        targets=targets,
        sections=_matrix(results.all, targets),
        findings=[_finding(each, results) for each in results.findings],
        counts={
            target: {
                word.value: sum(each.target == target and each.judgement is word for each in results.all)
                for word in _WORST
            }
            for target in targets
        },
    )


def _matrix(results: Sequence[Result], targets: Sequence[str]) -> list[dict[str, Any]]:
    """Operators × targets, each cell as bad as the worst of its lies."""
    cells: dict[tuple[str, str], list[Result]] = {}
    for each in results:
        cells.setdefault((each.case.operator, each.target), []).append(each)
    made = []
    for letter, title in SECTIONS.items():
        rows = [
            {"operator": operator, "cells": [_cell(cells.get((name, target), [])) for target in targets]}
            for name, operator in OPERATORS.items()
            if name.startswith(letter) and any((name, target) in cells for target in targets)
        ]
        if rows:
            made.append({"title": title, "rows": rows})
    pairs = [name for name in dict.fromkeys(each.case.operator for each in results) if "+" in name]
    if pairs:
        rows = [
            {
                "operator": operator_of(name),
                "cells": [_cell(cells.get((name, target), [])) for target in targets],
            }
            for name in sorted(pairs)
        ]
        made.append({"title": "Combinations", "rows": rows})
    return made


def _cell(results: Sequence[Result]) -> dict[str, Any]:
    worst = next((word for word in _WORST if any(each.judgement is word for each in results)), None)
    if worst is None:
        return {"word": "", "count": 0, "told": "", "anchor": ""}
    those = [each for each in results if each.judgement is worst]
    told = "\n".join(f"{each.case.name}: {each.conduct.value}. {each.reason[:120]}" for each in those[:12])
    anchor = anchor_of(those[0]) if worst is Judgement.FINDING else ""
    return {"word": worst.value, "count": len(those), "told": told, "anchor": anchor}


def anchor_of(result: Result) -> str:
    return "".join(each if each.isalnum() else "-" for each in f"{result.target}-{result.case.name}")


def _finding(result: Result, results: Results) -> dict[str, Any]:
    evidence = result.evidence
    changed = set()
    if evidence is not None and evidence.honest:
        changed = {".".join(path) for path, _, _ in differing(dict(evidence.honest), dict(evidence.decoded))}
    return {
        "result": result,
        "operator": operator_of(result.case.operator),
        "anchor": anchor_of(result),
        "is_new": result.fingerprint in results.new,
        "replay": replay_line(result),
        "differences": [
            {"path": each.path, "honest": _short(each.honest), "lie": _short(each.lie)}
            for each in (evidence.differences if evidence is not None else ())
        ],
        "decoded": list(_lines(dict(evidence.decoded), changed)) if evidence is not None else [],
        "request": evidence.request if evidence is not None else "",
        "response": evidence.response if evidence is not None else "",
    }


def _lines(value: Any, changed: set[str], path: tuple[str, ...] = ()) -> Any:
    """(depth, name, value, whether it differs from the honest one)."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, each in items:
        where = (*path, str(name))
        marked = ".".join(where) in changed
        if isinstance(each, dict | list) and each:
            yield len(path), str(name), "", marked
            yield from _lines(each, changed, where)
        else:
            yield len(path), str(name), _short(each), marked


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 600 else f"{text[:600]}…"
