"""How commands show things: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def show(*renderables: RenderableType) -> None:
    console = Console(highlight=False, soft_wrap=False)
    for each in renderables:
        console.print(each)


def show_json(value: Any) -> None:
    """In colour on a terminal only."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if sys.stdout.isatty():
        Console().print_json(text)
    else:
        click.echo(text)


def table(*columns: str) -> Table:
    made = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    made.header_style, made.border_style = "bold cyan", "dim"
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def facts(rows: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Names and values; None leaves a row out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            made.add_row(name, value)
    return made


def heading(text: str, aside: str = "") -> Text:
    made = Text(text, style="bold")
    if aside:
        made.append(f"  {aside}", style="dim")
    return made


def yes(value: bool | None) -> Text:
    """Options have three states."""
    if value is None:
        return Text("absent", style="dim")
    return Text("yes", style="green") if value else Text("no", style="yellow")


def date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
