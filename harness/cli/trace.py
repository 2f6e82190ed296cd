"""`stuntkey trace`: what happened to a key, looked at afterwards."""

from __future__ import annotations

import os
import sys

import click
from rich.console import Console

from harness.cli.framework import Group, Word, did_you_mean
from harness.errors import SetupError

FILE = click.argument("file", metavar="FILE", type=click.Path(dir_okay=False))


@click.group(cls=Group)
def trace() -> None:
    """Look at traces: what a key was asked, by whom, what the person did, and how it answered.

    \b
      stuntkey key attach --trace run.ndjson -- fido2-token -L
      stuntkey trace show run.ndjson
      stuntkey trace export run.ndjson --to pcapng run.pcapng

    A trace is a text file, an event a line (NDJSON). PINs, their hashes, tokens and keys that
    commands hand out are blanked in it, in packets too.
    """


@trace.command()
@FILE
@click.option("--packets/--no-packets", default=False, help="Show the packets too.  [default: no]")
@click.option(
    "--command",
    "commands",
    metavar="NAME",
    multiple=True,
    help="Only this command, such as makeCredential, and what belongs to it. May be repeated.",
)
@click.option("--brief", is_flag=True, help="One line for each message: leave out what is in it.")
@click.option("--full", is_flag=True, help="Shorten nothing.")
def show(file: str, packets: bool, commands: tuple[str, ...], brief: bool, full: bool) -> None:
    """Show a trace on one time line, in seconds from its beginning.

    \b
      → a request       ? what the person is asked    ● the key: plugged in, unplugged
      ← its response    ! what they do                ◆ the page, the browser, a test
      ▷ a packet to the key, ◁ one to the host
    """
    from harness.trace import records, selection
    from harness.trace.show import Story, summary

    saved = records.load(file)
    chosen = list(saved.records)
    if commands:
        there = selection.commands(saved.records)
        for name in commands:
            if name.casefold() not in {each.casefold() for each in there}:
                raise SetupError(
                    f"--command {name}: not in {file}, which has {', '.join(there) or 'no commands'}."
                    f"{did_you_mean(name, there)}"
                )
        chosen = selection.of_commands(saved.records, commands)
    # Wide output of a pipe is for grep: it is not broken into lines.
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    width = console.width if sys.stdout.isatty() else max(console.width, 100)
    console.print(summary(saved))
    story = Story(saved, packets=packets, members=not brief, full=full, width=width)
    try:
        for line in story.lines(chosen):
            console.print(line)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@trace.command()
@FILE
@click.option("--to", "form", type=Word("format", lambda: ("pcapng",), "FORMAT"), default="pcapng", show_default=True,
              help="pcapng: USB traffic, for Wireshark and tshark.")  # fmt: skip
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False))
def export(file: str, form: str, out: str) -> None:
    """Write a trace in another program's format.

    pcapng: the packets as USB interrupt transfers, after the descriptors a host would have read; what the messages say,
    and what the person did, as comments of the packets. Wireshark reads it as USB HID by itself, and as CTAPHID and
    CTAP2 with the dissector that `stuntkey trace dissector` prints.
    """
    from harness.trace import records
    from harness.trace.pcapng import export as export_pcapng

    count = export_pcapng(records.load(file), out)
    click.echo(f"{out}: {count} packets", err=True)


@trace.command()
def dissector() -> None:
    """Print Wireshark's dissector for CTAPHID, in Lua.

    \b
      stuntkey trace dissector > ctaphid.lua
      tshark -X lua_script:ctaphid.lua -r run.pcapng
      cp ctaphid.lua ~/.local/lib/wireshark/plugins/     for Wireshark, always
    """
    from importlib.resources import files

    click.echo((files("harness.trace") / "ctaphid.lua").read_text(encoding="utf-8"), nl=False)
