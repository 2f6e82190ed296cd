"""`stuntkey doctor`: what this machine has and lacks."""

from __future__ import annotations

from itertools import groupby

import click
from rich.table import Table
from rich.text import Text

from harness.cli.framework import did_you_mean
from harness.cli.output import json_option, show, show_json
from harness.doctor import CHECKS, Finding, examine, fix


class Names(click.ParamType[list[str]]):
    """Names of checks, separated by commas."""

    name = "names"

    def convert(
        self, value: str | list[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        if isinstance(value, list):
            return value
        names = [name.strip() for name in value.split(",") if name.strip()]
        for name in names:
            if name not in CHECKS:
                self.fail(f"{name!r} is none of {', '.join(CHECKS)}.{did_you_mean(name, CHECKS)}", param, ctx)
        return names


@click.command(short_help="What this machine has and lacks, and how to get it.")
@click.option(
    "--need", type=Names(), default=[], metavar="NAME,…", help="Exit with 1 unless all of these are there."
)
@click.option(
    "--fix", "to_fix", is_flag=True, help="Give users the uhid port: udev rule and modules. As root."
)
@json_option
@click.pass_context
def doctor(context: click.Context, need: list[str], to_fix: bool, as_json: bool) -> None:
    """Show what this machine has and lacks for stuntkey, and how to get it.

    Nobody needs all of it: --need says what you do.

    \b
      stuntkey doctor
      stuntkey doctor --need mock,chromium && make test
      sudo stuntkey doctor --fix
    """
    done = list(fix()) if to_fix else []
    findings = examine()
    lacking = [name for name in need if not findings[name].ok]
    if as_json:
        things = {
            name: {"ok": it.ok, "detail": it.detail, "remedy": it.remedy, "needed": name in need}
            for name, it in findings.items()
        }
        show_json({"ok": not lacking, "fixed": done, "findings": things})
    else:
        show(*(Text(f"· {line}") for line in done), _table(findings, need))
        if lacking:
            click.secho(f"missing: {', '.join(lacking)}", fg="red", err=True)
    context.exit(1 if lacking else 0)


def _table(findings: dict[str, Finding], need: list[str]) -> Table:
    made = Table.grid(padding=(0, 2))
    for _ in range(3):
        made.add_column(overflow="fold")
    groups = groupby(CHECKS.values(), key=lambda check: check.group)
    for position, (group, checks) in enumerate(groups):
        if position:
            made.add_row()
        made.add_row("", Text(group, style="bold cyan"))
        for check in checks:
            finding = findings[check.name]
            made.add_row(_mark(finding, check.name in need), check.name, _words(check.about, finding))
    return made


def _mark(finding: Finding, needed: bool) -> Text:
    if finding.ok:
        return Text("✓", style="bold green")
    return Text("✗", style="bold red") if needed else Text("–", style="bold yellow")


def _words(about: str, finding: Finding) -> Text:
    words = Text(f"{about}: ", style="dim")
    words.append(finding.detail, style="green" if finding.ok else "default")
    if finding.remedy:
        words.append(f"\n→ {finding.remedy}", style="default" if finding.ok else "yellow")
    return words
