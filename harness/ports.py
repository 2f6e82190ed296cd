"""The ports a virtual key can be plugged into, and the one background loop they all run on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ctaphid.ports import Port, PortError
from harness.errors import SetupError

if TYPE_CHECKING:
    from harness.virtual_key import VirtualKey

T = TypeVar("T")


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


def _udp(key: VirtualKey, **options: Any) -> Port:
    from ctaphid.ports.udp import UdpPort

    options.setdefault("port", 0)
    return UdpPort(key.engine.hub, power_cycle=key.power_cycle, **options)


def _mock(key: VirtualKey, **options: Any) -> Port:
    from ctaphid.ports.mock import MockPort

    return MockPort(key.engine.hub, key.description, **options)


def _uhid(key: VirtualKey, **options: Any) -> Port:
    from ctaphid.ports.uhid import UhidPort

    return UhidPort(key.engine.hub, key.description, **options)


PORTS: dict[str, Callable[..., Port]] = {"mock": _mock, "uhid": _uhid, "udp": _udp}
"""What makes a port for a key. Options are those of the port; udp takes any free port where none is named."""


def make_port(key: VirtualKey, port: str, /, **options: Any) -> Port:
    """A port that is not open yet, for whoever runs a loop of their own."""
    maker = PORTS.get(port)
    if maker is None:
        raise SetupError(f"port {port!r}: there are {', '.join(sorted(PORTS))}; memory needs no plugging in")
    try:
        return maker(key, **options)
    except TypeError as error:
        raise SetupError(f"port {port}: {error}") from None


def plug_in(key: VirtualKey, port: str, /, **options: Any) -> AbstractContextManager[Port]:
    made = make_port(key, port, **options)

    @contextmanager
    def plugged() -> Iterator[Port]:
        try:
            background.run(made.open())
        except PortError as error:
            raise SetupError(str(error)) from None
        key.port_opened(port, made)
        try:
            yield made
        finally:
            key.port_closed(made)
            background.run(made.close())

    return plugged()
