"""rpIdHash: for whom they were made."""

from __future__ import annotations

import hashlib
from typing import Any

from harness.fuzz import stateful
from harness.fuzz.edit import Change, Edit, Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.attacks import attacks
from harness.fuzz.operators.lies import flip, put, told

_RP_ID = "Compare rpIdHash with SHA-256 of your one RP ID, from your configuration."
_APPID = "https://login.example.com/app-id.json"


def _rp_id(make: Any) -> Change:
    return lambda members, forge: {
        **members,
        "rpIdHash": hashlib.sha256(make(forge.rp_id).encode()).digest(),
    }


OPERATORS = (
    Operator(
        id="C01",
        concerns=Concerns.BOTH,
        step="7.1.14/7.2.15",
        title="Made for another relying party",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="An assertion that a phishing site obtained under its own name would open the account.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party",
        reference="FIDO conformance Assertion Resp-3 F-2; BossConsole #35",
        variants=told(
            Stage.FIELDS,
            {"other": _rp_id(lambda rp_id: "evil.example"), "one bit": put("rpIdHash", to=flip())},
        ),
    ),
    Operator(
        id="C02",
        concerns=Concerns.BOTH,
        step="7.1.14/7.2.15",
        title="Made for a sub-domain or the parent domain",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Their pages may belong to other people.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party",
        variants=told(
            Stage.FIELDS,
            {
                "sub-domain": _rp_id(lambda rp_id: f"users.{rp_id}"),
                "parent": _rp_id(lambda rp_id: rp_id.partition(".")[2] or "localdomain"),
                "upper case": _rp_id(lambda rp_id: rp_id.upper()),
            },
        ),
    ),
    Operator(
        id="C03",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.15",
        title="The hash of a U2F AppID, without the extension",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="The AppID is for old keys only, where the appid extension was asked for and its output says so.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party|app.?id",
        variants=told(Stage.FIELDS, {"AppID": put("rpIdHash", to=hashlib.sha256(_APPID.encode()).digest())}),
    ),
    Operator(
        id="C04",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.15/7.2.4",
        title="The appid output is true, though nobody asked",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="A client output is not signed: it must not decide which hash is right.",
        fix="Look at the appid output only where you asked for the extension.",
        cause=r"rp.?id|relying party|app.?id",
        variants=attacks(
            log_in=stateful.composed(
                Edit(Stage.FIELDS, put("rpIdHash", to=hashlib.sha256(_APPID.encode()).digest())),
                Edit(Stage.ENVELOPE, put("clientExtensionResults", to={"appid": True})),
            )
        ),
    ),
    Operator(
        id="C05",
        concerns=Concerns.BOTH,
        step="7.1.14/7.2.15",
        title="No hash of an RP ID at all",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Defaults, and hashes of the wrong thing, are what careless comparisons compare with.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party",
        variants=told(
            Stage.FIELDS,
            {
                "zeros": put("rpIdHash", to=bytes(32)),
                "of the origin": lambda fields, forge: {
                    **fields,
                    "rpIdHash": hashlib.sha256(forge.origin.encode()).digest(),
                },
                "the RP ID itself": lambda fields, forge: {
                    **fields,
                    "rpIdHash": forge.rp_id.encode().ljust(32, b"\x00")[:32],
                },
                "of nothing": put("rpIdHash", to=hashlib.sha256(b"").digest()),
            },
        ),
    ),
)
