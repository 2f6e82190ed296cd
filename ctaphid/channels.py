"""Which channels there are, and which of them holds the lock."""

from __future__ import annotations

from collections.abc import Callable

from ctaphid.packets import BROADCAST_CHANNEL, RESERVED_CHANNEL

MAX_LOCK_SECONDS = 10
"""CTAP 2.3 §11.2.9.2.2."""


class Channels:
    """Channels in the order of their last use. When all are taken, the one unused for longest is given away.

    A browser takes a new channel whenever it looks at the key and never gives one back, so that a key which
    answered "no more channels" would be useless after a day in one.
    """

    __slots__ = ("_channels", "_lock_expires", "_lock_holder", "_maximum", "_random_bytes")

    def __init__(self, random_bytes: Callable[[int], bytes], maximum: int) -> None:
        if maximum < 1:
            raise ValueError("a device needs at least one channel")
        self._random_bytes = random_bytes
        self._maximum = maximum
        self._channels: dict[int, None] = {}
        self._lock_holder: int | None = None
        self._lock_expires = 0.0

    def __contains__(self, channel: int) -> bool:
        return channel in self._channels

    def __len__(self) -> int:
        return len(self._channels)

    def use(self, channel: int) -> None:
        """The channel was used just now."""
        del self._channels[channel]
        self._channels[channel] = None

    def allocate(self, now: float, busy: int | None) -> int | None:
        """A new channel; None where all are taken and none can be given away."""
        if len(self._channels) >= self._maximum:
            keep = {busy, self.lock_holder(now)}
            unused = next((channel for channel in self._channels if channel not in keep), None)
            if unused is None:
                return None
            del self._channels[unused]
        channel = self._new_id()
        self._channels[channel] = None
        return channel

    def _new_id(self) -> int:
        # Random, so that no client can count on the order in which programs come (CTAP 2.3 §11.2.4).
        channel = int.from_bytes(self._random_bytes(4), "big")
        while channel in self._channels or channel in (RESERVED_CHANNEL, BROADCAST_CHANNEL):
            channel = (channel + 1) & 0xFFFFFFFF
        return channel

    def forget(self) -> None:
        """Power is gone."""
        self._channels.clear()
        self._lock_holder = None

    def lock(self, channel: int, seconds: int, now: float) -> None:
        """CTAPHID_LOCK; 0 seconds releases."""
        self._lock_holder = channel
        self._lock_expires = now + seconds

    def lock_holder(self, now: float) -> int | None:
        if self._lock_holder is not None and now >= self._lock_expires:
            self._lock_holder = None
        return self._lock_holder
