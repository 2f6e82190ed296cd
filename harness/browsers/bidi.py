"""WebDriver BiDi, as far as it is needed: commands and their results, and events, over one web socket."""

from __future__ import annotations

import itertools
import json
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDone
from contextlib import ExitStack
from typing import Any

from harness.errors import Failure, SetupError

Listener = Callable[[dict[str, Any]], None]


class BidiError(Failure):
    """`kind` is the standard's name of the error: "no such frame", "unknown command", ..."""

    def __init__(self, command: str, kind: str, message: str) -> None:
        super().__init__(f"{command}: {kind}: {message}")
        self.kind = kind
        self.message = message


class Bidi:
    """One session. Commands may come from any thread; events are told in a thread of their own, in order."""

    def __init__(self, url: str, *, timeout: float) -> None:
        try:
            from websockets.sync.client import connect
        except ImportError:
            raise SetupError(
                "Firefox is driven over a web socket, by websockets: pip install 'stuntkey[browser]'"
            ) from None

        self._timeout = timeout
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[str, Future[Any]]] = {}
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Listener]] = {}
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(url, max_size=None, compression=None, ping_interval=None, open_timeout=timeout)
        )
        for work in (self._read, self._tell):
            threading.Thread(target=work, name=f"BiDi {work.__name__}", daemon=True).start()

    def listen(self, event: str, listener: Listener) -> None:
        self._listeners.setdefault(event, []).append(listener)

    def send(self, command: str, /, **parameters: Any) -> Any:
        future = self.begin(command, **parameters)
        try:
            return future.result(self._timeout)
        except NotDone:
            raise BidiError(command, "timeout", f"no answer in {self._timeout:g} s") from None

    def begin(self, command: str, /, **parameters: Any) -> Future[Any]:
        """Its result, or BidiError, once it is there."""
        from websockets.exceptions import ConnectionClosed

        number = next(self._ids)
        future: Future[Any] = Future()
        with self._lock:
            self._waiting[number] = command, future
        try:
            self._socket.send(json.dumps({"id": number, "method": command, "params": parameters}))
        except ConnectionClosed:
            self._give_up()
        return future

    def close(self) -> None:
        self._stack.close()

    def _read(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            for text in self._socket:
                message = json.loads(text)
                if message.get("type") == "event":
                    self._events.put(message)
                elif message.get("id") is not None:
                    self._answer(message)
        except ConnectionClosed:
            pass
        finally:
            self._events.put(None)
            self._give_up()

    def _answer(self, message: dict[str, Any]) -> None:
        with self._lock:
            command, future = self._waiting.pop(message["id"])
        if message["type"] == "error":
            future.set_exception(BidiError(command, message["error"], message.get("message", "")))
        else:
            future.set_result(message["result"])

    def _give_up(self) -> None:
        with self._lock:
            left, self._waiting = list(self._waiting.values()), {}
        for command, future in left:
            future.set_exception(BidiError(command, "closed", "the browser has closed the connection"))

    def _tell(self) -> None:
        while (event := self._events.get()) is not None:
            for listener in list(self._listeners.get(event["method"], ())):
                listener(event["params"])
