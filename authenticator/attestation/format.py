"""What a statement format is, and what it attests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from authenticator.cose import PrivateKey
from authenticator.environment import Clock
from authenticator.profiles.profile import Profile

Statement: TypeAlias = "dict[str, Any] | list[dict[str, Any]]"
"""attStmt: a map; a compound one is an array of whole statements (WebAuthn level 3 §8.9)."""


@dataclass(slots=True, kw_only=True)  # not frozen: one is made, and dropped, with every credential
class AttestationSubject:
    """What a statement speaks of."""

    profile: Profile
    clock: Clock
    key: PrivateKey
    credential_id: bytes
    rp_id: str
    rp_id_hash: bytes
    authenticator_data: bytes
    client_data_hash: bytes
    enterprise: bool = False
    repeatable: bool = True
    """Whether the statement must be the same when the run is repeated from its seed."""
    serial_number: int = 0
    """Of this very device. Only enterprise attestation may tell it."""

    @property
    def to_be_signed(self) -> bytes:
        """attToBeSigned, nonceToHash: most formats bind these bytes."""
        return self.authenticator_data + self.client_data_hash


class AttestationFormat(Protocol):
    fmt: str

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        """Whether the format has room for a credential key of this algorithm."""

    def statement(self, subject: AttestationSubject) -> Statement: ...
