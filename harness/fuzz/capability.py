from __future__ import annotations

from enum import Enum


class Capability(Enum):
    """What a target can be made to do. Operators that need more than it can are left out, and that is told."""

    USER_VERIFICATION = "user-verification"
    """It requires user verification, or can be told to."""
    NO_USER_VERIFICATION = "no-user-verification"
    """It does without user verification, or can be told to."""
    ATTESTATION = "attestation"
    """It verifies attestation statements, and the test root can be made one it trusts."""
    STORED_KEY = "stored-key"
    """What it stored of a credential can be read."""
    ACCOUNTS = "accounts"
    """Accounts of several people, kept apart by the target itself."""
    SESSIONS = "sessions"
    """Several sessions at a time, and a way to see who is logged in in each."""
    DISCOVERABLE = "discoverable"
    """Logging in without saying who one is."""
    MANAGE = "manage"
    """Credentials can be listed, renamed and deleted."""
    DELETE_ACCOUNT = "delete-account"
    STEP_UP = "step-up"
    """A log-in that is confirmed again with a passkey."""
    PASSWORD = "password"
    """Passwords beside passkeys, a passkey being the second factor."""
    REMOTE = "remote"
    """It is reached over HTTP: headers, cookies and bodies are ours to choose."""
    KEEPS = "keeps"
    """What was registered stays there: another run meets it."""
    TURN_CLOCK = "turn-clock"
    """Its clock can be turned: challenges can be made to expire."""
    MULTI_FACTOR = "multi-factor"
    """A passkey by itself counts as two factors."""
    METADATA = "metadata"
    """The metadata it judges models by can be replaced."""
