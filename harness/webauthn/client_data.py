"""clientDataJSON, byte for byte as Chromium writes it (WebAuthn level 3 §5.8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.webauthn.options import to_base64url


def client_data_fields(
    kind: str, challenge: bytes, origin: str, *, cross_origin: bool = False, top_origin: str | None = None
) -> dict[str, Any]:
    """The members, in the order of §5.8.1.1."""
    fields: dict[str, Any] = {
        "type": kind,
        "challenge": to_base64url(challenge),
        "origin": origin,
        "crossOrigin": cross_origin,
    }
    if cross_origin and top_origin is not None:
        fields["topOrigin"] = top_origin
    return fields


def serialise(fields: Mapping[str, Any]) -> bytes:
    """§5.8.1.1 CCDToString, with whatever members there are."""
    return ("{" + ",".join(f"{_text(name)}:{_value(value)}" for name, value in fields.items()) + "}").encode()


def _value(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _text(value)
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _text(value: str) -> str:
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return '"' + "".join(map(_character, value)) + '"'


def _character(character: str) -> str:
    # Only what §5.8.1.2 names is escaped, all else is UTF-8 as it is.
    if character in '"\\':
        return "\\" + character
    return f"\\u{ord(character):04x}" if ord(character) < 0x20 else character
