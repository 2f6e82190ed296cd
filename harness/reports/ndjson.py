"""The events themselves, one a line, as they happen. Pictures are left out: they are in the page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from harness.play.events import Event, RunEnded


class NdjsonReport:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        line = {"event": name_of(event), **_plain(event)}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
        if isinstance(event, RunEnded):
            self._file.close()


def name_of(event: Event) -> str:
    """StepEnded → "step ended"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(event).__name__).lower()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: _plain(getattr(value, each.name))
            for each in fields(value)
            if each.name not in ("screenshot", "picture")
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
