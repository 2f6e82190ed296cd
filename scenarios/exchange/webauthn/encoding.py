"""base64url, JSON and CBOR, each in its one proper form."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import cbor2

from scenarios.exchange.webauthn.refusal import Refused

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
MAX_MEMBER = 256 * 1024
MAX_CBOR_DEPTH = 8
"""An attestation object nests deeper than a CTAP message: compound statements hold statements."""


def base64url(value: object, name: str, step: str, *, empty: bool = False) -> bytes:
    """Unpadded base64url without stray bits, as `toJSON()` writes it."""
    if not isinstance(value, str):
        raise Refused(step, f"{name} is missing or no string")
    if len(value) > MAX_MEMBER:
        raise Refused(step, f"{name} is longer than {MAX_MEMBER} characters")
    if not _BASE64URL.fullmatch(value) or len(value) % 4 == 1:
        raise Refused(step, f"{name} is not base64url")
    data = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if to_base64url(data) != value:
        raise Refused(step, f"{name} is base64url with stray bits")
    if not data and not empty:
        raise Refused(step, f"{name} is empty")
    return data


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse_json(text: str | bytes) -> Any:
    """JSON without duplicate members, NaN or infinities; ValueError for anything else."""

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(members)
        if len(result) != len(members):
            raise ValueError("an object names a member twice")
        return result

    def constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except RecursionError:
        raise ValueError("nested too deep") from None


def cbor_item(data: bytes, name: str, step: str) -> Any:
    """One item in CTAP2 canonical form and nothing after it."""
    try:
        value = cbor2.loads(
            data, allow_indefinite=False, allow_duplicate_keys=False, max_depth=MAX_CBOR_DEPTH
        )
        plain = _is_plain(value)
        again = cbor2.dumps(value) if plain else b""
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError):
        raise Refused(step, f"{name} is not CBOR, or nested too deep") from None
    if not plain or again != data:
        raise Refused(step, f"{name} is not in CTAP2 canonical CBOR, or has bytes after it")
    return value


def cbor_prefix(data: bytes, name: str, step: str) -> tuple[Any, int]:
    """The canonical item at the beginning, and its length: a COSE key has no length of its own."""
    stream = io.BytesIO(data)
    try:
        cbor2.CBORDecoder(
            stream, allow_indefinite=False, allow_duplicate_keys=False, max_depth=MAX_CBOR_DEPTH, read_size=1
        ).decode()
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError):
        raise Refused(step, f"{name} is not CBOR") from None
    length = stream.tell()
    return cbor_item(data[:length], name, step), length


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        keys = list(value)
        if not all(type(key) in (int, str, bytes) for key in keys) or keys != sorted(keys, key=_key_order):
            return False
        return all(_is_plain(item) for item in value.values())
    if kind is list:
        return all(_is_plain(item) for item in value)
    if kind is int:
        return bool(-(1 << 64) <= value < 1 << 64)
    return kind in (str, bytes, bool, type(None))


def _key_order(key: int | str | bytes) -> tuple[int, int, bytes]:
    if isinstance(key, int):
        magnitude = key if key >= 0 else -1 - key
        return int(key < 0), 0, magnitude.to_bytes(9, "big")
    raw = key.encode() if isinstance(key, str) else key
    return 3 if isinstance(key, str) else 2, len(raw), raw
