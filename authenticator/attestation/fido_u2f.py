"""WebAuthn level 3 §8.6: a U2F registration in WebAuthn's clothes."""

from __future__ import annotations

from authenticator.attestation.certificates import u2f_attester
from authenticator.attestation.format import AttestationSubject, Statement
from authenticator.cose import Algorithm, CoseKeyParameter
from authenticator.profiles.profile import Profile


class FidoU2f:
    fmt = "fido-u2f"

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        return algorithm == Algorithm.ES256

    def statement(self, subject: AttestationSubject) -> Statement:
        public_key = subject.key.public_cose_key()
        verification_data = (
            b"\x00"
            + subject.rp_id_hash
            + subject.client_data_hash
            + subject.credential_id
            + b"\x04"
            + public_key[CoseKeyParameter.X]
            + public_key[CoseKeyParameter.Y]
        )
        attester = u2f_attester(subject.profile)
        return {"sig": attester.key.sign(verification_data), "x5c": list(attester.x5c)}
