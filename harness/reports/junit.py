"""JUnit XML, as Jenkins, GitLab and GitHub's actions read it: a suite for each system, a case for each performance."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.play.events import Event, RunEnded, Verdict
from harness.reports.performances import Performance, Performances

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 §2.2 has no way to write these."""


class JUnitReport:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._performances = Performances()

    def __call__(self, event: Event) -> None:
        self._performances(event)
        if isinstance(event, RunEnded):
            ET.ElementTree(_suites(self._performances, event)).write(
                self._path, encoding="utf-8", xml_declaration=True
            )


def _suites(performances: Performances, ended: RunEnded) -> ET.Element:
    root = ET.Element("testsuites", _counts(list(performances)), name="stuntkey", time=f"{ended.seconds:.3f}")
    by_system: dict[str, list[Performance]] = {}
    for performance in performances:
        by_system.setdefault(performance.play.system, []).append(performance)
    for system, group in by_system.items():
        seconds = sum(each.ended.seconds for each in group if each.ended is not None)
        began = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(min(each.began for each in group)))
        suite = ET.SubElement(
            root, "testsuite", _counts(group), name=_text(system), time=f"{seconds:.3f}", timestamp=began
        )
        for performance in group:
            suite.append(_case(performance))
    return root


def _counts(group: Iterable[Performance]) -> dict[str, str]:
    verdicts = [each.verdict for each in group]
    return {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count(Verdict.FAILED)),
        "errors": str(verdicts.count(Verdict.ERROR)),
        "skipped": str(verdicts.count(Verdict.SKIPPED)),
    }


def _case(performance: Performance) -> ET.Element:
    play, problem = performance.play, performance.problem
    name = f"{play.name} [{performance.aside}]" if performance.aside else play.name
    seconds = performance.ended.seconds if performance.ended is not None else 0.0
    case = ET.Element(
        "testcase",
        classname=_text(play.system),
        name=_text(name),
        time=f"{seconds:.3f}",
        file=_text(play.file),
        line=str(play.line),
    )
    properties = ET.SubElement(case, "properties")
    ET.SubElement(properties, "property", name="title", value=_text(play.title))
    for row in play.covers:
        ET.SubElement(properties, "property", name="covers", value=_text(row))
    tag = {Verdict.FAILED: "failure", Verdict.ERROR: "error", Verdict.SKIPPED: "skipped"}.get(
        performance.verdict
    )
    if tag is not None:
        message = problem.message if problem is not None else "it was broken off"
        outcome = ET.SubElement(case, tag, message=_text(message), type=performance.verdict.value)
        outcome.text = _text("\n".join(_told(performance)))
    out = ET.SubElement(case, "system-out")
    out.text = _text(
        "\n".join(
            f"{step.verdict.value:8} {step.seconds:6.2f} s  {step.sentence}" for step in performance.steps
        )
    )
    return case


def _told(performance: Performance) -> Iterable[str]:
    problem = performance.problem
    if problem is None:
        return
    yield problem.where
    for name, value in (("expected", problem.expected), ("seen", problem.seen), ("address", problem.address)):
        if value:
            yield f"{name}: {value}"
    yield from problem.trace
    if problem.page_text:
        yield f"the page: {problem.page_text[:2000]}"
    if problem.traceback:
        yield problem.traceback


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
