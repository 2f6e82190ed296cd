"""Ports on which a key comes and goes: they do as their hub does."""

from __future__ import annotations

from abc import abstractmethod

from ctaphid.hid_description import HidDescription
from ctaphid.hub import Hub
from ctaphid.ports import Port
from ctaphid.ports.pump import Pump


class FollowingPort(Port):
    """Plugged in at the hub, the key is seen here; unplugged there, it is gone here."""

    def __init__(self, hub: Hub, description: HidDescription) -> None:
        self._hub = hub
        self._description = description
        self._pump = Pump(hub)
        self._path = ""

    @property
    def path(self) -> str:
        """/dev/hidrawN, as the client sees it; the last one, while the key is pulled out."""
        return self._path

    async def open(self) -> None:
        self._pump.start()
        try:
            with self._hub.lock:
                self._hub.listeners.append(self._follow)
                self._follow()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        try:
            self._leave()
        finally:
            self._pump.stop()

    def _leave(self) -> None:
        """From now on the hub is not followed, and the key is gone."""
        with self._hub.lock:
            if self._follow in self._hub.listeners:
                self._hub.listeners.remove(self._follow)
            self._pull_out()

    @abstractmethod
    def _follow(self) -> None:
        """With the hub's lock held, in whatever thread it happens: the client sees it before that goes on."""

    @abstractmethod
    def _pull_out(self) -> None: ...
