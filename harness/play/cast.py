"""The devices of one play, made afresh for it, and the accounts they are signed in to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from authenticator.environment import HandTurnedClock
from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Kind
from harness.errors import SetupError
from harness.people import Person
from harness.platform import Account, Device
from harness.play.devices import COMPUTER, DeviceSpec
from harness.trace import Event
from harness.virtual_key import VirtualKey


@dataclass(slots=True, kw_only=True)
class Actor:
    """A device on the stage."""

    name: str
    spec: DeviceSpec
    key: VirtualKey | None
    """None: a computer without passkeys."""
    is_security_key: bool = False
    bluetooth: bool = True
    is_locked: bool = False
    is_lost: bool = False
    way: str = ""
    """How it was there, once it was used."""
    _ways: list[str] = field(default_factory=list)

    @property
    def device(self) -> Device | None:
        return self.key if isinstance(self.key, Device) else None

    def used(self, way: str) -> None:
        if way not in self._ways:
            self._ways.append(way)
            self.way = ", ".join(self._ways)


class Cast:
    """All devices of a play by name; new ones join."""

    def __init__(
        self,
        specs: Mapping[str, DeviceSpec],
        *,
        seed: str,
        via: Callable[[DeviceSpec, bool], str],
        listen: Callable[[str, Event], None],
    ) -> None:
        self._seed = seed
        self._via = via
        self._listen = listen
        self._accounts: dict[tuple[str, str], Account] = {}
        self.actors: dict[str, Actor] = {}
        for name, spec in specs.items():
            self.join(name, spec)

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    def join(self, name: str, spec: DeviceSpec) -> Actor:
        actor = self.actors[name] = self._make(name, spec)
        if actor.key is not None:
            actor.key.trace.listener = lambda event: self._listen(name, event)
        return actor

    def _make(self, name: str, spec: DeviceSpec) -> Actor:
        if spec.profile == COMPUTER:
            return Actor(name=name, spec=spec, key=None, bluetooth=spec.bluetooth)
        profile = load_profile(spec.profile)
        seed = f"{self._seed} {name} {spec.account}"
        if profile.kind is Kind.SECURITY_KEY:
            # In front of a real browser a key lives in real time; behind the bridge, waiting costs nothing.
            clock = HandTurnedClock() if self._via(spec, True) == "page" else None
            key = VirtualKey(
                profile,
                pin=spec.pin,
                fingers=spec.fingers,
                seed=seed,
                person=Person(pin=spec.pin),
                clock=clock,
            )
            return Actor(name=name, spec=spec, key=key, is_security_key=True)
        # Through a tunnel, too, a phone lives in real time.
        clock = None if self._via(spec, False) in ("hybrid", "linked") else HandTurnedClock()
        options = {"screen_lock": spec.screen_lock, "seed": seed, "clock": clock}
        if profile.kind is Kind.PROVIDER:
            account = self._accounts.setdefault(
                (spec.profile, spec.account), Account(profile, name=spec.account)
            )
            device = account.sign_in(name, **options)  # type: ignore[arg-type]
        else:
            device = Device(name, profile, **options)  # type: ignore[arg-type]
        return Actor(name=name, spec=spec, key=device, bluetooth=spec.bluetooth)

    def sign_in(self, name: str, like: str) -> Actor:
        """A new device in the account that another one has or had."""
        spec = self.actors[like].spec
        if (spec.profile, spec.account) not in self._accounts:
            raise SetupError(f"{like} is no device of a passkey provider: its passkeys are bound to it")
        return self.join(name, spec.model_copy(update={"via": None}))

    def change_account(self, name: str) -> None:
        """The device goes on in a new account of its provider, without the passkeys of the one before."""
        actor = self.actors[name]
        if actor.device is None or actor.device.account is None:
            raise SetupError(f"{name} is no device of a passkey provider: it has no account to change")
        spec = actor.spec.model_copy(update={"account": f"number {len(self._accounts) + 1}"})
        made = self._make(name, spec)
        assert made.key is not None
        made.key.trace.listener = lambda event: self._listen(name, event)
        actor.spec, actor.key = spec, made.key

    def lose(self, name: str) -> None:
        actor = self.actors[name]
        actor.is_lost = True
        if actor.device is not None:
            actor.device.lose()
        elif actor.key is not None:
            actor.key.unplug()

    def raise_bugs(self) -> None:
        """What went wrong inside a device, where the page was only told that it failed."""
        for actor in self.actors.values():
            if actor.key is not None:
                actor.key.raise_bugs()

    def close(self) -> None:
        for actor in self.actors.values():
            if actor.key is not None:
                actor.key.close()
