"""What must hold of every profile: contradictions no device can have."""

from __future__ import annotations

from authenticator.profiles.profile import Profile


def broken_invariant(profile: Profile) -> tuple[str, tuple[str, ...]] | None:
    """The first rule broken, as a message and the keys to blame (the likeliest first); None if all hold."""
    return None
