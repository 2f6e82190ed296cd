"""Where in a TOML file each key stands: tomllib reads values, but does not say from which line."""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]

_HEADER = re.compile(r"\[\[?\s*([^\]\n]*?)\s*\]\]?")
_KEY = re.compile(
    r"((?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*'))*)\s*="
)
_VALUE_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|.', re.DOTALL
)


def key_lines(text: str) -> dict[Path, int]:
    """Path of each key and table → its line, counted from 1. `text` must be valid TOML."""
    lines: dict[Path, int] = {}
    table: Path = ()
    position = 0
    while position < len(text):
        line = text.count("\n", 0, position) + 1
        if text[position].isspace():
            position += 1
        elif text[position] == "#":
            position = _end_of_line(text, position)
        elif header := _HEADER.match(text, position):
            table = _split(header[1])
            lines.setdefault(table, line)
            position = header.end()
        elif key := _KEY.match(text, position):
            path = table + _split(key[1])
            for length in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:length], line)
            position = _end_of_value(text, key.end())
        else:
            position = _end_of_line(text, position)
    return lines


def word_line(text: str, word: str, start: int) -> int:
    """The line, from line `start` on, that has `word` in quotes: one item of an array over several lines."""
    for number, line in enumerate(text.splitlines()[start - 1 :], start):
        if f'"{word}"' in line or f"'{word}'" in line:
            return number
    return start


def _split(dotted: str) -> Path:
    """The parts of a dotted key, unquoted: TOML reads itself."""
    parts: list[str] = []
    value: object = tomllib.loads(f"{dotted} = 0")
    while isinstance(value, dict):
        ((part, value),) = value.items()
        parts.append(part)
    return tuple(parts)


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _end_of_value(text: str, position: int) -> int:
    depth = 0
    for token in _VALUE_TOKEN.finditer(text, position):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and depth == 0:
            return token.end()
    return len(text)
