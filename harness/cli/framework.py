"""What all commands share: groups that import late, words that nearly fit, errors in one line."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from harness.errors import SetupError, StuntkeyError


def did_you_mean(word: str, words: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


class HelpFormatter(click.HelpFormatter):
    """Click's, with headings that stand out; click takes the colours away where there is no terminal."""

    def write_heading(self, heading: str) -> None:
        super().write_heading(click.style(heading, bold=True, fg="cyan"))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, click.style(prefix or "Usage: ", bold=True, fg="cyan"))


click.Context.formatter_class = HelpFormatter


class Told(click.ClickException):
    """One line on stderr, and an exit code: 2 for what is to be set right, 1 for a finding."""

    def __init__(self, error: StuntkeyError) -> None:
        super().__init__(" ".join(str(error).split()))
        self._code = 2 if isinstance(error, SetupError) else 1

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # an attribute of the class in click
        return self._code

    def show(self, file: Any = None) -> None:
        click.echo(
            f"{click.style('stuntkey:', fg='red', bold=True)} {self.format_message()}",
            file=file,
            err=file is None,
        )


class Group(click.Group):
    """A group whose commands are named with their modules, and imported when they are used.

    `modules`: name → (module:attribute, what its help says in one line).
    """

    def __init__(
        self, *args: Any, modules: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.modules, *(name for name in self.commands if name not in self.modules)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.modules:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.modules[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            if name in self.modules:
                rows.append((name, self.modules[name][1]))
            elif (command := self.get_command(ctx, name)) is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(limit=formatter.width)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Root(Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StuntkeyError as error:
            raise Told(error) from None


class Word(click.ParamType[str]):
    """One of some words, the nearest of which is told when it is none."""

    def __init__(self, name: str, words: Callable[[], Iterable[str]], metavar: str = "") -> None:
        self.name = name
        self._words = words
        self._metavar = metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        words = tuple(self._words())
        if value not in words:
            self.fail(f"{value!r} is none of {', '.join(words)}.{did_you_mean(value, words)}", param, ctx)
        return str(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return self._metavar or "|".join(self._words())
