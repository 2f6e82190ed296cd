"""Format android-safetynet (§8.5)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from authenticator.attestation.pki import COMMON_NAME, name
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Expected
from harness.fuzz.operators.lies import attested, by, flip, put, told
from harness.fuzz.operators.statements.words import HIGH, MEDIUM, statement_operator, template_with

SAFETYNET = attested("android-safetynet")


def _payload(**members: Any) -> Change:
    return by(lambda payload: {**payload, **members})


def _jws(make: Any) -> Change:
    """On the three segments of a SafetyNet response."""

    def change(statement: Any, forge: Forge) -> Any:
        segments = statement["response"].decode().split(".")
        return {**statement, "response": ".".join(make(segments)).encode()}

    return change


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _no_algorithm(segments: list[str]) -> list[str]:
    header = json.loads(base64.urlsafe_b64decode(segments[0] + "=" * (-len(segments[0]) % 4)))
    return [_segment({**header, "alg": "none"}), segments[1], ""]


OPERATORS = (
    statement_operator(
        "F36",
        "8.5",
        "android-safetynet: what the response says is not as it must be",
        MEDIUM,
        "Each member ties the response to this device, ceremony or time.",
        told(
            Stage.STATEMENT,
            {"no ver": put("ver", to=""), "empty response": put("response", to=b"")},
            base=SAFETYNET,
        ),
        told(
            Stage.JWS_PAYLOAD,
            {
                "nonce": _payload(nonce=base64.b64encode(bytes(32)).decode()),
                "ctsProfileMatch": _payload(ctsProfileMatch=False),
                "an hour ahead": lambda payload, forge: {
                    **payload,
                    "timestampMs": int((time.time() + 3600) * 1000),
                },
                "an hour old": lambda payload, forge: {
                    **payload,
                    "timestampMs": int((time.time() - 3600) * 1000),
                },
            },
            base=SAFETYNET,
        ),
        told(Stage.JWS_HEADER, {"no certificates": put("x5c", to=[])}, base=SAFETYNET),
        cause=r"safety|nonce|time|integrity|cts|ver",
        reference="FIDO conformance Resp-B F-1 to F-7",
    ),
    statement_operator(
        "F37",
        "8.5",
        "android-safetynet: a signature that proves nothing",
        HIGH,
        "JWS lets the header say how it is to be verified: that must not be believed.",
        told(Stage.STATEMENT, {"alg none": _jws(_no_algorithm)}, base=SAFETYNET),
        told(Stage.SIGNATURE, {"one bit": by(flip())}, base=SAFETYNET),
        told(
            Stage.JWS_HEADER,
            {"jwk": put("jwk", to={"kty": "oct", "k": "AAAA"})},
            base=SAFETYNET,
            expected=Expected.IGNORE,
        ),
        told(
            Stage.LEAF,
            {"other host": template_with(subject=name((COMMON_NAME, "attest.evil.example")))},
            base=SAFETYNET,
        ),
        cause=r"safety|alg|signature|common name|cert",
    ),
)
