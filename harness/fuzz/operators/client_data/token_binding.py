"""tokenBinding, of level 2."""

from __future__ import annotations

from harness.fuzz.edit import Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import put, told

OPERATORS = (
    Operator(
        id="B47",
        concerns=Concerns.BOTH,
        step="5.8.1",
        title="tokenBinding, which level 2 had",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Level 3 ignores it; level 2 had rules for it.",
        fix="Ignore it.",
        reference="FIDO conformance Resp-2 F-15 to F-17",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "no object": put("tokenBinding", to="unused"),
                "no status": put("tokenBinding", to={}),
                "bad status": put("tokenBinding", to={"status": "whatever"}),
            },
        ),
    ),
)
