"""CBOR as CTAP 2.3 §8 wants it: the canonical form and nothing else, in and out.

cbor2 does the parsing. It accepts more than CTAP2 allows and its own canonical mode sorts keys by RFC 7049's
rule, which differs from CTAP2's, so this wrapper refuses what is not canonical and sorts by the right rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cbor2

MAX_DEPTH = 4
"""§8: "CBOR maps or arrays nested deeper than 4 levels" must not be sent to or accepted by an authenticator."""


class CborError(ValueError):
    """The bytes are not one item of CTAP2 canonical CBOR."""


def decode(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The one canonical item that `data` holds; CborError for everything else."""
    try:
        value = cbor2.loads(data, allow_indefinite=False, allow_duplicate_keys=False, max_depth=max_depth + 1)
    except (cbor2.CBORError, ValueError, RecursionError, OverflowError, MemoryError, TypeError) as error:
        raise CborError(f"not CBOR: {error}") from error
    _require_canonical(value, max_depth)
    # Canonical form is unique, so what encodes back to other bytes was not canonical:
    # a non-minimal length or integer, trailing bytes, or a float in a longer form.
    try:
        again = cbor2.dumps(value)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError) as error:  # pragma: no cover - kinds are checked above
        raise CborError(f"not CTAP2 CBOR: {error}") from error
    if again != data:
        raise CborError("not in CTAP2 canonical form: non-minimal lengths or bytes after the item")
    return value


def encode(value: Any) -> bytes:
    """`value` in CTAP2 canonical form."""
    return cbor2.dumps(_sorted(value))


_SCALARS = frozenset({int, str, bytes, bool, type(None), float})
_INT_LIMIT = 1 << 64


def _require_canonical(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is dict:
        if depth == 0:
            raise CborError(f"maps and arrays nested deeper than {MAX_DEPTH} levels")
        previous: tuple[int, int, bytes] | None = None
        previous_key: Any = None
        for key, item in value.items():
            # The common case, ascending small unsigned keys, needs no tuples.
            if type(key) is int and type(previous_key) is int and 0 <= previous_key < key:
                previous = None
            else:
                order = _key_order(key)
                if previous is None and previous_key is not None:
                    previous = _key_order(previous_key)
                if previous is not None and previous >= order:
                    raise CborError(f"map key {key!r} is out of canonical order")
                previous = order
            previous_key = key
            if type(item) not in _SCALARS or (type(item) is int and not -_INT_LIMIT <= item < _INT_LIMIT):
                _require_canonical(item, depth - 1)
    elif kind is list:
        if depth == 0:
            raise CborError(f"maps and arrays nested deeper than {MAX_DEPTH} levels")
        for item in value:
            if type(item) not in _SCALARS or type(item) is int:
                _require_canonical(item, depth - 1)
    elif kind is int:
        if not -_INT_LIMIT <= value < _INT_LIMIT:
            raise CborError("a bignum (tag 2 or 3) is not allowed")
    elif kind not in _SCALARS:
        raise CborError(f"{kind.__name__} (a tag or simple value) is not allowed")


def _key_order(key: Any) -> tuple[int, int, bytes]:
    """§8: lower major type first, then the shorter key, then byte order."""
    if type(key) is int:
        if not -_INT_LIMIT <= key < _INT_LIMIT:
            raise CborError("a bignum (tag 2 or 3) is not allowed")
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
