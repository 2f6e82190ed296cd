"""`stuntkey run`: plays, in real browsers."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.errors import SetupError
from harness.play import WAYS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console

    from harness.play.events import Event, Handler, PlayEnded
    from harness.play.features import Feature
    from harness.play.performance import Settings
    from harness.play.play import Play
    from harness.play.runner import Performance

INTERRUPTED, TERMINATED = 130, 143
"""What shells say of a program that a signal ended: 128 and its number."""
BROWSERS = ("chromium", "firefox")


class Shard(click.ParamType[tuple[int, int]]):
    name = "i/n"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        part, _, parts = str(value).partition("/")
        if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
            self.fail(f"{value!r}: write i/n with i from 1 to n, such as 1/4", param, ctx)
        return int(part), int(parts)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(1),
    default=1,
    help="How many plays at once, each in a browser of its own.",
)
@click.option(
    "-k", "--only", metavar="WORDS", help="Only plays whose name, title or rows hold one of these words."
)
@click.option(
    "--fewest",
    is_flag=True,
    help="Only as many plays as it takes to show each row once: the quick ones.",
)
@click.option("--shard", type=Shard(), help="Only the i-th of n equal parts, to divide a run among machines.")
@click.option(
    "--via",
    multiple=True,
    type=click.Choice(WAYS),
    help="How security keys reach it: HID without the kernel (mock, the default) or with it (uhid), or all by the page."
    " hybrid: phones scan the QR code of a stock Chromium, with Bluetooth and tunnel of its own. linked: linked phones"
    " are called through a tunnel. cdp: Chromium's own virtual authenticators in the place of all devices.",
)
@click.option(
    "--browser",
    type=click.Choice(BROWSERS),
    default="chromium",
    show_default=True,
    help="Which stock browser they are played in.",
)
@click.option(
    "--compare",
    metavar="WAY,WAY",
    help="Play over several ways, or in several browsers, and show where they differ.",
)
@click.option("--headed", is_flag=True, help="Show the browser.")
@click.option(
    "--slow",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="Wait between what the browser does, to watch it.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    help="Play each so often, and count those that do not always end the same.",
)
@click.option(
    "--seed",
    default="stuntkey",
    show_default=True,
    help="The same seed gives the devices the same ids and keys.",
)
@click.option(
    "--coverage",
    is_flag=True,
    help="Show the table of requirements, the plays that show them, and how they ended.",
)
@click.option("--list", "list_only", is_flag=True, help="List the plays and play none.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of plays, for editors.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write report.html, junit.xml and events.ndjson there.",
)
@click.option("-v", "--verbose", is_flag=True, help="Every step, and not only every play.")
def run(
    paths: tuple[Path, ...],
    workers: int,
    only: str | None,
    fewest: bool,
    shard: tuple[int, int] | None,
    via: tuple[str, ...],
    browser: str,
    compare: str | None,
    headed: bool,
    slow: float,
    repeat: int,
    seed: str,
    coverage: bool,
    list_only: bool,
    schema: bool,
    report: Path | None,
    verbose: bool,
) -> None:
    """Play passkey stories in a real browser.

    PATH is a play (a YAML file) or a folder of them; without one, those that come with stuntkey are played.

    \b
      stuntkey run                        all plays of the five exchanges
      stuntkey run -n 4 --report out      four at once, with a report
      stuntkey run login.yaml -v --headed --slow 0.5
      stuntkey run -k W7 --compare mock,page,cdp
      stuntkey run --fewest --coverage    each row once, in two minutes
      stuntkey run scenarios --compare chromium,firefox

    Exit codes: 0 all as expected, 1 a play found something else, 2 something could not be played, 130 or 143 broken
    off by Ctrl-C or SIGTERM: the reports tell what was played until then.
    """
    from rich.console import Console

    from harness.play.features import find_features, unknown_rows
    from harness.play.loader import load_plays
    from harness.play.performance import Settings
    from harness.play.schema import schema_text

    if schema:
        click.echo(schema_text(), nl=False)
        return
    folders = paths or (_own_plays(),)
    plays = load_plays(folders)
    features = find_features(folders)
    covers = {play.name: play.header.covers for play in plays}
    if features and (wrong := unknown_rows(features, covers)):
        raise SetupError(f"covers: no such row in features.toml: {', '.join(wrong)}")
    plays = _chosen(plays, only, shard, fewest=fewest)
    console = Console(highlight=False)
    ended: Sequence[PlayEnded] = ()
    code = 0
    if list_only:
        _list(plays, console)
    else:
        settings = Settings(
            seed=seed, browser=browser, headless=not headed, slow=slow, screenshots=report is not None
        )
        performances = _performances(plays, settings, via, compare, repeat)
        ended, code = _play(
            performances, console, workers=workers, report=report, features=features, verbose=verbose
        )
    if coverage:
        from harness.play.console import coverage_table
        from harness.play.features import coverage as coverage_of

        shown = {play.name: covers[play.name] for play in plays}
        systems = {play.system for play in plays}
        of_these = [feature for feature in features if feature.system in systems]
        console.print(coverage_table(coverage_of(of_these, shown, ended)))
    if compare is not None and ended:
        from harness.play.compare import comparison_table

        console.print(comparison_table(ended, _words(compare)))
    raise SystemExit(code)


def _own_plays() -> Path:
    import scenarios

    return Path(scenarios.__path__[0])


def _chosen(
    plays: Sequence[Play], only: str | None, part: tuple[int, int] | None, *, fewest: bool
) -> list[Play]:
    from harness.play.fewest import fewest as fewest_of
    from harness.play.runner import shard

    if only is not None:
        rows = {row.lower() for play in plays for row in play.header.covers}
        plays = [play for play in plays if any(_has(play, word, rows) for word in only.lower().split())]
    if not plays:
        raise SetupError(f"-k {only}: no play has any of these words in its name, title or rows")
    if fewest:
        plays = fewest_of(plays)
        if not plays:
            raise SetupError("--fewest: none of these plays says what it covers")
    return shard(plays, *part) if part is not None else list(plays)


def _has(play: Play, word: str, rows: Collection[str]) -> bool:
    """P2 is a row, and no part of `P2P`; any other word may be a part of the name or title."""
    if word in rows:
        return word in [row.lower() for row in play.header.covers]
    return word in f"{play.name} {play.header.scenario}".lower()


def _list(plays: Sequence[Play], console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold cyan")
    for heading in ("play", "rows", "story"):
        table.add_column(heading)
    for play in plays:
        table.add_row(play.name, " ".join(play.header.covers), play.header.scenario)
    console.print(table)


def _performances(
    plays: Sequence[Play], settings: Settings, via: Sequence[str], compare: str | None, repeat: int
) -> list[Performance]:
    from harness.play.runner import Performance
    from harness.play.ways import ways_of

    variants = [("", settings)]
    if compare is not None:
        if via:
            raise SetupError("--compare says which ways are taken: leave out --via")
        variants = [(word, _variant(settings, word)) for word in _words(compare)]
    elif via:
        variants = [("", replace(settings, ways=ways_of(via)))]
    return [
        Performance(play=play, settings=chosen, repeat=number, variant=variant)
        for number in range(1, repeat + 1)
        for play in plays
        for variant, chosen in variants
    ]


def _words(compare: str) -> list[str]:
    """The ways to compare, in the order in which they were typed."""
    return list(dict.fromkeys(map(str.strip, compare.split(","))))


def _variant(settings: Settings, word: str) -> Settings:
    from harness.play.ways import ways_of

    if word in BROWSERS:
        return replace(settings, browser=word)
    if word not in WAYS:
        raise SetupError(
            f"--compare {word}: there are the ways {', '.join(WAYS)}, and {' and '.join(BROWSERS)}"
        )
    return replace(settings, ways=ways_of([word]))


def _play(
    performances: Sequence[Performance],
    console: Console,
    *,
    workers: int,
    report: Path | None,
    features: Sequence[Feature],
    verbose: bool,
) -> tuple[list[PlayEnded], int]:
    from harness.play.console import ConsoleReport
    from harness.play.events import PlayEnded
    from harness.play.runner import run as play_all

    ended: list[PlayEnded] = []

    def collect(event: Event) -> None:
        if isinstance(event, PlayEnded):
            ended.append(event)

    pictures = (report or Path("artifacts")) / "failures"
    handlers: list[Handler] = [collect]
    if report is not None:
        from harness.reports import report_handlers

        handlers += report_handlers(report, features)
    # Last: what is told here is in the reports, wherever a run is broken off.
    handlers.append(ConsoleReport(console, verbose=verbose, pictures=pictures))
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        result = play_all(performances, handlers, workers=workers)
    except KeyboardInterrupt as stop:
        return ended, TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    return ended, 1 if result.failed else 2 if result.errors else 0


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run as Ctrl-C does: browsers are closed, and reports are written."""


def _terminated(number: int, frame: object) -> None:
    raise Terminated
