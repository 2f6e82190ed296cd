"""What a step is expected to come to, and how that compares with what was seen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.play.language import Texts, Words
from harness.relying_parties.outcome import Outcome, PasskeyRow

Asked = Literal[
    "password",
    "email code",
    "sms code",
    "authenticator code",
    "slider",
    "face",
    "passkey",
    "confirmation",
    "log in",
]


class Row(Words):
    """A line of the list of passkeys; what is left out may be anything."""

    name: str | None = None
    device: str | None = Field(default=None, description="Part of the device's name that the site shows.")
    kind: Literal["synced", "device-bound"] | None = None
    network: str | None = None
    created: Literal["today"] | None = None
    used: Literal["never", "today"] | None = None

    def misfit(self, row: PasskeyRow) -> str:
        if self.name is not None and self.name != row.name:
            return f"is called {row.name!r}, not {self.name!r}"
        if self.device is not None and self.device.lower() not in row.device.lower():
            return f"shows the device {row.device!r}, not {self.device!r}"
        if self.kind is not None and self.kind != row.kind:
            return f"is {row.kind or 'neither synced nor device-bound'}, not {self.kind}"
        if self.network is not None and self.network.lower() not in row.network.lower():
            return f"is labelled {row.network!r}, not {self.network!r}"
        if self.created is not None and not row.created_today:
            return "does not show today as its date"
        if self.used is not None and (self.used == "never") != (row.last_used is None):
            return f"shows as its last use {row.last_used or 'never'!r}, not {self.used}"
        return ""

    def words(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self if value is not None)


class Expect(Words):
    """`confirmed`, or a mapping. Without `refused` the step must succeed."""

    refused: str | None = Field(
        default=None, description="Part of what the site (or the browser) says against it."
    )
    gives_up: str | None = Field(
        default=None, description="Part of why the person stops: not the site's refusal, but what they lack."
    )
    asks: tuple[Asked, ...] | None = Field(
        default=None, description="All that the site asks the person for, in any order; `[]`: nothing."
    )
    asks_in_order: tuple[Asked, ...] | None = Field(
        default=None, description="All that the site asks the person for, in this order."
    )
    never_asks: tuple[Asked, ...] = ()
    shows: Texts = Field(default=(), description="Texts the page shows afterwards.")
    hides: Texts = Field(default=(), description="Texts the page does not show afterwards.")
    lists: tuple[Row, ...] | None = Field(default=None, description="The list of passkeys, oldest first.")
    count: int | None = Field(default=None, description="How many passkeys the list has.")

    def told(self) -> str:
        said = ["confirmed" if self.refused is None else f"refused: {self.refused}"]
        if self.gives_up is not None:
            said = [f"the person gives up: {self.gives_up}"]
        if self.asks is not None:
            said.append("asks for " + (", ".join(self.asks) or "nothing"))
        if self.asks_in_order is not None:
            said.append("asks for " + ", then ".join(self.asks_in_order))
        if self.never_asks:
            said.append("never asks for " + ", ".join(self.never_asks))
        said += [f"shows {text!r}" for text in self.shows]
        said += [f"does not show {text!r}" for text in self.hides]
        if self.lists is not None:
            said.append("lists " + ("; ".join(row.words() for row in self.lists) or "nothing"))
        if self.count is not None:
            said.append(f"{self.count} passkeys")
        return "; ".join(said)

    def misfits(self, seen: Outcome) -> list[str]:
        """In what the outcome differs; empty where it is as expected."""
        found = []
        if self.refused is None and seen.refused is not None:
            found.append(f"it was refused: {seen.refused}")
        if self.refused is not None and seen.refused is None:
            found.append("it was not refused")
        if self.refused is not None and self.refused.lower() not in (seen.refused or self.refused).lower():
            found.append(f"it was refused in other words: {seen.refused}")
        if self.gives_up is None and seen.gave_up is not None:
            found.append(f"the person gave up: {seen.gave_up}")
        if self.gives_up is not None and seen.gave_up is None:
            found.append("the person did not give up")
        if self.gives_up is not None and self.gives_up.lower() not in (seen.gave_up or self.gives_up).lower():
            found.append(f"the person gave up for another reason: {seen.gave_up}")
        if self.asks_in_order is not None and self.asks_in_order != tuple(dict.fromkeys(seen.asks)):
            found.append(f"the site asked for {', then '.join(seen.asks) or 'nothing'}")
        if self.asks is not None and sorted(self.asks) != sorted(set(seen.asks)):
            found.append(f"the site asked for {', '.join(seen.asks) or 'nothing'}")
        found += [f"the site asked for {asked}" for asked in self.never_asks if asked in seen.asks]
        page = " ".join(seen.text.split()).lower()
        found += [f"the page does not show {text!r}" for text in self.shows if text.lower() not in page]
        found += [f"the page shows {text!r}" for text in self.hides if text.lower() in page]
        if self.count is not None and len(seen.passkeys) != self.count:
            found.append(f"the list has {len(seen.passkeys)} passkeys")
        if self.lists is not None:
            found += self._list_misfits(seen.passkeys)
        return found

    def _list_misfits(self, rows: tuple[PasskeyRow, ...]) -> list[str]:
        assert self.lists is not None
        if len(rows) != len(self.lists):
            return [f"the list has {len(rows)} passkeys: {', '.join(row.name for row in rows) or 'none'}"]
        pairs = enumerate(zip(self.lists, rows, strict=True), 1)
        told = [(place, expected.misfit(row)) for place, (expected, row) in pairs]
        return [f"passkey {place} {misfit}" for place, misfit in told if misfit]
