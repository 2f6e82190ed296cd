"""An invariant, and the words that invariants are written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authenticator.profiles.profile import AttestationPolicy, Features, Kind, Limits, Profile


@dataclass(frozen=True, slots=True)
class Invariant:
    holds: Callable[[Profile], bool]
    message: str
    keys: tuple[str, ...]
    """Which keys of the file to blame, the likeliest first."""


def features(test: Callable[[Features], bool]) -> Callable[[Profile], bool]:
    return lambda profile: test(profile.features)


def limits(test: Callable[[Limits], bool]) -> Callable[[Profile], bool]:
    return lambda profile: test(profile.limits)


def attestation(test: Callable[[AttestationPolicy], bool]) -> Callable[[Profile], bool]:
    return lambda profile: test(profile.attestation)


def needs(extension: str, *others: str) -> Callable[[Profile], bool]:
    return lambda profile: extension not in profile.extensions or profile.extensions.issuperset(others)


def verifies(features: Features) -> bool:
    return features.client_pin or features.user_verification is not None


def is_key(profile: Profile) -> bool:
    return profile.kind is Kind.SECURITY_KEY
