"""Between navigator.credentials of a page and the virtual devices around it, for any browser.

bridge = PageBridge(account.sign_in("phone"), key)
bridge.attach(context)            # a context of Playwright's, sync or async, before its pages are opened

Our own browsers take one, too: `open_browser("page")` and `Browser.new_context(bridge=...)`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol
from urllib.parse import urlsplit

from authenticator.credential import rp_id_hash
from authenticator.person import AccountChoice, Chosen
from authenticator.profiles.profile import Kind
from harness.browsers.browser import UiSteps
from harness.client import Client
from harness.people import Person
from harness.virtual_key import VirtualKey
from harness.webauthn.ctap import Connection
from harness.webauthn.errors import ClientError, not_allowed
from harness.webauthn.lies import TRUTH, Lies
from harness.webauthn.options import from_base64url, load
from harness.webauthn.origins import effective_domain

SCRIPT = resources.files(__package__).joinpath("bridge.js").read_text()
"""Runs before any of the page's own scripts, in every frame."""
BINDING = "__stuntkey"
"""The function that SCRIPT calls: a message in JSON, and a promise of the answer."""
NOT_ALLOWED = "The operation either timed out or was not allowed."
"""All that a page is told, whatever the reason was (WebAuthn level 3 §14.5)."""
_SIGNALS: Mapping[str, Callable[[Client, Mapping[str, Any]], None]] = {
    "signalUnknownCredential": Client.signal_unknown_credential,
    "signalAllAcceptedCredentials": Client.signal_all_accepted_credentials,
    "signalCurrentUserDetails": Client.signal_current_user_details,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """What a page asks."""

    kind: str
    """create or get"""
    origin: str
    options: Mapping[str, Any]
    mediation: str | None = None

    @property
    def is_conditional(self) -> bool:
        return self.kind == "get" and self.mediation == "conditional"

    @property
    def rp_id(self) -> str:
        rp = self.options.get("rp")
        named = (rp.get("id") if isinstance(rp, Mapping) else None) or self.options.get("rpId")
        return str(named or effective_domain(self.origin))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """Who answers it."""

    device: VirtualKey
    is_platform: bool | None = None
    """Whether the page is on that device itself. None: as the device's kind has it."""
    transports: Sequence[str] | None = None
    """What the page is told of a new credential, where it is not what the device says."""
    connect: Callable[[threading.Event], AbstractContextManager[Connection]] | None = None
    """How the device is reached for one ceremony, where it is not at hand; the event says that the page gave up."""


class Room(Protocol):
    """What is around a page: its devices, and the person who takes one of them."""

    def capabilities(self) -> dict[str, bool]:
        """PublicKeyCredential.getClientCapabilities (WebAuthn level 3 §5.1.7)."""

    def has_picked(self, ceremony: Ceremony) -> bool:
        """Whether a conditional ceremony may go on: somebody took a passkey from the autofill."""

    def answering(self, ceremony: Ceremony) -> Answering | None:
        """Who answers; None leaves it to the browser itself. ClientError if nobody can."""

    def listening(self) -> Sequence[VirtualKey]:
        """Who hears the page's signals."""

    def told(self, what: str, detail: str) -> None:
        """A step of a ceremony, for whoever reads along."""


class Around:
    """The usual room: the person is asked which device where several could answer.

    By default they take the first, which is one that has a passkey for the site.
    """

    def __init__(self, devices: list[VirtualKey], person: Person, steps: UiSteps) -> None:
        self.devices = devices
        self.person = person
        self._steps = steps

    def capabilities(self) -> dict[str, bool]:
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

    def has_picked(self, ceremony: Ceremony) -> bool:
        """There is something to fill in; until then the page waits, silently."""
        return any(_has_passkey(each, ceremony) for each in self._able(ceremony))

    def answering(self, ceremony: Ceremony) -> Answering:
        able = self._able(ceremony)
        having = [each for each in able if _has_passkey(each, ceremony)]
        ranked = (
            having if ceremony.is_conditional else [*having, *(each for each in able if each not in having)]
        )
        if not ranked:
            raise not_allowed("there is no device for this")
        device = ranked[0] if len(ranked) == 1 else self._chosen(ranked, ceremony)
        self.told("device", _name(device))
        return Answering(device=device)

    def _chosen(self, ranked: list[VirtualKey], ceremony: Ceremony) -> VirtualKey:
        names = tuple(map(_name, ranked))
        reply = self.person.answer(AccountChoice(rp_id=ceremony.rp_id, accounts=names))
        if reply is None or not isinstance(reply.outcome, Chosen):
            raise not_allowed("the person chose no device")
        return ranked[reply.outcome.index]

    def _able(self, ceremony: Ceremony) -> list[VirtualKey]:
        selection = ceremony.options.get("authenticatorSelection") or {}
        attachment = selection.get("authenticatorAttachment") if ceremony.kind == "create" else None
        return [
            each
            for each in self.devices
            if each.is_plugged_in
            and (attachment is None or attachment == ("platform" if _is_platform(each) else "cross-platform"))
        ]

    def listening(self) -> Sequence[VirtualKey]:
        return self.devices

    def told(self, what: str, detail: str) -> None:
        self._steps.add(what, detail)


class PageBridge:
    """Several devices behind one page, and the person who chooses among them.

    person    is asked which device (`AccountChoice` of their names) where several can answer
    lies      the seam for lies of the client
    room      instead of devices and person: one that decides by itself
    """

    def __init__(
        self,
        *devices: VirtualKey,
        person: Person | None = None,
        room: Room | None = None,
        lies: Lies = TRUTH,
        checks_origin: bool = True,
        enterprise_rp_ids: Collection[str] = (),
    ) -> None:
        self.devices: list[VirtualKey] = list(devices)
        self.ui_steps = UiSteps()
        self._around = Around(self.devices, person if person is not None else Person(), self.ui_steps)
        self.room: Room = room if room is not None else self._around
        self.lies = lies
        self._options: dict[str, Any] = {
            "checks_origin": checks_origin,
            "enterprise_rp_ids": enterprise_rp_ids,
        }
        self._aborted: dict[str, threading.Event] = {}
        self.problems: list[Exception] = []
        """What went wrong here, and not in the page: it is only told that nothing came of it."""

    @property
    def person(self) -> Person:
        return self._around.person

    @person.setter
    def person(self, person: Person) -> None:
        self._around.person = person

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
        await attach_async(context, self.answer)

    def _answer_sync(self, source: Any, message: dict[str, Any]) -> dict[str, Any]:
        return self.answer(_origin(source), _top_origin(source), message)

    def answer(self, origin: str, top_origin: str, message: dict[str, Any]) -> dict[str, Any]:
        """One call of the page, in JSON."""
        try:
            return {"value": self._answer(origin, top_origin, message)}
        except ClientError as error:
            self.room.told("refused", str(error))
            said = NOT_ALLOWED if error.name == "NotAllowedError" else error.message
            return {"error": {"name": error.name, "message": said}}
        except Exception as error:
            self.room.told("refused", str(error))
            self.problems.append(error)
            return {"error": {"name": "NotAllowedError", "message": NOT_ALLOWED}}

    def _answer(self, origin: str, top_origin: str, message: dict[str, Any]) -> Any:
        kind = message["kind"]
        if kind == "capabilities":
            return self.room.capabilities()
        if kind == "abort":
            if (aborted := self._aborted.pop(message["number"], None)) is not None:
                aborted.set()
            return None
        if kind == "signal":
            for device in self.room.listening():
                _SIGNALS[message["name"]](self._client(device, origin, top_origin), message["options"])
                self.room.told(message["name"], f"heard by {_name(device)}")
            return None
        return self._ceremony(kind, origin, top_origin, message)

    def _ceremony(self, kind: str, origin: str, top_origin: str, message: dict[str, Any]) -> dict[str, Any]:
        number, mediation = message["number"], message.get("mediation")
        ceremony = Ceremony(kind=kind, origin=origin, options=load(message["publicKey"]), mediation=mediation)
        if kind == "create" and mediation == "conditional":
            # WebAuthn level 3 §5.1.3: not without the user's consent, which nobody gives here; the capabilities say so
            raise not_allowed("passkeys are not created without asking here")
        first = number not in self._aborted
        aborted = self._aborted.setdefault(number, threading.Event())
        if first:
            self.room.told(kind, mediation or "")
        if ceremony.is_conditional and not aborted.is_set() and not self.room.has_picked(ceremony):
            return {"wait": True}
        try:
            answering = self.room.answering(ceremony)
            if answering is None:
                return {"native": True}
            return {"credential": self._credential(ceremony, answering, top_origin, aborted)}
        finally:
            self._aborted.pop(number, None)
            self.room.told("closed", "")

    def _credential(
        self, ceremony: Ceremony, answering: Answering, top_origin: str, aborted: threading.Event
    ) -> dict[str, Any]:
        with ExitStack() as stack:
            connection = stack.enter_context(answering.connect(aborted)) if answering.connect else None
            client = self._client(
                answering.device,
                ceremony.origin,
                top_origin,
                aborted,
                platform=answering.is_platform,
                connection=connection,
            )
            return self._credential_of(client, ceremony, answering)

    def _credential_of(self, client: Client, ceremony: Ceremony, answering: Answering) -> dict[str, Any]:
        if ceremony.kind == "get":
            mediation = "conditional" if ceremony.is_conditional else None
            return dict(client.get(ceremony.options, mediation=mediation))
        credential = dict(client.create(ceremony.options))
        if answering.transports is not None:
            credential["response"] = {**credential["response"], "transports": list(answering.transports)}
        return credential

    def _client(
        self,
        device: VirtualKey,
        origin: str,
        top_origin: str,
        aborted: threading.Event | None = None,
        *,
        platform: bool | None = None,
        connection: Connection | None = None,
    ) -> Client:
        cross = origin != top_origin
        return Client(
            device,
            origin,
            cross_origin=cross,
            top_origin=top_origin if cross else None,
            cancelled=aborted,
            platform=platform,
            connection=connection,
            lies=self.lies,
            **self._options,
        )


async def attach_async(context: Any, answer: Callable[[str, str, dict[str, Any]], dict[str, Any]]) -> None:
    """Have a context of Playwright's async API ask this function, in threads of its own."""
    import asyncio

    async def ask(source: Any, message: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(answer, _origin(source), _top_origin(source), message)

    await context.expose_binding(BINDING, ask)
    await context.add_init_script(SCRIPT)


def _has_passkey(device: VirtualKey, ceremony: Ceremony) -> bool:
    allowed = {
        from_base64url(each.get("id"), "id") for each in ceremony.options.get("allowCredentials") or ()
    }
    with device.engine.lock:
        stored = {each.id for each in device.store.for_rp(rp_id_hash(ceremony.rp_id))}
    return bool(stored & allowed if allowed else stored)


def _is_platform(device: VirtualKey) -> bool:
    return device.profile.kind is not Kind.SECURITY_KEY


def _verifies(device: VirtualKey) -> bool:
    return device.profile.features.user_verification is not None


def _name(device: VirtualKey) -> str:
    return str(getattr(device, "name", None) or device.profile.name)


def _origin(source: Any) -> str:
    return origin_of(_member(source, "frame").url)


def _top_origin(source: Any) -> str:
    return origin_of(_member(source, "page").main_frame.url)


def _member(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
