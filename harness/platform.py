"""Platforms and passkey providers: devices with a screen lock, and accounts whose passkeys sync between them.

account = Account("icloud-keychain")
phone, laptop = account.sign_in("phone"), account.sign_in("laptop")
Client(phone, origin).create(options)      # a passkey the laptop has at once
phone.lose()                               # and still has now
mac = Device("mac", "touch-id")            # device-bound: what it makes is lost with it
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from authenticator.commands import COMMANDS
from authenticator.credential import Credential
from authenticator.profiles.profile import Kind, Profile
from authenticator.status import Status
from authenticator.store import MemoryStore
from harness.errors import SetupError
from harness.signals import Signals
from harness.vault import DeviceStore, Vault
from harness.virtual_key import VirtualKey, profile_of

_NEED_A_LOCK = frozenset(
    code for code, command in COMMANDS.items() if command.name in ("makeCredential", "getAssertion")
)


class Device(VirtualKey):
    """A phone, tablet or computer: an authenticator with a name and a screen lock."""

    def __init__(
        self,
        name: str = "device",
        profile: str | os.PathLike[str] | Profile = "icloud-keychain",
        *,
        account: Account | None = None,
        screen_lock: bool = True,
        **options: Any,
    ) -> None:
        loaded = profile_of(profile)
        if loaded.kind is Kind.SECURITY_KEY:
            raise SetupError(f"profile {loaded.name} is a security key: make a VirtualKey of it")
        if account is not None:
            if options.get("store") is not None:
                raise SetupError("a device of an account keeps its passkeys in the account: leave out store=")
            options["store"] = DeviceStore(account.vault)
        super().__init__(loaded, **options)
        self.name = name
        self.account = account
        self.signals = account.signals if account is not None else Signals(self.store)
        self.is_lost = False
        self._locked_profile = loaded
        self._screen_lock = True
        self.screen_lock = screen_lock

    def __repr__(self) -> str:
        return f"Device({self.name!r}, {self.profile.name!r}, {len(self.store)} passkeys)"

    @property
    def screen_lock(self) -> bool:
        """Whether a PIN, pattern, finger or face unlocks it. Without one it makes and uses no passkeys."""
        return self._screen_lock

    @screen_lock.setter
    def screen_lock(self, present: bool) -> None:
        self._screen_lock = present
        with self.engine.lock:
            auth = self.engine.authenticator
            features = self._locked_profile.features
            if not present:
                features = replace(features, user_verification=None)
            auth.profile = self.profile = replace(self._locked_profile, features=features)
            auth.encoded_info = None
            self.engine.refuse = None if present else _refuse_without_lock

    @property
    def is_offline(self) -> bool:
        """What it makes reaches the account, and what others made reaches it, when it is online again."""
        return isinstance(self.store, DeviceStore) and not self.store.online

    @is_offline.setter
    def is_offline(self, offline: bool) -> None:
        if not isinstance(self.store, DeviceStore):
            raise SetupError(f"{self.name}: its passkeys are bound to it, they do not sync")
        with self.engine.lock:
            self.store.go_offline() if offline else self.store.go_online()

    def lose(self) -> None:
        """Gone for good. Synced passkeys remain with the account; device-bound ones are gone with it."""
        self.is_lost = True
        self.unplug()
        if self.account is not None:
            self.account.forget(self)
        else:
            with self.engine.lock:
                self.engine.authenticator.factory_reset()

    def plug_in(self) -> None:
        if self.is_lost:
            raise SetupError(f"{self.name} is lost: sign in on a new device")
        super().plug_in()


def _refuse_without_lock(request: bytes) -> Status | None:
    return Status.OPERATION_DENIED if request[:1] and request[0] in _NEED_A_LOCK else None


D = TypeVar("D", bound=Device)


class Account:
    """An account of a passkey provider: its passkeys are on every device that is signed in."""

    def __init__(
        self,
        provider: str | os.PathLike[str] | Profile = "icloud-keychain",
        *,
        name: str = "user@example.com",
        backs_up: bool = True,
    ) -> None:
        self.profile = profile_of(provider)
        if self.profile.kind is not Kind.PROVIDER:
            raise SetupError(
                f"profile {self.profile.name} is no passkey provider: its passkeys are bound to one device"
            )
        self.name = name
        self.vault = Vault(MemoryStore(), backs_up=backs_up)
        self.signals = Signals(self.vault.store)
        self._devices: dict[str, Device] = {}

    def __repr__(self) -> str:
        return f"Account({self.profile.name!r}, {len(self._devices)} devices, {len(self.passkeys)} passkeys)"

    @property
    def devices(self) -> Mapping[str, Device]:
        """Those that are signed in, by name."""
        return dict(self._devices)

    @property
    def passkeys(self) -> tuple[Credential, ...]:
        """What the account keeps, oldest first."""
        return tuple(self.vault.store.credentials())

    @property
    def backs_up(self) -> bool:
        """Whether passkeys are in the cloud already. BS follows it, BE is set always."""
        return self.vault.backs_up

    @backs_up.setter
    def backs_up(self, backs_up: bool) -> None:
        self.vault.set_backs_up(backs_up)

    def sign_in(self, name: str, *, screen_lock: bool = True, **options: Any) -> Device:
        """A new device of this account: the account's passkeys are on it at once. Options are a VirtualKey's."""
        if name in self._devices:
            raise SetupError(f"{name} is signed in already: give the new device another name")
        return self.welcome(Device(name, self.profile, account=self, screen_lock=screen_lock, **options))

    def welcome(self, device: D) -> D:
        """A device that was made with `account=`, and is signed in by that."""
        self._devices[device.name] = device
        return device

    def sign_out(self, name: str) -> None:
        """The device keeps none of the account's passkeys; the account keeps them all."""
        device = self._device(name)
        device.unplug()
        self.forget(device)

    def lose(self, name: str) -> None:
        self._device(name).lose()

    def forget(self, device: Device) -> None:
        self._devices.pop(device.name, None)
        if isinstance(device.store, DeviceStore):
            device.store.detach()

    def _device(self, name: str) -> Device:
        if name not in self._devices:
            known = ", ".join(self._devices) or "none"
            raise SetupError(f"{name} is not signed in to {self.name}; there are: {known}")
        return self._devices[name]
