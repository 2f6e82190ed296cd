"""Where a relying party has the origins from that it expects: from headers, or from a list."""

from __future__ import annotations

from harness.fuzz import stateful
from harness.fuzz.capability import Capability
from harness.fuzz.edit import Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.attacks import attacks
from harness.fuzz.operators.client_data.origin import origins
from harness.fuzz.operators.lies import told

_HEADERS = frozenset({Capability.REMOTE})

OPERATORS = (
    Operator(
        id="B40",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The Origin header agrees with a wrong origin",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Taking the expected origin from a header asks the attacker what to expect.",
        fix="Take the expected origins from your configuration.",
        cause=r"origin",
        reference="privacyIDEA, probe S30",
        needs=_HEADERS,
        variants=attacks(log_in=stateful.mirrored_origin),
    ),
    Operator(
        id="B41",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The Host header agrees with a wrong origin and RP ID",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Taking origin and RP ID from the host asks the attacker what to expect.",
        fix="Take origins and RP ID from your configuration; refuse unknown hosts.",
        cause=r"origin|host",
        needs=_HEADERS,
        variants=attacks(
            X_Forwarded_Host=stateful.mirrored_host("X-Forwarded-Host"), Host=stateful.mirrored_host("Host")
        ),
    ),
    Operator(
        id="B42",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="A related origin that /.well-known/webauthn does not list",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Related origins widen who may sign in: only those on the list may.",
        fix="Verify against the same list that /.well-known/webauthn publishes.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                other_country=lambda scheme, host, forge: f"{scheme}://{host.partition(':')[0]}.de",
                other_brand=lambda scheme, host, forge: f"{scheme}://related.example",
            ),
        ),
    ),
)
