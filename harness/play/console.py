"""Progress in the terminal as it goes, failures told so that one can act on them, and the coverage table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from harness.play.events import (
    Event,
    PlayEnded,
    PlayStarted,
    RunEnded,
    RunId,
    RunStarted,
    StepEnded,
    Verdict,
)
from harness.play.features import Coverage

_MARKS = {
    Verdict.PASSED: "[green]✔[/]",
    Verdict.FAILED: "[red]✘[/]",
    Verdict.ERROR: "[yellow]![/]",
    Verdict.SKIPPED: "[dim]·[/]",
}
PAGE_LINES = 25


def aside_of(run: RunId) -> str:
    """What tells it from other performances of the same play."""
    variant = f" [{run.variant}]" if run.variant else ""
    return variant + (f" #{run.repeat}" if run.repeat > 1 else "")


class ConsoleReport:
    """A handler: one line for each play; with `verbose`, one for each step as well."""

    def __init__(self, console: Console, *, verbose: bool = False, pictures: Path | None = None) -> None:
        self._console = console
        self._verbose = verbose
        self._pictures = pictures
        self._total = self._done = 0

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._total = event.performances
            case PlayStarted() if self._verbose:
                self._console.print(f"[bold]{escape(event.play.title)}[/] [dim]{escape(event.play.name)}[/]")
            case StepEnded() if self._verbose:
                self._console.print(
                    f"  {_MARKS[event.verdict]} {escape(event.sentence)} [dim]{escape(event.seen)}[/]",
                    highlight=False,
                )
            case PlayEnded():
                self._done += 1
                self._play(event)
            case RunEnded():
                self._end(event)

    def _play(self, event: PlayEnded) -> None:
        width = len(str(self._total))
        self._console.print(
            f"[dim]{self._done:>{width}}/{self._total}[/] {_MARKS[event.verdict]} "
            f"[dim]{event.seconds:5.1f} s[/]  {escape(event.play.title)}{escape(aside_of(event.run))}"
            f"  [dim]{escape(event.run.play)}[/]",
            overflow="ellipsis",
            no_wrap=True,
        )
        if self._verbose and event.ways:
            ways = ", ".join(f"{device} by {way}" for device, way in event.ways.items())
            self._console.print(f"  [dim]{escape(ways)}, in {escape(event.browser)}[/]")
        if event.problem is not None and event.verdict is Verdict.SKIPPED:
            self._console.print(f"  [dim]{escape(event.problem.message)}[/]")
        elif event.problem is not None:
            self._problem(event)

    def _problem(self, event: PlayEnded) -> None:
        problem = event.problem
        assert problem is not None
        parts: list[Text] = [Text(problem.message, style="bold")]
        if problem.expected:
            parts += [Text(f"expected  {problem.expected}"), Text(f"seen      {problem.seen}")]
        if problem.address:
            parts.append(Text(f"page      {problem.address}"))
        if problem.screenshot is not None and self._pictures is not None:
            name = f"{event.run.play.replace('/', '-')}-{event.run.repeat}{event.run.variant and '-'}"
            path = self._pictures / f"{name}{event.run.variant}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(problem.screenshot)
            parts.append(Text(f"picture   {path}"))
        shown = [line for line in problem.page_text.splitlines() if line.strip()][:PAGE_LINES]
        if shown:
            parts += [Text("on the page", style="cyan"), Text("\n".join(shown), style="dim")]
        if problem.trace:
            parts += [
                Text("last of the time line", style="cyan"),
                Text("\n".join(problem.trace), style="dim"),
            ]
        if problem.traceback:
            parts.append(Text(problem.traceback, style="dim"))
        style = "red" if event.verdict is Verdict.FAILED else "yellow"
        self._console.print(
            Panel(Group(*parts), title=escape(problem.where), title_align="left", border_style=style)
        )

    def _end(self, event: RunEnded) -> None:
        parts = [f"[green]{event.passed} passed[/]"]
        if event.failed:
            parts.append(f"[red]{event.failed} failed[/]")
        if event.skipped:
            parts.append(f"[dim]{event.skipped} not for this browser[/]")
        if event.errors:
            parts.append(f"[yellow]{event.errors} could not be played[/]")
        if self._done < self._total:
            parts.append(f"[yellow]broken off: {self._total - self._done} of {self._total} not played[/]")
        if event.flaky:
            parts.append(f"[magenta]{len(event.flaky)} flaky: {', '.join(event.flaky)}[/]")
        self._console.print(f"{', '.join(parts)} in {event.seconds:.1f} s", highlight=False)


def coverage_table(rows: Sequence[Coverage]) -> Table:
    """Requirements against plays and how they ended."""
    table = Table(box=None, pad_edge=False, header_style="bold cyan")
    table.add_column("", no_wrap=True)
    table.add_column("row", no_wrap=True)
    table.add_column("what it asks for", ratio=3)
    table.add_column("plays", ratio=2)
    system = ""
    for row in rows:
        if row.feature.system != system:
            system = row.feature.system
            table.add_row("", "", f"[bold]{escape(row.feature.system_title)}[/]", "")
        mark = _MARKS[row.verdict] if row.verdict is not None else ("[dim]·[/]" if row.plays else "[red]–[/]")
        plays = ", ".join(name.split("/")[-1] for name in row.plays) or "[red]none[/]"
        table.add_row(mark, row.feature.id, escape(row.feature.title), plays)
    return table
