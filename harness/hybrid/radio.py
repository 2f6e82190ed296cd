"""The air between phone and client, behind one interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Radio(Protocol):
    """What a phone sends its adverts with: in memory, a mock BlueZ that a browser listens to, or a real adapter."""

    def advertise(self, advert: bytes) -> AbstractAsyncContextManager[None]:
        """On air while it is entered."""


class Air:
    """A place: everybody in it hears everybody's adverts. Someone elsewhere is in another `Air`."""

    def __init__(self) -> None:
        self._adverts: list[bytes] = []
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def advertise(self, advert: bytes) -> AsyncIterator[None]:
        async with self._changed:
            self._adverts.append(advert)
            self._changed.notify_all()
        try:
            yield
        finally:
            self._adverts.remove(advert)

    async def listen(self) -> AsyncIterator[bytes]:
        """Every advert that is or comes on air, each once."""
        heard: set[bytes] = set()
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: any(each not in heard for each in self._adverts))
                new = [each for each in self._adverts if each not in heard]
            for advert in new:
                heard.add(advert)
                yield advert
