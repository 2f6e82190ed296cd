"""Words to tell lies with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.fuzz.base import HONEST_BASE, Attestation, Base, Demands
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.edit import Change, Edit, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Expected, Variant


def put(*path: Any, to: Any) -> Change:
    """Sets a member; `to` may be a function of its old value."""

    def change(value: Any, forge: Forge) -> Any:
        return _replaced(value, path, to)

    return change


def drop(*path: Any) -> Change:
    def change(value: Any, forge: Forge) -> Any:
        return _replaced(value, path, _GONE)

    return change


_GONE = object()


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    name, *rest = path
    copy = value.copy()
    if rest:
        copy[name] = _replaced(value[name], tuple(rest), new)
    elif new is _GONE:
        del copy[name]
    else:
        copy[name] = new(value.get(name)) if callable(new) else new
    return copy


def become(value: Any) -> Change:
    """Whatever it was."""
    return lambda old, forge: value


def by(function: Callable[[Any], Any]) -> Change:
    """A function of the honest value alone."""
    return lambda old, forge: function(old)


def told(
    stage: Stage,
    changes: Mapping[str, Change],
    *,
    base: Base = HONEST_BASE,
    expected: Expected | None = None,
    leaves: int = 1,
    only: Ceremony | None = None,
) -> tuple[Variant, ...]:
    """A variant for each change."""
    return tuple(
        Variant(name=name, lie=Edit(stage, change), base=base, expected=expected, leaves=leaves, only=only)
        for name, change in changes.items()
    )


def attested(fmt: str, trust: Attestation = Attestation.TRUSTED, **members: Any) -> Base:
    """A base whose attestation the relying party looks at."""
    return Base(attestation=fmt, demands=Demands(attestation=trust), **members)


VERIFIED = Base(demands=Demands(user_verification=True))
SELF = attested("self", Attestation.CHECKED)
REGISTRATION, AUTHENTICATION = Ceremony.REGISTRATION, Ceremony.AUTHENTICATION


def flip(position: int = -1, bits: int = 0x01) -> Callable[[bytes], bytes]:
    """With bits of one byte turned over."""

    def flipped(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[position] ^= bits
        return bytes(changed)

    return flipped


WRONG_TYPES: dict[str, Any] = {
    "number": 7,
    "array": ["public-key"],
    "boolean": True,
    "object": {"a": 1},
    "null": None,
}
