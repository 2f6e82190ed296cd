"""Plays: passkey stories in YAML, and the runner that plays them in real browsers."""

WAYS = ("mock", "uhid", "page", "hybrid", "linked", "cdp")
"""By which devices of a play reach the browser."""
