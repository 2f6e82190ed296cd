"""Chromium's own virtual authenticators in the place of a play's devices (`--via cdp`): for comparison.

They have no PIN, no lockouts and no dialogs, and nobody is asked: what the person of a device would do is asked here,
and comes down to one switch, verified or not.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from authenticator.person import Purpose, Verification, Verified
from harness.browsers import Page
from harness.browsers.cdp import VirtualAuthenticators
from harness.browsers.driver import PlaywrightPage
from harness.play.cast import Actor
from harness.play.machine import NotInThisBrowser

TRIES = 3
"""How often a sensor is shown a finger before it gives up."""


@dataclass(slots=True, kw_only=True)
class _There:
    """An authenticator in a page, standing for a device."""

    authenticators: VirtualAuthenticators
    id: str
    vault: str


class DevToolsKeys:
    """At most one in each page; passkeys go along when a device, or its account, is used in another one."""

    def __init__(self) -> None:
        self._there: dict[Page, _There] = {}
        self._vaults: dict[str, list[dict[str, Any]]] = {}
        """Device, or account that syncs → its credentials, in DevTools' words."""

    def take(self, page: Page, actor: Actor, *, here: bool) -> None:
        """From now on this device's authenticator answers in this page."""
        if not isinstance(page, PlaywrightPage):
            raise NotInThisBrowser("virtual authenticators by DevTools are Chromium's own")
        self.put_away(page)
        device = actor.device
        verifies = device is None or device.screen_lock
        authenticators = VirtualAuthenticators(page)
        made = authenticators.add(
            transport="usb" if actor.is_security_key else "internal" if here else "hybrid",
            hasUserVerification=verifies,
            isUserVerified=verifies and self._is_verified(actor),
            defaultBackupEligibility=self._syncs(actor),
            defaultBackupState=self._syncs(actor),
        )
        vault = self._vault(actor)
        for credential in self._vaults.get(vault, ()):
            authenticators.put(made, credential)
        self._there[page] = _There(authenticators=authenticators, id=made, vault=vault)

    def put_away(self, page: Page) -> None:
        """The page finds keys by itself again."""
        there = self._there.pop(page, None)
        if there is not None:
            self._save(there)
            there.authenticators.close()

    def close(self) -> None:
        """A page may be used again by the next play, and finds keys by itself there."""
        from playwright.async_api import Error

        there, self._there = list(self._there.values()), {}
        for each in there:
            with contextlib.suppress(Error):  # the page or the browser is gone
                each.authenticators.close()

    def save(self) -> None:
        """Remember what they hold: a page that is closed takes its authenticator with it."""
        for there in self._there.values():
            self._save(there)

    def _save(self, there: _There) -> None:
        self._vaults[there.vault] = there.authenticators.credentials(there.id)

    def _syncs(self, actor: Actor) -> bool:
        return actor.device is not None and actor.device.account is not None

    def _vault(self, actor: Actor) -> str:
        return f"{actor.spec.profile} {actor.spec.account}" if self._syncs(actor) else actor.name

    def _is_verified(self, actor: Actor) -> bool:
        assert actor.key is not None
        ask = Verification(purpose=Purpose.LOG_IN)
        for _ in range(TRIES):
            reply = actor.key.person.answer(ask)
            if reply is not None and isinstance(reply.outcome, Verified):
                return True
            if not actor.key.person.script:
                return False
        return False
