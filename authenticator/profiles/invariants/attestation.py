"""Which devices attest in which formats, and what their certificates say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from authenticator.cose import Algorithm
from authenticator.profiles.invariants.invariant import Invariant, attestation, is_key
from authenticator.profiles.profile import Kind

_PLATFORM_FORMATS = {"android-key", "apple", "tpm"}


def attestation_formats() -> Iterator[Invariant]:
    yield Invariant(attestation(lambda a: bool(a.formats)), "formats is empty", ("attestation.formats",))
    yield Invariant(
        lambda p: p.kind is Kind.PLATFORM or _PLATFORM_FORMATS.isdisjoint(p.attestation.formats),
        "android-key, apple and tpm are the formats of platforms",
        ("attestation.formats", "kind"),
    )
    yield Invariant(
        lambda p: "fido-u2f" not in p.attestation.formats or (is_key(p) and Algorithm.ES256 in p.algorithms),
        "fido-u2f is the format of security keys with ES256",
        ("attestation.formats", "kind", "algorithms"),
    )
    yield Invariant(
        attestation(lambda a: a.certified or set(a.formats) <= {"none", "packed"}),
        "only none and packed go without certificates",
        ("attestation.certified", "attestation.formats"),
    )
    yield Invariant(
        lambda p: p.kind is not Kind.PROVIDER or not p.attestation.certified,
        "a provider's passkeys are of no one device, so their attestation is not certified",
        ("attestation.certified", "kind"),
    )
    yield Invariant(
        attestation(lambda a: 1 <= len(a.batch_common_name) <= 64),
        "batch_common_name is 1 to 64 characters, as X.509 has it",
        ("attestation.batch_common_name",),
    )
    yield Invariant(
        attestation(lambda a: bool(a.organization) and bool(re.fullmatch("[A-Z]{2}", a.country))),
        "organization is not empty, and country two capital letters (ISO 3166)",
        ("attestation.country", "attestation.organization"),
    )
    yield Invariant(
        attestation(lambda a: a.aik_algorithm in (Algorithm.RS256, Algorithm.ES256)),
        "aik_algorithm is RS256 or ES256",
        ("attestation.aik_algorithm",),
    )
    yield Invariant(
        attestation(lambda a: bool(re.fullmatch("id:[0-9A-F]{8}", a.tpm_manufacturer))),
        'tpm_manufacturer is written as "id:4D534654", as the TCG registers it',
        ("attestation.tpm_manufacturer",),
    )
