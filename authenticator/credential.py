"""A credential, and what a credential id says of one that is not stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any

from authenticator.cose import PrivateKey


class CredProtect(IntEnum):
    """CTAP 2.3 §12.1."""

    UV_OPTIONAL = 1
    UV_OPTIONAL_WITH_CREDENTIAL_ID_LIST = 2
    UV_REQUIRED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: bytes
    name: str | None = None
    display_name: str | None = None

    def to_cbor(self, *, with_names: bool = True) -> dict[str, Any]:
        entity: dict[str, Any] = {"id": self.id}
        if with_names:
            if self.name is not None:
                entity["name"] = self.name
            if self.display_name is not None:
                entity["displayName"] = self.display_name
        return entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    id: bytes
    rp_id: str
    rp_id_hash: bytes = field(repr=False)
    user: User
    key: PrivateKey = field(repr=False)
    discoverable: bool
    order: int = 0
    """Place in the order of creation; the store gives it. Newest first is how assertions are listed."""
    created: float = 0.0
    rp_name: str | None = None
    protection: CredProtect = CredProtect.UV_OPTIONAL
    hmac_secrets: bytes = field(default=b"", repr=False)
    """CredRandomWithUV ‖ CredRandomWithoutUV (CTAP 2.3 §12.7), or empty where hmac-secret was not asked for."""
    cred_blob: bytes | None = field(default=None, repr=False)
    large_blob_key: bytes | None = field(default=None, repr=False)
    large_blob: bytes | None = field(default=None, repr=False)
    """What the extension largeBlob (CTAP 2.3 §12.4) stored, as the platform compressed it."""
    large_blob_size: int = 0
    """Its size before that."""
    third_party_payment: bool = False
    backup_eligible: bool = False
    backed_up: bool = False
    u2f: bool = False

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"id": self.id, "type": "public-key"}


@lru_cache(maxsize=1024)
def rp_id_hash(rp_id: str) -> bytes:
    return hashlib.sha256(rp_id.encode()).digest()
