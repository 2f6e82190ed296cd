"""J: extensions (§7.1 step 28, §7.2 step 23)."""

from __future__ import annotations

from harness.fuzz.edit import Stage
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import WRONG_TYPES, become, drop, put, told

_IGNORE = "Read the outputs of extensions you asked for, and ignore all others."


OPERATORS = (
    Operator(
        id="J01",
        concerns=Concerns.BOTH,
        step="7.1.28/7.2.23",
        title="Client outputs of extensions that nobody asked for",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Clients may add some; who refuses them locks people out.",
        fix=_IGNORE,
        variants=told(
            Stage.ENVELOPE,
            {
                "unknown": put("clientExtensionResults", to={"example.unknown": {"a": [1, None]}}),
                "appid": put("clientExtensionResults", to={"appid": True}),
                "nested": put("clientExtensionResults", to={"prf": {"results": {"first": "AAAA"}}}),
            },
        ),
    ),
    Operator(
        id="J02",
        concerns=Concerns.BOTH,
        step="7.1.28/7.2.23",
        title="Authenticator outputs of extensions that nobody asked for",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Keys may add some; who refuses them locks people out.",
        fix=_IGNORE,
        reference="FIDO conformance Resp-3 P-1",
        variants=told(
            Stage.EXTENSIONS,
            {
                "unknown": become({"example.unknown": True}),
                "several": become({"credProtect": 2, "hmac-secret": True}),
                "empty map": become({}),
            },
        ),
    ),
    Operator(
        id="J03",
        concerns=Concerns.REGISTRATION,
        step="7.1.28",
        title="Less credential protection than was enforced",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="The key may be listed and used without verification.",
        fix="Where you enforce credProtect, compare the output with what you asked for.",
        variants=told(Stage.EXTENSIONS, {"level 1": become({"credProtect": 1})}),
    ),
    Operator(
        id="J04",
        concerns=Concerns.REGISTRATION,
        step="7.1.28",
        title="credProps says something else than was required",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="It is a client's word, not signed: good for the interface, not for security.",
        fix="Do not decide on credProps what matters.",
        reference="allauth trusts credProps",
        variants=told(
            Stage.ENVELOPE,
            {
                "rk false": put("clientExtensionResults", to={"credProps": {"rk": False}}),
                "rk is text": put("clientExtensionResults", to={"credProps": {"rk": "yes"}}),
                "no object": put("clientExtensionResults", to={"credProps": True}),
            },
        ),
    ),
    Operator(
        id="J05",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.23",
        title="Outputs of prf, largeBlob and hmac-secret that are malformed",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="What is not asked for must not break a log-in.",
        fix=_IGNORE,
        variants=(
            *told(
                Stage.ENVELOPE,
                {
                    "prf": put("clientExtensionResults", to={"prf": "AAAA"}),
                    "largeBlob": put("clientExtensionResults", to={"largeBlob": {"blob": 7}}),
                },
            ),
            *told(Stage.EXTENSIONS, {"hmac-secret": become({"hmac-secret": b"\x00" * 7})}),
        ),
    ),
    Operator(
        id="J06",
        concerns=Concerns.BOTH,
        step="7.1.28/7.2.23",
        title="Forged outputs of uvm, payment and devicePubKey",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Client outputs are not signed: anyone can claim fingerprints and devices.",
        fix="Believe authenticator outputs only, of extensions that you asked for.",
        variants=told(
            Stage.ENVELOPE,
            {
                "uvm": put("clientExtensionResults", to={"uvm": [[2, 4, 2]]}),
                "payment": put(
                    "clientExtensionResults", to={"payment": {"browserBoundSignature": {"signature": "AAAA"}}}
                ),
                "devicePubKey": put("clientExtensionResults", to={"devicePubKey": {"signature": "AAAA"}}),
            },
        ),
    ),
    Operator(
        id="J07",
        concerns=Concerns.BOTH,
        step="7.1.4/7.2.4/7.1.28",
        title="clientExtensionResults is no object",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Reading a member of it must not be a 500.",
        fix="Refuse it, or take it for empty.",
        variants=told(
            Stage.ENVELOPE,
            {"missing": drop("clientExtensionResults"), "text": put("clientExtensionResults", to="none")}
            | {
                name: put("clientExtensionResults", to=value)
                for name, value in WRONG_TYPES.items()
                if name != "object"
            },
        ),
    ),
)
