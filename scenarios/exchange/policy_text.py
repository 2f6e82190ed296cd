"""A policy as TOML, whole: what its file says, and the defaults of what it does not say."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from scenarios.exchange.policy import Policy


def policy_text(policy: Policy) -> str:
    lines, tables = [], []
    for each in fields(policy):
        value = getattr(policy, each.name)
        if is_dataclass(value):
            tables.append(f"\n[{each.name}]")
            members = ((member.name, getattr(value, member.name)) for member in fields(value))
            tables += [f"{name} = {_value(held)}" for name, held in members if held is not None]
        else:
            lines.append(f"{each.name} = {_value(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Enum):
        return _value(value.value)
    if isinstance(value, dict):
        inside = ", ".join(f"{name} = {_value(each)}" for name, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    # strings, whole numbers, true and false are written as in JSON
    return json.dumps(value, ensure_ascii=False)
