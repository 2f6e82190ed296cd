"""Plays: passkey stories in YAML, and the runner that plays them in real browsers."""
