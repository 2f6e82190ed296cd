"""YAML with line numbers, read as plainly as possible: `on`, `off`, `yes` and `no` are words, dates are text."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]


class BadYaml(ValueError):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Lines:
    """Where in a file each value stands."""

    def __init__(self) -> None:
        self._lines: dict[Path, int] = {}

    def __getitem__(self, path: Path) -> int:
        """The line of a value, or of what it would be in."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def __setitem__(self, path: Path, line: int) -> None:
        self._lines[path] = line


def read_documents(text: str) -> list[tuple[Any, Lines]]:
    """Every document of a file, in plain values, and its lines."""
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        if error.problem == "mapping values are not allowed here":
            problem = "a verb with `expect:` or `person:` below it needs a colon; or a text needs quotes"
        raise BadYaml(mark.line + 1 if mark else 1, problem) from None
    except yaml.YAMLError as error:
        raise BadYaml(1, " ".join(str(error).split())) from None
    documents = []
    for node in nodes:
        lines = Lines()
        documents.append((_value(node, (), lines), lines))
    return documents


def _value(node: yaml.Node, path: Path, lines: Lines) -> Any:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, place), lines) for place, item in enumerate(node.value)]
    assert isinstance(node, yaml.MappingNode)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise BadYaml(line, "a key must be a word or a phrase")
        if key in mapping:
            raise BadYaml(line, f"{key!r} stands there twice")
        mapping[key] = _value(value_node, (*path, key), lines)
        lines[(*path, key)] = line
    return mapping


_PLAIN = {"null": None, "~": None, "": None, "true": True, "false": False}


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if re.fullmatch(r"-?(0|[1-9]\d*)", text):
        return int(text)
    return text
