"""How fast one address may ask."""

from __future__ import annotations

import threading

from scenarios.exchange.clock import Clock
from scenarios.exchange.errors import Denied

WINDOW = 60.0
MAX_ADDRESSES = 10_000


class Pace:
    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def require(self, address: str) -> None:
        now = self._clock.now()
        with self._lock:
            began, count = self._seen.get(address, (now, 0))
            if now - began >= WINDOW:
                began, count = now, 0
            if len(self._seen) >= MAX_ADDRESSES:
                self._seen.clear()
            self._seen[address] = (began, count + 1)
        if count >= self._per_minute:
            raise Denied(429, "too-fast", "Too many requests. Wait a minute.")
