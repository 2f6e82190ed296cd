"""The page backend: navigator.credentials of any browser that Playwright drives, answered by virtual keys.

bridge = PageBridge(account.sign_in("phone"), key)
bridge.attach(context)            # of Playwright's, sync or async, before its pages are opened
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from authenticator.credential import rp_id_hash
from authenticator.person import AccountChoice, Chosen
from authenticator.profiles.profile import Kind
from harness.browsers.browser import Browser, UiSteps
from harness.browsers.chromium import Chromium
from harness.browsers.driver import PlaywrightPage, now
from harness.client import Client
from harness.errors import SetupError
from harness.people import Person
from harness.virtual_key import VirtualKey
from harness.webauthn.errors import ClientError, not_allowed
from harness.webauthn.lies import TRUTH, Lies
from harness.webauthn.options import from_base64url, load
from harness.webauthn.origins import effective_domain

SCRIPT = resources.files(__package__).joinpath("bridge.js").read_text()
BINDING = "__stuntkey"
LOOK_AGAIN = 0.05
_SIGNALS: Mapping[str, Callable[[Client, Mapping[str, Any]], None]] = {
    "signalUnknownCredential": Client.signal_unknown_credential,
    "signalAllAcceptedCredentials": Client.signal_all_accepted_credentials,
    "signalCurrentUserDetails": Client.signal_current_user_details,
}


class PageBridge:
    """Several devices behind one page, and the person who chooses among them.

    person    is asked which device (`AccountChoice` of their names) where several can; by default the first,
              which is one that has a passkey for the site
    lies      the seam for lies of the client
    """

    def __init__(
        self,
        *devices: VirtualKey,
        person: Person | None = None,
        lies: Lies = TRUTH,
        checks_origin: bool = True,
        enterprise_rp_ids: Collection[str] = (),
    ) -> None:
        self.devices: list[VirtualKey] = list(devices)
        self.person = person if person is not None else Person()
        self.ui_steps = UiSteps()
        self._options: dict[str, Any] = {
            "lies": lies, "checks_origin": checks_origin, "enterprise_rp_ids": enterprise_rp_ids,
        }  # fmt: skip
        self._aborted: dict[str, threading.Event] = {}

    def attach(self, context: Any) -> Any:
        """To a browser context (or page) of Playwright's. With its async API the result is to be awaited."""
        import inspect

        if inspect.iscoroutinefunction(context.expose_binding):
            return self.attach_async(context)
        # Playwright's sync API calls it between the caller's own calls, and waits for it
        context.expose_binding(BINDING, self._answer_sync)
        context.add_init_script(SCRIPT)
        return None

    async def attach_async(self, context: Any) -> None:
        import asyncio

        async def answer(source: Any, message: dict[str, Any]) -> dict[str, Any]:
            return await asyncio.to_thread(self.answer, _origin(source), _top_origin(source), message)

        await context.expose_binding(BINDING, answer)
        await context.add_init_script(SCRIPT)

    def _answer_sync(self, source: Any, message: dict[str, Any]) -> dict[str, Any]:
        return self.answer(_origin(source), _top_origin(source), message)

    def answer(self, origin: str, top_origin: str, message: dict[str, Any]) -> dict[str, Any]:
        """One call of the page, in JSON."""
        try:
            return {"value": self._answer(origin, top_origin, message)}
        except ClientError as error:
            self.ui_steps.add("refused", str(error))
            return {"error": {"name": error.name, "message": error.message}}
        except SetupError as error:
            self.ui_steps.add("refused", str(error))
            return {"error": {"name": "NotAllowedError", "message": str(error)}}

    def _answer(self, origin: str, top_origin: str, message: dict[str, Any]) -> Any:
        kind = message["kind"]
        if kind == "capabilities":
            return self.capabilities()
        if kind == "abort":
            self._aborted.setdefault(message["number"], threading.Event()).set()
            return None
        if kind == "signal":
            for device in self.devices:
                _SIGNALS[message["name"]](self._client(device, origin, top_origin), message["options"])
            return None
        aborted = self._aborted.setdefault(message["number"], threading.Event())
        try:
            return self._ceremony(kind, origin, top_origin, message, aborted)
        finally:
            self._aborted.pop(message["number"], None)

    def _ceremony(
        self, kind: str, origin: str, top_origin: str, message: dict[str, Any], aborted: threading.Event
    ) -> dict[str, Any]:
        options = load(message["publicKey"])
        mediation = message.get("mediation")
        conditional = mediation == "conditional" and kind == "get"
        self.ui_steps.add(kind, mediation or "")
        if conditional:
            device = self._wait_for_passkey(options, origin, aborted)
        else:
            device = self._choose(self._able(kind, options), options, origin)
        self.ui_steps.add("device", _name(device))
        client = self._client(device, origin, top_origin, aborted)
        try:
            if kind == "create":
                return dict(client.create(options))
            return dict(client.get(options, mediation="conditional" if conditional else None))
        finally:
            self.ui_steps.add("closed")

    def capabilities(self) -> dict[str, bool]:
        """PublicKeyCredential.getClientCapabilities (WebAuthn level 3 §5.1.7)."""
        platform = any(_is_platform(each) and _verifies(each) for each in self.devices)
        return {
            "conditionalCreate": False,
            "conditionalGet": True,
            "hybridTransport": False,
            "passkeyPlatformAuthenticator": platform,
            "userVerifyingPlatformAuthenticator": platform,
            "relatedOrigins": False,
            "signalAllAcceptedCredentials": True,
            "signalCurrentUserDetails": True,
            "signalUnknownCredential": True,
            "extension:credProps": True,
            "extension:credProtect": True,
            "extension:largeBlob": True,
            "extension:prf": True,
        }

    def _client(
        self, device: VirtualKey, origin: str, top_origin: str, aborted: threading.Event | None = None
    ) -> Client:
        cross = origin != top_origin
        return Client(
            device,
            origin,
            cross_origin=cross,
            top_origin=top_origin if cross else None,
            cancelled=aborted,
            **self._options,
        )

    # Which device

    def _able(self, kind: str, options: Mapping[str, Any]) -> list[VirtualKey]:
        there = [each for each in self.devices if each.is_plugged_in]
        selection = options.get("authenticatorSelection") or {}
        attachment = selection.get("authenticatorAttachment") if kind == "create" else None
        return [
            each
            for each in there
            if attachment is None or attachment == ("platform" if _is_platform(each) else "cross-platform")
        ]

    def _choose(self, able: list[VirtualKey], options: Mapping[str, Any], origin: str) -> VirtualKey:
        if not able:
            raise not_allowed("there is no device for this")
        rp_id = _rp_id(options, origin)
        having = [each for each in able if _has_passkey(each, rp_id, options)]
        ranked = [*having, *(each for each in able if each not in having)]
        if len(ranked) == 1:
            return ranked[0]
        names = tuple(map(_name, ranked))
        reply = self.person.answer(AccountChoice(rp_id=rp_id, accounts=names))
        if reply is None or not isinstance(reply.outcome, Chosen):
            raise not_allowed("the person chose no device")
        return ranked[reply.outcome.index]

    def _wait_for_passkey(
        self, options: Mapping[str, Any], origin: str, aborted: threading.Event
    ) -> VirtualKey:
        """Conditional mediation goes on only when there is something to fill in; until then it waits, silently."""
        rp_id = _rp_id(options, origin)
        while True:
            having = [each for each in self._able("get", options) if _has_passkey(each, rp_id, options)]
            if having:
                return self._choose(having, options, origin)
            if aborted.wait(LOOK_AGAIN):
                raise ClientError("AbortError", "the page gave up")


def _rp_id(options: Mapping[str, Any], origin: str) -> str:
    rp = options.get("rp")
    named = (rp.get("id") if isinstance(rp, Mapping) else None) or options.get("rpId")
    return str(named or effective_domain(origin))


def _has_passkey(device: VirtualKey, rp_id: str, options: Mapping[str, Any]) -> bool:
    allowed = {from_base64url(each.get("id"), "id") for each in options.get("allowCredentials") or ()}
    with device.engine.lock:
        stored = {each.id for each in device.store.for_rp(rp_id_hash(rp_id))}
    return bool(stored & allowed if allowed else stored)


def _is_platform(device: VirtualKey) -> bool:
    return device.profile.kind is not Kind.SECURITY_KEY


def _verifies(device: VirtualKey) -> bool:
    return device.profile.features.user_verification is not None


def _name(device: VirtualKey) -> str:
    return str(getattr(device, "name", None) or device.profile.name)


def _origin(source: Any) -> str:
    return _of_url(_member(source, "frame").url)


def _top_origin(source: Any) -> str:
    return _of_url(_member(source, "page").main_frame.url)


def _member(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


def _of_url(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class BridgedBrowser(Browser):
    """Stock Chromium whose pages talk to the bridge instead of the browser's own WebAuthn."""

    name = "page"

    def __init__(self, *, headless: bool = True, bridge: PageBridge | None = None, **options: Any) -> None:
        super().__init__()
        self.bridge = bridge if bridge is not None else PageBridge()
        self.ui_steps = self.bridge.ui_steps
        self._chromium = self._stack.enter_context(Chromium(headless=headless, port=None, **options))
        now(self.bridge.attach_async(self._chromium.context))
        self._page = self._chromium.new_page()

    @property
    def version(self) -> str:  # type: ignore[override]
        return self._chromium.version

    @property
    def page(self) -> PlaywrightPage:
        return self._page

    def new_page(self, url: str | None = None) -> PlaywrightPage:
        return self._chromium.new_page(url)

    def screenshot_screen(self) -> bytes:
        return self._chromium.screenshot_screen()

    def plug_in(self, key: VirtualKey) -> None:
        if key in self.bridge.devices:
            raise SetupError(f"{key} is there already")
        self.bridge.devices.append(key)

    @property
    def keys(self) -> tuple[VirtualKey, ...]:
        return tuple(self.bridge.devices)

    def unplug(self, key: VirtualKey) -> None:
        self.bridge.devices.remove(key)
