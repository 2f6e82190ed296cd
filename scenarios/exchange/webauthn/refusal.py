from __future__ import annotations


class Refused(Exception):
    """A ceremony that does not pass: at which step of WebAuthn level 3, and why."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{reason} (step {step})")
        self.step = step
        self.reason = reason
