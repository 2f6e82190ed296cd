"""JSON in and out as dataclasses: read strictly, written plainly, described in JSON Schema."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from scenarios.exchange.errors import Denied, bad_field, bad_request

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a string must look like."""

    min: int = 1
    max: int = 200
    pattern: str | None = None
    what: str = ""
    """What a person is asked for: "an amount such as 12.5"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    min: int
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    max: int


Code = Annotated[str, Text(min=6, max=6, pattern=r"[0-9]{6}", what="a code of six digits")]
Email = Annotated[
    str, Text(max=254, pattern=r"[^@\s\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}", what="an e-mail address")
]
Phone = Annotated[str, Text(max=16, pattern=r"\+[1-9][0-9]{6,14}", what="a phone number such as +15550100")]
Identifier = Annotated[str, Text(max=254, what="your e-mail address or phone number")]
Password = Annotated[str, Text(min=8, max=512, what="a password of 8 characters or more")]
Token = Annotated[str, Text(max=64, pattern=r"[A-Za-z0-9_-]+", what="a reference")]
Amount = Annotated[str, Text(max=21, pattern=r"[0-9]{1,12}(\.[0-9]{1,8})?", what="an amount such as 12.5")]
Name = Annotated[str, Text(max=64, what="a name of 1 to 64 characters")]
JsonObject = dict[str, Any]


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def read(cls: type[T], value: object, where: str = "the body") -> T:
    """A dataclass of what was sent; Denied(400) for a missing, unknown or ill-typed member."""
    if not isinstance(value, dict):
        raise bad_request("must be a JSON object", where)
    kind: Any = cls
    known = {each.name: each for each in fields(kind)}
    for name in value:
        if name not in known:
            raise bad_request(f"has an unknown member {name[:40]!r}", where)
    arguments = {}
    for name, each in known.items():
        if name in value:
            place = name if where == "the body" else f"{where}.{name}"
            arguments[name] = _read(_hints(kind)[name], value[name], place)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise _missing(_hints(kind)[name], name, where)
    return cls(**arguments)


def _missing(hint: Any, name: str, where: str) -> Denied:
    """Forms leave out what was not entered, so what people enter is asked for in their words."""
    extra = get_args(hint)[1] if get_origin(hint) is Annotated else None
    if isinstance(extra, Text) and extra.what:
        return bad_field(name, f"Enter {extra.what}.")
    return bad_request(f"lacks the member {name!r}", where)


def _read(hint: Any, value: object, where: str) -> Any:
    extra: Any = None
    if get_origin(hint) is Annotated:
        hint, extra = get_args(hint)[:2]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in args:
            return None
        return _read(next(each for each in args if each is not NoneType), value, where)
    if origin is Literal:
        if type(value) is not str or value not in args:
            raise bad_request(f"must be one of {', '.join(args)}", where)
        return value
    if origin in (list, tuple):
        limit = extra.max if isinstance(extra, Items) else 64
        if not isinstance(value, list) or len(value) > limit:
            raise bad_request(f"must be a list of at most {limit}", where)
        read_items = [_read(args[0], each, f"{where}[{index}]") for index, each in enumerate(value)]
        return tuple(read_items) if origin is tuple else read_items
    if origin is dict:
        if not isinstance(value, dict):
            raise bad_request("must be a JSON object", where)
        return value
    if is_dataclass(hint) and isinstance(hint, type):
        return read(hint, value, where)
    if type(value) is not hint:
        kinds = {str: "a string", bool: "true or false", int: "a whole number"}
        raise bad_request(f"must be {kinds.get(hint, hint.__name__)}", where)
    if isinstance(value, str):
        _check_text(value, extra if isinstance(extra, Text) else Text(), where)
    elif isinstance(extra, Range) and not extra.min <= value <= extra.max:  # type: ignore[operator]
        raise bad_request(f"must be between {extra.min} and {extra.max}", where)
    return value


def _check_text(value: str, text: Text, where: str) -> None:
    fits = text.min <= len(value) <= text.max
    if not fits or (text.pattern is not None and not re.fullmatch(text.pattern, value)):
        if text.what:
            raise bad_field(where, f"Enter {text.what}.")
        raise bad_request(f"must be a string of {text.min} to {text.max} characters", where)
    if any(ord(each) < 32 or 0xD800 <= ord(each) <= 0xDFFF for each in value):
        raise bad_request("holds a control character or half a character", where)


def write(value: Any) -> Any:
    """JSON of an answer; members that are None are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        members = {each.name: getattr(value, each.name) for each in fields(value)}
        return {name: write(member) for name, member in members.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [write(each) for each in value]
    if isinstance(value, dict):
        return {name: write(member) for name, member in value.items()}
    return value


def describe(hint: Any, known: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a type; dataclasses go to `known` and are referred to."""
    extra: Any = None
    if get_origin(hint) is Annotated:
        hint, extra = get_args(hint)[:2]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return describe(next(each for each in args if each is not NoneType), known)
    if origin is Literal:
        return {"type": "string", "enum": list(args)}
    if origin in (list, tuple):
        made: dict[str, Any] = {"type": "array", "items": describe(args[0], known)}
        return {**made, "maxItems": extra.max} if isinstance(extra, Items) else made
    if origin is dict:
        value = args[1]
        return (
            {"type": "object"}
            if value is Any
            else {
                "type": "object",
                "additionalProperties": describe(value, known),
            }
        )
    if is_dataclass(hint) and isinstance(hint, type):
        return _describe_class(hint, known)
    made = {"type": {str: "string", bool: "boolean", int: "integer", float: "number"}[hint]}
    if isinstance(extra, Text):
        made |= {"minLength": extra.min, "maxLength": extra.max}
        made |= {"pattern": f"^({extra.pattern})$"} if extra.pattern else {}
    if isinstance(extra, Range):
        made |= {"minimum": extra.min, "maximum": extra.max}
    return made


def _describe_class(cls: type, known: dict[str, Any]) -> dict[str, Any]:
    if cls.__name__ not in known:
        known[cls.__name__] = {}  # it may refer to itself
        members = {name: describe(hint, known) for name, hint in _hints(cls).items()}
        required = [
            each.name for each in fields(cls) if each.default is MISSING and each.default_factory is MISSING
        ]
        known[cls.__name__] = {
            "type": "object",
            "properties": members,
            "additionalProperties": False,
            **({"required": required} if required else {}),
            **(
                {"description": cls.__doc__}
                if cls.__doc__ and not cls.__doc__.startswith(cls.__name__ + "(")
                else {}
            ),
        }
    return {"$ref": f"#/components/schemas/{cls.__name__}"}
