"""A Profile → the text of its file: what `load_profile` reads back as the same Profile."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from authenticator.cose import Algorithm
from authenticator.profiles.profile import Profile
from authenticator.profiles.reading import algorithm_name

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_HEXADECIMAL = {"firmware_version": 6, "vendor_id": 4, "product_id": 4}


def profile_to_toml(profile: Profile) -> str:
    """All that differs from a field's default, tables last."""
    values, tables = [], []
    for each in dataclasses.fields(Profile):
        value = getattr(profile, each.name)
        if value == _default(each):
            continue
        if dataclasses.is_dataclass(value) or isinstance(value, Mapping):
            tables.append("\n".join([f"\n[{each.name}]", *_lines(value)]))
        else:
            values.append(_line(each.name, value))
    return "\n".join([*values, *tables]) + "\n"


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _lines(table: Any) -> Iterator[str]:
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield _line(key, value)
        return
    for each in dataclasses.fields(table):
        value = getattr(table, each.name)
        if value != _default(each):
            yield _line(each.name, value)


def _line(key: str, value: Any) -> str:
    name = key if _BARE_KEY.fullmatch(key) else _text(key)
    digits = _HEXADECIMAL.get(key)
    if digits is not None and isinstance(value, int):
        return f"{name} = 0x{value:0{digits}X}"
    return f"{name} = {_value(value)}"


def _value(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _text(str(uuid.UUID(bytes=value)))
    if isinstance(value, Algorithm):
        return _text(algorithm_name(value))
    if isinstance(value, Enum):
        return _text(value.value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, frozenset):
        return f"[{', '.join(sorted(map(_value, value)))}]"
    return _text(value)


def _text(text: str) -> str:
    """JSON's strings are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
