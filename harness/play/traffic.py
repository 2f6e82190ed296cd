"""What of the person leaves the browser: of a fingerprint or face, one bit."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fido2.webauthn import AttestationObject, AuthenticatorData

from harness.relying_parties.outcome import Outcome

if TYPE_CHECKING:
    from harness.browsers.browser import Sent

CREDENTIAL = {"id", "rawId", "type", "authenticatorAttachment", "clientExtensionResults", "response"}
"""RegistrationResponseJSON and AuthenticationResponseJSON (WebAuthn level 3 §5.1.8): these members, and no others."""
RESPONSE = {
    "clientDataJSON", "attestationObject", "authenticatorData", "transports", "publicKey", "publicKeyAlgorithm",
    "signature", "userHandle",
}  # fmt: skip
CLIENT_DATA = {"type", "challenge", "origin", "crossOrigin", "topOrigin"}


def inspect_traffic(sent: Iterable[Sent]) -> Outcome:
    """Every credential that went out, judged: what is in it besides what the standard lists, and its UV bit."""
    told, against = [], []
    for credential in _credentials(sent):
        response = credential["response"]
        extra = sorted({*credential} - CREDENTIAL) + sorted({*response} - RESPONSE)
        client_data = json.loads(_decode(response["clientDataJSON"]))
        extra += sorted({*client_data} - CLIENT_DATA)
        data = _authenticator_data(response)
        flags = data.flags
        if data.extensions:
            extra.append(f"extensions {sorted(data.extensions)}")
        if credential["clientExtensionResults"].keys() - {"credProps"}:
            extra.append("clientExtensionResults")
        verified = "UV=1" if flags & AuthenticatorData.FLAG.UV else "UV=0"
        told.append(f"{client_data['type']}: {verified}, nothing else about the person")
        against += [f"{client_data['type']} holds {each}" for each in extra]
    if not told:
        against.append("no credential was sent so far")
    return Outcome(refused="; ".join(against) or None, text="\n".join(told))


def _authenticator_data(response: dict[str, Any]) -> AuthenticatorData:
    if "attestationObject" in response:
        return AttestationObject(_decode(response["attestationObject"])).auth_data
    return AuthenticatorData(_decode(response["authenticatorData"]))


def _credentials(sent: Iterable[Sent]) -> Iterator[dict[str, Any]]:
    for request in sent:
        if "clientDataJSON" in request.body:
            yield from _within(json.loads(request.body))


def _within(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("response"), dict) and "clientDataJSON" in value["response"]:
            yield value
        else:
            for each in value.values():
                yield from _within(each)
    elif isinstance(value, list):
        for each in value:
            yield from _within(each)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
