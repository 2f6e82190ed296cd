"""The memory port: a `fido2.hid.CtapHidConnection` in the same process, with CTAPHID's full framing."""

from __future__ import annotations

import errno
import threading
from collections import deque

from fido2.hid.base import CtapHidConnection, HidDescriptor

from ctaphid.device import PACKET_SIZE
from ctaphid.hub import Hub

PATIENCE = 60.0
"""Real seconds a read waits while no request is under way, before it says that nothing will come."""


class MemoryConnection(CtapHidConnection):
    """One program's open handle. A hub has any number of them, and each may be used by its own thread."""

    def __init__(self, hub: Hub, *, patience: float | None = PATIENCE) -> None:
        if not hub.plugged_in:
            raise OSError(errno.ENODEV, "the key is not plugged in")
        self._hub = hub
        self._patience = patience
        self._packets: deque[bytes] = deque()
        self._changed = threading.Condition(hub.lock)
        self._open = True
        self._gone: tuple[int, str] | None = None
        hub.listeners.append(self._on_change)

    def write_packet(self, data: bytes) -> None:
        if len(data) != PACKET_SIZE:
            raise ValueError(f"a packet has {PACKET_SIZE} bytes, this one {len(data)}")
        with self._hub.lock:
            self._require_open()
            self._hub.write(bytes(data), self)

    def read_packet(self) -> bytes:
        """The next packet for this program. Waits for the person as long as they take."""
        with self._hub.lock:
            while not self._packets:
                self._require_open()
                due = self._hub.next_wake()
                wait = None if due is None else due - self._hub.clock.monotonic()
                if wait is not None and wait <= 0:
                    self._hub.wake()
                elif wait is not None and self._hub.jump is not None:
                    self._hub.jump(wait)
                elif not self._changed.wait(self._patience if wait is None else wait) and wait is None:
                    raise TimeoutError("nothing to read: this program has no request under way")
            return self._packets.popleft()

    def close(self) -> None:
        with self._hub.lock:
            if self._open:
                self._open = False
                self._gone = (errno.EBADF, "this connection is closed")
                self._hub.listeners.remove(self._on_change)
                self._hub.forget(self)
                self._changed.notify_all()

    def deliver(self, packet: bytes) -> None:
        self._packets.append(packet)

    def _on_change(self) -> None:
        if not self._hub.plugged_in and self._gone is None:
            self._gone = (errno.ENODEV, "the key was unplugged")
        self._changed.notify_all()

    def _require_open(self) -> None:
        if self._gone is not None:
            raise OSError(*self._gone)


def descriptor(
    *, vendor_id: int, product_id: int, product: str, serial: str | None = None, path: str = "memory"
) -> HidDescriptor:
    """What a `CtapHidDevice` over a connection is told of its device."""
    return HidDescriptor(path, vendor_id, product_id, PACKET_SIZE, PACKET_SIZE, product, serial)
