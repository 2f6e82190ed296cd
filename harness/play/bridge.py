"""Between a page and the devices of a play: which of them answers a ceremony, and how it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.client import Client
from harness.play.cast import Actor
from harness.play.devices import PHONES
from harness.webauthn.errors import ClientError

SCRIPT = Path(__file__).with_name("bridge.js")
BINDING = "stuntkeyAsk"

NOT_ALLOWED = "The operation either timed out or was not allowed."
"""All that a page is told, whatever the reason was (WebAuthn level 3 §14.5)."""


class Bridge:
    """Answers the ceremonies of one browser context."""

    def __init__(
        self,
        seat: Actor,
        *,
        chosen: Callable[[], Actor | None],
        way: Callable[[Actor], str],
        note: Callable[[str, str, str], None],
        on_get: Callable[[], None] = lambda: None,
        on_native: Callable[[Actor, str], None] = lambda actor, way: None,
        passkeys_allowed: bool = True,
    ) -> None:
        self._seat = seat
        self._chosen = chosen
        self._way = way
        self._note = note
        self._on_get = on_get
        self._on_native = on_native
        self._passkeys_allowed = passkeys_allowed

    def answer(self, source: Any, request: dict[str, Any]) -> dict[str, Any]:
        """The binding that bridge.js calls."""
        url = urlsplit(source["frame"].url)
        try:
            return self._answer(f"{url.scheme}://{url.netloc}", request)
        except ClientError as error:
            # The play's author is told the reason, the page is not.
            self._note("page", f"the ceremony failed: {error.name}", error.message)
            message = NOT_ALLOWED if error.name == "NotAllowedError" else error.message
            return {"error": error.name, "message": message}

    def _answer(self, origin: str, request: dict[str, Any]) -> dict[str, Any]:
        kind = request["kind"]
        if kind == "capabilities":
            return self._capabilities()
        if kind.startswith("signal"):
            return self._signal(origin, kind, request["options"])
        if kind == "get":
            self._on_get()
        if not self._passkeys_allowed:
            raise _not_allowed("this private window lets no site at passkeys")
        actor = self._chosen()
        if actor is None:
            raise _not_allowed("the person cancelled it")
        here = actor is self._seat
        # Whoever sits at a phone has no code to scan.
        way = "page" if here else self._way(actor)
        self._require_reachable(actor, way)
        if way not in ("page", "cdp"):
            actor.used(way)
            self._on_native(actor, way)
            return {"native": True}
        assert actor.key is not None
        by = (
            "internal"
            if here
            else "usb"
            if actor.is_security_key
            else "push"
            if actor.spec.linked
            else "hybrid"
        )
        actor.used(f"{way} ({by})")
        self._note("page", f"navigator.credentials.{kind}", f"answered by {actor.name}, {by}")
        client = Client(actor.key, origin, platform=here)
        if kind == "create":
            response = client.create(request["options"])
            response["response"]["transports"] = _transports(actor, response["response"]["transports"])
        else:
            response = client.get(request["options"], mediation=request.get("mediation"))
        return {"response": response}

    def _require_reachable(self, actor: Actor, way: str) -> None:
        if actor.key is None:
            raise _not_allowed(f"{actor.name} has no passkeys, and no other device was taken")
        if actor.is_lost:
            raise _not_allowed(f"{actor.name} is lost")
        if actor is not self._seat and not actor.is_security_key and way != "hybrid":
            # Hybrid proves by Bluetooth that the phone is near (CTAP 2.3 §11.5): both sides need it.
            for each in (self._seat, actor):
                if not each.bluetooth:
                    raise _not_allowed(f"Bluetooth is off on {each.name}")

    def _capabilities(self) -> dict[str, bool]:
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

    def _signal(self, origin: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        """The provider of the device at hand hears it; where there is none, nobody does."""
        if self._seat.key is not None and not self._seat.is_lost:
            client = Client(self._seat.key, origin)
            {
                "signalUnknownCredential": client.signal_unknown_credential,
                "signalAllAcceptedCredentials": client.signal_all_accepted_credentials,
                "signalCurrentUserDetails": client.signal_current_user_details,
            }[kind](options)
            self._note("page", f"PublicKeyCredential.{kind}", f"heard by {self._seat.name}")
        return {}


def _transports(actor: Actor, told: list[str]) -> list[str]:
    """What Chromium tells of each kind: a phone can always be reached by QR code, too."""
    if actor.is_security_key:
        return told
    return ["hybrid", "internal"] if actor.spec.profile in PHONES else ["internal"]


def _not_allowed(reason: str) -> ClientError:
    return ClientError("NotAllowedError", reason)
