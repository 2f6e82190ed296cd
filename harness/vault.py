"""Where an account keeps its passkeys, and what a device of it sees of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from authenticator.credential import Credential
from authenticator.store import Contents, DeviceState, MemoryStore


class Vault:
    """The account's passkeys, wherever its devices are."""

    def __init__(self, store: MemoryStore, *, backs_up: bool) -> None:
        self.store = store
        self.backs_up = backs_up
        self.lock = threading.RLock()
        """Each device has a thread of its own, perhaps."""

    def set_backs_up(self, backs_up: bool) -> None:
        with self.lock:
            self.backs_up = backs_up
            for credential in list(self.store.credentials()):
                self.store.put(replace(credential, backed_up=backs_up))


class DeviceStore:
    """A device's `Store`: its own state, and the account's passkeys, or its copy of them while it is offline."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._own = MemoryStore()
        self._copy: MemoryStore | None = None
        self._known_before: set[bytes] = set()

    @property
    def online(self) -> bool:
        return self._copy is None

    @property
    def _passkeys(self) -> MemoryStore:
        return self._vault.store if self._copy is None else self._copy

    def go_offline(self) -> None:
        if self._copy is None:
            self._copy = MemoryStore(Contents(credentials=tuple(self._vault.store.credentials())))
            self._known_before = {each.id for each in self._copy.credentials()}

    def go_online(self) -> None:
        """What happened here meanwhile happens in the account; what happened there is seen here."""
        copy, self._copy = self._copy, None
        if copy is None:
            return
        vault = self._vault
        with vault.lock:
            for removed in self._known_before - {each.id for each in copy.credentials()}:
                vault.store.remove(removed)
            for credential in copy.credentials():
                if credential.id not in self._known_before:
                    order = vault.store.next_order()
                    vault.store.put(replace(credential, order=order, backed_up=vault.backs_up))

    def detach(self) -> None:
        """Signed out, or lost: nothing of the account is seen any more."""
        self._copy = MemoryStore()
        self._known_before = set()

    # A Store

    def device(self) -> DeviceState | None:
        return self._own.device()

    def save_device(self, state: DeviceState) -> None:
        self._own.save_device(state)

    def reset(self, state: DeviceState) -> None:
        """The device forgets what is its own. The account's passkeys are no affair of a device's reset."""
        self._own.reset(state)

    def put(self, credential: Credential) -> Credential:
        # Not yet in the cloud while offline: eligible, but not backed up (WebAuthn level 3 §6.1.3).
        with self._vault.lock:
            return self._passkeys.put(replace(credential, backed_up=self._vault.backs_up and self.online))

    def remove(self, credential_id: bytes) -> bool:
        with self._vault.lock:
            return self._passkeys.remove(credential_id)

    def get(self, credential_id: bytes) -> Credential | None:
        return self._passkeys.get(credential_id)

    def for_rp(self, rp_id_hash: bytes) -> Sequence[Credential]:
        with self._vault.lock:
            return self._passkeys.for_rp(rp_id_hash)

    def credentials(self) -> Iterator[Credential]:
        with self._vault.lock:
            return iter(list(self._passkeys.credentials()))

    def next_order(self) -> int:
        return self._passkeys.next_order()

    def __len__(self) -> int:
        return len(self._passkeys)

    def advance_counter(self, credential_id: bytes | None, by: int = 1) -> int:
        return self._own.advance_counter(credential_id, by)

    def counter(self, credential_id: bytes | None) -> int:
        return self._own.counter(credential_id)

    def contents(self) -> Contents:
        own = self._own.contents()
        return Contents(device=own.device, credentials=tuple(self.credentials()), counters=own.counters)

    def close(self) -> None:
        """The account outlives its devices."""
