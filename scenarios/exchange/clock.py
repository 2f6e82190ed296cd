"""The exchange's clock: real time, and as far ahead of it as a test has moved it."""

from __future__ import annotations

import threading
import time


class Clock:
    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> float:
        with self._lock:
            self._ahead += seconds
        return self.now()
