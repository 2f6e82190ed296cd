"""Format none (§8.7), and statements that no authority stands behind where one is asked for."""

from __future__ import annotations

from typing import Any

from harness.fuzz.edit import Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Scope
from harness.fuzz.operators.lies import put, told
from harness.fuzz.operators.statements.words import LOW, MEDIUM, PACKED, self_statement, statement_operator


def _none_object(members: Any, forge: Forge) -> Any:
    return {**members, "fmt": "none", "attStmt": {}}


OPERATORS = (
    statement_operator(
        "F01",
        "8.7",
        "A statement where there should be none",
        LOW,
        "Format none has an empty statement; what is in it was verified by nobody.",
        told(
            Stage.ATTESTATION_OBJECT,
            {
                "a member": put("attStmt", to={"sig": b"\x00"}),
                "an unknown member": put("attStmt", to={"a": 1}),
            },
        ),
        fix="Require an empty map with format none.",
        reference="FIDO conformance Resp-7 F-1",
    ),
    statement_operator(
        "F02",
        "7.1.24",
        "No attestation, where one is required",
        MEDIUM,
        "A policy on models that a client can leave out is none.",
        told(Stage.ATTESTATION_OBJECT, {"none": _none_object}, base=PACKED, leaves=4),
        fix="Where attestation is required, refuse format none.",
        reference="CVE-2025-12150 (Keycloak)",
        scope=Scope.APPLICATION,
    ),
    statement_operator(
        "F03",
        "7.1.24",
        "Self attestation, where a trusted chain is required",
        MEDIUM,
        "Anyone can sign for themselves.",
        told(Stage.STATEMENT, {"self": self_statement}, base=PACKED, leaves=2),
        fix="Where attestation is required, refuse statements without certificates.",
        scope=Scope.APPLICATION,
    ),
)
