"""signCount."""

from __future__ import annotations

from typing import Any

from harness.fuzz import stateful
from harness.fuzz.edit import Change, Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.attacks import ACCOUNTS, attacks
from harness.fuzz.operators.lies import put, told

_COUNT = "Compare the counter with the stored one, decide what a stale one means, and store the new one."


def _counter(make: Any) -> Change:
    return lambda fields, forge: {**fields, "signCount": make(fields["signCount"])}


OPERATORS = (
    Operator(
        id="C35",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter that goes back",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Perhaps there is a second, cloned key; what that means is the site's to say.",
        fix=_COUNT,
        cause=r"count",
        reference="FIDO conformance Assertion Resp-3 F-4",
        variants=told(Stage.FIELDS, {"lower": _counter(lambda count: count - 2)}),
    ),
    Operator(
        id="C36",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter that stands still",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Equal is as stale as lower.",
        fix=_COUNT,
        cause=r"count",
        variants=told(Stage.FIELDS, {"equal": _counter(lambda count: count - 1)}),
    ),
    Operator(
        id="C37",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter that is zero all at once",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why='Zero means "does not count" only where it always was zero.',
        fix=_COUNT,
        cause=r"count",
        variants=told(Stage.FIELDS, {"zero": put("signCount", to=0)}),
    ),
    Operator(
        id="C38",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A passkey that never counts",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Synced passkeys are always at zero: who refuses that locks their owners out.",
        fix="Compare counters only if one of the two is not zero.",
        reference="FIDO conformance Assertion Resp-3 P-1",
        variants=attacks(twice=stateful.never_counting),
    ),
    Operator(
        id="C39",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.24/7.2.22",
        title="The same counter twice",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Where the new counter is not stored, clones are never seen.",
        fix=_COUNT,
        cause=r"count",
        reference="GHSA-v9hx-v6vf-g36j (webauthn4j-spring-security)",
        needs=ACCOUNTS,
        variants=attacks(log_in=stateful.counter_twice),
    ),
    Operator(
        id="C40",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter at its end",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="Afterwards every counter is lower: the owner is locked out.",
        fix="Decide what happens when a counter wraps around.",
        cause=r"count",
        needs=ACCOUNTS,
        variants=attacks(wraps_around=stateful.counter_wraps),
    ),
)
