"""Something else in its place, a member twice, and far too much of it."""

from __future__ import annotations

import json
from typing import Any

from harness.fuzz.capability import Capability
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.edit import Stage
from harness.fuzz.forge import Forge, base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import put, told


def _other_ceremony(envelope: Any, forge: Forge) -> Any:
    """The response of the other ceremony, to the same challenge and by the same key."""
    other = Ceremony.AUTHENTICATION if forge.ceremony is Ceremony.REGISTRATION else Ceremony.REGISTRATION
    made = Forge(
        ceremony=other,
        rp_id=forge.rp_id,
        origin=forge.origin,
        begun=forge.begun,
        passkey=forge.passkey,
        random=forge.random,
    )
    return json.loads(made.build())


def _alternative(envelope: Any, forge: Forge) -> Any:
    return {"credentialId": envelope["id"], "challenge": base64url(forge.begun.challenge)}


def _twice(member: str, good_first: bool) -> Any:
    def change(body: str, forge: Forge) -> str:
        good = json.loads(body)[member]
        bad: Any = "password" if member == "type" else {}
        members = (good, bad) if good_first else (bad, good)
        texts = ",".join(f"{json.dumps(member)}:{json.dumps(value)}" for value in members)
        envelope = json.loads(body)
        del envelope[member]
        return "{" + texts + "," + json.dumps(envelope)[1:]

    return change


OPERATORS = (
    Operator(
        id="A16",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.7/7.2.3",
        title="A payload that is no WebAuthn response at all",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="A second, simpler format that was left in for tests lets anyone in who knows a credential id.",
        fix="Have one way in; remove fall-backs and test formats from what is deployed.",
        cause=r"response|json|malformed|missing|type",
        reference="open-mercato #3852",
        variants=told(Stage.ENVELOPE, {"credentialId and challenge": _alternative}, leaves=8),
    ),
    Operator(
        id="A17",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The response of the other ceremony",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="What was signed for one purpose must not serve another.",
        fix="Require the members of this ceremony's response and its clientData.type.",
        cause=r"response|json|malformed|missing|type|attestation|signature",
        variants=told(Stage.ENVELOPE, {"response": _other_ceremony}, leaves=8),
    ),
    Operator(
        id="A18",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="A member of the envelope twice",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers on the way (a firewall and the site) each see another of the two.",
        fix="Parse JSON with duplicate members refused.",
        cause=r"twice|duplicate|json",
        variants=told(
            Stage.BODY,
            {
                "type, the good one first": _twice("type", True),
                "type, the good one last": _twice("type", False),
                "response, the good one first": _twice("response", True),
                "response, the good one last": _twice("response", False),
            },
        ),
    ),
    Operator(
        id="A19",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3/7.1.5/7.2.7",
        title="Members far too large",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Parsing and hashing megabytes before anyone is known is a cheap way to slow a site down.",
        fix="Limit the body to some tens of kilobytes, before it is parsed.",
        cause=r"large|long|big|size|413",
        needs=frozenset({Capability.ACCOUNTS}),
        variants=(
            *told(Stage.CLIENT_DATA, {"clientDataJSON of 1 MiB": put("padding", to="A" * (1 << 20))}),
            *told(
                Stage.ENVELOPE,
                {
                    "10,000 extension results": put(
                        "clientExtensionResults", to={f"extension{n}": True for n in range(10_000)}
                    )
                },
                leaves=10_000,
            ),
        ),
    ),
)
