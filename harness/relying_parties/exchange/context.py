"""What all pages of the exchange share: who the person is there, and how a page told what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.relying_parties.exchange.account import Codes, User
from harness.relying_parties.exchange.hooks import ERROR
from harness.relying_parties.exchange.verification import Answers, Verification
from harness.relying_parties.outcome import Outcome
from harness.relying_parties.protocol import Visit
from scenarios.exchange.server import Exchange


@dataclass(slots=True, kw_only=True)
class Context:
    exchange: Exchange
    user: User
    codes: Codes
    passkeys: dict[str, list[str]] = field(default_factory=dict)
    """Device → the ids of the passkeys it made, at the exchange."""
    recovery: str = ""
    """The reference of the recovery that was asked for."""

    def at(self, path: str) -> str:
        return f"{self.exchange.url}{path}"

    def proof(self, visit: Visit, proof: str) -> str:
        """A thief reads neither the user's messages nor their authenticator app."""
        return "nothing" if visit.seat.thief and proof in ("codes", "wrong codes") else proof

    def outcome(self, visit: Visit, asks: list[str], seen: str, error: str = ERROR, **more: Any) -> Outcome:
        """`seen` is what the page showed in the end: `error`, or that it was done."""
        window = visit.window
        refused = window.text(error) if seen == error else None
        return Outcome(refused=refused, asks=tuple(asks), text=window.text(), **more)

    def verified(
        self, visit: Visit, asks: list[str], answers: Answers, done: str, error: str = ERROR
    ) -> Outcome:
        """Go through the verification, then see what the page says."""
        verification = Verification(visit, self.user, self.codes, answers).go()
        asks = [*asks, *(each for each in verification.asks if each not in asks)]
        if verification.refused is not None or verification.gave_up is not None:
            return Outcome(
                refused=verification.refused,
                gave_up=verification.gave_up,
                asks=tuple(asks),
                text=visit.window.text(),
            )
        return self.outcome(visit, asks, visit.window.wait_for(done, error), error)
