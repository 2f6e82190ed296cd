"""The rows that plays are to show, and which plays show them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SetupError
from harness.play.events import PlayEnded, Verdict

FILE = "features.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    id: str
    title: str
    system: str
    system_title: str


def find_features(plays: Iterable[Path]) -> list[Feature]:
    """The rows of the features.toml beside or above the plays; none, where there is no such file."""
    for path in plays:
        for folder in (path.resolve(), *path.resolve().parents):
            if (folder / FILE).is_file():
                return read_features(folder / FILE)
    return []


def read_features(path: Path) -> list[Feature]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"{path}: {error}") from None
    features = []
    for system, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(title, str) for title in table.values()):
            raise SetupError(f"{path}: [{system}] must hold ids and titles, as text")
        title = table.get("title", system)
        features += [
            Feature(id=row, title=words, system=system, system_title=title)
            for row, words in table.items()
            if row != "title"
        ]
    return features


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A row, and the plays that show it with how each of them ended; None: not played."""

    feature: Feature
    plays: Mapping[str, Verdict | None]

    @property
    def verdict(self) -> Verdict | None:
        """The worst of them; None: no play, or not all were played."""
        verdicts = list(self.plays.values())
        for worst in (Verdict.FAILED, Verdict.ERROR):
            if worst in verdicts:
                return worst
        if None in verdicts or not verdicts:
            return None
        return Verdict.PASSED if Verdict.PASSED in verdicts else Verdict.SKIPPED


def coverage(
    features: Sequence[Feature], covers: Mapping[str, Sequence[str]], ended: Iterable[PlayEnded] = ()
) -> list[Coverage]:
    """`covers`: play → the rows it shows. A play that was repeated counts as failed if it failed once."""
    verdicts: dict[str, Verdict] = {}
    for each in ended:
        if verdicts.get(each.run.play) in (None, Verdict.PASSED, Verdict.SKIPPED):
            verdicts[each.run.play] = each.verdict
    return [
        Coverage(
            feature=feature,
            plays={play: verdicts.get(play) for play, rows in covers.items() if feature.id in rows},
        )
        for feature in features
    ]


def unknown_rows(features: Sequence[Feature], covers: Mapping[str, Sequence[str]]) -> list[str]:
    """`play: row` for each row that nobody listed."""
    known = {feature.id for feature in features}
    return [f"{play}: {row}" for play, rows in covers.items() for row in rows if row not in known]
