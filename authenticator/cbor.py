"""CBOR as CTAP 2.3 §8 wants it: the canonical form and nothing else, in and out.

cbor2 does the parsing. It accepts more than CTAP2 allows and its own canonical mode sorts keys by RFC 7049's
rule, which differs from CTAP2's, so this wrapper refuses what is not canonical and sorts by the right rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cbor2

MAX_DEPTH = 4
"""§8: "CBOR maps or arrays nested deeper than 4 levels" must not be sent to or accepted by an authenticator."""


class CborError(ValueError):
    """The bytes are not one item of CTAP2 canonical CBOR."""


def decode(data: bytes, *, max_depth: int = MAX_DEPTH, any_order: bool = False) -> Any:
    """The one canonical item that `data` holds; CborError for everything else.

    `any_order` takes the keys of a map in any order, as some keys do.
    """
    try:
        value = cbor2.loads(
            data,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            max_depth=max_depth + 1,
            semantic_decoders=_REFUSED_TAGS,
        )
    except (cbor2.CBORError, ValueError, RecursionError, OverflowError, MemoryError, TypeError) as error:
        raise CborError(f"not CTAP2 CBOR: {error}") from error
    if any_order:
        if len(encode(value)) != len(data):
            raise CborError("not in CTAP2 canonical form: non-minimal lengths or bytes after the item")
        return value
    # The canonical form is the shortest, and without tags and narrow floats nothing else has its length: longer
    # bytes hold an integer or a length that is not minimal, or something after the item.
    if _canonical_size(value, max_depth) != len(data) or (
        (_HALF_FLOAT in data or _SINGLE_FLOAT in data) and encode(value) != data
    ):
        raise CborError("not in CTAP2 canonical form: non-minimal lengths or bytes after the item")
    return value


def encode(value: Any) -> bytes:
    """`value` in CTAP2 canonical form."""
    kind = type(value)
    if kind is bytes:
        data: bytes = value
        length = len(data)
        return (_BYTES_HEADS[length] if length < 256 else _head(0x40, length)) + data
    if kind is str:
        text: bytes = value.encode()
        length = len(text)
        return (_ONE_BYTE[0x60 + length] if length < 24 else _head(0x60, length)) + text
    if kind is int:
        number: int = value
        if -24 <= number < 24:
            return _ONE_BYTE[number if number >= 0 else 0x1F - number]
        return _head(0, number) if number >= 0 else _head(0x20, -1 - number)
    if kind is dict:
        head, keys = _map_plan(tuple(value))
        parts = [head]
        for key, encoded_key in keys:
            parts.append(encoded_key)
            parts.append(encode(value[key]))
        return b"".join(parts)
    if kind is list or kind is tuple:
        return _head(0x80, len(value)) + b"".join([encode(item) for item in value])
    if kind is bool:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):  # a member of an enum
        return encode(int(value))
    if isinstance(value, Mapping):
        return encode(dict(value))
    return cbor2.dumps(value)


@lru_cache(maxsize=512)
def _map_plan(keys: tuple[Any, ...]) -> tuple[bytes, tuple[tuple[Any, bytes], ...]]:
    """The head of a map with these keys, and the keys in order and encoded. There are few shapes of maps."""
    plain = [int(key) if isinstance(key, int) else key for key in keys]
    return _head(0xA0, len(plain)), tuple((key, encode(key)) for key in sorted(plain, key=_key_order))


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return _ONE_BYTE[major | argument]
    for more, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes((major | more,)) + argument.to_bytes(size, "big")
    raise CborError(f"{argument} has more than 64 bits")


def _refuse_tag(*_: Any) -> Any:
    raise CborError("a tag is not allowed")


# Tags that cbor2 resolves into values that are not told from untagged ones. All others are refused by type.
_REFUSED_TAGS = dict.fromkeys((2, 3, 25, 28, 29, 256, 55799), _refuse_tag)

_INT_LIMIT = 1 << 64
_HALF_FLOAT, _SINGLE_FLOAT = b"\xf9", b"\xfa"


def _canonical_size(value: Any, depth: int) -> int:
    """How many bytes the canonical form of `value` has; CborError if it has none."""
    kind = type(value)
    if kind is dict:
        return _canonical_map_size(value, depth)
    if kind is list:
        if depth == 0:
            raise CborError("maps and arrays are nested too deep")
        depth -= 1
        size = _head_size(len(value))
        for item in value:
            size += _canonical_map_size(item, depth) if type(item) is dict else _canonical_size(item, depth)
        return size
    if kind is bytes:
        return len(value) + _head_size(len(value))
    if kind is str:
        length = _text_size(value)
        return length + _head_size(length)
    if kind is int:
        if not -_INT_LIMIT <= value < _INT_LIMIT:
            raise CborError("a bignum is not allowed")
        return _head_size(value if value >= 0 else -1 - value)
    if kind is bool or value is None:
        return 1
    if kind is float:
        # Stricter than §8, which leaves floats as they are: nothing in CTAP has one, so one width is enough.
        return 9
    raise CborError(f"{kind.__name__} (a tag or simple value) is not allowed")


def _canonical_map_size(value: dict[Any, Any], depth: int) -> int:
    if depth == 0:
        raise CborError("maps and arrays are nested too deep")
    depth -= 1
    size = _head_size(len(value))
    last_number, last_length, last_text = -1, -1, ""
    for key, item in value.items():
        # Nearly all keys are ascending small numbers or short ASCII text: their order is seen at a glance.
        kind = type(key)
        if kind is int and last_number < key < 24:
            last_number = key
            size += 1
        elif (
            kind is str
            and last_length <= (length := len(key)) < 24
            and key.isascii()
            and (length > last_length or key > last_text)
        ):
            last_number, last_length, last_text = 24, length, key
            size += length + 1
        else:
            return _canonical_size_of_unusual_map(value, depth)
        kind = type(item)
        if kind is bytes or (kind is str and item.isascii()):
            length = len(item)
            size += length + (1 if length < 24 else 2 if length < 256 else _head_size(length))
        elif kind is bool:
            size += 1
        elif kind is dict:
            size += _canonical_map_size(item, depth)
        else:
            size += _canonical_size(item, depth)
    return size


def _canonical_size_of_unusual_map(value: dict[Any, Any], depth: int) -> int:
    order = [_key_order(key) for key in value]
    for key, mine, next_one in zip(value, order, order[1:], strict=False):
        if mine >= next_one:
            raise CborError(f"the map key after {_shortly(key)} is out of canonical order")
    items = sum(_canonical_size(key, 0) + _canonical_size(item, depth) for key, item in value.items())
    return _head_size(len(value)) + items


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _head_size(argument: int) -> int:
    """The bytes of an item's head: major type and argument."""
    if argument < 24:
        return 1
    if argument < 0x100:
        return 2
    if argument < 0x10000:
        return 3
    return 5 if argument < 0x100000000 else 9


def _key_order(key: Any) -> tuple[int, int, bytes]:
    """§8: lower major type first, then the shorter key, then byte order."""
    if type(key) is int:
        if not -_INT_LIMIT <= key < _INT_LIMIT:
            raise CborError("a bignum is not allowed")
        magnitude, major = (key, 0) if key >= 0 else (-1 - key, 1)
        return major, 0, magnitude.to_bytes(8, "big")
    if type(key) is str:
        raw = key.encode()
        return 3, len(raw), raw
    if type(key) is bytes:
        return 2, len(key), key
    raise CborError(f"map key {_shortly(key)}: keys are integers, text or bytes")


def _shortly(key: object) -> str:
    """For an error's one line: a stranger's key may have a megabyte."""
    text = repr(key)
    return text if len(text) <= 40 else f"{text[:40]}…"


_ONE_BYTE = [bytes((value,)) for value in range(256)]
_BYTES_HEADS = [_head(0x40, length) for length in range(256)]
