"""Where a ceremony can be changed. What comes after the change is made honestly from it: hashed, signed, encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from harness.fuzz.forge import Forge

Change: TypeAlias = "Callable[[Any, Forge], Any]"
"""From the honest value to the one that is used instead. It must not alter the value it is given."""


class Place(Enum):
    """Who would have to lie in the real world."""

    CLIENT = "client"
    KEY = "key"
    WIRE = "wire"


class Stage(Enum):
    """In the order in which they are reached."""

    CLIENT_DATA = "clientData"
    """dict: before it is serialised."""
    CLIENT_DATA_JSON = "clientDataJSON"
    """bytes: before they are hashed."""
    COSE_KEY = "credentialPublicKey"
    """dict: the COSE key."""
    COSE_KEY_BYTES = "credentialPublicKey, encoded"
    EXTENSIONS = "extension outputs"
    """dict: of the authenticator."""
    FIELDS = "authenticatorData"
    """dict: its fields; the keys are those of `forge.fields`."""
    AUTHENTICATOR_DATA = "authenticatorData, encoded"
    """bytes: before they are signed."""
    PUB_AREA = "pubArea"
    EXTRA_DATA = "extraData"
    CERT_INFO = "certInfo"
    """CertifyInfo: before it is encoded and signed by the TPM."""
    KEY_DESCRIPTION = "Android key description"
    """dict: challenge, software, tee."""
    NONCE = "nonce"
    """bytes: of an Apple attestation."""
    JWS_HEADER = "JWS header"
    JWS_PAYLOAD = "JWS payload"
    """dicts: of a SafetyNet attestation."""
    LEAF = "attestation certificate"
    """pki.Template: before it is issued."""
    LEAF_ISSUER = "issuer of the attestation certificate"
    """pki.Authority: whose key signs the leaf."""
    CHAIN = "x5c"
    """list of DER certificates."""
    SIGNER = "signing key"
    MESSAGE = "signed message"
    """bytes: what is signed."""
    SIGNATURE = "signature"
    STATEMENT = "attStmt"
    """dict; list for compound."""
    ATTESTATION_OBJECT = "attestationObject"
    """dict: fmt, attStmt, authData."""
    ATTESTATION_OBJECT_BYTES = "attestationObject, encoded"
    SENT_CLIENT_DATA = "clientDataJSON as sent"
    """bytes: after hashing and signing."""
    SENT_AUTHENTICATOR_DATA = "authenticatorData as sent"
    """bytes: after signing (assertions only)."""
    ENVELOPE = "credential"
    """dict: as toJSON() gives it."""
    BODY = "credential, serialised"
    """str: the JSON text that is posted."""

    @property
    def place(self) -> Place:
        if self in (Stage.CLIENT_DATA, Stage.CLIENT_DATA_JSON):
            return Place.CLIENT
        if self in (
            Stage.SENT_CLIENT_DATA,
            Stage.SENT_AUTHENTICATOR_DATA,
            Stage.ATTESTATION_OBJECT_BYTES,
            Stage.ENVELOPE,
            Stage.BODY,
        ):
            return Place.WIRE
        return Place.KEY


@dataclass(frozen=True, slots=True)
class Edit:
    stage: Stage
    change: Change
