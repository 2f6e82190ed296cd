"""What `PublicKeyCredential.toJSON()` wraps a response in (§5.1.8)."""

from __future__ import annotations

from typing import Any

from scenarios.exchange.webauthn.encoding import base64url
from scenarios.exchange.webauthn.refusal import Refused

MAX_EXTENSIONS = 64


def credential_id(envelope: object, step: str, leave_out: frozenset[str] = frozenset()) -> bytes:
    if not isinstance(envelope, dict):
        raise Refused(step, "the credential is no JSON object")
    if envelope.get("type") != "public-key":
        raise Refused(step, "the credential's type is not public-key")
    raw_id = base64url(envelope.get("rawId"), "rawId", step)
    if base64url(envelope.get("id"), "id", step) != raw_id and "id" not in leave_out:
        raise Refused(step, "id and rawId differ")
    return raw_id


def response_object(envelope: object, step: str) -> dict[str, Any]:
    response = envelope.get("response") if isinstance(envelope, dict) else None
    if not isinstance(response, dict):
        raise Refused(step, "the credential's response is missing or no object")
    return response


def extension_results(envelope: object, step: str) -> dict[str, Any]:
    results = envelope.get("clientExtensionResults", {}) if isinstance(envelope, dict) else {}
    if not isinstance(results, dict):
        raise Refused(step, "clientExtensionResults is no object")
    if len(results) > MAX_EXTENSIONS:
        raise Refused(step, f"clientExtensionResults has more than {MAX_EXTENSIONS} members")
    return results
