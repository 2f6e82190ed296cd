"""JUnit XML: a suite for each target, a case for each lie."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.fuzz.catalogue import operator_of
from harness.fuzz.events import CampaignEnded, Event
from harness.fuzz.findings import replay_line
from harness.fuzz.reports import Results, write
from harness.fuzz.verdicts import Judgement, Result

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnit:
    """New findings fail; known ones, and lies of which nothing can be said, are skipped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._results = Results()

    def __call__(self, event: Event) -> None:
        self._results(event)
        if isinstance(event, CampaignEnded):
            write(self._path, junit(self._results, event.seconds))


def junit(results: Results, seconds: float = 0.0) -> str:
    suites = ET.Element("testsuites", name="stuntkey fuzz", time=f"{seconds:.3f}")
    for target in dict.fromkeys(each.target for each in results.all):
        suite = ET.SubElement(suites, "testsuite", name=_text(target), errors="0")
        counts = {"tests": 0, "failures": 0, "skipped": 0}
        for result in (each for each in results.all if each.target == target):
            counts["tests"] += 1
            outcome = _case(suite, result, is_new=result.fingerprint in results.new)
            if outcome:
                counts[outcome] += 1
        suite.attrib |= {name: str(count) for name, count in counts.items()}
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, result: Result, *, is_new: bool) -> str:
    operator = operator_of(result.case.operator)
    case = ET.SubElement(suite, "testcase", classname=_text(result.target), name=_text(result.case.name))
    if result.judgement is Judgement.FINDING and is_new:
        message = f"{operator.title}: {result.conduct.value}"
        failure = ET.SubElement(case, "failure", message=_text(message), type=result.severity.word)
        changes = (
            ""
            if result.evidence is None
            else "\n".join(f"{each.path}: {each.honest} → {each.lie}" for each in result.evidence.differences)
        )
        failure.text = _text(f"{operator.why}\n{operator.fix}\n{changes}\n{replay_line(result)}")
        return "failures"
    if result.judgement in (Judgement.FINDING, Judgement.UNDECIDED, Judgement.SKIPPED):
        why = "known" if result.judgement is Judgement.FINDING else result.reason
        ET.SubElement(case, "skipped", message=_text(f"{result.judgement.value}: {why}"))
        return "skipped"
    return ""


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
