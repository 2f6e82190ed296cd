"""WebAuthn level 3 §8.9: several statements about one credential.

With certificates in it, a statement is nested one level deeper than the four that CTAP 2.3 §8 allows in a message.
Compound attestation is made for platforms, which do not speak CTAP; a key that offers it goes beyond the limit.
"""

from __future__ import annotations

from collections.abc import Mapping

from authenticator.attestation.format import AttestationFormat, AttestationSubject, Statement
from authenticator.attestation.packed import self_statement
from authenticator.profiles.profile import Profile

_NEVER_A_PART = ("none", "compound", "fido-u2f")
"""fido-u2f wants an AAGUID of zeros, which the other parts must not have."""


class Compound:
    """The device's other formats together; packed alone speaks twice, for the batch and by the credential's own key."""

    fmt = "compound"

    def __init__(self, formats: Mapping[str, AttestationFormat]) -> None:
        self._formats = formats

    def _parts(self, profile: Profile, algorithm: int) -> list[AttestationFormat]:
        """In the profile's order."""
        offered = [self._formats[fmt] for fmt in profile.attestation.formats if fmt not in _NEVER_A_PART]
        return [each for each in offered if each.can_attest(profile, algorithm)]

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        parts = self._parts(profile, algorithm)
        return len(parts) >= 2 or (_is_packed(parts) and profile.attestation.certified)

    def statement(self, subject: AttestationSubject) -> Statement:
        parts = self._parts(subject.profile, subject.key.algorithm)
        statements = [{"fmt": each.fmt, "attStmt": each.statement(subject)} for each in parts]
        if _is_packed(parts):
            statements.append({"fmt": "packed", "attStmt": self_statement(subject)})
        return statements


def _is_packed(parts: list[AttestationFormat]) -> bool:
    return [each.fmt for each in parts] == ["packed"]
