"""Everything a key needs from outside: its model, its memory, a clock, randomness and the seam for lies."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from authenticator.attestation.format import Statement
    from authenticator.profiles.profile import Profile
    from authenticator.store import Store


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds that never go back: time-outs are measured with these."""

    def time(self) -> float:
        """Seconds since 1970: creation dates come from these."""


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


class HandTurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.now = start

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Randomness(Protocol):
    seeded: bool
    """Whether keys must come out of `bytes`, so that a run repeats, or may come from the system's generator."""

    def bytes(self, count: int) -> bytes: ...


class SystemRandomness:
    seeded = False
    bytes = staticmethod(os.urandom)


class SeededRandomness:
    """The same bytes for the same seed: for runs that must repeat, never for secrets that matter."""

    seeded = True

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(f"stuntkey {seed}")

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class Tamper:
    """The seam for lies that must still be well signed. Each method returns what goes on instead; here: the truth."""

    def credential_public_key(self, cose: dict[int, Any]) -> dict[int, Any]:
        """The COSE key before it is put into authenticator data."""
        return cose

    def authenticator_data(self, data: bytes) -> bytes:
        """Authenticator data before it is signed or attested."""
        return data

    def message_to_sign(self, message: bytes) -> bytes:
        """authenticatorData ‖ clientDataHash before an assertion is signed."""
        return message

    def signature(self, signature: bytes) -> bytes:
        return signature

    def attestation(self, fmt: str, statement: Statement) -> tuple[str, Statement]:
        """An attestation statement before it is encoded."""
        return fmt, statement

    def response(self, command: int, response: bytes) -> bytes:
        """A whole response, its status byte included, before it leaves."""
        return response


HONEST = Tamper()


@dataclass(slots=True, kw_only=True)
class Environment:
    profile: Profile
    store: Store
    clock: Clock = field(default_factory=SystemClock)
    random: Randomness = field(default_factory=SystemRandomness)
    tamper: Tamper = HONEST
