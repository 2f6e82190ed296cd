"""Wakes a hub when its device wants to be woken: one timer on an asyncio loop, no task and no thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVarTuple

from ctaphid.hub import Hub

Ts = TypeVarTuple("Ts")


class Pump:
    """Every asyncio port of a hub has one. `start` and `stop` belong to the loop's thread."""

    __slots__ = ("_due", "_hub", "_loop", "_thread", "_timer")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        with self._hub.lock:
            self._hub.listeners.append(self._on_change)
        self._arm()

    def stop(self) -> None:
        if self._loop is None:
            return
        self._loop = None
        with self._hub.lock:
            self._hub.listeners.remove(self._on_change)
        self._disarm()

    def in_loop(self, call: Callable[[*Ts], None], *arguments: *Ts) -> None:
        """Call in the loop's thread: now if this is it, else soon. Nothing is called once stopped."""
        loop = self._loop
        if loop is None:
            return
        if threading.get_ident() == self._thread:
            call(*arguments)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(call, *arguments)

    def _on_change(self) -> None:
        self.in_loop(self._arm)

    def _arm(self) -> None:
        if self._loop is None:
            return
        with self._hub.lock:
            due = self._hub.next_wake()
            now = self._hub.clock.monotonic()
        if due == self._due and self._timer is not None:
            return
        self._disarm()
        if due is not None:
            self._due = due
            self._timer = self._loop.call_later(max(0.0, due - now), self._fire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._due = None

    def _fire(self) -> None:
        due, self._timer, self._due = self._due, None, None
        with self._hub.lock:
            if self._hub.jump is not None and due is not None:
                # A clock turned by hand: so much real time has passed for the host that waited.
                behind = due - self._hub.clock.monotonic()
                if behind > 0:
                    self._hub.jump(behind)
            self._hub.wake()
