"""How packets reach a host. A port lives on an asyncio loop, and any number of them share one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class PortError(Exception):
    """A port cannot be opened: one line for the user that says why, and what to do about it."""


class Port(ABC):
    """A way to the host that is open between `open` and `close`, or within `async with`."""

    @property
    @abstractmethod
    def path(self) -> str:
        """What a client is told to open, once the port is open: a device node, or an address."""

    @property
    def environment(self) -> dict[str, str]:
        """What a client's environment needs, for it to see the device."""
        return {}

    @abstractmethod
    async def open(self) -> None:
        """The host sees the device when this returns. Raises `PortError` where it cannot."""

    @abstractmethod
    async def close(self) -> None:
        """The host sees no device any more. Closing twice is allowed."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
