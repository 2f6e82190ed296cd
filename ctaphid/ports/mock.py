"""The mock port: /dev/hidrawN, sysfs and udev inside one program's process tree. No root, no kernel support.

    bus = MockBus()
    async with MockPort(hub, description, bus) as port:
        subprocess.run(["fido2-token", "-I", port.path], env={**os.environ, **bus.environment()})

Only the client runs under umockdev's library. Statically linked clients, and those that make system calls without
libc (Go's), see nothing of it.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from ctaphid.hid_description import HidDescription
from ctaphid.hub import Hub
from ctaphid.mock_node import MockNode
from ctaphid.mock_sysfs import MockDevice
from ctaphid.ports import PortError
from ctaphid.ports.following import FollowingPort
from ctaphid.signal_pty import PtyPool
from ctaphid.umockdev import OPEN_AT_ONCE, TestBed

PATIENCE = 2.0
"""Seconds in which programs that have the node open may find out that the port was closed."""


class MockBus:
    """What one client program, or several, see plugged in: up to 50 keys."""

    def __init__(self) -> None:
        self._bed = TestBed()
        self._lock = threading.Lock()
        self._taken: set[int] = set()
        self.ptys = PtyPool()

    def environment(self) -> dict[str, str]:
        """For the client's environment, and nobody else's."""
        return self._bed.environment()

    def reserve(self, description: HidDescription) -> MockDevice:
        """A device under the lowest free number, as the kernel gives them. Nobody sees it yet."""
        with self._lock:
            number = next((n for n in range(OPEN_AT_ONCE) if n not in self._taken), None)
            if number is None:
                raise PortError(
                    f"{OPEN_AT_ONCE} keys are plugged in, and a program under umockdev cannot open more: "
                    "use one more bus, or the uhid port"
                )
            self._taken.add(number)
        return MockDevice(self._bed, number, description)

    def release(self, device: MockDevice) -> None:
        with self._lock:
            self._taken.discard(device.number)

    def close(self) -> None:
        self._bed.close()
        self.ptys.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class MockPort(FollowingPort):
    """A key on a bus; without one, on a bus of its own."""

    def __init__(self, hub: Hub, description: HidDescription, bus: MockBus | None = None) -> None:
        super().__init__(hub, description)
        self._bus = bus
        self._own_bus = bus is None
        self._node: MockNode | None = None
        self._nodes: dict[MockNode, asyncio.Task[None]] = {}

    @property
    def bus(self) -> MockBus:
        if self._bus is None:
            raise RuntimeError("the port is not open")
        return self._bus

    @property
    def environment(self) -> dict[str, str]:
        """What the client's environment needs for it to see the key."""
        return self.bus.environment()

    async def open(self) -> None:
        if self._bus is None:
            self._bus = MockBus()
        await super().open()

    async def close(self) -> None:
        self._leave()
        await asyncio.gather(*(node.farewell(PATIENCE) for node in self._nodes))
        for task in self._nodes.values():
            task.cancel()
        await asyncio.gather(*self._nodes.values(), return_exceptions=True)
        self._pump.stop()
        if self._own_bus and self._bus is not None:
            self._bus.close()
            self._bus = None

    def _follow(self) -> None:
        """With the hub's lock held, in whatever thread it happens: the client sees it before that goes on."""
        if not self._hub.plugged_in:
            self._pull_out()
        elif self._node is None:
            device = self.bus.reserve(self._description)
            self._node = MockNode(self._hub, self._pump, device, self.bus.ptys)
            self._path = device.node
            self._pump.in_loop(self._serve, self._node)

    def _pull_out(self) -> None:
        if self._node is not None:
            node, self._node = self._node, None
            node.pull_out()
            self.bus.release(node.device)

    def _serve(self, node: MockNode) -> None:
        for left in [left for left in self._nodes if left.gone and not left.programs]:
            self._nodes.pop(left).cancel()
        self._nodes[node] = asyncio.get_running_loop().create_task(node.serve())
