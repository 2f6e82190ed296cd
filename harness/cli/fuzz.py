"""`stuntkey fuzz`: what a relying party wrongly accepts."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from harness.cli.framework import Group, Word
from harness.cli.fuzz_init import init_
from harness.cli.output import heading, json_option, show, show_json, table
from harness.errors import SetupError
from harness.fuzz import findings
from harness.fuzz.campaign import Budget, Plan, replay, run
from harness.fuzz.catalogue import operator_of
from harness.fuzz.events import (
    CampaignEnded,
    CampaignStarted,
    CaseEnded,
    Event,
    Handler,
    TargetLost,
    credulity,
)
from harness.fuzz.operator import Severity
from harness.fuzz.reports import together
from harness.fuzz.targets.known import LIBRARIES, open_target, require_permission
from harness.fuzz.targets.site import Site
from harness.fuzz.verdicts import Conduct, Judgement, Result

if TYPE_CHECKING:
    from harness.fuzz.generative import Disputed

_COLOURS = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}


class _Budget(click.ParamType[Budget]):
    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        if isinstance(value, Budget):
            return value
        match = re.fullmatch(r"(\d+)(s|m)?", str(value))
        if match is None:
            self.fail(f"{value!r} is neither a number of cases (500) nor a time (30s, 2m)", param, ctx)
        number = int(match[1])
        if match[2] is None:
            return Budget(cases=number)
        return Budget(seconds=number * (60.0 if match[2] == "m" else 1.0))


_severity = click.option(
    "--severity",
    type=Word("severity", lambda: [each.word for each in Severity]),
    default="low",
    show_default=True,
    help="This grave, and graver.",
)
_only = click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Operators: B12, 'C*', 'B12/registration/*'. May be repeated.",
)
_permission = click.option(
    "--i-may-test",
    "permitted",
    multiple=True,
    metavar="HOST",
    help="This host is yours, or its owner has agreed. Needed for all but this machine.",
)


@click.group(cls=Group, short_help="Find what a relying party wrongly accepts.")
def fuzz() -> None:
    """Tell a relying party lies, each with one change and well signed, and see which it believes.

    For your own relying parties only, or those whose owners have agreed.

    \b
      stuntkey fuzz run webauthn fido2        libraries, in this process
      stuntkey fuzz init http://localhost:8000   describes a site in a YAML file
      stuntkey fuzz run webauthn --only 'F*'  attestation statements alone
      stuntkey fuzz list --only 'B*'          what there is to lie about
      stuntkey fuzz explore webauthn          lies that nobody has thought of
      stuntkey fuzz replay fido2:B33/registration/other@0
    """


fuzz.add_command(init_)


@fuzz.command("run", short_help="Play a campaign.")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@_only
@_severity
@click.option(
    "--budget", type=_Budget(), default=Budget(), metavar="CASES|TIME", help="At most: 500, 30s, 2m."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same for the same lies."
)
@click.option(
    "--combine",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Tell N pairs of lies as well, chosen by the seed.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=None,
    help="Processes, by default one per core; 0: this one, where native code that hangs cannot be stopped.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="A file of findings that are known: fail on new ones only.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the findings into this file, as JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page for people into this file.")
@click.option("--sarif", type=click.Path(path_type=Path), help="Write SARIF 2.1.0, for code scanning.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML, for CI.")
@_permission
@json_option
@click.pass_context
def run_(
    context: click.Context,
    targets: tuple[str, ...],
    only: tuple[str, ...],
    severity: str,
    budget: Budget,
    seed: int,
    combine: int,
    workers: int | None,
    baseline: Path | None,
    out: Path | None,
    html: Path | None,
    sarif: Path | None,
    junit: Path | None,
    permitted: tuple[str, ...],
    as_json: bool,
) -> None:
    """Play a campaign against TARGETs; exit with 1 if there are (new) findings.

    A TARGET is a library (webauthn, fido2, exchange, simplewebauthn), a library within a small site that has accounts
    and sessions (webauthn+site), or a YAML file that describes a web site.
    """
    for target in targets:
        require_permission(target, permitted)
    plan = Plan(
        targets=targets,
        only=only,
        severity=Severity[severity.upper()],
        seed=seed,
        budget=budget,
        combine=combine,
        workers=workers if workers is not None else os.cpu_count() or 1,
        baseline=findings.baseline(baseline) if baseline else frozenset(),
    )
    if not plan.cases():
        asked = " ".join((*(f"--only {each}" for each in only), f"--severity {severity}"))
        raise SetupError(f"no operator fits {asked}: `stuntkey fuzz list` has them all")
    report = _Report(quiet=as_json)
    try:
        ended = run(plan, together(report, *_reports(html, sarif, junit)))
    finally:
        report.progress.stop()
    if out is not None:
        findings.write(out, report.findings, seed=seed)
    if as_json:
        show_json(report.as_json(ended))
    else:
        report.summary(ended)
    if report.lost:
        raise SetupError("; ".join(f"{each.target}: {each.why}" for each in report.lost))
    context.exit(1 if ended.new_findings else 0)


def _reports(html: Path | None, sarif: Path | None, junit: Path | None) -> list[Handler]:
    from harness.fuzz.reports.html import Html
    from harness.fuzz.reports.junit import JUnit
    from harness.fuzz.reports.sarif import Sarif

    made: list[Handler] = []
    if html is not None:
        made.append(Html(html))
    if sarif is not None:
        made.append(Sarif(sarif))
    if junit is not None:
        made.append(JUnit(junit))
    return made


class _Report:
    """Progress, and findings as they come."""

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=quiet, quiet=quiet, highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.console = console
        self.findings: list[Result] = []
        self.conducts: dict[str, Counter[str]] = {}
        self.policies: list[Result] = []
        self.undecided: list[Result] = []
        self.lost: list[TargetLost] = []
        self._task: Any = None

    def __call__(self, event: Event) -> None:
        match event:
            case CampaignStarted():
                self.progress.start()
                self._task = self.progress.add_task("lies told", total=event.cases)
            case CaseEnded():
                self.progress.advance(self._task)
                self._case(event.result, event.new)
            case TargetLost():
                self.lost.append(event)
                self.progress.console.print(Text(f"{event.target}: {event.why}", style="bold yellow"))
            case CampaignEnded():
                self.progress.stop()

    def _case(self, result: Result, new: bool) -> None:
        counts = self.conducts.setdefault(result.target, Counter())
        counts[result.judgement.value] += 1
        if result.judgement is Judgement.FINDING:
            self.findings.append(result)
            if new:
                self.progress.console.print(finding_line(result), soft_wrap=True)
        elif result.judgement is Judgement.POLICY:
            self.policies.append(result)
        elif result.judgement is Judgement.UNDECIDED:
            self.undecided.append(result)

    def summary(self, ended: CampaignEnded) -> None:
        made = table("target", "findings", "held", "left to policy", "undecided", "not applicable")
        for target, counts in self.conducts.items():
            words = ("finding", "held", "policy", "undecided", "skipped")
            made.add_row(target, *(str(counts[word]) for word in words))
        self.console.print()
        self.console.print(made)
        for result in self.undecided:
            line = f"undecided: {result.target} {result.case.name}: {result.reason}"
            self.console.print(Text(line, style="yellow"), soft_wrap=True)
        for target in ended.credulous:
            self.console.print(Text(credulity(target), style="bold yellow"), soft_wrap=True)
        rate = ended.cases / ended.seconds if ended.seconds else 0
        line = f"{ended.cases} lies in {ended.seconds:.1f} s ({rate:.0f} a second)"
        if ended.out_of_budget:
            line += f", {ended.out_of_budget} out of the budget"
        if ended.new_findings != ended.findings:
            line += f"; {ended.new_findings} of {ended.findings} findings are new"
        self.console.print(Text(line, style="dim"))

    def as_json(self, ended: CampaignEnded) -> dict[str, Any]:
        return {
            "ok": not ended.new_findings,
            "seconds": round(ended.seconds, 3),
            "cases": ended.cases,
            "out_of_budget": ended.out_of_budget,
            "new_findings": ended.new_findings,
            "credulous": list(ended.credulous),
            "counts": {target: dict(counts) for target, counts in self.conducts.items()},
            "findings": [findings.result_to_json(result) for result in self.findings],
            "policy": [
                {"target": result.target, "case": result.case.name, "conduct": result.conduct.value}
                for result in self.policies
            ],
            "undecided": [
                {"target": result.target, "case": result.case.name, "reason": result.reason}
                for result in self.undecided
            ],
        }


def finding_line(result: Result) -> Text:
    operator = operator_of(result.case.operator)
    line = Text(f" {result.severity.word} ", style=_COLOURS[result.severity.word])
    line.append(f" {findings.finding_name(result.target, result.case)}", style="bold")
    line.append(f"\n   {operator.title}: {_what(result)}.", style="default")
    line.append(f" {operator.fix}", style="dim")
    return line


def _what(result: Result) -> str:
    if result.conduct is Conduct.ACCEPTED:
        return "accepted" + (f" ({'; '.join(result.notes)})" if result.notes else "")
    told = f"{result.kind}: {result.reason}" if result.kind else result.reason
    return f"{result.conduct.value} ({' '.join(told.split())[:160]})" if told else result.conduct.value


@fuzz.command("list", short_help="What there is to lie about.")
@_only
@_severity
@json_option
def list_(only: tuple[str, ...], severity: str, as_json: bool) -> None:
    """List the operators: what they change, what a relying party should do, and how grave it is if it does not."""
    cases = Plan(targets=(), only=only, severity=Severity[severity.upper()]).cases()
    counts = Counter(case.operator for case in cases)
    chosen = [operator_of(name) for name in counts]
    if as_json:
        show_json(
            [
                {
                    "id": each.id,
                    "ceremony": each.concerns.value,
                    "step": each.step,
                    "title": each.title,
                    "expected": each.expected.value,
                    "severity": each.severity.word,
                    "scope": each.scope.value,
                    "why": each.why,
                    "fix": each.fix,
                    "reference": each.reference,
                    "needs": sorted(need.value for need in each.needs),
                    "cases": [case.name for case in cases if case.operator == each.id],
                }
                for each in chosen
            ]
        )
        return
    made = table("id", "expected", "severity", "cases", "what")
    for each in chosen:
        severity_word = Text(each.severity.word, style=_COLOURS[each.severity.word])
        made.add_row(each.id, each.expected.value, severity_word, str(counts[each.id]), each.title)
    show(made, Text(f"{len(chosen)} operators, {len(cases)} cases", style="dim"))


@fuzz.command("replay", short_help="Tell one lie again.")
@click.argument("finding")
@click.argument("fingerprint", default="")
@_permission
@json_option
@click.pass_context
def replay_(
    context: click.Context, finding: str, fingerprint: str, permitted: tuple[str, ...], as_json: bool
) -> None:
    """Tell one lie again, exactly, and show what was sent and answered.

    FINDING is what `fuzz run` prints (fido2:B33/registration/other@0), or `fuzz explore`, or a file of findings, and
    then the FINGERPRINT of one in it. What tells the time in it tells the present one. Exit with 1 if it is found
    again.
    """
    if ":explore/" in finding:
        context.exit(_replay_explored(finding, as_json=as_json))
    path = Path(finding)
    target, case = (
        findings.from_file(path, fingerprint) if path.is_file() else findings.parse_finding(finding)
    )
    require_permission(target, permitted)
    result = replay(target, case)
    if as_json:
        show_json(findings.result_to_json(result))
    else:
        _show(result)
    context.exit(1 if result.judgement is Judgement.FINDING else 0)


def _show(result: Result) -> None:
    operator = operator_of(result.case.operator)
    show(
        heading(operator.title, f"{operator.id}, step {operator.step}, {result.severity.word}"),
        Text(f"expected: {result.expected.value}; {_what(result)}: {result.judgement.value}"),
        Text(operator.why, style="dim"),
        Text(f"→ {operator.fix}", style="yellow"),
    )
    evidence = result.evidence
    if evidence is None:
        return
    made = table("changed", "honest", "lie")
    for each in evidence.differences:
        made.add_row(each.path, _short(each.honest), Text(_short(each.lie), style="bold red"))
    show(made, Text("request", style="bold"), Text(evidence.request[:4000]))
    show(
        Text("decoded", style="bold"), Text(json.dumps(evidence.decoded, indent=2, ensure_ascii=False)[:8000])
    )
    if evidence.response:
        show(Text("response", style="bold"), Text(evidence.response[:4000]))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]}…"


@fuzz.command("explore", short_help="Search a library for lies that nobody has thought of.")
@click.argument("target")
@click.option(
    "--examples", type=click.IntRange(min=1), default=2000, show_default=True, help="Tries for each find."
)
@click.option(
    "--most", type=click.IntRange(min=1), default=20, show_default=True, help="Stop after so many finds."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
@click.pass_context
def explore_(context: click.Context, target: str, examples: int, most: int, seed: int, as_json: bool) -> None:
    """Change ceremonies at random, and show the smallest changes that TARGET accepts and the strict verifier does not.

    TARGET is a library: both verifiers are shown the very same bytes.
    """
    from harness.fuzz.generative import explore  # Hypothesis takes a moment to import

    opened = _library(target)
    found = []
    try:
        for each in explore(opened, seed=seed, examples=examples, most=most):
            found.append(each)
            if not as_json:
                _show_disputed(each)
                show(Text(f"   stuntkey fuzz replay {each.name(target)}", style="dim"))
    finally:
        opened.close()
    if as_json:
        told = [{**each.to_json(), "replay": f"stuntkey fuzz replay {each.name(target)}"} for each in found]
        show_json({"ok": not found, "target": target, "seed": seed, "disputed": told})
    elif not found:
        show(
            Text(
                f"{target} accepts nothing that the strict verifier refuses, in {examples} tries",
                style="green",
            )
        )
    context.exit(1 if found else 0)


def _library(target: str) -> Site:
    opened = open_target(target)
    if not isinstance(opened, Site):
        opened.close()
        raise SetupError(
            f"{target} is no library: explore shows the same bytes to two verifiers in this process"
        )
    return opened


def _show_disputed(each: Disputed) -> None:
    show(Text(f"{each.lie.ceremony.value}, step {each.step}: {each.reason}", style="bold yellow"))
    for change in each.differences:
        show(Text(f"   {change.path}: {_short(change.honest)} → {_short(change.lie)}"))


def _replay_explored(finding: str, *, as_json: bool) -> int:
    from harness.fuzz.generative import parse, replay

    parsed = parse(finding)
    if parsed is None:
        raise SetupError(f"{finding!r} is no find of `stuntkey fuzz explore`: give one as it prints it")
    target, lie, seed = parsed
    opened = _library(target)
    try:
        disputed = replay(opened, lie, seed)
    finally:
        opened.close()
    if as_json:
        show_json({"target": target, "found": disputed.to_json() if disputed else None})
    elif disputed is None:
        show(Text(f"{target} does not accept it, or the strict verifier does, too", style="green"))
    else:
        _show_disputed(disputed)
    return 0 if disputed is None else 1


@fuzz.command("targets", short_help="The libraries it knows.")
@json_option
def targets_(as_json: bool) -> None:
    """List the libraries that can be tested in this process; web sites are described in a YAML file."""
    if as_json:
        show_json({name: about for name, (_, about) in LIBRARIES.items()})
        return
    made = table("target", "what")
    for name, (_, about) in LIBRARIES.items():
        made.add_row(name, about)
    show(made)
