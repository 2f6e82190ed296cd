"""A registration or a log-in under way, as its steps and its extensions share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.webauthn.ctap import Ctap, Info, Permission
from harness.webauthn.options import CreationOptions, RequestOptions
from harness.webauthn.verification import UNVERIFIED, Authorisation, Secret, Verifier


@dataclass(slots=True, kw_only=True)
class Ceremony:
    ctap: Ctap
    info: Info
    verifier: Verifier
    rp_id: str
    origin: str
    client_data_hash: bytes
    platform: bool
    """The key is a platform authenticator or a passkey provider: attached to the device, not to a port."""
    permissions: Permission
    authorisation: Authorisation = UNVERIFIED
    inputs: dict[str, Any] = field(default_factory=dict)
    """Extension inputs to the key."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Extension outputs in authenticator data."""
    unsigned: Mapping[str, Any] = field(default_factory=dict)
    """unsignedExtensionOutputs."""
    secret: Secret | None = None
    """With which salts were encrypted."""
    large_blob_key: bytes | None = field(default=None, repr=False)
    results: dict[str, Any] = field(default_factory=dict)
    """clientExtensionResults, as JSON."""


@dataclass(slots=True, kw_only=True)
class Registration(Ceremony):
    options: CreationOptions
    resident: bool = False
    """Whether the key was asked to store the credential."""
    always_resident: bool = False
    """The key stores every credential, whether it was asked to or not."""


@dataclass(slots=True, kw_only=True)
class Assertion(Ceremony):
    options: RequestOptions
    allow: list[bytes]
    chosen: bytes | None = None
    """The one credential of the list that the key is known to have."""
    used_app_id: bool = False
