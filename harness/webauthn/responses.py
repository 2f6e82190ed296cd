"""RegistrationResponseJSON and AuthenticationResponseJSON (WebAuthn level 3 §5.1, toJSON())."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.webauthn.assertion import Signed
from harness.webauthn.authenticator_data import AuthenticatorData
from harness.webauthn.options import to_base64url


def registration_response(
    client_data: bytes,
    attestation_object: bytes,
    data: AuthenticatorData,
    *,
    transports: Iterable[str],
    attachment: str,
    results: Mapping[str, Any],
) -> dict[str, Any]:
    assert data.credential_id is not None
    response: dict[str, Any] = {
        "clientDataJSON": to_base64url(client_data),
        "attestationObject": to_base64url(attestation_object),
        "authenticatorData": to_base64url(data.raw),
        "transports": sorted(transports),  # §5.2.1: in lexicographical order
    }
    if data.algorithm is not None:
        response["publicKeyAlgorithm"] = data.algorithm
    public_key = data.subject_public_key_info()
    if public_key is not None:
        response["publicKey"] = to_base64url(public_key)
    return _credential(data.credential_id, response, attachment, results)


def authentication_response(
    client_data: bytes, signed: Signed, *, attachment: str, results: Mapping[str, Any]
) -> dict[str, Any]:
    response: dict[str, Any] = {
        "clientDataJSON": to_base64url(client_data),
        "authenticatorData": to_base64url(signed.authenticator_data),
        "signature": to_base64url(signed.signature),
    }
    if signed.user is not None and isinstance(signed.user.get("id"), bytes):
        response["userHandle"] = to_base64url(signed.user["id"])
    return _credential(signed.credential_id, response, attachment, results)


def _credential(
    credential_id: bytes, response: dict[str, Any], attachment: str, results: Mapping[str, Any]
) -> dict[str, Any]:
    encoded = to_base64url(credential_id)
    return {
        "id": encoded,
        "rawId": encoded,
        "response": response,
        "authenticatorAttachment": attachment,
        "clientExtensionResults": results,
        "type": "public-key",
    }
