"""CBOR as CTAP 2.3 §8 wants it: the canonical form and nothing else, in and out.

cbor2 does the parsing. It accepts more than CTAP2 allows and its own canonical mode sorts keys by RFC 7049's
rule, which differs from CTAP2's, so this wrapper refuses what is not canonical and sorts by the right rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cbor2

MAX_DEPTH = 4
"""§8: "CBOR maps or arrays nested deeper than 4 levels" must not be sent to or accepted by an authenticator."""


class CborError(ValueError):
    """The bytes are not one item of CTAP2 canonical CBOR."""


def decode(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The one canonical item that `data` holds; CborError for everything else."""
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
    # The canonical form is the shortest, and without tags nothing else has its length: longer bytes hold an
    # integer or a length that is not minimal, or something after the item.
    if _canonical_size(value, max_depth) != len(data):
        raise CborError("not in CTAP2 canonical form: non-minimal lengths or bytes after the item")
    return value


def encode(value: Any) -> bytes:
    """`value` in CTAP2 canonical form."""
    return cbor2.dumps(_sorted(value))


encode_ordered: Callable[[Any], bytes] = cbor2.dumps
"""`encode` for values of plain types whose maps list their keys in canonical order already: half its time."""


def _refuse_tag(*_: Any) -> Any:
    raise CborError("a tag is not allowed")


# Tags that cbor2 resolves into values that are not told from untagged ones. All others are refused by type.
_REFUSED_TAGS = dict.fromkeys((2, 3, 25, 28, 29, 256, 55799), _refuse_tag)

_INT_LIMIT = 1 << 64


def _canonical_size(value: Any, depth: int) -> int:
    """How many bytes the canonical form of `value` has; CborError if it has none."""
    kind = type(value)
    if kind is bytes:
        length = len(value)
        return length + (1 if length < 24 else 2 if length < 256 else _head_size(length))
    if kind is str:
        length = len(value) if value.isascii() else len(value.encode())
        return length + (1 if length < 24 else 2 if length < 256 else _head_size(length))
    if kind is int:
        if 0 <= value < 24:
            return 1
        if not -_INT_LIMIT <= value < _INT_LIMIT:
            raise CborError("a bignum is not allowed")
        return _head_size(value if value >= 0 else -1 - value)
    if kind is dict:
        if depth == 0:
            raise CborError("maps and arrays are nested too deep")
        depth -= 1
        size = _head_size(len(value))
        previous: Any = None
        for key, item in value.items():
            # Ascending small unsigned keys, the common case, need no further look.
            if type(key) is not int or type(previous) is not int or not 0 <= previous < key:
                if previous is not None and _key_order(previous) >= _key_order(key):
                    raise CborError(f"map key {key!r} is out of canonical order")
                if type(key) not in _KEYS:
                    raise CborError(f"map key {key!r}: keys are integers, text or bytes")
            previous = key
            size += _canonical_size(key, 0) + _canonical_size(item, depth)
        return size
    if kind is list:
        if depth == 0:
            raise CborError("maps and arrays are nested too deep")
        depth -= 1
        size = _head_size(len(value))
        for item in value:
            size += _canonical_size(item, depth)
        return size
    if kind is bool or value is None:
        return 1
    if kind is float:
        # Stricter than §8, which leaves floats as they are: nothing in CTAP has one, so one width is enough.
        return 9
    raise CborError(f"{kind.__name__} (a tag or simple value) is not allowed")


def _head_size(argument: int) -> int:
    """The bytes of an item's head: major type and argument."""
    if argument < 24:
        return 1
    if argument < 0x100:
        return 2
    if argument < 0x10000:
        return 3
    return 5 if argument < 0x100000000 else 9


_KEYS = frozenset({int, str, bytes})
_SCALARS = frozenset({int, str, bytes, bool, type(None), float})


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
    raise CborError(f"map key {key!r}: keys are integers, text or bytes")


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        keys: list[Any] = [int(key) if isinstance(key, int) else key for key in value]
        if len(keys) > 1:
            keys.sort(key=_key_order)
        return {key: item if type(item := value[key]) in _SCALARS else _sorted(item) for key in keys}
    if isinstance(value, list | tuple):
        return [item if type(item) in _SCALARS else _sorted(item) for item in value]
    return value
