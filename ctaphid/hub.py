"""Between one device and the programs that have opened it: each packet goes to the program whose channel it is.

A kernel hands every report to every program that has the device open, and leaves it to them to look at the channel.
Most clients do; python-fido2's gives up on the first foreign packet. Here each gets its own, whatever port it uses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from ctaphid.device import PACKET_SIZE, Device
from ctaphid.packets import BROADCAST_CHANNEL, INIT_BIT, Command, channel_of, split

MAX_REMEMBERED_CHANNELS = 1024


class Clock(Protocol):
    def monotonic(self) -> float: ...


class Client(Protocol):
    """A program, as the hub sees it. Equal clients are one program."""

    def deliver(self, packet: bytes) -> None:
        """A packet for it. Called with the hub's lock held, from whatever thread moved the device."""


class Hub:
    """One device, its clock and its lock. All ports of one key share one hub, from any number of threads.

    `jump`, for a clock that is turned by hand, turns it forward by some seconds: whoever would wait then does not.
    """

    def __init__(
        self,
        device: Device,
        *,
        clock: Clock,
        lock: threading.RLock | None = None,
        jump: Callable[[float], None] | None = None,
    ) -> None:
        self.device = device
        self.clock = clock
        self.jump = jump
        self.lock = lock or threading.RLock()
        self.listeners: list[Callable[[], None]] = []
        """Called with the lock held after anything happened: `next_wake` may be another now."""
        self._plugged_in = True
        self._clients: dict[int, Client] = {}

    def write(self, packet: bytes, client: Client) -> None:
        """A packet from a program. Its answers are delivered to `client` before this returns, if they are there."""
        with self.lock:
            if not self._plugged_in:
                return
            if len(packet) == PACKET_SIZE and packet[4] & INIT_BIT:
                self._remember(channel_of(packet), client)
            self.device.receive(packet, self.clock.monotonic())
            self._distribute(client)

    def wake(self) -> None:
        """Time has passed, or something happened behind the device: let it answer what has become due."""
        with self.lock:
            if self._plugged_in:
                self.device.wake(self.clock.monotonic())
                self._distribute(None)

    def next_wake(self) -> float | None:
        """When `wake` must be called, on the hub's clock."""
        return self.device.next_wake() if self._plugged_in else None

    # The plug

    @property
    def plugged_in(self) -> bool:
        return self._plugged_in

    def unplug(self) -> None:
        """Power is gone, in the middle of whatever was under way."""
        with self.lock:
            self._plugged_in = False
            self.device.power_cycle(self.clock.monotonic())
            self._clients.clear()
            self._tell()

    def plug_in(self) -> None:
        with self.lock:
            self._plugged_in = True
            self._tell()

    # Whose packet is it

    def forget(self, client: Client) -> None:
        """The program is gone. What it left under way is aborted and its lock released, as if it had been orderly.

        Otherwise the device would be busy until a person's time-out, which under a hand-turned clock never comes.
        """
        with self.lock:
            for channel in [channel for channel, owner in self._clients.items() if owner == client]:
                del self._clients[channel]
                if self._plugged_in:
                    for packet in split(channel, Command.INIT, bytes(8)) + split(
                        channel, Command.LOCK, b"\0"
                    ):
                        self.device.receive(packet, self.clock.monotonic())
            self._distribute(None)

    def _remember(self, channel: int, client: Client) -> None:
        if channel == BROADCAST_CHANNEL:
            return
        self._clients.pop(channel, None)
        self._clients[channel] = client
        if len(self._clients) > MAX_REMEMBERED_CHANNELS:
            del self._clients[next(iter(self._clients))]

    def _distribute(self, writer: Client | None) -> None:
        for packet in self.device.outgoing():
            channel = channel_of(packet)
            client = writer if channel == BROADCAST_CHANNEL else self._clients.get(channel)
            if client is not None:
                client.deliver(packet)
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()
