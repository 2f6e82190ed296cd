"""type: which ceremony it was."""

from __future__ import annotations

from harness.fuzz.edit import Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import drop, put, told

OPERATORS = (
    Operator(
        id="B09",
        concerns=Concerns.REGISTRATION,
        step="7.1.7",
        title="A registration whose client data are of a log-in",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="What was obtained for a log-in could register a key.",
        fix="Require clientData.type to be exactly webauthn.create.",
        cause=r"type",
        reference="FIDO conformance Resp-2 F-5",
        variants=told(Stage.CLIENT_DATA, {"webauthn.get": put("type", to="webauthn.get")}),
    ),
    Operator(
        id="B10",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.10",
        title="A log-in whose client data are of a registration",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="A signature made while registering could be played as a log-in.",
        fix="Require clientData.type to be exactly webauthn.get.",
        cause=r"type",
        reference="FIDO conformance Assertion Resp-2 F-5",
        variants=told(Stage.CLIENT_DATA, {"webauthn.create": put("type", to="webauthn.create")}),
    ),
    Operator(
        id="B11",
        concerns=Concerns.BOTH,
        step="7.1.7/7.2.10",
        title="clientData.type is missing or something else",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="The type separates ceremonies, and payments from log-ins.",
        fix="Compare the type exactly.",
        cause=r"type|missing",
        reference="FIDO conformance Resp-2 F-1 to F-4",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "missing": drop("type"),
                "empty": put("type", to=""),
                "number": put("type", to=1),
                "null": put("type", to=None),
                "array": put("type", to=lambda old: [old]),
                "upper case": put("type", to=lambda old: old.replace("webauthn", "Webauthn")),
                "of a payment": put("type", to="payment.get"),
                "with white space": put("type", to=lambda old: old + " "),
            },
        ),
    ),
)
