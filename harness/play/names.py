"""What plays are called: short, unique in a run, and the same when another play is put before them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import SetupError
from harness.play.play import Play

LONGEST = 44
"""Letters of a title that go into a name."""


def slug(title: str) -> str:
    """The first words of a title, as they can stand in a path: "It's `held`" → its-held."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower().replace("'", "")
    words = re.findall(r"[a-z0-9]+", plain)
    said = ""
    for word in words:
        if said and len(said) + len(word) >= LONGEST:
            break
        said += f"-{word}" if said else word
    return said or "play"


def name_of_file(path: Path, folders: int = 1) -> str:
    """`shop/log_in` for …/shop/log_in.yaml; with more of the folders around it, where one is not enough."""
    around = path.resolve().parent.parts[1:][-folders:]
    return "/".join((*around, path.stem))


def names_in_file(path: Path, titles: Sequence[tuple[str, int]]) -> list[str]:
    """Of the plays of one file, by their titles and lines."""
    name = name_of_file(path)
    if len(titles) == 1:
        return [name]
    slugs = [slug(title) for title, _ in titles]
    names: list[str] = []
    for place, (title, line) in enumerate(titles):
        if title in (earlier for earlier, _ in titles[:place]):
            raise SetupError(f"{path}:{line}: an earlier play of this file has the same title: {title}")
        # Titles that begin alike have their place as well.
        alike = slugs[:place].count(slugs[place])
        names.append(f"{name}/{slugs[place]}" + (f"-{alike + 1}" if alike else ""))
    return names


def told_apart(plays: Sequence[Play]) -> list[Play]:
    """Two files of one name in folders of one name are told apart by the folders around those."""
    files = list(dict.fromkeys(play.path.resolve() for play in plays))
    folders = dict.fromkeys(files, 1)
    while True:
        files_of: dict[str, list[Path]] = {}
        for file in files:
            files_of.setdefault(name_of_file(file, folders[file]), []).append(file)
        clashes = [file for same in files_of.values() if len(same) > 1 for file in same]
        if not clashes:
            break
        for file in clashes:
            if folders[file] >= len(file.parts):  # a.yaml beside a.yml
                raise SetupError(f"{file}: there is another file of plays with this name")
            folders[file] += 1
    return [_renamed(play, folders[play.path.resolve()]) for play in plays]


def _renamed(play: Play, folders: int) -> Play:
    if folders == 1:
        return play
    rest = play.name.removeprefix(name_of_file(play.path))
    return replace(play, name=name_of_file(play.path, folders) + rest)
