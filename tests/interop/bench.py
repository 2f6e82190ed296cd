"""A key on the mock port, and foreign programs in front of it."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness import VirtualKey
from tests.interop.terminal import Ended, run

PIN = "23-42 Maßstab"
ASKED_PIN = ("Enter PIN for /dev/hidraw0: ", PIN)


class Bench:
    """Each command is a program of its own, that sees the keys of one bus."""

    def __init__(self, key: VirtualKey, environment: dict[str, str], path: str, folder: Path) -> None:
        self.key = key
        self.path = path
        self.folder = folder
        self.environment = {**os.environ, **environment, "LC_ALL": "C.UTF-8"}

    def asks(self, answers: Sequence[tuple[str, str]], *command: str) -> Ended:
        """In a terminal, with these questions."""
        return run(command, answers, environment=self.environment, cwd=self.folder)

    def says(self, *command: str) -> str:
        """Without questions, and well."""
        return self.asks([], *command).ok()

    def pipe(self, *command: str, given: str = "") -> str:
        """Without a terminal: what it writes to standard output."""
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment,
            cwd=self.folder,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def write(self, name: str, *lines: str) -> str:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))
        return name


def hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
