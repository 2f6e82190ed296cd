"""WebAuthn level 3 §8.2: by the credential's own key, by the batch's, or by this very device's."""

from __future__ import annotations

from authenticator.attestation.certificates import batch_attester, enterprise_attester
from authenticator.attestation.format import AttestationSubject, Statement
from authenticator.profiles.profile import Profile


def self_statement(subject: AttestationSubject) -> Statement:
    """Self attestation: by the credential's own key."""
    return {
        "alg": int(subject.key.algorithm),
        "sig": subject.key.sign(subject.to_be_signed, repeatable=subject.repeatable),
    }


class Packed:
    fmt = "packed"

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        return True

    def statement(self, subject: AttestationSubject) -> Statement:
        if subject.enterprise:
            attester = enterprise_attester(subject.profile, subject.serial_number)
        elif subject.profile.attestation.certified:
            attester = batch_attester(subject.profile)
        else:
            return self_statement(subject)
        key = attester.key
        return {
            "alg": int(key.algorithm),
            "sig": key.sign(subject.to_be_signed, repeatable=subject.repeatable),
            "x5c": list(attester.x5c),
        }
