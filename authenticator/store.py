"""What a key remembers: its own state, its discoverable credentials, its counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from authenticator.credential import Credential
from authenticator.status import CtapError, Status
from authenticator.yubico_otp import OtpSlot


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    template_id: bytes
    name: str | None = None
    finger: int = 0
    """Which of the person's fingers it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """All a key keeps across power cycles besides credentials and counters. A reset replaces what of it is FIDO's."""

    master_secret: bytes = field(repr=False)
    """Seals the ids of credentials that are not stored."""
    pin_hash: bytes | None = field(default=None, repr=False)
    """LEFT(SHA-256(PIN), 16), as CTAP 2.3 §6.5 stores it."""
    pin_length: int = 0
    """In code points; minPinLength and a forced change are judged by it."""
    pin_retries: int = 8
    uv_retries: int = 3
    uv_count_since_pin: int = 0
    """How often built-in verification was attempted since the PIN was last entered."""
    persistent_pin_uv_auth_token: bytes | None = field(default=None, repr=False)
    """CTAP 2.3 §6.5.2.4: there while some platform holds the permission pcmr, across power cycles."""
    min_pin_length: int = 4
    min_pin_rp_ids: tuple[str, ...] = ()
    force_pin_change: bool = False
    always_uv: bool = False
    pin_complexity_policy: bool = False
    enterprise_attestation: bool = False
    long_touch_for_reset: bool = False
    fingerprints: tuple[Fingerprint, ...] = ()
    large_blob_array: bytes | None = None
    management_config: bytes = b""
    """What ykman wrote by the vendor command 0xC3."""
    otp_slots: tuple[OtpSlot, ...] = ()
    """What the OTP keyboard types."""
    serial_number: int = 0
    """Of this one device; a reset keeps it. Enterprise attestation tells it."""


MAX_COUNTER = 0xFFFFFFFF
"""A signature counter is 32 bits wide (WebAuthn level 3 §6.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All a store holds, at one moment: what is copied, exported and restored."""

    device: DeviceState | None = None
    credentials: tuple[Credential, ...] = ()
    """Oldest first."""
    counters: Mapping[bytes | None, int] = field(default_factory=dict)


class StoreError(Exception):
    """A store cannot be used: says in one line which and why. Nothing was changed."""


class Store(Protocol):
    """Every method that changes something has changed it for good when it returns."""

    def device(self) -> DeviceState | None:
        """None before the first `reset`."""

    def save_device(self, state: DeviceState) -> None: ...

    def reset(self, state: DeviceState) -> None:
        """Forget every credential and counter, and begin with `state`, all at once."""

    def put(self, credential: Credential) -> Credential:
        """Keep a discoverable credential, in place of the one with its id, or of the same RP and user.

        Returns it with its `order`. One that takes the place of itself keeps its counter.
        """

    def next_order(self) -> int:
        """The place of the next new credential in the order of creation."""

    def remove(self, credential_id: bytes) -> bool: ...
    def get(self, credential_id: bytes) -> Credential | None: ...

    def for_rp(self, rp_id_hash: bytes) -> Sequence[Credential]:
        """Newest first; the same object until a credential of this relying party changes."""

    def credentials(self) -> Iterator[Credential]:
        """All of them, oldest first."""

    def __len__(self) -> int: ...

    def advance_counter(self, credential_id: bytes | None, by: int = 1) -> int:
        """Add to the counter of one credential, or to the global one (None); the new value."""

    def counter(self, credential_id: bytes | None) -> int: ...
    def contents(self) -> Contents:
        """A copy of everything."""

    def close(self) -> None: ...


class MemoryStore:
    def __init__(self, contents: Contents | None = None) -> None:
        self._device: DeviceState | None = None
        self._credentials: dict[bytes, Credential] = {}
        self._by_rp: dict[bytes, dict[bytes, Credential]] = {}
        """By the hash of the RP id, then by the id of the user: there is one for each."""
        self._newest_first: dict[bytes, tuple[Credential, ...]] = {}
        """What `for_rp` gave since the last change."""
        self._counters: dict[bytes | None, int] = {}
        self.last_order = 0
        if contents is not None:
            self._device = contents.device
            for credential in contents.credentials:
                self.put(credential)
            self._counters.update(contents.counters)

    def device(self) -> DeviceState | None:
        return self._device

    def save_device(self, state: DeviceState) -> None:
        self._device = state

    def reset(self, state: DeviceState) -> None:
        self._device = state
        self._credentials.clear()
        self._by_rp.clear()
        self._newest_first.clear()
        self._counters.clear()

    def put(self, credential: Credential) -> Credential:
        for credential_id in self.replaced_by(credential):
            self._take_out(credential_id)
            if credential_id != credential.id:
                self._counters.pop(credential_id, None)
        if not credential.order:
            credential = replace(credential, order=self.next_order())
        self.last_order = max(self.last_order, credential.order)
        self._credentials[credential.id] = credential
        self._by_rp.setdefault(credential.rp_id_hash, {})[credential.user.id] = credential
        self._newest_first.pop(credential.rp_id_hash, None)
        return credential

    def next_order(self) -> int:
        return self.last_order + 1

    def replaced_by(self, credential: Credential) -> list[bytes]:
        """The ids of the credentials whose place this one would take."""
        same_user = self._by_rp.get(credential.rp_id_hash, {}).get(credential.user.id)
        replaced = [] if same_user is None else [same_user.id]
        if credential.id in self._credentials and credential.id not in replaced:
            replaced.append(credential.id)
        return replaced

    def remove(self, credential_id: bytes) -> bool:
        if credential_id not in self._credentials:
            return False
        self._take_out(credential_id)
        self._counters.pop(credential_id, None)
        return True

    def _take_out(self, credential_id: bytes) -> None:
        credential = self._credentials.pop(credential_id)
        same_rp = self._by_rp[credential.rp_id_hash]
        del same_rp[credential.user.id]
        if not same_rp:
            del self._by_rp[credential.rp_id_hash]
        self._newest_first.pop(credential.rp_id_hash, None)

    def get(self, credential_id: bytes) -> Credential | None:
        return self._credentials.get(credential_id)

    def for_rp(self, rp_id_hash: bytes) -> Sequence[Credential]:
        newest_first = self._newest_first.get(rp_id_hash)
        if newest_first is None:
            same_rp = self._by_rp.get(rp_id_hash)
            if same_rp is None:
                return ()
            newest_first = tuple(sorted(same_rp.values(), key=lambda each: each.order, reverse=True))
            self._newest_first[rp_id_hash] = newest_first
        return newest_first

    def credentials(self) -> Iterator[Credential]:
        return iter(sorted(self._credentials.values(), key=lambda credential: credential.order))

    def __len__(self) -> int:
        return len(self._credentials)

    def advance_counter(self, credential_id: bytes | None, by: int = 1) -> int:
        value = self._counters[credential_id] = self.advanced_counter(credential_id, by)
        return value

    def advanced_counter(self, credential_id: bytes | None, by: int) -> int:
        """What the counter would be."""
        value = self._counters.get(credential_id, 0) + by
        if value > MAX_COUNTER:
            raise CtapError(Status.OTHER)
        return value

    def counter(self, credential_id: bytes | None) -> int:
        return self._counters.get(credential_id, 0)

    def contents(self) -> Contents:
        return Contents(
            device=self._device, credentials=tuple(self.credentials()), counters=dict(self._counters)
        )

    def close(self) -> None:
        pass
