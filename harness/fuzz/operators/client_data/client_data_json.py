"""The JSON text: how it is encoded, and members that are unknown, twice or in another order (§5.8.1.1)."""

from __future__ import annotations

import json
from typing import Any

from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge, base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import become, by, put, told


def _text(edit: Any) -> Change:
    """On the serialised text."""
    return lambda data, forge: edit(data.decode()).encode()


def _doubled(member: str, evil: str, *, evil_first: bool) -> Change:
    def change(data: bytes, forge: Forge) -> bytes:
        members = json.loads(data)
        good = members[member]
        order = (evil, good) if evil_first else (good, evil)
        first = ",".join(f'"{member}":{json.dumps(value)}' for value in order)
        rest = {name: value for name, value in members.items() if name != member}
        return ("{" + first + "," + json.dumps(rest)[1:]).encode()

    return change


_DOUBLES = {"type": "payment.get", "challenge": base64url(bytes(32)), "origin": "https://evil.example"}

OPERATORS = (
    Operator(
        id="B01",
        concerns=Concerns.BOTH,
        step="7.1.5/7.2.8",
        title="clientDataJSON begins with a byte order mark",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why='The standard decodes with "UTF-8 decode", which takes the mark away.',
        fix="Strip a leading EF BB BF before parsing; hash the bytes as they were sent.",
        variants=told(Stage.CLIENT_DATA_JSON, {"mark": by(lambda data: b"\xef\xbb\xbf" + data)}),
    ),
    Operator(
        id="B02",
        concerns=Concerns.BOTH,
        step="7.1.5/7.2.8",
        title="clientDataJSON is not UTF-8",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Decoders that replace or guess see another text than the one that was signed.",
        fix="Decode as UTF-8, strictly.",
        cause=r"utf|decode|client_?data|malformed",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {
                "stray byte": by(lambda data: data[:-1] + b',"x":"\xff"}'),
                "overlong": by(lambda data: data[:-1] + b',"x":"\xc0\xaf"}'),
                "surrogate": by(lambda data: data[:-1] + b',"x":"\xed\xa0\x80"}'),
                "UTF-16": by(lambda data: data.decode().encode("utf-16")),
            },
        ),
    ),
    Operator(
        id="B03",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="clientDataJSON is no JSON object",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Members of what is no object are undefined, and undefined may equal undefined.",
        fix="Require an object after parsing.",
        cause=r"json|client_?data|malformed|object",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {
                "not JSON": become(b"type=webauthn.get"),
                "cut off": by(lambda data: data[:-1]),
                "more after it": by(lambda data: data + b"{}"),
                "array": by(lambda data: b"[" + data + b"]"),
                "number": become(b"7"),
                "null": become(b"null"),
                "string": by(lambda data: json.dumps(data.decode()).encode()),
            },
        ),
    ),
    Operator(
        id="B04",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="Members that nobody knows yet",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Browsers add such members on purpose, so that nobody compares with a template.",
        fix="Ignore members you do not know.",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "as Chromium does": put(
                    "other_keys_can_be_added_here",
                    to="do not compare clientDataJSON against a template. See https://goo.gl/yabPex",
                ),
                "nested": put("future", to={"a": [1, {"b": None}]}),
            },
        ),
    ),
    Operator(
        id="B05",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="Members in another order, white space between them",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="It is JSON: who matches text instead of parsing it breaks with the next browser.",
        fix="Parse it.",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {
                "other order": by(lambda data: json.dumps(dict(reversed(json.loads(data).items()))).encode()),
                "white space": by(lambda data: json.dumps(json.loads(data), indent=3).encode() + b"\n"),
                "escapes": _text(lambda text: text.replace("webauthn", "web\\u0061uthn", 1)),
            },
        ),
    ),
    Operator(
        id="B06",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="A member twice, the wrong one first",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="JSON does not say which counts; most parsers take the last, which is right here.",
        fix="Refuse duplicate members.",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {name: _doubled(name, evil, evil_first=True) for name, evil in _DOUBLES.items()},
        ),
    ),
    Operator(
        id="B07",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9/7.1.7/7.1.8/7.1.9/7.2.10/7.2.11/7.2.12",
        title="A member twice, the wrong one last",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Who takes the first has been told what it wanted to hear.",
        fix="Refuse duplicate members.",
        cause=r"twice|duplicate|type|challenge|origin|json",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {name: _doubled(name, evil, evil_first=False) for name, evil in _DOUBLES.items()},
        ),
    ),
    Operator(
        id="B08",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="Members named __proto__ and constructor",
        expected=Expected.IGNORE,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="In JavaScript, copying them member by member changes the prototype of everything.",
        fix="Read the members you know; never merge parsed JSON into other objects.",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "__proto__": put("__proto__", to={"origin": "https://evil.example", "isAdmin": True}),
                "constructor": put("constructor", to={"prototype": {"isAdmin": True}}),
            },
        ),
    ),
)
