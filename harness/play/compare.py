"""The same plays over several ways, and where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table

from harness.play.events import PlayEnded, Verdict


def comparison_table(ended: Iterable[PlayEnded], variants: Sequence[str]) -> Table:
    """A line for each play, a column for each way as they were typed; what differs from the first stands out."""
    by_play: dict[str, dict[str, list[PlayEnded]]] = {}
    for each in ended:
        by_play.setdefault(each.run.play, {}).setdefault(each.run.variant, []).append(each)
    table = Table(box=None, pad_edge=False, header_style="bold cyan")
    table.add_column("play")
    for variant in variants:
        table.add_column(variant)
    for play, found in by_play.items():
        first = _told(found.get(variants[0], []))
        cells = [_told(found.get(variant, [])) for variant in variants]
        table.add_row(
            escape(play),
            *(escape(cell) if cell == first else f"[bold magenta]{escape(cell)}[/]" for cell in cells),
        )
    return table


def _told(played: list[PlayEnded]) -> str:
    if not played:
        return "not played"
    worst = next((each for each in played if each.verdict is not Verdict.PASSED), played[0])
    return worst.verdict.value if worst.problem is None else f"{worst.verdict.value}: {worst.problem.message}"
