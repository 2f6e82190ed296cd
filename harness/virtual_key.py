"""VirtualKey: a profile, a person, a memory and the ways into it, in one object."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from fido2.hid import CtapHidDevice

from authenticator.credential import Credential
from authenticator.environment import (
    HONEST,
    Clock,
    Environment,
    Randomness,
    SeededRandomness,
    SystemClock,
    SystemRandomness,
    Tamper,
)
from authenticator.pin.stored import hash_of_pin, require_acceptable
from authenticator.profiles.loader import ProfileError, load_profile
from authenticator.profiles.profile import Profile, UvMethod
from authenticator.status import CtapError
from authenticator.store import Contents, Fingerprint, MemoryStore, Store, StoreError
from ctaphid.hid_description import HidDescription
from ctaphid.ports import Port
from ctaphid.ports.memory import MemoryConnection, descriptor
from harness import key_file
from harness.direct import DirectDevice
from harness.engine import Engine
from harness.errors import SetupError
from harness.otp import Otp
from harness.people import Person
from harness.ports import plug_in
from harness.trace import StateEvent, Trace
from harness.trace.records import Source


class VirtualKey:
    """A security key, platform authenticator or phone in software, and the person who holds it.

    profile  name of a built-in profile, path of a TOML file, or a `Profile`
    pin      the PIN it has from the start; the person knows it
    fingers  names of fingers enrolled from the start, where the key has a sensor
    seed     the same seed gives the same credential ids and keys
    person   who holds it (`Person`); by default one who is willing
    store    where it remembers: a path (SQLite), a `Store`, or nothing for memory
    clock    a `HandTurnedClock` jumps instead of waiting
    tamper   lies that must still be well signed
    """

    def __init__(
        self,
        profile: str | os.PathLike[str] | Profile = "reference",
        *,
        pin: str | None = None,
        fingers: Sequence[str] = (),
        seed: int | str | None = None,
        person: Person | None = None,
        store: str | os.PathLike[str] | Store | None = None,
        clock: Clock | None = None,
        tamper: Tamper = HONEST,
        serial: str = "",
        trace_size: int | None = 10_000,
    ) -> None:
        self.profile = profile_of(profile)
        self.clock = clock if clock is not None else SystemClock()
        self.person = person if person is not None else Person()
        self.trace = Trace(trace_size, source=self._source, now=self.clock.monotonic)
        self.serial = serial
        self.store = _store(store, self.profile.name)
        self._environment = Environment(
            profile=self.profile,
            store=self.store,
            clock=self.clock,
            random=_randomness(seed, self.store),
            tamper=tamper,
        )
        channel_ids = SystemRandomness() if seed is None else SeededRandomness(f"{seed} channels")
        self.engine = Engine(self._environment, self.person, self.trace, channel_ids.bytes)
        self.engine.on_pulled = self.unplug
        self.otp = Otp(self)
        self._closed = False
        self._places: dict[Port, str] = {}
        self._last_place = ""
        if pin is not None:
            self._provide_pin(pin)
        if fingers:
            self._provide_fingers(fingers)

    def __repr__(self) -> str:
        return f"VirtualKey({self.profile.name!r}, {len(self.store)} credentials)"

    # Ways in

    def open_connection(self) -> MemoryConnection:
        """A `fido2.hid.CtapHidConnection` in memory, with CTAPHID's full framing."""
        return MemoryConnection(self.engine.hub)

    def ctap_device(self) -> CtapHidDevice:
        """python-fido2's device over `open_connection()`: what its clients take."""
        usb = self.profile.usb
        described = descriptor(
            vendor_id=usb.vendor_id,
            product_id=usb.product_id,
            product=usb.product,
            serial=self.serial or None,
            path=f"memory:{self.profile.name}",
        )
        return CtapHidDevice(described, self.open_connection())

    def direct_device(self) -> DirectDevice:
        """The same without the packets: faster, for whoever does not test the wire."""
        return DirectDevice(self.engine)

    def plugged_in(self, port: str = "mock", /, **options: Any) -> AbstractContextManager[Port]:
        """The key on a port, for as long as the context lasts; `.path` says where a host finds it."""
        return plug_in(self, port, **options)

    @property
    def description(self) -> HidDescription:
        """What USB and HID say of it."""
        usb = self.profile.usb
        return HidDescription(
            vendor_id=usb.vendor_id,
            product_id=usb.product_id,
            manufacturer=usb.manufacturer,
            product=usb.product,
            device_version=usb.device_version,
            serial=self.serial,
        )

    def port_opened(self, name: str, port: Port) -> None:
        """For the trace: where it is plugged in now."""
        with self.engine.lock:
            self._places[port] = name
            if self.engine.hub.plugged_in:
                self._note("plugged in", f"on {self._where(port)}")

    def port_closed(self, port: Port) -> None:
        with self.engine.lock:
            if self.engine.hub.plugged_in:
                self._note("unplugged", f"from {self._where(port)}")
            self._last_place = self._where(port)
            del self._places[port]

    def _where(self, port: Port) -> str:
        return f"{self._places[port]} {port.path}"

    def touch(self, hold: float = 0.0) -> bool:
        """Touch it unasked, for `hold` seconds: what waits for a touch has it, else the OTP keyboard types.

        False if it changed nothing.
        """
        return self.engine.touched(hold) or self.otp.touched(hold)

    # Power

    def power_cycle(self) -> None:
        """Power off and on, quicker than any host notices: what was under way is cancelled, a PIN lockout is over."""
        with self.engine.lock:
            self._note("power cycled")
            self.engine.lose_power(for_good=False)

    def unplug(self) -> None:
        """Pull it out: every connection breaks, whatever is under way."""
        with self.engine.lock:
            if self.engine.hub.plugged_in:
                self._note("unplugged")
                self.engine.lose_power(for_good=True)
                self.engine.hub.unplug()

    def plug_in(self) -> None:
        """Plug it in again after `unplug`. Programs have to open it anew."""
        with self.engine.lock:
            if not self.engine.hub.plugged_in:
                self.engine.lose_power(for_good=True)
                self.engine.hub.plug_in()
                places = [self._where(port) for port in self._places]
                self._note("plugged in", f"on {', '.join(places)}" if places else "")

    @property
    def is_plugged_in(self) -> bool:
        return self.engine.hub.plugged_in

    def close(self) -> None:
        """Let go of the store."""
        if not self._closed:
            self._closed = True
            self.unplug()
            self.store.close()

    def __enter__(self) -> VirtualKey:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if error is None:
            self.raise_bugs()

    def raise_bugs(self) -> None:
        """Raise what went wrong inside the key, where its host was only told 0x7F."""
        if self.engine.bugs:
            raise self.engine.bugs.pop(0)

    # What it remembers

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """The credentials it stores, oldest first. Those that are not discoverable exist in their ids only."""
        with self.engine.lock:
            return tuple(self.store.credentials())

    def snapshot(self) -> bytes:
        """The whole key as it is now, secrets and counters and all."""
        with self.engine.lock:
            return key_file.snapshot(self.store, self.profile.name)

    @classmethod
    def restore(
        cls, snapshot: bytes, *, profile: str | os.PathLike[str] | Profile | None = None, **options: Any
    ) -> VirtualKey:
        """A key as it was when `snapshot` was taken. Beside the first one it is a clone, with a clone's counter."""
        name, store = key_file.restore(snapshot)
        return cls(name if profile is None else profile, store=store, **options)

    # Beginnings

    def _provide_pin(self, pin: str) -> None:
        """The state a setPIN leaves behind (CTAP 2.3 §6.5.5.5), by its rules."""
        auth, profile = self.engine.authenticator, self.profile
        on_pad = profile.features.user_verification is UvMethod.PIN_PAD
        if not profile.features.ctap2 or not (profile.features.client_pin or on_pad):
            raise SetupError(f"profile {profile.name} has no PIN: leave out pin=")
        encoded = unicodedata.normalize("NFC", pin).encode()
        if auth.state.pin_hash is None:
            try:
                length = require_acceptable(encoded, auth.state, profile.limits)
            except CtapError:
                shortest, longest = auth.state.min_pin_length, profile.limits.max_pin_length
                raise SetupError(
                    f"pin: profile {profile.name} takes {shortest} to {longest} characters"
                ) from None
            auth.change_state(
                pin_hash=hash_of_pin(encoded), pin_length=length, pin_retries=profile.limits.pin_retries
            )
        elif auth.state.pin_hash != hash_of_pin(encoded):
            raise SetupError("pin: the stored key has another PIN; give that one, or leave out pin=")
        self.person.pin = pin

    def _provide_fingers(self, names: Sequence[str]) -> None:
        auth, features = self.engine.authenticator, self.profile.features
        if not (features.bio_enrollment or features.bio_enrollment_preview):
            raise SetupError(f"profile {self.profile.name} enrolls no fingers: leave out fingers=")
        if len(names) > self.profile.limits.fingers:
            raise SetupError(
                f"fingers: profile {self.profile.name} has room for {self.profile.limits.fingers}"
            )
        if features.client_pin and auth.state.pin_hash is None:
            raise SetupError("fingers: the key asks for a PIN before a finger can be enrolled; give pin= too")
        random = self._environment.random
        auth.change_state(
            fingerprints=tuple(
                Fingerprint(template_id=random.bytes(2), name=name, finger=finger)
                for finger, name in enumerate(names)
            )
        )

    def _source(self) -> Source:
        """Whose trace it is."""
        described, clock = self.description, self.clock
        return Source(
            name=self.profile.name,
            vendor_id=described.vendor_id,
            product_id=described.product_id,
            manufacturer=described.manufacturer,
            product=described.product,
            serial=described.serial,
            device_version=described.device_version,
            where=", ".join(self._where(port) for port in self._places) or self._last_place,
            epoch=clock.time() - clock.monotonic(),
        )

    def _note(self, state: str, text: str = "") -> None:
        self.trace.add(StateEvent(at=self.clock.monotonic(), state=state, text=text))


def profile_of(profile: str | os.PathLike[str] | Profile) -> Profile:
    """A profile by its name, path or itself; SetupError where there is none."""
    if isinstance(profile, Profile):
        return profile
    try:
        return load_profile(profile)
    except ProfileError as error:
        raise SetupError(str(error)) from None


def _store(store: str | os.PathLike[str] | Store | None, profile: str) -> Store:
    if store is None:
        return MemoryStore()
    if not isinstance(store, str | os.PathLike):
        return store
    from authenticator.sqlite_store import SqliteStore

    try:
        return SqliteStore(store, profile=profile)
    except StoreError as error:
        raise SetupError(str(error)) from None


def _randomness(seed: int | str | None, store: Store) -> Randomness:
    if seed is None:
        return SystemRandomness()
    contents = store.contents()
    if contents != Contents():
        # A key that goes on from its file must not draw the ids again that it drew before.
        seed = f"{seed} after {len(contents.credentials)} credentials, {dict(contents.counters)}"
    return SeededRandomness(seed)
