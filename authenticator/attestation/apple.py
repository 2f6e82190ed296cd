"""WebAuthn level 3 §8.8: a certificate for each credential, issued by the vendor's anonymisation CA."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from authenticator.attestation import der
from authenticator.attestation.format import AttestationSubject, Statement
from authenticator.attestation.pki import (
    COMMON_NAME,
    ORGANIZATION,
    STATE,
    UNIT,
    Authority,
    Extension,
    Template,
    basic_constraints,
    intermediate,
    issue,
    key_usage,
    name,
    subject_public_key_info,
)
from authenticator.cose import Algorithm
from authenticator.profiles.profile import Profile

NONCE: Final = "1.2.840.113635.100.8.2"


def anonymisation_authority() -> Authority:
    return intermediate("stuntkey TEST anonymisation CA", Algorithm.ES384)


def credential_template(subject: AttestationSubject) -> Template:
    """credCert, as Apple's CA fills it in: for three days, and with a serial number that tells the time."""
    public_key = subject_public_key_info(subject.key)
    now = datetime.fromtimestamp(int(subject.clock.time()), UTC)
    nonce = hashlib.sha256(subject.to_be_signed).digest()
    return Template(
        issuer=anonymisation_authority().subject,
        subject=name(
            (COMMON_NAME, hashlib.sha256(public_key).hexdigest()),
            (UNIT, "AAA Certification"),
            (ORGANIZATION, "stuntkey TEST"),
            (STATE, "California"),
        ),
        public_key=public_key,
        serial=int(subject.clock.time() * 1000),
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=2),
        extensions=(
            basic_constraints(ca=False),
            key_usage(0, 1, 2, 3),
            Extension(oid=NONCE, value=der.sequence(der.context(1, der.octet_string(nonce)))),
        ),
    )


class Apple:
    fmt = "apple"

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        return algorithm == Algorithm.ES256

    def statement(self, subject: AttestationSubject) -> Statement:
        authority = anonymisation_authority()
        return {"x5c": [issue(credential_template(subject), authority.key), *authority.chain]}
