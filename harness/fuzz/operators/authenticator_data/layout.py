"""Which parts there are, as the flags AT and ED say, and where they end."""

from __future__ import annotations

from typing import Any

from authenticator import cbor
from harness.fuzz import stateful
from harness.fuzz.edit import Change, Edit, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.attacks import attacks
from harness.fuzz.operators.lies import REGISTRATION, by, put, told

_PARSE = "Parse authenticator data to its last byte: exactly what the flags announce, and nothing more."
_EXTENSION = cbor.encode({"credProtect": 2})


def _embedded(fields: Any, forge: Forge) -> Any:
    attested = {
        "aaguid": bytes(16),
        "credentialIdLength": None,
        "credentialId": b"\x66" * 16,
        "credentialPublicKey": cbor.encode(forge.attacker.public_cose_key()),
    }
    return {**fields, "attested": attested, "at": True}


def _without_attested(data: bytes) -> bytes:
    return data[:37]


def _cut(length: int) -> Change:
    return by(lambda data: data[:length])


def _flagged(bit: int, more: bytes = b"") -> Change:
    """One flag set, and the bytes that follow from it (or not)."""
    return by(lambda data: data[:32] + bytes((data[32] | bit,)) + data[33:] + more)


OPERATORS = (
    Operator(
        id="C17",
        concerns=Concerns.REGISTRATION,
        step="6.1/7.1.13",
        title="A credential that no flag announces",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers disagree on whether there is a credential.",
        fix=_PARSE,
        cause=r"attest|credential|leftover|bytes|flag|data",
        reference="FIDO conformance Resp-3 F-9",
        variants=told(Stage.FIELDS, {"AT 0": put("at", to=False)}),
    ),
    Operator(
        id="C18",
        concerns=Concerns.REGISTRATION,
        step="6.1/7.1.13",
        title="A registration without a credential",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="What is stored then is nothing, and nothing may match nothing.",
        fix="Require attested credential data when registering.",
        cause=r"attest|credential|data",
        reference="FIDO conformance Resp-3 F-10",
        variants=told(
            Stage.FIELDS, {"none": lambda fields, forge: {**fields, "attested": None, "at": False}}, leaves=2
        ),
    ),
    Operator(
        id="C19",
        concerns=Concerns.REGISTRATION,
        step="6.1/7.1.13",
        title="A credential is announced and not there",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Reading past the end gives empty ids and keys, or an exception.",
        fix=_PARSE,
        cause=r"attest|credential|cbor|malformed|data|length|short",
        reference="FIDO conformance Resp-3 F-11",
        variants=told(Stage.AUTHENTICATOR_DATA, {"AT 1": by(_without_attested)}),
    ),
    Operator(
        id="C20",
        concerns=Concerns.AUTHENTICATION,
        step="6.1",
        title="An assertion that carries another credential",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="It is signed by the owner and harmless, as long as nobody uses the key in it.",
        fix="Verify with the stored key only; better, refuse AT in assertions.",
        variants=told(Stage.FIELDS, {"attacker's": _embedded}, leaves=2),
    ),
    Operator(
        id="C21",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21/7.2.7",
        title="An assertion that brings its own key, and is signed by it",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Who verifies with the key in the assertion verifies nothing.",
        fix="Verify with the key that was stored at registration.",
        cause=r"signature|attest|credential",
        variants=attacks(
            log_in=stateful.composed(
                Edit(Stage.FIELDS, _embedded), Edit(Stage.SIGNER, lambda key, forge: forge.attacker)
            )
        ),
    ),
    Operator(
        id="C22",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Extension outputs are announced and not there",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Reading past the end is an exception at best.",
        fix=_PARSE,
        cause=r"extension|cbor|malformed|data",
        variants=told(Stage.FIELDS, {"ED 1": put("ed", to=True)}),
    ),
    Operator(
        id="C23",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Extension outputs that no flag announces",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers disagree on what was said.",
        fix=_PARSE,
        cause=r"extension|leftover|trailing|bytes|malformed|data|flag",
        variants=told(Stage.AUTHENTICATOR_DATA, {"ED 0": by(lambda data: data + _EXTENSION)}),
    ),
    Operator(
        id="C24",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Extension outputs that are no map",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="What reads members of it fails, or finds none.",
        fix="Require a map of text keys.",
        cause=r"extension|cbor|map|malformed|data",
        variants=told(
            Stage.AUTHENTICATOR_DATA,
            {
                "number": _flagged(0x80, b"\x07"),
                "array": _flagged(0x80, b"\x80"),
                "text": _flagged(0x80, b"\x61a"),
                "null": _flagged(0x80, b"\xf6"),
            },
        ),
    ),
    Operator(
        id="C25",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Bytes after the end, signed",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers disagree on what was signed.",
        fix=_PARSE,
        cause=r"leftover|trailing|bytes|malformed|data|length",
        reference="FIDO conformance Resp-3 F-12; Assertion Resp-3 F-1",
        variants=told(
            Stage.AUTHENTICATOR_DATA,
            {"one byte": by(lambda data: data + b"\x00"), "a map": by(lambda data: data + b"\xa0")},
        ),
    ),
    Operator(
        id="C26",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21/7.2.7",
        title="Bytes after the end, not signed",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="If they are accepted, the signature is over something else than what was sent.",
        fix="Verify the signature over the very bytes that were sent.",
        cause=r"signature|leftover|trailing|bytes|malformed|data",
        variants=told(Stage.SENT_AUTHENTICATOR_DATA, {"one byte": by(lambda data: data + b"\x00")}),
    ),
    Operator(
        id="C27",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Authenticator data cut off",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Slices beyond the end are shorter than one thinks, silently.",
        fix=_PARSE,
        cause=r"authenticator|bytes|malformed|length|short|data",
        reference="FIDO conformance Resp-3 F-8",
        variants=(
            *told(
                Stage.AUTHENTICATOR_DATA, {f"{length} bytes": _cut(length) for length in (0, 31, 32, 33, 36)}
            ),
            *told(
                Stage.AUTHENTICATOR_DATA,
                {f"{length} bytes": _cut(length) for length in (53, 54, 55, 86, 87, 100)},
                only=REGISTRATION,
            ),
        ),
    ),
)
