"""Attestation statements that were altered, and are refused by verifiers of others.

python-fido2 2.2 has no verifier for android-key and compound. What a verifier is not asked here, it cannot judge or
wrongly lets pass; the comments say which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from attestation_oracles import Attested, attested, flipped, key, profile, subject
from cryptography import x509
from fido2.attestation.base import InvalidAttestation
from webauthn.helpers.exceptions import WebAuthnException

from authenticator.attestation import android_key, apple, der, tpm
from authenticator.attestation.certificates import AAGUID, batch_template, vendor_authority
from authenticator.attestation.pki import (
    Extension,
    Template,
    basic_constraints,
    derived_key,
    intermediate,
    issue,
    name,
    root,
    subject_public_key_info,
    with_extension,
    without_extension,
)
from authenticator.attestation.tpm_structures import public_area
from authenticator.cose import Algorithm

REFUSALS = (InvalidAttestation, WebAuthnException, x509.ExtensionNotFound)
"""The last is python-fido2's for an AIK certificate that lacks an extension: it lets cryptography's error through."""

BOTH, FIDO2, PY_WEBAUTHN = ("fido2", "py_webauthn"), ("fido2",), ("py_webauthn",)


@dataclass(frozen=True, kw_only=True)
class Alteration:
    fmt: str
    what: str
    make: Callable[[Attested], Attested]
    refused_by: tuple[str, ...] = BOTH


def member_flipped(member: str, position: int = -1) -> Callable[[Attested], Attested]:
    return lambda made: made.but(**{member: flipped(made.statement[member], position)})


def certificate_flipped(made: Attested) -> Attested:
    """In its last byte, which is its signature's."""
    return made.but_certificate(flipped(made.statement["x5c"][0]))


def batch_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    device = profile("packed")

    def make(made: Attested) -> Attested:
        return made.but_certificate(issue(change(batch_template(device)), vendor_authority(device).key))

    return make


def aik_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    device = profile("tpm")

    def make(made: Attested) -> Attested:
        public_key = subject_public_key_info(tpm.attestation_identity_key(device).key)
        template = change(tpm.aik_template(device, public_key))
        return made.but_certificate(issue(template, tpm.aik_authority().key))

    return make


def certify_info(**changes: Any) -> Callable[[Attested], Attested]:
    """certInfo with other members, well signed."""
    device = profile("tpm")

    def make(made: Attested) -> Attested:
        info = tpm.certify_info(subject(device, Algorithm.ES256), made.statement["pubArea"])
        lie = replace(info, **changes).encode()
        return made.but(certInfo=lie, sig=tpm.attestation_identity_key(device).key.sign(lie))

    return make


def keystore_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    def make(made: Attested) -> Attested:
        template = change(android_key.credential_template(subject(profile("android-key"), Algorithm.ES256)))
        return made.but_certificate(issue(template, android_key.keystore_authority().key))

    return make


def described(
    *,
    challenge: bytes | None = None,
    software: dict[android_key.Tag, bytes] | None = None,
    tee: dict[android_key.Tag, bytes] | None = None,
) -> Callable[[Attested], Attested]:
    """A key description that tells something else."""
    what = subject(profile("android-key"), Algorithm.ES256)
    extension = android_key.key_description(
        challenge or what.client_data_hash,
        android_key.software_enforced(what) | (software or {}),
        android_key.tee_enforced(what) | (tee or {}),
    )
    return keystore_certificate(lambda template: with_extension(template, extension))


def credential_certificate(change: Callable[[Template], Template]) -> Callable[[Attested], Attested]:
    def make(made: Attested) -> Attested:
        what = replace(subject(profile("apple"), Algorithm.ES256), authenticator_data=made.data)
        template = change(apple.credential_template(what))
        return made.but_certificate(issue(template, apple.anonymisation_authority().key))

    return make


OTHER_KEY = subject_public_key_info(derived_key("some other key"))


def expired(template: Template) -> Template:
    return replace(
        template, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2020, 1, 2, tzinfo=UTC)
    )


STRANGER = derived_key("a CA nobody trusts")

ALTERATIONS = [
    *(
        Alteration(fmt=fmt, what="authenticator data", make=lambda made: replace(made, data=flipped(made.data, 36)))
        for fmt in ("packed", "tpm", "apple")
    ),
    *(
        Alteration(
            fmt=fmt, what="client data", make=lambda made: replace(made, client_data=made.client_data + b" ")
        )
        for fmt in ("packed", "fido-u2f", "tpm", "apple")
    ),
    *(
        Alteration(fmt=fmt, what="signature", make=member_flipped("sig", 12))
        for fmt in ("packed", "fido-u2f", "tpm")
    ),
    *(
        Alteration(fmt=fmt, what="certificate's signature", make=certificate_flipped)
        for fmt in ("packed", "fido-u2f", "tpm", "apple")
    ),
    Alteration(fmt="packed", what="other algorithm", make=lambda made: made.but(alg=-36), refused_by=FIDO2),
    Alteration(
        fmt="packed",
        what="chain swapped",
        make=lambda made: made.but(x5c=made.statement["x5c"][::-1]),
    ),
    Alteration(
        fmt="packed",
        what="signed by the credential's own key",
        make=lambda made: made.but(sig=key(Algorithm.ES256).sign(made.data + made.client_data_hash)),
    ),
    Alteration(
        fmt="packed",
        what="issued by a stranger in the CA's name",
        make=lambda made: made.but_certificate(issue(batch_template(profile("packed")), STRANGER)),
    ),
    # py_webauthn does not look into packed's certificates at all.
    Alteration(
        fmt="packed",
        what="other AAGUID",
        make=batch_certificate(
            lambda t: with_extension(t, Extension(oid=AAGUID, value=b"\x04\x10" + bytes(16)))
        ),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="AAGUID critical",
        make=batch_certificate(
            lambda t: with_extension(
                t, Extension(oid=AAGUID, value=b"\x04\x10" + profile().aaguid, critical=True)
            )
        ),
    ),
    Alteration(
        fmt="packed",
        what="CA:TRUE",
        make=batch_certificate(lambda t: with_extension(t, basic_constraints(ca=True))),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="no basic constraints",
        make=batch_certificate(lambda t: without_extension(t, "2.5.29.19")),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="wrong OU",
        make=batch_certificate(
            lambda t: replace(
                t, subject=name(("2.5.4.6", "SE"), ("2.5.4.10", "x"), ("2.5.4.11", "Other"), ("2.5.4.3", "x"))
            )
        ),
        refused_by=FIDO2,
    ),
    Alteration(
        fmt="packed",
        what="version 1",
        make=batch_certificate(lambda t: replace(t, version=1, extensions=())),
        refused_by=FIDO2,
    ),
    # python-fido2 leaves dates to its caller.
    Alteration(
        fmt="packed",
        what="expired",
        make=batch_certificate(expired),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="fido-u2f",
        what="AAGUID not zero",
        make=lambda made: replace(made, data=flipped(made.data, 37)),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="fido-u2f",
        what="two certificates",
        make=lambda made: made.but(x5c=[*made.statement["x5c"], root().certificate]),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(fmt="tpm", what="version", make=lambda made: made.but(ver="1.2"), refused_by=PY_WEBAUTHN),
    Alteration(fmt="tpm", what="certInfo", make=member_flipped("certInfo", 60)),
    Alteration(fmt="tpm", what="pubArea", make=member_flipped("pubArea", 7)),
    Alteration(
        fmt="tpm",
        what="another key's pubArea",
        make=lambda made: made.but(pubArea=public_area(derived_key("some other key"))),
    ),
    Alteration(fmt="tpm", what="magic", make=certify_info(magic=0xFF544346)),
    Alteration(fmt="tpm", what="type", make=certify_info(type=0x8018)),
    Alteration(fmt="tpm", what="extraData", make=certify_info(extra_data=bytes(32))),
    Alteration(fmt="tpm", what="name", make=certify_info(name=b"\x00\x0b" + bytes(32))),
    Alteration(
        fmt="tpm",
        what="AIK with a subject",
        make=aik_certificate(lambda t: replace(t, subject=name(("2.5.4.3", "x")))),
    ),
    Alteration(
        fmt="tpm",
        what="AIK without key usage",
        make=aik_certificate(lambda t: without_extension(t, "2.5.29.37")),
    ),
    Alteration(
        fmt="tpm", what="AIK without names", make=aik_certificate(lambda t: without_extension(t, "2.5.29.17"))
    ),
    Alteration(
        fmt="tpm",
        what="AIK of an unknown maker",
        make=aik_certificate(lambda t: with_extension(t, tpm.tpm_name("id:00000000", "x", "id:1"))),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="tpm",
        what="AIK that is a CA",
        make=aik_certificate(lambda t: with_extension(t, basic_constraints(ca=True))),
    ),
    # python-fido2 does not compare credCert's key with the credential's.
    Alteration(
        fmt="apple",
        what="another key's certificate",
        make=credential_certificate(lambda t: replace(t, public_key=OTHER_KEY)),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="apple",
        what="no nonce",
        make=credential_certificate(lambda t: without_extension(t, apple.NONCE)),
        refused_by=PY_WEBAUTHN,
    ),
    Alteration(
        fmt="apple",
        what="expired",
        make=credential_certificate(expired),
        refused_by=PY_WEBAUTHN,
    ),
    *(
        Alteration(fmt="android-key", what=what, make=make, refused_by=PY_WEBAUTHN)
        for what, make in {
            "authenticator data": lambda made: replace(made, data=flipped(made.data, 36)),
            "client data": lambda made: replace(made, client_data=made.client_data + b" "),
            "signature": member_flipped("sig", 12),
            "certificate's signature": certificate_flipped,
            "no root": lambda made: made.but(x5c=made.statement["x5c"][:-1]),
            "another key's certificate": keystore_certificate(lambda t: replace(t, public_key=OTHER_KEY)),
            "other challenge": described(challenge=bytes(32)),
            "all applications, software": described(software={android_key.Tag.ALL_APPLICATIONS: der.null()}),
            "all applications, hardware": described(tee={android_key.Tag.ALL_APPLICATIONS: der.null()}),
            "imported": described(tee={android_key.Tag.ORIGIN: der.integer(2)}),
            "for decryption": described(tee={android_key.Tag.PURPOSE: der.set_of(der.integer(1))}),
        }.items()
    ),
]  # fmt: skip


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=lambda each: f"{each.fmt}: {each.what}")
def test_altered(alteration: Alteration) -> None:
    genuine = attested(profile(alteration.fmt), Algorithm.ES256)
    altered = alteration.make(genuine)
    for verifier in alteration.refused_by:
        getattr(genuine, verifier)()
        with pytest.raises(REFUSALS):
            getattr(altered, verifier)()


@pytest.mark.parametrize("fmt", ["packed", "fido-u2f", "tpm", "apple", "android-key"])
def test_another_root_does_not_vouch(fmt: str) -> None:
    made = attested(profile(fmt), Algorithm.ES256)
    stranger = intermediate("some other authority").certificate
    with pytest.raises(WebAuthnException):
        made.py_webauthn(root_certificate=stranger)
    if fmt != "android-key":
        with pytest.raises(InvalidAttestation):
            made.fido2(root_certificate=stranger)
