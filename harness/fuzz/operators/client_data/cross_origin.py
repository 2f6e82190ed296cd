"""crossOrigin and topOrigin: in whose frame it was."""

from __future__ import annotations

from harness.fuzz.edit import Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import put, told

OPERATORS = (
    Operator(
        id="B43",
        concerns=Concerns.BOTH,
        step="7.1.10/7.2.13",
        title="The ceremony ran in another site's frame",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="In a frame the person does not see whose page it is.",
        fix="Refuse crossOrigin true, unless frames are expected; then check topOrigin.",
        cause=r"cross.?origin|frame",
        reference="lbuchs/WebAuthn #124; SimpleWebAuthn #815",
        variants=told(Stage.CLIENT_DATA, {"true": put("crossOrigin", to=True)}),
    ),
    Operator(
        id="B44",
        concerns=Concerns.BOTH,
        step="7.1.10/7.2.13",
        title="crossOrigin is no boolean",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="What is neither true nor false is read as either.",
        fix="Accept true, false or absence.",
        cause=r"cross.?origin",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "string": put("crossOrigin", to="true"),
                "number": put("crossOrigin", to=1),
                "null": put("crossOrigin", to=None),
                "array": put("crossOrigin", to=[]),
            },
        ),
    ),
    Operator(
        id="B45",
        concerns=Concerns.BOTH,
        step="7.1.11/7.2.14/7.1.10/7.2.13",
        title="The frame's page is somebody else's, and says so",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="In a frame the person does not see whose page it is.",
        fix="Compare topOrigin with a list of the sites that may frame you.",
        cause=r"origin|frame",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "crossOrigin and topOrigin": lambda members, forge: {
                    **members,
                    "crossOrigin": True,
                    "topOrigin": "https://evil.example",
                }
            },
            leaves=2,
        ),
    ),
    Operator(
        id="B46",
        concerns=Concerns.BOTH,
        step="7.1.11/7.2.14",
        title="topOrigin without crossOrigin",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="No honest client says both: whoever looks at one member only is misled.",
        fix="Refuse topOrigin unless crossOrigin is true and frames are expected.",
        cause=r"top.?origin|frame",
        variants=told(Stage.CLIENT_DATA, {"evil": put("topOrigin", to="https://evil.example")}),
    ),
)
