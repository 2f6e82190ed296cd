"""WebAuthn level 3 §8.4: Android's hardware-backed keystore attests its own keys."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from authenticator.attestation import der
from authenticator.attestation.format import AttestationSubject, Statement
from authenticator.attestation.pki import (
    COMMON_NAME,
    Authority,
    Extension,
    Template,
    intermediate,
    issue,
    key_usage,
    name,
    root,
    subject_public_key_info,
)
from authenticator.cose import Algorithm, CoseKeyParameter
from authenticator.profiles.profile import Profile

KEY_DESCRIPTION: Final = "1.3.6.1.4.1.11129.2.1.17"

_KEYMINT_VERSION: Final = 300
_TRUSTED_ENVIRONMENT: Final = 1
_OS_VERSION: Final = 150000
_OS_PATCH_LEVEL: Final = 202509
_PATCH_LEVEL: Final = 20250905


class Tag(IntEnum):
    """AuthorizationList's members, by their tags in Android's key attestation schema."""

    PURPOSE = 1
    ALGORITHM = 2
    KEY_SIZE = 3
    DIGEST = 5
    PADDING = 6
    EC_CURVE = 10
    RSA_PUBLIC_EXPONENT = 200
    NO_AUTH_REQUIRED = 503
    USER_AUTH_TYPE = 504
    ALL_APPLICATIONS = 600
    CREATION_DATE_TIME = 701
    ORIGIN = 702
    ROOT_OF_TRUST = 704
    OS_VERSION = 705
    OS_PATCH_LEVEL = 706
    ATTESTATION_APPLICATION_ID = 709
    VENDOR_PATCH_LEVEL = 718
    BOOT_PATCH_LEVEL = 719


def keystore_authority() -> Authority:
    return intermediate("stuntkey TEST Android keystore CA")


def authorization_list(members: dict[Tag, bytes]) -> bytes:
    """Each member EXPLICIT under its tag, in their order."""
    return der.sequence(*(der.context(tag, members[tag]) for tag in sorted(members)))


def software_enforced(subject: AttestationSubject) -> dict[Tag, bytes]:
    # AttestationApplicationId: the packages that own the key, and what they are signed with.
    package = der.sequence(der.octet_string(b"com.google.android.gms"), der.integer(1))
    signer = der.octet_string(hashlib.sha256(b"stuntkey test package signer").digest())
    return {
        Tag.CREATION_DATE_TIME: der.integer(int(subject.clock.time() * 1000)),
        Tag.ATTESTATION_APPLICATION_ID: der.octet_string(
            der.sequence(der.set_of(package), der.set_of(signer))
        ),
    }


def tee_enforced(subject: AttestationSubject) -> dict[Tag, bytes]:
    members = {
        Tag.PURPOSE: der.set_of(der.integer(2)),  # SIGN
        Tag.DIGEST: der.set_of(der.integer(4)),  # SHA-256
        Tag.ORIGIN: der.integer(0),  # GENERATED
        Tag.ROOT_OF_TRUST: der.sequence(
            der.octet_string(hashlib.sha256(b"stuntkey test verified boot key").digest()),
            der.boolean(True),
            der.enumerated(0),  # Verified
            der.octet_string(hashlib.sha256(b"stuntkey test verified boot image").digest()),
        ),
        Tag.OS_VERSION: der.integer(_OS_VERSION),
        Tag.OS_PATCH_LEVEL: der.integer(_OS_PATCH_LEVEL),
        Tag.VENDOR_PATCH_LEVEL: der.integer(_PATCH_LEVEL),
        Tag.BOOT_PATCH_LEVEL: der.integer(_PATCH_LEVEL),
    }
    if subject.key.algorithm == Algorithm.RS256:
        modulus = subject.key.public_cose_key()[CoseKeyParameter.RSA_N]
        members |= {
            Tag.ALGORITHM: der.integer(1),
            Tag.KEY_SIZE: der.integer(len(modulus) * 8),
            Tag.PADDING: der.set_of(der.integer(5)),  # RSA_PKCS1_1_5_SIGN
            Tag.RSA_PUBLIC_EXPONENT: der.integer(65537),
        }
    else:
        members |= {
            Tag.ALGORITHM: der.integer(3),
            Tag.KEY_SIZE: der.integer(256),
            Tag.EC_CURVE: der.integer(1),  # P-256
        }
    if subject.profile.features.user_verification is None:
        members[Tag.NO_AUTH_REQUIRED] = der.null()
    else:
        members[Tag.USER_AUTH_TYPE] = der.integer(3)  # password or biometrics
    return members


def key_description(challenge: bytes, software: dict[Tag, bytes], tee: dict[Tag, bytes]) -> Extension:
    return Extension(
        oid=KEY_DESCRIPTION,
        value=der.sequence(
            der.integer(_KEYMINT_VERSION),
            der.enumerated(_TRUSTED_ENVIRONMENT),
            der.integer(_KEYMINT_VERSION),
            der.enumerated(_TRUSTED_ENVIRONMENT),
            der.octet_string(challenge),
            der.octet_string(b""),  # uniqueId: not asked for
            authorization_list(software),
            authorization_list(tee),
        ),
    )


def credential_template(subject: AttestationSubject) -> Template:
    """The keystore's certificate for a key: the same name, number and long life for all."""
    return Template(
        issuer=keystore_authority().subject,
        subject=name((COMMON_NAME, "Android Keystore Key")),
        public_key=subject_public_key_info(subject.key),
        serial=1,
        not_before=datetime(1970, 1, 1, tzinfo=UTC),
        not_after=datetime(2048, 1, 1, tzinfo=UTC),
        extensions=(
            key_usage(0),
            key_description(subject.client_data_hash, software_enforced(subject), tee_enforced(subject)),
        ),
    )


class AndroidKey:
    fmt = "android-key"

    def can_attest(self, profile: Profile, algorithm: int) -> bool:
        return algorithm in (Algorithm.ES256, Algorithm.RS256)

    def statement(self, subject: AttestationSubject) -> Statement:
        authority = keystore_authority()
        return {
            "alg": int(subject.key.algorithm),
            "sig": subject.key.sign(subject.to_be_signed),
            # Android's chains, unlike others, include their root.
            "x5c": [issue(credential_template(subject), authority.key), *authority.chain, root().certificate],
        }
