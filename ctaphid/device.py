"""The two seams of the wire: what a port carries packets to, and what stands behind the channels.

    host ── port ── Device (64-byte packets) ── Backend (whole messages)

Neither reads a clock: `now` comes in as a value, and each says when it wants to be woken next.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Protocol

from ctaphid.packets import PACKET_SIZE as PACKET_SIZE
from ctaphid.packets import ErrorCode


class KeepaliveStatus(IntEnum):
    """CTAP 2.3 §11.2.9.2.1."""

    PROCESSING = 1
    USER_PRESENCE_NEEDED = 2


class Capability(IntFlag):
    """The capabilities byte of CTAPHID_INIT's answer (CTAP 2.3 §11.2.9.1.3)."""

    WINK = 0x01
    LOCK = 0x02
    """Of U2F's days. CTAP2 keys leave it out, and lock all the same."""
    CBOR = 0x04
    NMSG = 0x08
    """*No* CTAPHID_MSG: the key speaks CTAP2 alone."""


class Device(Protocol):
    """A HID device, as a port sees it."""

    def receive(self, packet: bytes, now: float) -> None:
        """One packet from the host."""

    def wake(self, now: float) -> None:
        """Time has passed: answer what has become due."""

    def next_wake(self) -> float | None:
        """When `wake` wants to be called, on the clock `now` is read from."""

    def outgoing(self) -> list[bytes]:
        """The packets for the host, taken out. The packets of one message follow each other."""

    def power_cycle(self, now: float) -> None:
        """Power is gone: channels, lock and whatever was under way are forgotten, and nobody gets an answer."""


class Transaction(Protocol):
    """A message under way behind the channels: answered, or waiting for the person."""

    @property
    def response(self) -> bytes | None: ...
    @property
    def status(self) -> KeepaliveStatus: ...
    def wake(self, now: float) -> None: ...
    def next_wake(self) -> float | None: ...
    def cancel(self, now: float) -> None:
        """CTAPHID_CANCEL: a response is there when this returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What CTAPHID_INIT's answer says of the device."""

    version: tuple[int, int, int]
    capabilities: Capability


class Backend(Protocol):
    """The key behind the channels: whole messages in, transactions out."""

    @property
    def identity(self) -> Identity: ...
    def begin_cbor(self, channel: int, request: bytes, now: float) -> Transaction: ...
    def begin_msg(self, channel: int, request: bytes, now: float) -> Transaction: ...
    def wink(self, channel: int, now: float) -> None: ...
    def vendor(self, channel: int, command: int, request: bytes, now: float) -> bytes | ErrorCode:
        """A vendor command 0x40 to 0x7F; INVALID_CMD where the key has no such command."""
