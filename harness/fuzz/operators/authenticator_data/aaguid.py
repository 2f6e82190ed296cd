"""aaguid: which model it is."""

from __future__ import annotations

from harness.fuzz.edit import Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import put, told

OPERATORS = (
    Operator(
        id="C41",
        concerns=Concerns.REGISTRATION,
        step="5.4",
        title="A model that nobody knows",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Some sites allow certain models only.",
        fix="Where models matter, require attestation and compare the AAGUID with a list.",
        variants=told(
            Stage.FIELDS,
            {
                "zeros": put("attested", "aaguid", to=bytes(16)),
                "unknown": put("attested", "aaguid", to=b"\x99" * 16),
            },
        ),
    ),
)
