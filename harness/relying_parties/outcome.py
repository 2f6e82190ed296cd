"""What came of something a person did on a relying party's pages."""

from __future__ import annotations

from dataclasses import dataclass


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
    asks: tuple[str, ...] = ()
    """What the site asked for, in that order: password, email code, sms code, authenticator code, passkey, ..."""
    text: str = ""
    """What the page shows afterwards."""
    passkeys: tuple[PasskeyRow, ...] = ()

    def told(self) -> str:
        said = "confirmed" if self.refused is None else f"refused: {self.refused}"
        if self.asks:
            said += f"; asked for {', '.join(self.asks)}"
        if self.passkeys:
            said += f"; listed {', '.join(row.name for row in self.passkeys)}"
        return said
