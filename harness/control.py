"""Plugged-in keys, and whoever holds them, acted on from another process: a script, a debugger, a second terminal.

A Unix socket that only its user may open; a line of JSON asks, a line answers.

    {"key": 1, "act": "touch"}  →  {"said": "yubikey-5-nfc: touched"}  or  {"error": "..."}
"""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.acts import Act, choose, deny, enter_pin, ignore, touch, wrong_finger
from harness.closing import Closing
from harness.errors import SetupError, StuntkeyError
from harness.otp import LONG_TOUCH

if TYPE_CHECKING:
    from harness.virtual_key import VirtualKey

VARIABLE = "STUNTKEY_CONTROL"
LONGEST = 4096


def _touch(key: VirtualKey, value: str) -> str:
    if key.touch():
        return "touched"
    key.person.will(touch())
    return "will be touched when it asks next"


def _long_touch(key: VirtualKey, value: str) -> str:
    return "touched for long" if key.touch(LONG_TOUCH) else "touched for long, which nobody waited for"


def _next(act: Callable[[str], Act], told: str) -> Callable[[VirtualKey, str], str]:
    def will(key: VirtualKey, value: str) -> str:
        key.person.will(act(value))
        return f"{told} when it asks next"

    return will


def _unplug(key: VirtualKey, value: str) -> str:
    key.unplug()
    return "unplugged"


def _plug_in(key: VirtualKey, value: str) -> str:
    key.plug_in()
    return "plugged in"


def _habit(key: VirtualKey, value: str) -> str:
    if value == "prompted":
        raise SetupError("habit=prompted: nobody is at a terminal here; willing, ignoring or refusing")
    key.person.habit = value  # type: ignore[assignment]  # refused there, if it is none
    return f"its person is {value} from now on"


def _account(value: str) -> Act:
    return choose(int(value) if value.isdecimal() else value)


ACTS: Mapping[str, tuple[Callable[[VirtualKey, str], str], str]] = {
    "touch": (_touch, ""),
    "long-touch": (_long_touch, ""),
    "deny": (_next(lambda _: deny(), "denied"), ""),
    "ignore": (_next(lambda _: ignore(), "ignored"), ""),
    "wrong-finger": (_next(lambda _: wrong_finger(), "a wrong finger"), ""),
    "pin": (_next(enter_pin, "a PIN"), "PIN"),
    "choose": (_next(_account, "an account is chosen"), "NUMBER or NAME"),
    "unplug": (_unplug, ""),
    "plug-in": (_plug_in, ""),
    "habit": (_habit, "willing, ignoring or refusing"),
}
"""Act → what does it, and what its value is, where it has one: `pin=1234`."""


def act_on(key: VirtualKey, words: str) -> str:
    """Do it, and say what was done. SetupError for what nobody can do."""
    name, equals, value = words.partition("=")
    if name not in ACTS:
        raise SetupError(f"nobody can {name!r}: there are {', '.join(ACTS)}")
    do, wanted = ACTS[name]
    if bool(wanted) != bool(value) or (equals and not value):
        raise SetupError(f"{name}={wanted}: say which" if wanted else f"{name} has no value")
    return f"{key.profile.name}: {do(key, value)}"


class Control(Closing):
    """Serves these keys, in a thread of its own."""

    def __init__(self, keys: Sequence[VirtualKey], path: str | os.PathLike[str] | None = None) -> None:
        self._folder = tempfile.mkdtemp(prefix="stuntkey-control-") if path is None else None
        self.path = os.fspath(path) if path is not None else str(Path(str(self._folder), "socket"))
        try:
            self._server = _Server(self.path, _Asked)
        except OSError as error:
            self._remove()
            raise SetupError(f"{self.path}: nobody can be heard there: {error.strerror or error}") from None
        os.chmod(self.path, 0o600)
        self._server.keys = tuple(keys)
        self._thread = threading.Thread(target=self._server.serve_forever, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        Path(self.path).unlink(missing_ok=True)
        self._remove()

    def _remove(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    keys: tuple[VirtualKey, ...] = ()


class _Asked(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            answer = {"said": self._answer(self.rfile.readline(LONGEST))}
        except StuntkeyError as error:
            answer = {"error": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")

    def _answer(self, line: bytes) -> str:
        try:
            asked: Any = json.loads(line)
            number, words = asked["key"], asked["act"]
        except (ValueError, TypeError, KeyError):
            raise SetupError('a line of JSON with "key" and "act" was expected') from None
        keys = self.server.keys
        if not isinstance(number, int) or not 1 <= number <= len(keys) or not isinstance(words, str):
            raise SetupError(
                f"key {number}: there {'is key 1 only' if len(keys) == 1 else f'are 1 to {len(keys)}'}"
            )
        return act_on(keys[number - 1], words)


def ask(path: str, key: int, words: str) -> str:
    """What the keys at `path` say to it; SetupError if they refuse, or are not there."""
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
            connection.sendall(json.dumps({"key": key, "act": words}).encode() + b"\n")
            with connection.makefile("rb") as file:
                answer = json.loads(file.readline())
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no answer"
            raise SetupError(f"{path}: no attached key is heard there: {why}") from None
    if "error" in answer:
        raise SetupError(str(answer["error"]))
    return str(answer["said"])
