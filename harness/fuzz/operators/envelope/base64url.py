"""How what is binary is spelled (§5.1.8)."""

from __future__ import annotations

from typing import Any

from harness.fuzz.edit import Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import put, told


def _padded(old: str) -> str:
    return old + "=" * (-len(old) % 4)


def _standard_alphabet(envelope: Any, forge: Forge) -> Any:
    """All that is binary, as clients have it that know plain base64 only."""

    def respelt(value: Any) -> Any:
        return value.replace("-", "+").replace("_", "/") if isinstance(value, str) else value

    response = {name: respelt(value) for name, value in envelope["response"].items()}
    return {
        **envelope,
        "id": respelt(envelope["id"]),
        "rawId": respelt(envelope["rawId"]),
        "response": response,
    }


def _stray_bits(old: str) -> str:
    """The last character holds bits that no byte takes: another one decodes to the same."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(old) % 4 == 0:
        return old
    return old[:-1] + alphabet[alphabet.index(old[-1]) | 1]


def _id_of_32(change: Any) -> Any:
    return lambda envelope, forge: {
        **envelope,
        "id": change(envelope["id"]),
        "rawId": change(envelope["rawId"]),
    }


OPERATORS = (
    Operator(
        id="A13",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="base64url with padding",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="The standard has no padding, some clients send it; two spellings of one id may pass two checks.",
        fix="Refuse padding, or take it away before anything is compared.",
        variants=told(
            Stage.ENVELOPE,
            {
                "id": _id_of_32(_padded),
                "clientDataJSON": put(
                    "response",
                    "clientDataJSON",
                    to=lambda old: _padded(old) if len(old) % 4 else old + "====",
                ),
            },
            leaves=2,
        ),
    ),
    Operator(
        id="A14",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="The alphabet of plain base64",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Two spellings of one id may pass two checks, for instance of uniqueness.",
        fix="Refuse + and /, or normalise before anything is compared.",
        variants=told(
            Stage.ENVELOPE,
            {"all that is binary": _standard_alphabet},
            leaves=6,
        ),
    ),
    Operator(
        id="A15",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="base64url with stray bits at its end",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Four spellings decode to the same id: comparing text and comparing bytes give different answers.",
        fix="Compare decoded bytes only, or refuse what does not encode to itself again.",
        variants=told(Stage.ENVELOPE, {"id": _id_of_32(_stray_bits)}, leaves=2),
    ),
)
