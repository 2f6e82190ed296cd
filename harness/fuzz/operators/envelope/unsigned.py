"""What is in it for convenience and nobody signs: helpers (§5.2.1.1), hints and further members."""

from __future__ import annotations

from typing import Any

from authenticator.attestation.pki import subject_public_key_info
from harness.fuzz.edit import Stage
from harness.fuzz.forge import Forge, base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import REGISTRATION, put, told


def _attacker_spki(forge: Forge) -> str:
    return base64url(subject_public_key_info(forge.attacker))


def _broken_object(envelope: Any, forge: Forge) -> Any:
    """The helpers tell the truth, the attestation object is cut off."""
    object_ = envelope["response"]["attestationObject"]
    data = forge.reached[Stage.AUTHENTICATOR_DATA]
    response = {
        **envelope["response"],
        "authenticatorData": base64url(data),
        "publicKey": base64url(subject_public_key_info(forge.passkey.key)),
        "publicKeyAlgorithm": int(forge.passkey.key.algorithm),
        "attestationObject": object_[: len(object_) // 2],
    }
    return {**envelope, "response": response}


_HOSTILE = "usb\r\n2026-01-01 INFO user admin logged in\x1b[2K\x00"

OPERATORS = (
    Operator(
        id="A20",
        concerns=Concerns.REGISTRATION,
        step="5.2.1.1/7.1.13",
        title="response.publicKey is another key than the attested one",
        expected=Expected.IGNORE,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="The helper is written by the page's script: who stores it stores a key that was never attested.",
        fix="Take the public key from the attestation object, never from the helper.",
        reference="passwordless-id, probe R65",
        variants=told(
            Stage.ENVELOPE,
            {
                "attacker's": lambda envelope, forge: {
                    **envelope,
                    "response": {**envelope["response"], "publicKey": _attacker_spki(forge)},
                }
            },
        ),
    ),
    Operator(
        id="A21",
        concerns=Concerns.REGISTRATION,
        step="5.2.1.1/7.1.13",
        title="Helpers that are right beside an attestation object that is broken",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Who falls back to the helpers registers without any of the checks.",
        fix="Verify the attestation object; refuse if it cannot be read.",
        cause=r"attestation|cbor|malformed",
        reference="probe R66",
        variants=told(Stage.ENVELOPE, {"cut off": _broken_object}, leaves=4),
    ),
    Operator(
        id="A22",
        concerns=Concerns.REGISTRATION,
        step="5.2.1.1/7.1.13",
        title="response.publicKeyAlgorithm is another algorithm than the attested key's",
        expected=Expected.IGNORE,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Signatures verified under an algorithm that the page's script chose are not the key's.",
        fix="Take the algorithm from the attested COSE key.",
        variants=told(
            Stage.ENVELOPE,
            {
                "RS256": put("response", "publicKeyAlgorithm", to=-257),
                "none": put("response", "publicKeyAlgorithm", to=0),
            },
        ),
    ),
    Operator(
        id="A23",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="Control characters where text is logged",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="Line breaks and escapes forge log entries.",
        fix="Log what clients send in quoted, escaped form.",
        reference="CVE-2023-6484 (Keycloak)",
        variants=(
            *told(
                Stage.ENVELOPE,
                {"transports": put("response", "transports", to=[_HOSTILE])},
                only=REGISTRATION,
            ),
            *told(Stage.ENVELOPE, {"unknown member": put("error", to=_HOSTILE)}),
            *told(Stage.ENVELOPE, {"authenticatorAttachment": put("authenticatorAttachment", to=_HOSTILE)}),
        ),
    ),
    Operator(
        id="A24",
        concerns=Concerns.REGISTRATION,
        step="7.1.27",
        title="Transports that nobody knows",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="Transports are hints; a new one must not keep a person out.",
        fix="Keep what you know, ignore the rest, and limit their number.",
        variants=(
            *told(
                Stage.ENVELOPE,
                {"unknown names": put("response", "transports", to=["usb", "telepathy"])},
                expected=Expected.ACCEPT,
            ),
            *told(
                Stage.ENVELOPE,
                {
                    "1000 entries": put("response", "transports", to=[f"t{n}" for n in range(1000)]),
                    "no array": put("response", "transports", to="usb"),
                    "numbers": put("response", "transports", to=[1]),
                },
            ),
        ),
    ),
)
