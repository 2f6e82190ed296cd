"""Format compound (§8.9)."""

from __future__ import annotations

from typing import Any

from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operators.lies import attested, become, by, told
from harness.fuzz.operators.statements.words import MEDIUM, statement_operator

COMPOUND = attested("compound")


def _compound_part(index: int, **members: Any) -> Change:
    def change(statements: Any, forge: Forge) -> Any:
        changed = list(statements)
        changed[index] = {**changed[index], "attStmt": {**changed[index]["attStmt"], **members}}
        return changed

    return change


OPERATORS = (
    statement_operator(
        "F44",
        "8.9",
        "compound: too few statements, nested ones, or a wrong one",
        MEDIUM,
        "Of several statements, one may hide behind another.",
        told(
            Stage.STATEMENT,
            {
                "none": become([]),
                "one": by(lambda parts: parts[:1]),
                "nested": by(lambda parts: [{"fmt": "compound", "attStmt": parts}, parts[0]]),
                "second wrong": _compound_part(1, sig=b"\x30\x06\x02\x01\x01\x02\x01\x01"),
            },
            base=COMPOUND,
            leaves=4,
        ),
        fix="Decide how many statements must hold, and refuse nested ones.",
    ),
)
