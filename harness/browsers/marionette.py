"""Firefox's remote protocol, as far as it is needed: length, colon, JSON over TCP (firefox-source-docs, Marionette)."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from typing import Any

from harness.errors import Failure


class MarionetteError(Failure):
    """`kind` is WebDriver's name of the error: "no such element", "javascript error", "timeout", ..."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"Firefox: {kind}: {message}")
        self.kind = kind
        self.message = message


class Marionette:
    """One connection. Commands from several threads take turns."""

    def __init__(self, port: int, timeout: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._file = self._socket.makefile("rb")
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._read()  # it introduces itself
        self.capabilities: dict[str, Any] = {}

    def start_session(self) -> None:
        """Its own modal prompts are left alone: nobody is to dismiss them behind our back."""
        wanted = {"unhandledPromptBehavior": "ignore", "webSocketUrl": True}
        self.capabilities = self.send("WebDriver:NewSession", wanted)["capabilities"]

    def send(self, command: str, parameters: dict[str, Any] | None = None) -> Any:
        with self._lock:
            return self._send(command, parameters or {})

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _send(self, command: str, parameters: dict[str, Any]) -> Any:
        number = next(self._ids)
        message = json.dumps([0, number, command, parameters]).encode()
        try:
            self._socket.sendall(b"%d:%s" % (len(message), message))
            while True:
                answer = self._read()
                if answer[1] == number:
                    break
        except (OSError, ValueError) as error:
            raise Failure(f"Firefox does not answer {command}: {error or type(error).__name__}") from None
        if answer[2] is not None:
            raise MarionetteError(answer[2].get("error", "error"), answer[2].get("message", ""))
        return answer[3]

    def _read(self) -> Any:
        length = b""
        while (byte := self._file.read(1)) != b":":
            if not byte:
                raise ConnectionError("the connection was closed")
            length += byte
        return json.loads(self._file.read(int(length)))
