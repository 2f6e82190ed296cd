"""The ports a virtual key can be plugged into, and the one background loop they all run on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness.errors import SetupError

if TYPE_CHECKING:
    from harness.virtual_key import VirtualKey

T = TypeVar("T")


class Port(Protocol):
    """A key on a port."""

    @property
    def path(self) -> str:
        """Where a host finds it: /dev/hidraw0, or 127.0.0.1:8111."""


class BackgroundLoop:
    """An asyncio loop in a thread of its own, started when the first port needs it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="stuntkey ports", daemon=True).start()
            return self._loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there, and wait here until it is done."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


background = BackgroundLoop()
Opener = Callable[..., AbstractContextManager[Port]]
PORTS: dict[str, Opener] = {}
"""Port → what plugs a key into it: called with the key and the port's options."""


def plug_in(key: VirtualKey, port: str, **options: Any) -> AbstractContextManager[Port]:
    opener = PORTS.get(port)
    if opener is None:
        raise SetupError(f"port {port!r}: there is {', '.join(sorted(PORTS))}; memory needs no plugging in")
    return opener(key, **options)
