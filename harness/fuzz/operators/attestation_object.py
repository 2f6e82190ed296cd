"""E: the CBOR around an attestation (§6.5.4, §7.1 steps 13 and 21)."""

from __future__ import annotations

from typing import Any

from authenticator import cbor
from harness.fuzz.base import Attestation
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import SELF, attested, become, by, drop, put, told

_DECODE = "Decode with a strict decoder: canonical CBOR, no duplicate keys, limits on depth and length, nothing after."


def _pair(name: str, value: bytes) -> bytes:
    return cbor.encode(name) + value


def _again(data: bytes) -> bytes:
    """authData once more, another one."""
    return bytes((data[0] + 1,)) + data[1:] + _pair("authData", cbor.encode(bytes(37)))


def _value_of_fmt(value: bytes) -> Change:
    """In place of \"none\"."""
    return by(lambda data: data.replace(_pair("fmt", cbor.encode("none")), _pair("fmt", value), 1))


def _value_of_statement(value: bytes) -> Change:
    return by(lambda data: data.replace(_pair("attStmt", b"\xa0"), _pair("attStmt", value), 1))


def _extended(head: bytes) -> Change:
    """A third map member that begins with `head`."""
    return by(lambda data: bytes((data[0] + 1,)) + data[1:] + cbor.encode("zzzzzzzzz") + head)


def _indefinite(data: bytes) -> bytes:
    return b"\xbf" + data[1:] + b"\xff"


def _unsorted(data: bytes) -> bytes:
    members = cbor.decode(data, max_depth=8)
    parts = [_pair(name, cbor.encode(value)) for name, value in members.items()]
    return data[:1] + b"".join(reversed(parts))


def _not_minimal(data: bytes) -> bytes:
    return b"\xb8" + bytes((data[0] & 0x1F,)) + data[1:]


_OTHERS: dict[str, Any] = {"number": 7, "array": [], "null": None, "boolean": True}

OPERATORS = (
    Operator(
        id="E01",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="The attestation object is no CBOR map",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="There is no key in it, and something is registered all the same.",
        fix=_DECODE,
        cause=r"attestation|cbor|malformed|map",
        reference="FIDO conformance Resp-3 F-1",
        variants=told(
            Stage.ATTESTATION_OBJECT_BYTES,
            {
                "text": become(b"attestation"),
                "array": become(b"\x80"),
                "number": become(b"\x07"),
                "null": become(b"\xf6"),
                "empty map": become(b"\xa0"),
                "cut off": by(lambda data: data[:-5]),
                "as a byte string": by(cbor.encode),
            },
        ),
    ),
    Operator(
        id="E02",
        concerns=Concerns.REGISTRATION,
        step="7.1.13/7.1.21",
        title="fmt is missing or no text",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Which statement it is must be told, not guessed.",
        fix=_DECODE,
        cause=r"fmt|format|attestation|malformed|missing",
        reference="FIDO conformance Resp-3 F-2, F-3",
        variants=told(
            Stage.ATTESTATION_OBJECT,
            {"missing": drop("fmt"), "bytes": put("fmt", to=b"none")}
            | {name: put("fmt", to=value) for name, value in _OTHERS.items()},
        ),
    ),
    Operator(
        id="E03",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="attStmt is missing or no map",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Members of what is no map are missing ones.",
        fix=_DECODE,
        cause=r"stmt|statement|attestation|malformed|missing",
        reference="FIDO conformance Resp-3 F-4, F-5",
        variants=told(
            Stage.ATTESTATION_OBJECT,
            {"missing": drop("attStmt"), "bytes": put("attStmt", to=b"\xa0")}
            | {name: put("attStmt", to=value) for name, value in _OTHERS.items()},
        ),
    ),
    Operator(
        id="E04",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="authData is missing, no bytes, or empty",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="The credential is in it.",
        fix=_DECODE,
        cause=r"auth.?data|attestation|malformed|missing|bytes",
        reference="FIDO conformance Resp-3 F-6 to F-8",
        variants=told(
            Stage.ATTESTATION_OBJECT,
            {
                "missing": drop("authData"),
                "empty": put("authData", to=b""),
                "text": put("authData", to=base64url),
            }
            | {name: put("authData", to=value) for name, value in _OTHERS.items()},
        ),
    ),
    Operator(
        id="E05",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="authData twice",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="One parser verifies the first, another stores the last.",
        fix=_DECODE,
        cause=r"duplicate|twice|cbor|malformed|attestation",
        reference="probe R49",
        variants=told(
            Stage.ATTESTATION_OBJECT_BYTES,
            {
                "the other last": by(_again),
                "the same": by(
                    lambda data: bytes((data[0] + 1,)) + data[1:] + _pair("fmt", cbor.encode("none"))
                ),
            },
        ),
    ),
    Operator(
        id="E06",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="Bytes after the attestation object",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Two parsers disagree on what was sent.",
        fix=_DECODE,
        cause=r"trailing|leftover|after|bytes|cbor|malformed",
        variants=told(
            Stage.ATTESTATION_OBJECT_BYTES,
            {"one byte": by(lambda data: data + b"\x00"), "another object": by(lambda data: data + data)},
        ),
    ),
    Operator(
        id="E07",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="CBOR that is right and not canonical",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Keys send canonical CBOR; clients may have encoded it anew.",
        fix=_DECODE,
        cause=r"cbor|canonical|malformed",
        variants=told(
            Stage.ATTESTATION_OBJECT_BYTES,
            {
                "indefinite length": by(_indefinite),
                "keys not sorted": by(_unsorted),
                "length not minimal": by(_not_minimal),
            },
        ),
    ),
    Operator(
        id="E08",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="Nested 20,000 deep",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Recursive decoders run out of stack, and the process with them.",
        fix=_DECODE,
        cause=r"nest|deep|depth|cbor|malformed|recursion",
        reference="CVE-2024-21909, CVE-2024-23684",
        variants=told(
            Stage.ATTESTATION_OBJECT_BYTES,
            {
                "arrays": _value_of_statement(b"\x81" * 20_000 + b"\x00"),
                "maps": _value_of_statement(b"\xa1\x61a" * 20_000 + b"\x00"),
                "tags": _value_of_statement(b"\xc1" * 20_000 + b"\x00"),
            },
        ),
    ),
    Operator(
        id="E09",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="Lengths far beyond what is there",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Memory is allocated for what never comes.",
        fix=_DECODE,
        cause=r"cbor|malformed|length|end|large|size",
        variants=told(
            Stage.ATTESTATION_OBJECT_BYTES,
            {
                "2^32 bytes": _extended(b"\x5a\xff\xff\xff\xff"),
                "2^62 bytes": _extended(b"\x5b\x40" + bytes(7)),
                "2^31 elements": _extended(b"\x9a\x7f\xff\xff\xff"),
                "2^62 elements": _extended(b"\x9b\x40" + bytes(7)),
                "2^62 pairs": _extended(b"\xbb\x40" + bytes(7)),
                "a million elements": _extended(b"\x9a\x00\x0f\x42\x40" + b"\x00" * 1000),
            },
        ),
    ),
    Operator(
        id="E10",
        concerns=Concerns.REGISTRATION,
        step="7.1.13",
        title="CBOR that attestation objects do not have",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Tags make decoders build dates, sets, references or regular expressions out of what strangers sent.",
        fix=_DECODE,
        cause=r"cbor|malformed|tag|canonical|statement|none",
        variants=told(
            Stage.ATTESTATION_OBJECT_BYTES,
            {
                "date": _extended(b"\xc1\x1a" + bytes(4)),
                "bignum": _extended(b"\xc2\x58\x40" + b"\xff" * 64),
                "NaN": _extended(b"\xf9\x7e\x00"),
                "simple value": _extended(b"\xf8\xff"),
                "undefined": _extended(b"\xf7"),
                "regular expression": _extended(b"\xd8\x23\x67(a+)+b$"),
                "shared reference": _extended(b"\xd8\x1d\x00"),
                "cycle": _extended(b"\xd8\x1c\x81\xd8\x1d\x00"),
                "self-described": by(lambda data: b"\xd9\xd9\xf7" + data),
                "tagged fmt": _value_of_fmt(b"\xc0\x64none"),
            },
        ),
    ),
    Operator(
        id="E11",
        concerns=Concerns.REGISTRATION,
        step="7.1.21",
        title="A format that nobody knows",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Where attestation is wanted, an unknown format shows nothing.",
        fix="Refuse formats you do not verify, where attestation is wanted.",
        cause=r"fmt|format|attestation type|unsupported|unknown",
        reference="FIDO conformance Resp-5 F-1, Resp-6 F-3",
        variants=told(
            Stage.ATTESTATION_OBJECT,
            {"unknown": put("fmt", to="quantum"), "empty": put("fmt", to="")},
            base=SELF,
        ),
    ),
    Operator(
        id="E12",
        concerns=Concerns.REGISTRATION,
        step="7.1.21",
        title="A format in another spelling",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Formats are compared case-sensitively; two spellings may take two ways through the code.",
        fix="Compare formats exactly.",
        cause=r"fmt|format|attestation type|unsupported|unknown",
        variants=told(
            Stage.ATTESTATION_OBJECT,
            {"Packed": put("fmt", to="Packed"), "white space": put("fmt", to="packed ")},
            base=attested("packed", Attestation.TRUSTED),
        ),
    ),
)
