"""The fewest plays that still show every row: for a first look, and for whoever has little time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.play.play import Play
from harness.play.verbs import AddPasskey, SignInOnNewDevice, SitAt, UseIncognito
from harness.play.ways import has_pin_dialog, is_security_key

ANOTHER_SEAT, KEY, ANOTHER_BROWSER = 3.0, 2.0, 12.0
"""What takes as long as so many steps: another window, a key that is plugged in, a browser that has a screen."""


def effort(play: Play) -> float:
    """How long it takes, in steps: by what it does, so that it is the same on every machine."""
    total = 2.0  # a user, a site, a window
    for step in play.steps:
        verb = step.verb
        total += verb.times if isinstance(verb, AddPasskey) else 1
        total += ANOTHER_SEAT * isinstance(verb, SitAt | SignInOnNewDevice | UseIncognito)
    for spec in play.header.devices.values():
        total += KEY * is_security_key(spec)
        total += ANOTHER_BROWSER * (
            spec.via == "hybrid" or (is_security_key(spec) and has_pin_dialog(spec, "mock"))
        )
    return total


def fewest(plays: Sequence[Play]) -> list[Play]:
    """Plays that together show all the rows that these show, in their order.

    A greedy set cover: always the play that shows the most missing rows for its effort. What others made needless is
    left out again at the end.
    """
    missing = {row for play in plays for row in play.header.covers}
    first: dict[str, str] = {}
    for play in sorted(plays, key=lambda play: (str(play.path), play.line)):
        for row in play.header.covers:
            first.setdefault(row, play.name)
    chosen: list[Play] = []
    while missing:
        best = min(plays, key=lambda play: (-_worth(play, missing, first), effort(play), play.name))
        chosen.append(best)
        missing -= set(best.header.covers)
    for play in sorted(chosen, key=effort, reverse=True):
        others = {row for each in chosen if each is not play for row in each.header.covers}
        if others.issuperset(play.header.covers):
            chosen.remove(play)
    return [play for play in plays if play in chosen]


def _worth(play: Play, missing: set[str], first: Mapping[str, str]) -> float:
    """A row's first play is mostly its happy way, and the others its refusals."""
    shown = missing.intersection(play.header.covers)
    return sum(1.0 if first[row] == play.name else 0.5 for row in shown) / effort(play)
