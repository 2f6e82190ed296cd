"""The stage of one play: where the person sits, what they hold in their hand, and what is true of the world."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from harness.browsers import Browser, Page
from harness.browsers.browser import NotShown
from harness.errors import SetupError
from harness.platform import Device
from harness.play.agents import agent_of
from harness.play.cast import Actor, Cast
from harness.play.devices import COMPUTER, DeviceSpec
from harness.play.devtools_keys import DevToolsKeys
from harness.play.events import Moment
from harness.play.linked import LinkedPhones
from harness.play.machine import Machine
from harness.play.play import Play
from harness.play.room import Connect, PlayRoom
from harness.play.seat import Seat
from harness.play.traffic import inspect_traffic
from harness.play.verbs import (
    InspectTraffic,
    LookAtDevice,
    LoseDevice,
    SignInOnNewDevice,
    SitAt,
    SwitchOf,
    UseIncognito,
    Verb,
    Wait,
)
from harness.play.ways import Ways, has_pin_dialog
from harness.relying_parties.outcome import ASKS, Outcome
from harness.relying_parties.protocol import RelyingParty
from harness.trace import AnswerEvent, AskEvent, Event, RequestEvent, ResponseEvent, StateEvent
from harness.trace.words import question_text, subject
from harness.virtual_key import VirtualKey

NO_DIALOG = ("kClosed", "kNotStarted")
NOWHERE = "a computer"
"""Where the person sits in a play that has security keys only."""


class Stage:
    """A `Visit` for adapters, and what the steps of the world are done with."""

    def __init__(self, play: Play, machine: Machine, site: RelyingParty, ways: Ways, seed: str) -> None:
        self.play = play
        self.site = site
        self.moments: list[Moment] = []
        self._began = time.monotonic()
        self._machine = machine
        self._ways = ways
        specs = dict(play.header.devices)
        start = play.seat
        if start is None:
            start, specs[NOWHERE] = NOWHERE, DeviceSpec(profile=COMPUTER)
        self.cast = Cast(specs, seed=seed, via=lambda spec, is_key: ways.of(spec, is_key), listen=self._hear)
        self._seats: dict[tuple[str, int], Seat] = {}
        self._devtools_keys = DevToolsKeys()
        self._held: Actor | None = None
        self._hands_off = False
        self._asks_noted = 0
        self._asks_before_passkey: int | None = None
        """What the site had asked for in this step, when it asked the browser for a passkey."""
        self._linked: LinkedPhones | None = None
        self._seat: Seat | None = None
        try:
            self._sit(self.cast[start])
        except BaseException:
            self.close()
            raise

    # A Visit

    @property
    def window(self) -> Page:
        return self.here.window

    @property
    def seat(self) -> DeviceSpec:
        return self.here.actor.spec

    @property
    def seat_name(self) -> str:
        return self.here.actor.name

    def is_here(self, device: str) -> bool:
        return self.here.actor is self._actor(device)

    def is_security_key(self, device: str) -> bool:
        return self._actor(device).is_security_key

    @contextmanager
    def hand(self, device: str | None) -> Iterator[None]:
        before = self._held, self._hands_off
        self._held, self._hands_off = (self._actor(device) if device is not None else None), False
        try:
            held = self._held
            way = self._ways.of(held.spec, True) if held is not None and held.is_security_key else "page"
            if held is not None and held.key is not None and way in ("mock", "uhid") and not held.is_lost:
                with self._plugged_in(held.key, way):
                    self.tell(held.name, "plugged in", way)
                    yield
            else:
                yield
        finally:
            self._held, self._hands_off = before

    def _plugged_in(self, key: VirtualKey, way: str) -> AbstractContextManager[object]:
        if way != "mock":
            return key.plugged_in(way)
        self._machine.require_bus()
        return self.here.plugged_in(key)

    @contextmanager
    def hands_off(self) -> Iterator[None]:
        before, self._hands_off = self._hands_off, True
        try:
            yield
        finally:
            self._hands_off = before

    def change_account(self, device: str) -> None:
        self.cast.change_account(device)

    def pick_autofill(self) -> None:
        if not self.here.room.pick():
            raise NotShown("the page waits for no passkey from its form's autofill")
        self.note("a passkey was picked from the autofill list")

    def note(self, what: str, detail: str = "") -> None:
        self._asks_noted += what.startswith(ASKS)
        self.tell("site", what, detail)

    # The world

    @property
    def here(self) -> Seat:
        assert self._seat is not None
        return self._seat

    def perform(self, verb: Verb) -> Outcome:
        how = self.site.verbs.get(type(verb))
        if how is None:
            return self._world(verb)
        self._asks_noted, self._asks_before_passkey = 0, None
        outcome = self._done(how, verb)
        self._devtools_keys.save()
        for seat in self._seats.values():
            if seat.bridge.problems:
                raise seat.bridge.problems.pop(0)
        if problems := self.here.take_problems():
            raise problems[0]
        if self._asks_before_passkey is not None and "passkey" not in outcome.asks:
            # Where the device answers at once, the page shows its question for no time at all.
            place = len(outcome.asks) - self._asks_noted + self._asks_before_passkey
            asks = (*outcome.asks[:place], "passkey", *outcome.asks[place:])
            outcome = replace(outcome, asks=asks)
        return outcome

    def _done(self, how: Callable[[Stage, Any], Outcome], verb: Verb) -> Outcome:
        steps, before = self.here.ui_steps, len(self.here.ui_steps)
        try:
            return how(self, verb)
        except NotShown as stuck:
            shown = steps.since(before)
            if shown and shown[-1] not in NO_DIALOG:
                problems = "".join(f": {each}" for each in self.here.take_problems())
                raise NotShown(f"{stuck}; the browser itself shows its step {shown[-1]}{problems}") from None
            raise

    def can(self, verb: Verb) -> bool:
        return type(verb) in self.site.verbs or isinstance(verb, WORLD)

    def _world(self, verb: Verb) -> Outcome:
        match verb:
            case SitAt():
                self._sit(self._actor(verb.device))
            case UseIncognito():
                self._sit(self.here.actor, is_private=True, passkeys_allowed=verb.passkeys == "allowed")
            case Wait():
                self.site.advance(verb.time)
            case LoseDevice():
                self.cast.lose(verb.device)
                self.tell(verb.device, "lost")
            case SignInOnNewDevice():
                actor = self.cast.sign_in(verb.device, verb.account_of)
                self._sit(actor)
            case SwitchOf():
                self._switch(verb)
            case LookAtDevice():
                return self._looked_at(self._actor(verb.device))
            case InspectTraffic():
                return inspect_traffic([sent for seat in self._seats.values() for sent in seat.sent])
            case _:
                raise SetupError(f"{self.site.name} cannot {verb.phrase!r}")
        return Outcome()

    def _looked_at(self, actor: Actor) -> Outcome:
        """What its own settings list: whose passkey, for which site."""
        passkeys = actor.key.credentials if actor.key is not None else ()
        told = [f"{each.user.name} ({each.user.display_name}) at {each.rp_id}" for each in passkeys]
        return Outcome(text="\n".join(told) or "no passkeys")

    def _switch(self, verb: SwitchOf) -> None:
        actor = self._actor(verb.device)
        if verb.bluetooth is not None:
            actor.bluetooth = verb.bluetooth
            self._tell_nearby(actor)
        if verb.locked is not None:
            actor.is_locked = verb.locked
        device = actor.device
        self._switch_more(verb, device)
        for seat in self._seats.values():
            seat.tell_facts()

    def _switch_more(self, verb: SwitchOf, device: Device | None) -> None:
        if verb.screen_lock is not None or verb.online is not None:
            if device is None:
                raise SetupError(f"{verb.device} has neither a screen lock nor an account")
            if verb.screen_lock is not None:
                device.screen_lock = verb.screen_lock
            if verb.online is not None:
                device.is_offline = not verb.online

    def _sit(self, actor: Actor, *, is_private: bool = False, passkeys_allowed: bool = True) -> None:
        # A private window forgets all when it is closed: each is a new one.
        place = (actor.name, len(self._seats) if is_private else 0)
        if place not in self._seats:
            nearby = self._machine.nearby() if self._shows_codes(actor) else None
            room = PlayRoom(
                actor,
                chosen=lambda: None if self._hands_off else self._held or self.here.actor,
                way=lambda each: self._ways.of(each.spec, each.is_security_key),
                note=self.tell,
                on_get=self._note_passkey_asked,
                on_native=self._take_out,
                call=self._call,
                passkeys_allowed=passkeys_allowed,
            )
            browser = nearby.browser if nearby is not None else self._browser()
            self._seats[place] = Seat(browser, actor, room, is_private=is_private, nearby=nearby)
        self._seat = self._seats[place]
        self._tell_nearby(actor)

    def _tell_nearby(self, actor: Actor) -> None:
        """Its browser hears at once of a computer's Bluetooth: it shows no QR code until it has."""
        for seat in self._seats.values():
            if seat.actor is actor and seat.nearby is not None:
                seat.nearby.power(actor.bluetooth)

    def _call(self, phone: Actor) -> Connect:
        """How this linked phone is called from where the person sits."""
        if self._linked is None:
            self._linked = LinkedPhones(self.tell)
        return self._linked.call(phone, self.here.actor)

    def _browser(self) -> Browser:
        asks_for_pins = any(
            has_pin_dialog(actor.spec, self._ways.of(actor.spec, True))
            for actor in self.cast.actors.values()
            if actor.is_security_key
        )
        said = [words for step in self.play.steps for words in step.person]
        # What Chromium tells its user of a key, and not yet the page, is in a dialog that one must dismiss.
        refusals = {getattr(step.verb, "on", None) for step in self.play.steps if step.expect.refused}
        tells = any(name in self.cast.actors and self._is_on_bus(name) for name in refusals)
        if asks_for_pins or tells or any(words.startswith("pin ") for words in said):
            return self._machine.with_dialogs()
        return self._machine.browser

    def _is_on_bus(self, name: str) -> bool:
        actor = self.cast[name]
        return actor.is_security_key and self._ways.of(actor.spec, True) in ("mock", "uhid")

    def _shows_codes(self, actor: Actor) -> bool:
        """Whether it is a computer, with a phone in the play that scans QR codes."""
        others = (each for each in self.cast.actors.values() if each is not actor)
        return not agent_of(actor.spec).is_phone and any(
            self._ways.of(each.spec, each.is_security_key) == "hybrid" for each in others
        )

    def _take_out(self, actor: Actor, way: str) -> None:
        """The browser asks for itself now, and this device answers."""
        nearby = self.here.nearby
        if way == "hybrid":
            if nearby is None:
                raise SetupError(
                    f"{actor.name}: on {self.seat_name}, a phone, no QR code is shown: use via: page"
                )
            nearby.hold(actor, self.here.actor, self.tell)
            return
        if nearby is not None:
            nearby.put_away()
        if way == "cdp":
            self._devtools_keys.take(self.window, actor, here=actor is self.here.actor)
        else:
            self._devtools_keys.put_away(self.window)

    def _actor(self, name: str) -> Actor:
        return self.cast[name]

    def _note_passkey_asked(self) -> None:
        if self._asks_before_passkey is None:
            self._asks_before_passkey = self._asks_noted

    # What happened

    def tell(self, who: str, what: str, detail: str = "", picture: bytes | None = None) -> None:
        if what.startswith("PublicKeyCredential.signal") and any(
            (who, what, detail) == (each.who, each.what, each.detail) for each in self.moments
        ):
            return  # a page says so each time it is shown
        at = time.monotonic() - self._began
        self.moments.append(Moment(at=at, who=who, what=what, detail=detail, picture=picture))

    def _hear(self, device: str, event: Event) -> None:
        told = in_words(event)
        if told is not None:
            self.tell(device, *told)

    def take_moments(self) -> tuple[Moment, ...]:
        taken, self.moments = tuple(self.moments), []
        return taken

    @property
    def complaints(self) -> list[str]:
        return [complaint for seat in self._seats.values() for complaint in seat.complaints]

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self.cast.close)
            if self._linked is not None:
                stack.callback(self._linked.close)
            for seat in self._seats.values():
                stack.callback(seat.close)
            stack.callback(self._devtools_keys.close)


WORLD = (SitAt, UseIncognito, Wait, LoseDevice, SignInOnNewDevice, SwitchOf, LookAtDevice, InspectTraffic)


def _flags(event: ResponseEvent) -> str:
    """What the authenticator data of a new passkey or an assertion says: `UP UV BE BS, counter 7`."""
    result = event.result if event.command in (0x01, 0x02) and event.status == "SUCCESS" else None
    data = result.get(2) if isinstance(result, dict) else None  # authData, in both responses
    if not isinstance(data, bytes) or len(data) < 37:
        return ""
    # WebAuthn level 3 §6.1: 32 bytes of the RP ID's hash, the flags, the counter
    names = {0x01: "UP", 0x04: "UV", 0x08: "BE", 0x10: "BS"}
    said = " ".join(name for bit, name in names.items() if data[32] & bit)
    return f"{said or 'no flags'}, counter {int.from_bytes(data[33:37], 'big')}"


def in_words(event: Event) -> tuple[str, str] | None:
    if isinstance(event, RequestEvent):
        return event.command, subject(event)
    if isinstance(event, ResponseEvent):
        return event.status, _flags(event)
    if isinstance(event, AskEvent):
        return f"asks for {type(event.ask).__name__}", question_text(event)
    if isinstance(event, AnswerEvent):
        return f"the person: {event.answer}", ""
    if isinstance(event, StateEvent):
        return event.state, event.text
    return None
