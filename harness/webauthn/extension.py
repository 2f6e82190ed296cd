"""What every extension has: moments at which it may do something."""

from __future__ import annotations

from typing import Any

from harness.webauthn.ceremony import Assertion, Registration


class Extension:
    """One that does nothing. `value` is the relying party's input, never null or false."""

    name: str

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        """Refuse a wrong input; add inputs and permissions. The user is not verified yet."""

    def ready_registration(self, registration: Registration, value: Any) -> None:
        """Add inputs that need a secret shared with the key."""

    def registered(self, registration: Registration, value: Any) -> None:
        """Add to the results."""

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        """Refuse a wrong input; add inputs and permissions. The user is not verified yet."""

    def ready_assertion(self, assertion: Assertion, value: Any) -> None:
        """Add inputs that need a secret shared with the key, or the credential that was found."""

    def asserted(self, assertion: Assertion, value: Any) -> None:
        """Add to the results."""
