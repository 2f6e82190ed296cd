"""Reading a command's parameter map: what is missing or of the wrong type gets the standard's status."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

from authenticator.status import CtapError, Status

Parameters: TypeAlias = dict[int, Any]
T = TypeVar("T")
_ABSENT: Any = object()


def require(parameters: Parameters, key: int, kind: type[T]) -> T:
    value = parameters.get(key)
    if value is None:
        raise CtapError(Status.MISSING_PARAMETER)
    if type(value) is not kind:
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    return value


def optional(parameters: Parameters, key: int, kind: type[T]) -> T | None:
    value = parameters.get(key, _ABSENT)
    if value is _ABSENT:
        return None
    if type(value) is not kind:
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    return value


def unsigned(parameters: Parameters, key: int) -> int | None:
    value = parameters.get(key, _ABSENT)
    if value is _ABSENT:
        return None
    if type(value) is not int or value < 0:
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    return value


def member(entity: dict[Any, Any], name: str, kind: type[T]) -> T:
    """A required member of an entity such as `rp` or `user`."""
    value = entity.get(name)
    if value is None:
        raise CtapError(Status.MISSING_PARAMETER)
    if type(value) is not kind:
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    return value


def optional_member(entity: dict[Any, Any], name: str, kind: type[T]) -> T | None:
    value = entity.get(name)
    if value is not None and type(value) is not kind:
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    return value


def descriptors(parameters: Parameters, key: int, limit: int | None) -> list[bytes]:
    """The credential ids of an excludeList or allowList; descriptors of unknown types are passed over."""
    entries = optional(parameters, key, list)
    if entries is None:
        return []
    if limit is not None and len(entries) > limit:
        raise CtapError(Status.LIMIT_EXCEEDED)
    ids = []
    for entry in entries:
        if type(entry) is not dict:
            raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
        kind, credential_id = member(entry, "type", str), member(entry, "id", bytes)
        if kind == "public-key":
            ids.append(credential_id)
    return ids


def option(options: dict[Any, Any], name: str) -> bool | None:
    """One of a command's options; unknown options are ignored by never being asked for."""
    value = options.get(name)
    if value is not None and type(value) is not bool:
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    return value
