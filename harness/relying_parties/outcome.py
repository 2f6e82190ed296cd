"""What came of something a person did on a relying party's pages."""

from __future__ import annotations

from dataclasses import dataclass

ASKS = "asks for the"
"""How adapters note what a site asks for, as it does: the time line says when, and in which order with the browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRow:
    """A line of the page that lists passkeys, as shown."""

    name: str
    device: str = ""
    kind: str = ""
    """synced or device-bound, where the page tells."""
    network: str = ""
    created: str = ""
    created_today: bool = False
    last_used: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the person saw."""

    refused: str | None = None
    """What the page said against it; None: it was done."""
    gave_up: str | None = None
    """Why the person stopped, where the site was not to blame: they had no code, or did not confirm."""
    asks: tuple[str, ...] = ()
    """What the site asked for, in that order: password, email code, sms code, authenticator code, passkey, ..."""
    text: str = ""
    """What the page shows afterwards."""
    passkeys: tuple[PasskeyRow, ...] = ()

    def told(self) -> str:
        said = "confirmed" if self.refused is None else f"refused: {self.refused}"
        if self.gave_up is not None:
            said = f"the person gave up: {self.gave_up}"
        if self.asks:
            said += f"; asked for {', '.join(self.asks)}"
        if self.passkeys:
            said += f"; listed {', '.join(row.name for row in self.passkeys)}"
        return said
