"""A table of a profile file → a Profile. The fields' types say what each key may hold."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, IntEnum
from functools import cache
from typing import Any, NoReturn

from authenticator.cose import Algorithm
from authenticator.profiles.profile import (
    ATTESTATION_FORMATS,
    CERTIFICATIONS,
    EXTENSIONS,
    INFO_MEMBERS,
    TRANSPORTS,
    VERSIONS,
    Profile,
)
from authenticator.profiles.toml_lines import Path

Blame = Callable[[Path, str, "str | None"], NoReturn]
"""Refuse the file: the key to blame, what is wrong, and the wrong word where the key holds several."""

_ALGORITHM_NAMES = {Algorithm.EDDSA: "EdDSA", Algorithm.ED25519: "Ed25519"}

_VOCABULARY: dict[Path, tuple[str, tuple[str, ...]]] = {
    ("versions",): ("version", VERSIONS),
    ("extensions",): ("extension", EXTENSIONS),
    ("transports",): ("transport", TRANSPORTS),
    ("features", "transports_for_reset"): ("transport", TRANSPORTS),
    ("attestation", "formats"): ("attestation format", ATTESTATION_FORMATS),
    ("get_info_members",): ("member of getInfo", tuple(INFO_MEMBERS)),
    ("certifications",): ("certification", CERTIFICATIONS),
}
"""Keys that hold plain strings, of which only some are words."""


def algorithm_name(algorithm: Algorithm) -> str:
    """IANA's name, as profiles write it."""
    return _ALGORITHM_NAMES.get(algorithm, algorithm.name.replace("_", "-"))


def nearest(word: str, words: Iterable[str]) -> str:
    """What the writer may have meant, as the end of a message."""
    words = sorted(words)
    folded = {each.casefold(): each for each in words}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]!r}?" if close else f"; there are {', '.join(words)}"


@cache
def _types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


class Reader:
    def __init__(self, blame: Blame) -> None:
        self._blame = blame

    def profile(self, table: Mapping[str, Any]) -> Profile:
        profile = self._record(Profile, table, ())
        assert isinstance(profile, Profile)
        return profile

    def _record(self, kind: type, table: Any, path: Path) -> Any:
        if not isinstance(table, dict):
            self._blame(path, f"{path[-1]} is a table of keys", None)
        hints = _types(kind)
        for key in table:
            if key not in hints:
                where = f" in [{'.'.join(path)}]" if path else ""
                self._blame((*path, key), f"unknown key {key!r}{where}{nearest(key, hints)}", None)
        for each in dataclasses.fields(kind):
            needed = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
            if needed and each.name not in table:
                self._blame(path, f"the key {each.name!r} is missing", None)
        return kind(**{key: self._value(hints[key], value, (*path, key)) for key, value in table.items()})

    def _value(self, hint: Any, value: Any, path: Path) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is types.UnionType or origin is typing.Union:
            if value == "none":
                return None
            return self._value(next(each for each in arguments if each is not type(None)), value, path)
        if origin is tuple and Ellipsis not in arguments:
            items = self._items(value, path)
            if len(items) != len(arguments):
                self._blame(path, f"{path[-1]} is a list of {len(arguments)}, not of {len(items)}", None)
            return tuple(self._item(arguments[0], item, path) for item in items)
        if origin in (tuple, frozenset):
            items = self._items(value, path)
            read = [self._item(arguments[0], item, path) for item in items]
            for index, item in enumerate(read):
                if item in read[:index]:
                    self._blame(path, f"{items[index]!r} stands twice in {path[-1]}", str(items[index]))
            return origin(read)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            if not isinstance(value, dict):
                self._blame(path, f"{path[-1]} is a table", None)
            for key in value:
                self._require_word(path, key, (*path, key))
            return {key: self._item(arguments[1], item, (*path, key)) for key, item in value.items()}
        if dataclasses.is_dataclass(hint):
            assert isinstance(hint, type)
            return self._record(hint, value, path)
        return self._item(hint, value, path)

    def _items(self, value: Any, path: Path) -> list[Any]:
        if not isinstance(value, list):
            self._blame(path, f"{path[-1]} is a list, in [ ], not {value!r}", None)
        return value

    def _item(self, hint: Any, value: Any, path: Path) -> Any:
        if hint is bytes:
            return self._uuid(value, path)
        if hint is Algorithm:
            return self._member("algorithm", {algorithm_name(each): each for each in Algorithm}, value, path)
        if isinstance(hint, type) and issubclass(hint, Enum) and not issubclass(hint, IntEnum):
            return self._member(path[-1].removesuffix("s"), {each.value: each for each in hint}, value, path)
        names = {bool: "true or false", int: "a whole number", str: "a text in quotes"}
        if type(value) is not hint:
            self._blame(path, f"{path[-1]} is {names[hint]}, not {value!r}", None)
        if hint is str:
            self._require_word(path, value, path)
        return value

    def _member(self, what: str, members: Mapping[str, Any], value: Any, path: Path) -> Any:
        if not isinstance(value, str) or value not in members:
            self._blame(path, f"unknown {what} {value!r}{nearest(str(value), members)}", str(value))
        return members[value]

    def _require_word(self, path: Path, word: str, blamed: Path) -> None:
        if path not in _VOCABULARY:
            return
        what, vocabulary = _VOCABULARY[path]
        if word not in vocabulary:
            self._blame(blamed, f"unknown {what} {word!r}{nearest(word, vocabulary)}", word)

    def _uuid(self, value: Any, path: Path) -> bytes:
        try:
            aaguid = uuid.UUID(value)
        except (ValueError, TypeError, AttributeError):
            aaguid = None
        # uuid.UUID takes braces, urn: and misplaced hyphens as well: one spelling is enough.
        if aaguid is None or str(aaguid) != value.lower():
            self._blame(
                path,
                f"{path[-1]} is 32 hex digits, as 12345678-90ab-cdef-1234-567890abcdef, not {value!r}",
                None,
            )
        return aaguid.bytes
