"""CBOR's diagnostic notation (RFC 8949 §8), with the standard's names as comments, as the standard itself writes it.

{/ rp / 2: {"id": "example.com"}, / pubKeyCredParams / 4: [{"alg": -7 / ES256 /, "type": "public-key"}]}
"""

from __future__ import annotations

import json
from typing import Any

from authenticator import cbor
from harness.trace.events import RequestEvent, ResponseEvent
from harness.trace.redaction import IN_REQUEST, IN_RESPONSE, REDACTED, hide
from harness.trace.shapes import PLAIN, REQUESTS, RESPONSES, Shape
from harness.trace.u2f import request_parts, response_parts
from harness.trace.visible import visible

MAX_DEPTH = 16


class NotCbor(str):
    """Why a message cannot be decoded."""


def content(event: RequestEvent | ResponseEvent) -> tuple[Any, Shape]:
    """What a message holds, without its secrets, and how that is told. None: nothing."""
    if isinstance(event, RequestEvent):
        if event.u2f:
            return request_parts(event.data), PLAIN
        code, shapes, secrets = (event.data[0] if event.data else -1), REQUESTS, IN_REQUEST
    elif event.command is None:
        return response_parts(event.data), PLAIN
    else:
        code, shapes, secrets = event.command, RESPONSES, IN_RESPONSE
    encoded = event.data[1:]
    if not encoded:
        return None, PLAIN
    try:
        value = cbor.decode(encoded, max_depth=MAX_DEPTH)
    except cbor.CborError as error:
        return NotCbor(error), PLAIN
    return hide(value, secrets.get(code, ())), shapes.get(code, PLAIN)


def message_of(event: RequestEvent | ResponseEvent) -> str:
    """A message's content on one line."""
    value, shape = content(event)
    if value is None:
        return ""
    return f"/ {value} /" if isinstance(value, NotCbor) else notation(value, shape)


def notation(value: Any, shape: Shape = PLAIN) -> str:
    shape = shape.of(value)
    if isinstance(value, dict):
        members = (
            f"{_comment(shape.names.get(key))}{plain(key)}: {notation(item, shape.shapes.get(key, PLAIN))}"
            for key, item in value.items()
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(notation(item, shape.items or PLAIN) for item in value) + "]"
    word = shape.word(value)
    if shape.opened is not None and isinstance(value, bytes):
        inside = shape.opened(value)
        if inside is not None:
            # A comment ends at the next slash, so none may be in it (text of a credential's extensions could be).
            word = notation(inside, shape.inside or PLAIN).replace("/", "|")
    return f"{plain(value)} / {word} /" if word else plain(value)


def _comment(name: str | None) -> str:
    return f"/ {name} / " if name else ""


def plain(value: Any) -> str:
    """One value that is no map or array."""
    if value is REDACTED:
        return "h'' / redacted /"
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, str):
        return visible(json.dumps(value, ensure_ascii=False))
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
