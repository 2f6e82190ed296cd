"""Who tidies up when this process is killed: its helpers end, and their folders go."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

# It waits at its standard input, whose other end closes with us, even by SIGKILL. A word on it: all is tidy already.
_SCRIPT = """trap "" INT TERM HUP
if ! read -r _; then kill -KILL "-$1"; shift; sleep 1; rm -rf -- "$@"; fi"""


class Caretaker:
    """Of one process group, led by `leader`, and of the folders that its processes keep."""

    def __init__(self, leader: int, *folders: Path | str) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "sh", str(leader), *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Before the group ends: from now on its number may be somebody else's."""
        assert self._shell.stdin is not None
        if self._shell.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.write(b"tidy\n")
            self._shell.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.close()
        self._shell.wait()
