"""A browser's process: started with its own environment, its log read line by line, ended with all its children."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.caretaker import Caretaker
from harness.errors import SetupError

GOODBYE = 5.0
"""Seconds a browser has to end by itself."""


def find_program(names: Sequence[str], *, variable: str, remedy: str) -> str:
    """What $variable names, or the first of the names that there is."""
    for name in [os.environ.get(variable, ""), *names]:
        path = shutil.which(name) if name else None
        if path is not None:
            return path
    raise SetupError(f"there is no {names[-1]} here: {remedy}, or name one in ${variable}")


class BrowserProcess:
    """In a session of its own, so that all of it can be ended."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_line: Callable[[str], None] = lambda line: None,
        *,
        folder: Path | str,
    ) -> None:
        """`folder` is its profile, which goes with us even if we are killed."""
        self.log: deque[str] = deque(maxlen=5_000)
        self._on_line = on_line
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._caretaker = Caretaker(self._process.pid, folder)
        self._reader = threading.Thread(
            target=self._read, name=f"log of {Path(command[0]).name}", daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def last_words(self) -> str:
        """For whoever has to be told why it did not start."""
        self._reader.join(GOODBYE)
        # Of the machine's buses it complains every time
        lines = [line for line in self.log if "dbus" not in line and line]
        return lines[0][:300] if lines else "it said nothing"

    def end(self) -> None:
        self._caretaker.dismiss()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)  # what it left behind, too
        self._process.wait()
        self._reader.join(GOODBYE)
        assert self._process.stderr is not None
        if not self._reader.is_alive():
            self._process.stderr.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self.log.append(line)
            self._on_line(line)


def without_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """Pages are to see our keys, and not the machine's displays, buses and keys."""
    theirs = ("LD_PRELOAD", "UMOCKDEV_DIR", "WAYLAND_DISPLAY", "DISPLAY")
    return {name: value for name, value in environment.items() if name not in theirs}
