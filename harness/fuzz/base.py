"""The genuine ceremonies that lies begin with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from authenticator.cose import Algorithm
from harness.fuzz.capability import Capability


class Attestation(Enum):
    """What the relying party makes of attestation statements."""

    IGNORED = "ignored"
    """It asks for none."""
    CHECKED = "checked"
    """Statements are verified, whoever made them."""
    TRUSTED = "trusted"
    """Only those whose certificates lead to the test root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What the relying party is configured to ask for, where it can be configured."""

    user_verification: bool = False
    attestation: Attestation = Attestation.IGNORED

    @property
    def needs(self) -> frozenset[Capability]:
        needed = set()
        if self.user_verification:
            needed.add(Capability.USER_VERIFICATION)
        if self.attestation is not Attestation.IGNORED:
            needed.add(Capability.ATTESTATION)
        return frozenset(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A genuine ceremony before anything is changed."""

    algorithm: Algorithm = Algorithm.ES256
    attestation: str = "none"
    """An attestation format, or `self` for packed without certificates."""
    demands: Demands = Demands()
    user_verified: bool = True
    backup_eligible: bool = False
    backed_up: bool = False
    counting: bool = True
    """Whether the key counts its signatures; synced passkeys do not."""


NO_DEMANDS = Demands()
HONEST_BASE = Base()
