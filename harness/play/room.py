"""What is around a page of a play: which of its devices answers a ceremony, and how it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias

from harness.browsers.bridge import Answering, Ceremony
from harness.play.cast import Actor
from harness.play.devices import PHONES
from harness.virtual_key import VirtualKey
from harness.webauthn.ctap import Connection
from harness.webauthn.errors import not_allowed

PATIENCE = 3.0
"""Seconds a page has to ask for autofill. It does so as it loads, and the bridge looks ten times a second."""

THROUGH_A_TUNNEL = ("hybrid", "linked")
"""Ways that find out for themselves whether a phone is near."""
Connect: TypeAlias = Callable[[threading.Event], AbstractContextManager[Connection]]


class PlayRoom:
    """The room where somebody sits at a device (`seat`), with whatever they hold in their hand."""

    def __init__(
        self,
        seat: Actor,
        *,
        chosen: Callable[[], Actor | None],
        way: Callable[[Actor], str],
        note: Callable[[str, str, str], None],
        on_get: Callable[[], None] = lambda: None,
        on_native: Callable[[Actor, str], None] = lambda actor, way: None,
        call: Callable[[Actor], Connect] | None = None,
        passkeys_allowed: bool = True,
    ) -> None:
        self._seat = seat
        self._chosen = chosen
        self._way = way
        self._note = note
        self._on_get = on_get
        self._on_native = on_native
        self._call = call
        self._passkeys_allowed = passkeys_allowed
        self._offered = threading.Event()
        self._picked = threading.Event()

    def pick(self) -> bool:
        """Pick the passkey that the page's autofill offers; False if the page offers none."""
        self._offered.clear()
        if not self._offered.wait(PATIENCE):
            return False
        self._picked.set()
        return True

    # A Room

    def has_picked(self, ceremony: Ceremony) -> bool:
        if self._picked.is_set():
            self._picked.clear()
            return True
        self._offered.set()
        return False

    def answering(self, ceremony: Ceremony) -> Answering | None:
        if ceremony.kind == "get":
            self._on_get()
        if not self._passkeys_allowed:
            raise not_allowed("this private window lets no site at passkeys")
        actor = self._chosen()
        if actor is None:
            raise not_allowed("the person cancelled it")
        here = actor is self._seat
        way = self._way_of(actor)
        self._require_reachable(actor, way)
        if way == "linked":
            return self._called(actor)
        if way != "page":
            actor.used(way)
            self._on_native(actor, way)
            return None
        assert actor.key is not None
        by = _by(actor, here)
        actor.used(f"{way} ({by})")
        self._note("page", f"navigator.credentials.{ceremony.kind}", f"answered by {actor.name}, {by}")
        return Answering(device=actor.key, is_platform=here, transports=_transports(actor))

    def _called(self, actor: Actor) -> Answering:
        assert actor.key is not None
        assert self._call is not None
        actor.used("linked")
        return Answering(
            device=actor.key,
            is_platform=False,
            transports=_transports(actor),
            connect=self._call(actor),
        )

    def _way_of(self, actor: Actor) -> str:
        way = self._way(actor)
        # Whoever sits at a phone has no code to scan, and calls nobody.
        return "page" if actor is self._seat and way in THROUGH_A_TUNNEL else way

    def _require_reachable(self, actor: Actor, way: str) -> None:
        if actor.key is None:
            raise not_allowed(f"{actor.name} has no passkeys, and no other device was taken")
        if actor.is_lost:
            raise not_allowed(f"{actor.name} is lost")
        if actor is not self._seat and not actor.is_security_key and way not in THROUGH_A_TUNNEL:
            # Hybrid proves by Bluetooth that the phone is near (CTAP 2.3 §11.5): both sides need it.
            for each in (self._seat, actor):
                if not each.bluetooth:
                    raise not_allowed(f"Bluetooth is off on {each.name}")

    def capabilities(self) -> dict[str, bool]:
        device = self._seat.device
        platform = device is not None and device.screen_lock and self._passkeys_allowed
        return {
            "conditionalCreate": False,
            "conditionalGet": platform,
            "hybridTransport": self._seat.bluetooth,
            "passkeyPlatformAuthenticator": platform or self._seat.bluetooth,
            "relatedOrigins": True,
            "signalAllAcceptedCredentials": True,
            "signalCurrentUserDetails": True,
            "signalUnknownCredential": True,
            "userVerifyingPlatformAuthenticator": platform,
        }

    def listening(self) -> Sequence[VirtualKey]:
        """The provider of the device at hand hears it; where there is none, nobody does."""
        return [self._seat.key] if self._seat.key is not None and not self._seat.is_lost else []

    def told(self, what: str, detail: str) -> None:
        """The play's author is told the reasons that the page is not."""
        if what == "refused":
            self._note("page", "the ceremony was refused", detail)
        elif what.startswith("signal"):
            self._note("page", f"PublicKeyCredential.{what}", detail)


def _by(actor: Actor, here: bool) -> str:
    if here:
        return "internal"
    if actor.is_security_key:
        return "usb"
    return "push" if actor.spec.linked else "hybrid"


def _transports(actor: Actor) -> list[str] | None:
    """What Chromium tells of each kind: a phone can always be reached by QR code, too."""
    if actor.is_security_key:
        return None
    return ["hybrid", "internal"] if actor.spec.profile in PHONES else ["internal"]
