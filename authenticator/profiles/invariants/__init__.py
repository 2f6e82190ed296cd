"""What must hold of every profile: contradictions no device can have, and what each version and standard demands."""

from __future__ import annotations

import re
from collections.abc import Container

from authenticator.profiles.invariants.attestation import attestation_formats
from authenticator.profiles.invariants.commands import commands, extensions
from authenticator.profiles.invariants.device import general, identity, quirks
from authenticator.profiles.invariants.effective import effective
from authenticator.profiles.invariants.invariant import Invariant
from authenticator.profiles.invariants.limits import limit_ranges
from authenticator.profiles.invariants.user_verification import user_verification
from authenticator.profiles.profile import Profile
from authenticator.versions import missing_for

INVARIANTS: tuple[Invariant, ...] = (
    *general(),
    *identity(),
    *limit_ranges(),
    *user_verification(),
    *commands(),
    *extensions(),
    *attestation_formats(),
    *quirks(),
)
EFFECTIVE: tuple[Invariant, ...] = tuple(effective())
"""Keys that say nothing where something else is missing: a file that states them was meant otherwise."""


def broken_invariant(
    profile: Profile, stated: Container[str] = frozenset()
) -> tuple[str, tuple[str, ...], str | None] | None:
    """The first rule broken: a message, the keys to blame, and the word to blame in a list; None if all hold.

    `stated` are the keys its own file states, of which none may be without effect.
    """
    for invariant in INVARIANTS:
        if not invariant.holds(profile):
            return invariant.message, invariant.keys, None
    for version in profile.versions:
        missing = missing_for(version, profile)
        if missing:
            words = re.findall(r"\w+", " ".join(missing))
            keys = ("versions", *(f"features.{word}" for word in words), "extensions")
            return f"{version} demands {' and '.join(missing)}", keys, version
    for invariant in EFFECTIVE:
        key = invariant.keys[0]
        if key in stated and not invariant.holds(profile):
            return invariant.message, invariant.keys, None
    return None
