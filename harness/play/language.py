"""What every part of a play shares: strict mappings whose keys are phrases, and values as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema


class Words(BaseModel):
    """A mapping in a play. The field `verify_with` is written `verify with`; `from_` is written `from`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.rstrip("_").replace("_", " ")
    )


_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)")


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    raise ValueError("write a number and s, min, h or d, such as 24 h")


def in_words(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    # 24 h are told in hours, and so is a day and a half.
    unit, size = next(
        (unit, size)
        for unit, size in reversed(_UNITS.items())
        if seconds % size == 0 and (seconds > size or unit == "s")
    )
    return f"{seconds / size:g} {unit}"


Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(in_words),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(s|min|h|d)$", "examples": ["24 h"]}),
]


def _switch(value: Any) -> Any:
    if isinstance(value, str) and value in ("on", "off"):
        return value == "on"
    raise ValueError("write on or off")


Switch: TypeAlias = Annotated[
    bool, BeforeValidator(_switch), WithJsonSchema({"enum": ["on", "off", True, False]})
]
"""on or off. Editors that read YAML 1.1 take these words for truth values."""


def _several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Texts: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One text, or a list of them."""


def _text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("write a text")
    return str(value)


Text: TypeAlias = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number"]})]
"""A text. A number is one as well: a PIN, an amount, a version."""
