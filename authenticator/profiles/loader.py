"""Profiles from TOML files: the built-in ones by name, users' own by path."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path as FilePath
from typing import Any, NoReturn

from authenticator.profiles.invariants import broken_invariant
from authenticator.profiles.profile import Profile
from authenticator.profiles.reading import Reader, nearest
from authenticator.profiles.toml_lines import Path, key_lines, word_line

_FOLDER = FilePath(__file__).parent
_MOST_ANCESTORS = 8
_EDITS = {"add", "remove"}


class ProfileError(ValueError):
    """A profile cannot be had: one line that says where, what is wrong, and what may have been meant."""


@cache
def profile_names() -> tuple[str, ...]:
    """The built-in profiles: the reference first, the others by name."""
    names = sorted(file.stem for file in _FOLDER.glob("*.toml"))
    return ("reference", *(name for name in names if name != "reference"))


def load_profile(name_or_path: str | os.PathLike[str] = "reference") -> Profile:
    """A built-in profile by name, or one's own by the path of its TOML file; the same object each time."""
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and text in profile_names():
        return _built_in(text)
    file = FilePath(text)
    if not (text.endswith(".toml") or os.sep in text or file.is_file()):
        raise ProfileError(f"unknown profile {text!r}{nearest(text, profile_names())}")
    try:
        stat = file.stat()
    except OSError as error:
        raise ProfileError(f"{text}: {error.strerror or error}") from None
    return _from_path(text, file.resolve(), stat.st_mtime_ns, stat.st_size)


@cache
def _built_in(name: str) -> Profile:
    return _load(_FOLDER / f"{name}.toml", f"{name}.toml")


@lru_cache(maxsize=64)
def _from_path(shown: str, file: FilePath, modified: int, size: int) -> Profile:
    return _load(file, shown)


def parse_profile(text: str, name: str, *, shown: str = "profile") -> Profile:
    """A profile from the text of its file."""
    return _build(_Layer.parse(text, shown), name, None)


def _load(file: FilePath, shown: str) -> Profile:
    return _build(_Layer.read(file, shown), file.stem, file.parent)


@dataclass(slots=True)
class _Layer:
    """One file of a chain of `extends`."""

    shown: str
    text: str
    table: dict[str, Any]
    _lines: dict[Path, int] | None = None

    @classmethod
    def read(cls, file: FilePath, shown: str) -> _Layer:
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise ProfileError(f"{shown}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise ProfileError(f"{shown}: not a text in UTF-8") from None
        return cls.parse(text, shown)

    @classmethod
    def parse(cls, text: str, shown: str) -> _Layer:
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ProfileError(f"{shown}: {_toml_message(error, text)}") from None
        return cls(shown, text, table)

    def line(self, path: Path, word: str | None = None) -> int | None:
        """Where the key stands, or the nearest table around it; None if nothing of it is in this file."""
        for length in range(len(path), 0, -1):
            line = self.key_lines.get(path[:length])
            if line is not None:
                return line if word is None else word_line(self.text, word, line)
        return None

    @property
    def key_lines(self) -> dict[Path, int]:
        if self._lines is None:
            self._lines = key_lines(self.text)
        return self._lines


def _toml_message(error: tomllib.TOMLDecodeError, text: str) -> str:
    """tomllib's message in our form: line first."""
    what, _, where = str(error).rpartition(" (at ")
    if where.startswith("line "):
        return f"line {where[5:].split(',')[0]}: not TOML: {what}"
    return f"line {text.count(chr(10)) + 1}: not TOML: {what or error}"


def _build(layer: _Layer, name: str, folder: FilePath | None) -> Profile:
    layers = [layer]
    while (parent := _parent(layers[-1], folder)) is not None:
        if any(parent.text == each.text for each in layers) or len(layers) >= _MOST_ANCESTORS:
            _refuse(layers[-1:], ("extends",), "extends leads back to itself", None)
        layers.append(parent)

    def blame(path: Path, what: str, word: str | None = None) -> NoReturn:
        _refuse(layers, path, what, word)

    table: dict[str, Any] = {}
    for each in reversed(layers):
        table = _merged(table, each.table, (), each)
    table["name"] = layer.table.get("name", name)
    profile = Reader(blame).profile(table)
    broken = broken_invariant(profile, frozenset(".".join(path) for path in layer.key_lines))
    if broken is not None:
        what, keys, word = broken
        paths = [tuple(key.split(".")) for key in keys]
        stated = (path for each in layers for path in paths if path in each.key_lines)
        blame(next(stated, paths[0]), what, word)
    return profile


def _parent(layer: _Layer, folder: FilePath | None) -> _Layer | None:
    name = layer.table.pop("extends", None)
    if name is None:
        return None
    if not isinstance(name, str):
        _refuse([layer], ("extends",), "extends is the name of a profile, in quotes", None)
    if name in profile_names():
        return _Layer.read(_FOLDER / f"{name}.toml", f"{name}.toml")
    if folder is None or not name.endswith(".toml"):
        _refuse([layer], ("extends",), f"unknown profile {name!r}{nearest(name, profile_names())}", None)
    if not (folder / name).is_file():
        _refuse([layer], ("extends",), f"there is no file {name!r} beside it", None)
    return _Layer.read(folder / name, name)


def _refuse(layers: list[_Layer], path: Path, what: str, word: str | None) -> NoReturn:
    """Blame the line of the key in the file that was asked for, or the line by which that inherits it."""
    file = layers[0]
    line = file.line(path, word)
    if path not in file.key_lines:
        for parent in layers[1:]:
            if path in parent.key_lines:
                what += f" ({path[-1]} comes from {parent.shown}, line {parent.line(path, word)})"
                line = line or file.line(("extends",))
                break
    raise ProfileError(f"{file.shown}: line {line or 1}: {what}")


def _merged(old: Mapping[str, Any], new: Mapping[str, Any], path: Path, layer: _Layer) -> dict[str, Any]:
    """`new` over `old`: tables key by key; a list whole, or edited by {add = [...], remove = [...]}."""
    result = dict(old)
    for key, value in new.items():
        here = (*path, key)
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = _merged(before, value, here, layer)
        elif isinstance(value, dict) and (isinstance(before, list) or (value and value.keys() <= _EDITS)):
            result[key] = _edited(before or [], value, here, layer)
        else:
            result[key] = value
    return result


def _edited(items: list[Any], edit: Mapping[str, Any], path: Path, layer: _Layer) -> list[Any]:
    name = path[-1]
    if not edit.keys() <= _EDITS or not all(isinstance(each, list) for each in edit.values()):
        _refuse(
            [layer],
            path,
            f"{name} is a list, or {{add = [...], remove = [...]}} to edit the inherited one",
            None,
        )
    for word in edit.get("remove", ()):
        if word not in items:
            _refuse(
                [layer], path, f"{name} has no {word!r} to remove{nearest(str(word), map(str, items))}", None
            )
    kept = [item for item in items if item not in edit.get("remove", ())]
    return kept + [item for item in edit.get("add", ()) if item not in kept]
