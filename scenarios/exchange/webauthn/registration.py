"""Registering a new credential: WebAuthn level 3 §7.1."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scenarios.exchange.webauthn import attestation, authenticator_data, public_key
from scenarios.exchange.webauthn.client_data import Origins, check_client_data
from scenarios.exchange.webauthn.encoding import base64url, cbor_item
from scenarios.exchange.webauthn.envelope import credential_id, extension_results, response_object
from scenarios.exchange.webauthn.refusal import Refused

MAX_CREDENTIAL_ID = 1023


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the relying party asked for."""

    challenge: bytes
    origins: Origins
    rp_id: str
    algorithms: tuple[int, ...]
    user_verification: bool
    is_taken: Callable[[bytes], bool]
    """Whether a credential id is registered already, to anybody."""
    conditional: bool = False
    """Whether it ran with conditional mediation, where presence need not be shown."""
    attestation: attestation.Policy = field(default_factory=attestation.Policy)
    leave_out: frozenset[str] = frozenset()
    """Steps that are not checked, and weaknesses by name, of an exchange that is broken on purpose (`flaws.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCredential:
    """The credential record of step 27."""

    id: bytes
    public_key: bytes
    algorithm: int
    sign_count: int
    uv_initialized: bool
    transports: tuple[str, ...]
    backup_eligible: bool
    backed_up: bool
    aaguid: bytes
    attestation_format: str
    attested: bool
    """Whether a certificate chain to a trusted root was shown."""
    extension_outputs: dict[str, Any]


def register(envelope: object, expected: Registration) -> RegisteredCredential:
    """Steps 3 to 28, in their order; Refused names the first that fails."""
    # Step 3: the response is that of a registration
    leave_out = expected.leave_out
    raw_id = credential_id(envelope, "7.1.3", leave_out)
    response = response_object(envelope, "7.1.3")
    if "attestationObject" not in response or "signature" in response:
        raise Refused("7.1.3", "the response is not that of a registration")
    # Step 4
    client_extensions = extension_results(envelope, "7.1.4")
    # Steps 5 to 11
    raw_client_data = base64url(response.get("clientDataJSON"), "clientDataJSON", "7.1.5")
    check_client_data(
        raw_client_data,
        kind="webauthn.create",
        challenge=expected.challenge,
        origins=expected.origins,
        section="7.1",
        first_step=5,
        leave_out=leave_out,
    )
    # Step 12
    client_data_hash = hashlib.sha256(raw_client_data).digest()
    # Step 13
    raw_object = base64url(response.get("attestationObject"), "attestationObject", "7.1.13")
    fmt, statement, data = _attestation_object(raw_object, leave_out)
    _check_helpers(response, data)
    # Step 14
    is_ours = hmac.compare_digest(data.rp_id_hash, hashlib.sha256(expected.rp_id.encode()).digest())
    if not is_ours and "7.1.14" not in leave_out:
        raise Refused("7.1.14", "the credential was made for another relying party")
    # Step 15
    if not data.user_present and not expected.conditional and "7.1.15" not in leave_out:
        raise Refused("7.1.15", "the user was not present")
    # Step 16
    if expected.user_verification and not data.user_verified and "7.1.16" not in leave_out:
        raise Refused("7.1.16", "the user was not verified")
    # Steps 17 to 19
    if data.backed_up and not data.backup_eligible and "7.1.17" not in leave_out:
        raise Refused("7.1.17", "the credential claims to be backed up and not to be eligible for it")
    attested = data.attested
    if attested is None:
        raise Refused("7.1.13", "the authenticator data holds no credential")
    # Step 20
    algorithm: Any = attested.public_key.get(3)
    if algorithm not in expected.algorithms and "7.1.20" not in leave_out:
        raise Refused("7.1.20", "the credential's algorithm was not asked for")
    key, verify = public_key.load(attested.public_key, "7.1.20")
    # Steps 21 to 24
    trusted = attestation.check(
        fmt,
        statement,
        attestation.Subject(
            data=data,
            attested=attested,
            client_data_hash=client_data_hash,
            key=key,
            verify=verify,
            algorithm=algorithm,
        ),
        expected.attestation,
    )
    # Step 25
    if len(attested.credential_id) > MAX_CREDENTIAL_ID and "7.1.25" not in leave_out:
        raise Refused("7.1.25", f"the credential id is longer than {MAX_CREDENTIAL_ID} bytes")
    # Step 26
    if attested.credential_id != raw_id and "id" not in leave_out:
        raise Refused("7.1.26", "the envelope names another credential than the authenticator data")
    if expected.is_taken(attested.credential_id):
        raise Refused("7.1.26", "the credential is registered already")
    # Steps 27 and 28: outputs that nobody asked for are ignored. credProps is asked for, and nothing is decided on it:
    # it is not signed, and residentKey "required" has the client refuse authenticators that cannot keep the credential.
    return RegisteredCredential(
        id=attested.credential_id,
        public_key=attested.public_key_bytes,
        algorithm=algorithm,
        sign_count=data.sign_count,
        uv_initialized=data.user_verified,
        transports=_transports(response),
        backup_eligible=data.backup_eligible,
        backed_up=data.backed_up,
        aaguid=attested.aaguid,
        attestation_format=fmt,
        attested=trusted,
        extension_outputs=client_extensions,
    )


def _attestation_object(
    raw: bytes, leave_out: frozenset[str]
) -> tuple[str, dict[Any, Any], authenticator_data.AuthenticatorData]:
    step = "7.1.13"
    value = cbor_item(raw, "the attestation object", step)
    if not isinstance(value, dict):
        raise Refused(step, "the attestation object is no map")
    fmt, statement, data = value.get("fmt"), value.get("attStmt"), value.get("authData")
    if not isinstance(fmt, str):
        raise Refused(step, "the attestation object's fmt is missing or no text")
    if not isinstance(statement, dict) and fmt != "compound":
        raise Refused(step, "the attestation object's attStmt is missing or no map")
    if fmt == "compound":
        if not isinstance(statement, list):
            raise Refused(step, "a compound attStmt is no array")
        statement = {"": statement}
    if not isinstance(data, bytes):
        raise Refused(step, "the attestation object's authData is missing or no bytes")
    assert isinstance(statement, dict)
    return fmt, statement, authenticator_data.parse(data, step, leave_out)


def _check_helpers(response: dict[str, Any], data: authenticator_data.AuthenticatorData) -> None:
    """§5.2.1.1's helper members repeat what the attestation object says: where they are sent they must agree."""
    step = "7.1.13"
    if "authenticatorData" in response and (
        base64url(response["authenticatorData"], "authenticatorData", step) != data.raw
    ):
        raise Refused(step, "response.authenticatorData differs from the attestation object")
    if data.attested is None:
        return
    algorithm = response.get("publicKeyAlgorithm")
    if algorithm is not None and (type(algorithm) is not int or algorithm != data.attested.public_key.get(3)):
        raise Refused(step, "response.publicKeyAlgorithm differs from the attestation object")
    if response.get("publicKey") is not None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key, _ = public_key.load(data.attested.public_key, step)
        sent = base64url(response["publicKey"], "publicKey", step)
        if sent != key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
            raise Refused(step, "response.publicKey differs from the attestation object")


def _transports(response: dict[str, Any]) -> tuple[str, ...]:
    """As they were sent, once each and in order (step 27): browsers may know some that this file does not.

    They are hints, and what looks like no transport's name is left out.
    """
    sent = response.get("transports")
    if not isinstance(sent, list):
        return ()
    names = {each for each in sent[:16] if isinstance(each, str) and re.fullmatch(r"[a-z0-9-]{1,32}", each)}
    return tuple(sorted(names))
