"""WebAuthn level 3 §8.7: no attestation."""

from __future__ import annotations

from authenticator.attestation.format import AttestationSubject, Statement
from authenticator.profiles.profile import Profile


class NoneAttestation:
    fmt = "none"

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        return True

    def statement(self, subject: AttestationSubject) -> Statement:
        return {}
