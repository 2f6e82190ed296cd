"""How plays get at a relying party: an adapter gives the verbs their pages.

An adapter is a class with these members; it need not inherit from anything. A play names it as
`relying party: package.module:Class`, and it is made with no arguments, once for each play:

    class Shop:
        name = "shop"

        def __init__(self):
            self.verbs = {LogIn: self.log_in, AddPasskey: self.add_passkey}

        def open(self, account, seed):       # a fresh user, known to the adapter from now on
            ...

        def log_in(self, visit, verb):
            visit.window.goto("https://shop.test/login")
            visit.window.click("#passkey")   # the device of `visit.hand` answers
            visit.window.wait_for("#home", ".error")
            ...
            return Outcome(refused=None, asks=("passkey",), text=visit.window.text())
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Protocol

from harness.browsers import Page
from harness.play.devices import DeviceSpec
from harness.play.play import AccountSpec
from harness.play.verbs import Verb
from harness.relying_parties.outcome import Outcome, PasskeyRow

__all__ = ["Outcome", "PasskeyRow", "RelyingParty", "Visit"]


class Visit(Protocol):
    """What the person has in front of them and in their hands while a step is done."""

    @property
    def window(self) -> Page:
        """The browser's window, on the device where they sit."""

    @property
    def seat(self) -> DeviceSpec:
        """That device."""

    @property
    def seat_name(self) -> str: ...

    def is_here(self, device: str) -> bool:
        """Whether it is the device where they sit."""

    def is_security_key(self, device: str) -> bool: ...

    def hand(self, device: str | None) -> AbstractContextManager[None]:
        """Take a device: it answers the ceremonies meanwhile. A security key is plugged in. None: the one at hand."""

    def hands_off(self) -> AbstractContextManager[None]:
        """Cancel whatever the browser asks meanwhile."""

    def change_account(self, device: str) -> None:
        """Sign a device in to another account of its passkey provider, where none of its passkeys are."""

    def pick_autofill(self) -> None:
        """Pick the passkey that the identifier's field offers; `NotShown` if the page asked for none."""

    def note(self, what: str, detail: str = "") -> None:
        """Something for the report's time line: a code that was sent, say."""


class RelyingParty(Protocol):
    """An adapter."""

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str:
        """Of its landing page, once it is open."""

    @property
    def verbs(self) -> Mapping[type[Verb], Callable[[Visit, Any], Outcome]]:
        """What it can do: verb → how. A play with another verb is told so before it begins."""

    # A class may have `words` as well: (verb, field) → the words that this site knows there, such as
    # {(Withdraw, "asset"): ("USDT", "BTC")}. Others are told with file, line and the nearest of them.

    def open(self, account: AccountSpec, seed: str) -> None:
        """Be ready for a play, with a user who has the account that the play says."""

    def advance(self, time: timedelta) -> None:
        """Let time pass on the site's clock. SetupError where that cannot be done."""

    def close(self) -> None: ...
