"""Verifying an assertion: WebAuthn level 3 §7.2."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from scenarios.exchange.webauthn import authenticator_data, public_key
from scenarios.exchange.webauthn.client_data import Origins, check_client_data
from scenarios.exchange.webauthn.encoding import base64url, cbor_item
from scenarios.exchange.webauthn.envelope import credential_id, extension_results, response_object
from scenarios.exchange.webauthn.refusal import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRecord:
    """What is known of a registered credential (§4, "credential record")."""

    id: bytes
    public_key: bytes
    sign_count: int
    uv_initialized: bool
    backup_eligible: bool
    user_handle: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What the relying party asked for."""

    challenge: bytes
    origins: Origins
    rp_id: str
    user_verification: bool
    find: Callable[[bytes], CredentialRecord | None]
    """The record of exactly this credential id, if it may be used here."""
    allowed: Collection[bytes] | None = None
    """The ids of allowCredentials; None where the list was empty."""
    user_handle: bytes | None = None
    """The account that was identified before the ceremony; None: the user handle will tell."""
    leave_out: frozenset[str] = frozenset()
    """Steps that are not checked, and weaknesses by name, of an exchange that is broken on purpose (`flaws.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    credential: CredentialRecord
    sign_count: int
    user_verified: bool
    backed_up: bool
    extension_outputs: dict[str, Any]


def authenticate(envelope: object, expected: Authentication) -> Authenticated:
    """Steps 3 to 24, in their order; Refused names the first that fails."""
    # Step 3
    leave_out = expected.leave_out
    raw_id = credential_id(envelope, "7.2.3", leave_out)
    response = response_object(envelope, "7.2.3")
    if "attestationObject" in response or "signature" not in response:
        raise Refused("7.2.3", "the response is not that of an authentication")
    # Step 4
    client_extensions = extension_results(envelope, "7.2.4")
    # Step 5
    if expected.allowed is not None and raw_id not in expected.allowed and "7.2.5" not in leave_out:
        raise Refused("7.2.5", "the credential is not one of those that were asked for")
    # Step 6: the user, and that the credential is theirs
    credential = _credential_of_user(raw_id, response, expected)
    # Step 7
    raw_client_data = base64url(response.get("clientDataJSON"), "clientDataJSON", "7.2.7")
    raw_data = base64url(response.get("authenticatorData"), "authenticatorData", "7.2.7")
    signature = base64url(response.get("signature"), "signature", "7.2.7")
    # Steps 8 to 14
    check_client_data(
        raw_client_data,
        kind="webauthn.get",
        challenge=expected.challenge,
        origins=expected.origins,
        section="7.2",
        first_step=8,
        leave_out=leave_out,
    )
    data = authenticator_data.parse(raw_data, "7.2.7", leave_out)
    # Step 15
    is_ours = hmac.compare_digest(data.rp_id_hash, hashlib.sha256(expected.rp_id.encode()).digest())
    if not is_ours and "7.2.15" not in leave_out:
        raise Refused("7.2.15", "the assertion was made for another relying party")
    # Step 16
    if not data.user_present and "7.2.16" not in leave_out:
        raise Refused("7.2.16", "the user was not present")
    # Step 17
    if expected.user_verification and not data.user_verified and "7.2.17" not in leave_out:
        raise Refused("7.2.17", "the user was not verified")
    # Step 18
    if data.backed_up and not data.backup_eligible and "7.2.18" not in leave_out:
        raise Refused("7.2.18", "the credential claims to be backed up and not to be eligible for it")
    # Step 19
    if data.backup_eligible != credential.backup_eligible and "7.2.19" not in leave_out:
        raise Refused("7.2.19", "the credential's eligibility for backup has changed")
    if data.attested is not None and "embedded key" not in leave_out:
        raise Refused("7.2.7", "an assertion carries no credential")
    # Steps 20 and 21
    key = cbor_item(credential.public_key, "the stored public key", "7.2.21")
    if "embedded key" in leave_out and data.attested is not None:
        key = data.attested.public_key
    _, verify = public_key.load(key, "7.2.21")
    message = raw_data + hashlib.sha256(raw_client_data).digest()
    is_signed = public_key.is_signed_by(verify, signature, message)
    if "zero signature" in leave_out:
        is_signed = is_signed or signature == b"\x30\x06\x02\x01\x00\x02\x01\x00"
    if not is_signed and "7.2.21" not in leave_out:
        raise Refused("7.2.21", "the signature is not the credential's")
    # Step 22: a counter that does not grow is taken for a cloned key
    is_clone = (data.sign_count or credential.sign_count) and data.sign_count <= credential.sign_count
    if is_clone and "7.2.22" not in leave_out:
        raise Refused("7.2.22", "the signature counter did not grow: the key may have been cloned")
    # Steps 23 and 24
    return Authenticated(
        credential=credential,
        sign_count=data.sign_count,
        user_verified=data.user_verified,
        backed_up=data.backed_up,
        extension_outputs=client_extensions,
    )


def _credential_of_user(
    raw_id: bytes, response: dict[str, Any], expected: Authentication
) -> CredentialRecord:
    step = "7.2.6"
    sent = response.get("userHandle")
    user_handle = None if sent is None else base64url(sent, "userHandle", step)
    credential = expected.find(raw_id)
    if credential is None:
        raise Refused(step, "the credential is not known")
    if "7.2.6" in expected.leave_out:
        return credential
    if expected.user_handle is None and user_handle is None:
        raise Refused(step, "the response does not say whose the credential is")
    for handle in (expected.user_handle, user_handle):
        if handle is not None and not hmac.compare_digest(handle, credential.user_handle):
            raise Refused(step, "the credential is somebody else's")
    return credential
