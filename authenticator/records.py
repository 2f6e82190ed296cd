"""Values kept for later: dataclasses to plain maps and back, every type checked on the way in.

The fields are read from the dataclasses themselves, so what a key learns to remember is kept without a word here.
None is left out; a field that is missing takes its default.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from authenticator.cose import ALGORITHMS, PrivateKey

T = TypeVar("T")


class RecordError(ValueError):
    """A value is not what it must be. `path` names it as in `fingerprints[0].name`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


class Form(Protocol):
    """How bytes and private keys are written; all else is text, numbers, lists and maps."""

    def write_bytes(self, value: bytes) -> Any: ...
    def read_bytes(self, value: Any) -> bytes:
        """ValueError if it is none."""

    def write_key(self, key: PrivateKey) -> Any: ...
    def read_key(self, value: Any) -> PrivateKey:
        """ValueError if it is none."""


class StoredPrivateKey:
    """A private key in the bytes it is kept in, loaded when it is first used."""

    __slots__ = ("_data", "_loaded", "algorithm")

    def __init__(self, algorithm: int, data: bytes) -> None:
        self.algorithm = ALGORITHMS[algorithm].algorithm
        self._data = data
        self._loaded: PrivateKey | None = None

    @property
    def _key(self) -> PrivateKey:
        if self._loaded is None:
            self._loaded = ALGORITHMS[self.algorithm].from_bytes(self._data)
        return self._loaded

    @property
    def handle(self) -> Any:
        return self._key.handle

    def sign(self, message: bytes, *, repeatable: bool = True) -> bytes:
        return self._key.sign(message, repeatable=repeatable)

    def to_bytes(self) -> bytes:
        return self._data

    def public_cose_key(self) -> dict[int, Any]:
        return self._key.public_cose_key()


class BinaryForm:
    """For CBOR: bytes as they are, keys as [algorithm, bytes]."""

    def write_bytes(self, value: bytes) -> Any:
        return value

    def read_bytes(self, value: Any) -> bytes:
        if type(value) is not bytes:
            raise ValueError(f"must be bytes, not {_kind(value)}")
        return value

    def write_key(self, key: PrivateKey) -> Any:
        return [int(key.algorithm), key.to_bytes()]

    def read_key(self, value: Any) -> PrivateKey:
        match value:
            case [int(algorithm), bytes(data)] if algorithm in ALGORITHMS:
                return StoredPrivateKey(algorithm, data)
        raise ValueError("must be a known COSE algorithm and the key's bytes")


def to_record(value: Any, form: Form) -> dict[str, Any]:
    """The fields of a dataclass, without those that are None."""
    record = {}
    for name, hint in _hints(type(value)).items():
        item = getattr(value, name)
        if item is not None:
            record[name] = _write(item, hint, form)
    return record


def from_record(cls: type[T], record: Any, form: Form, path: str = "") -> T:
    """The dataclass that `to_record` took apart; RecordError for anything else."""
    if type(record) is not dict:
        raise RecordError(path, f"must be a map, not {_kind(record)}")
    hints = _hints(cls)
    for name in record:
        if name not in hints:
            raise RecordError(_join(path, str(name)), "unknown field")
    values: dict[str, Any] = {}
    for each in fields(cls):  # type: ignore[arg-type]
        at = _join(path, each.name)
        if each.name in record:
            values[each.name] = _read(record[each.name], hints[each.name], form, at)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise RecordError(at, "missing")
    return cls(**values)


def _write(value: Any, hint: Any, form: Form) -> Any:
    if hint is PrivateKey:
        return form.write_key(value)
    if isinstance(value, Enum):
        return value.value
    if type(value) is bytes:
        return form.write_bytes(value)
    if type(value) is tuple:
        (of, _) = get_args(_without_none(hint))
        return [_write(item, of, form) for item in value]
    if is_dataclass(value):
        return to_record(value, form)
    return value


def _read(value: Any, hint: Any, form: Form, path: str) -> Any:
    hint = _without_none(hint)
    if hint is PrivateKey or hint is bytes:
        try:
            return form.read_key(value) if hint is PrivateKey else form.read_bytes(value)
        except ValueError as error:
            raise RecordError(path, str(error)) from None
    if get_origin(hint) is tuple:
        if type(value) is not list:
            raise RecordError(path, f"must be a list, not {_kind(value)}")
        (of, _) = get_args(hint)
        return tuple(_read(item, of, form, f"{path}[{i}]") for i, item in enumerate(value))
    if is_dataclass(hint):
        return from_record(hint, value, form, path)  # type: ignore[arg-type]
    if issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError:
            raise RecordError(path, f"must be one of {', '.join(str(each.value) for each in hint)}") from None
    if hint is float and type(value) is int and abs(value) < 1 << 53:
        return float(value)
    if type(value) is not hint:
        raise RecordError(path, f"must be {_NAMES[hint]}, not {_kind(value)}")
    if hint is int and not 0 <= value < 1 << 63:
        raise RecordError(path, f"must be at least 0, not {value}" if value < 0 else "is too large")
    if hint is str and any("\ud800" <= character <= "\udfff" for character in value):
        raise RecordError(path, "is not valid Unicode")
    return value


def _hints(cls: type) -> dict[str, Any]:
    known = _HINTS.get(cls)
    if known is None:
        hints = get_type_hints(cls)
        known = _HINTS[cls] = {each.name: hints[each.name] for each in fields(cls)}
    return known


_HINTS: dict[type, dict[str, Any]] = {}


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    return hint


_NAMES: dict[type, str] = {
    bytes: "bytes",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a map",
}


def _kind(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
