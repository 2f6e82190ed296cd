"""Its members: missing, of another type, empty, or at odds with each other (§5.1)."""

from __future__ import annotations

from typing import Any

from harness.fuzz.edit import Stage
from harness.fuzz.forge import base64url, from_base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import WRONG_TYPES, drop, put, told

_PARSE_STRICTLY = (
    "Check the type and the encoding of every member before you use it, and answer 400 otherwise."
)


def _must(*path: str, missing: bool = True) -> dict[str, Any]:
    """A binary member that is missing, of another type, no base64url, or empty."""
    changes = {"missing": drop(*path)} if missing else {}
    changes |= {name: put(*path, to=value) for name, value in WRONG_TYPES.items() if name != "null"}
    return changes | {"null": put(*path, to=None), "empty": put(*path, to="")}


def _other_id(old: str) -> str:
    raw = bytearray(from_base64url(old))
    raw[0] ^= 0xFF
    return base64url(bytes(raw))


OPERATORS = (
    Operator(
        id="A01",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The credential has no id",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="What is looked up by a missing id ends at a default, or in an exception that nobody catches.",
        fix=_PARSE_STRICTLY,
        cause=r"\bid\b|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-1",
        variants=told(Stage.ENVELOPE, {"missing": drop("id")}),
    ),
    Operator(
        id="A02",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The id is no string",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="An object or array that reaches a database query as an id is how query injection begins.",
        fix=_PARSE_STRICTLY,
        cause=r"\bid\b|json|malformed|string",
        reference="FIDO conformance Resp-1 F-2",
        variants=told(Stage.ENVELOPE, {name: put("id", to=value) for name, value in WRONG_TYPES.items()}),
    ),
    Operator(
        id="A03",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The id is not base64url",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Lenient decoders drop what they do not know, so that two different ids become the same.",
        fix="Decode with a strict base64url decoder, encode again, and compare with what was sent.",
        cause=r"\bid\b|base64|malformed",
        reference="FIDO conformance Resp-1 F-3",
        variants=told(
            Stage.ENVELOPE,
            {
                "foreign characters": put("id", to=lambda old: old[:-2] + "!*"),
                "spaces": put("id", to=lambda old: f" {old} "),
                "not ASCII": put("id", to=lambda old: old[:-1] + "é"),
            },
        ),
    ),
    Operator(
        id="A04",
        concerns=Concerns.BOTH,
        step="7.1.26/7.2.5",
        title="id and rawId name different credentials",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="If one is looked up and the other verified, somebody logs in with a key that is not theirs.",
        fix="Use one of the two everywhere, and refuse a response in which they differ.",
        cause=r"\bid\b|raw_?id|credential",
        reference="CVE-2026-0723 (GitLab)",
        variants=told(
            Stage.ENVELOPE,
            {"other id": put("id", to=_other_id), "other rawId": put("rawId", to=_other_id)},
        ),
    ),
    Operator(
        id="A05",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The type is missing or no string",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Code that never looks at the type will take the next kind of credential for a passkey.",
        fix='Require `type` to be exactly "public-key".',
        cause=r"type",
        reference="FIDO conformance Resp-1 F-4, F-5",
        variants=told(
            Stage.ENVELOPE,
            {"missing": drop("type")} | {name: put("type", to=value) for name, value in WRONG_TYPES.items()},
        ),
    ),
    Operator(
        id="A06",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The type is another credential's",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="A password or federated credential is not verified as a passkey is.",
        fix='Require `type` to be exactly "public-key".',
        cause=r"type",
        reference="FIDO conformance Resp-1 F-6",
        variants=told(
            Stage.ENVELOPE,
            {"password": put("type", to="password"), "upper case": put("type", to="Public-Key")},
        ),
    ),
    Operator(
        id="A07",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The response is missing or no object",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="There is nothing to verify; whatever happens next is not verification.",
        fix=_PARSE_STRICTLY,
        cause=r"response|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-7, F-8",
        variants=(
            *told(
                Stage.ENVELOPE,
                {
                    "missing": drop("response"),
                    "string": put("response", to="response"),
                    "null": put("response", to=None),
                    "array": put("response", to=[]),
                },
            ),
            *told(Stage.ENVELOPE, {"empty object": put("response", to={})}, leaves=4),
        ),
    ),
    Operator(
        id="A08",
        concerns=Concerns.BOTH,
        step="7.1.5/7.2.7",
        title="clientDataJSON is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Challenge, origin and type are in it: without it nothing of this ceremony is shown.",
        fix=_PARSE_STRICTLY,
        cause=r"client_?data|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-9 to F-11",
        variants=told(Stage.ENVELOPE, _must("response", "clientDataJSON")),
    ),
    Operator(
        id="A09",
        concerns=Concerns.REGISTRATION,
        step="7.1.13/7.1.3",
        title="The attestation object is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="It holds the public key: what is registered without it is not what the key made.",
        fix=_PARSE_STRICTLY,
        cause=r"attestation_?object|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-12 to F-14",
        variants=told(Stage.ENVELOPE, _must("response", "attestationObject")),
    ),
    Operator(
        id="A10",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.7",
        title="authenticatorData is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Presence, verification and the relying party are told in it, under the signature.",
        fix=_PARSE_STRICTLY,
        cause=r"authenticator_?data|json|malformed|missing",
        reference="FIDO conformance Assertion Resp-1 F-12 to F-15",
        variants=told(
            Stage.ENVELOPE,
            _must("response", "authenticatorData")
            | {"not base64url": put("response", "authenticatorData", to=lambda old: "!" + old[1:])},
        ),
    ),
    Operator(
        id="A11",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.7",
        title="The signature is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Without a signature anyone can be anyone.",
        fix="Require the signature, and treat every failure to verify it as a refusal.",
        cause=r"signature|json|malformed|missing",
        reference="FIDO conformance Assertion Resp-1 F-16 to F-19",
        variants=told(
            Stage.ENVELOPE,
            _must("response", "signature")
            | {"not base64url": put("response", "signature", to=lambda old: "!" + old[1:])},
        ),
    ),
    Operator(
        id="A12",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.6",
        title="userHandle is of another type",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="It decides whose account is opened where no name was given.",
        fix="Accept userHandle as a base64url string or not at all.",
        cause=r"user_?handle|json|malformed",
        reference="FIDO conformance Assertion Resp-1 F-21",
        variants=told(
            Stage.ENVELOPE,
            {
                name: put("response", "userHandle", to=value)
                for name, value in WRONG_TYPES.items()
                if name != "null"  # §5.1.8: a key that knows no handle sends none, and some clients null
            },
        ),
    ),
)
