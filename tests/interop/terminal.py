"""A terminal for programs that ask for PINs: they want one of their own, and no pipe."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
import tty
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A program, when it is over: its exit code, and all it said."""

    command: tuple[str, ...]
    code: int
    output: str

    def ok(self) -> str:
        assert self.code == 0, f"{self.command} ended with {self.code}:\n{self.output}"
        return self.output

    def failed(self) -> str:
        assert self.code != 0, f"{self.command} went well:\n{self.output}"
        return self.output


def run(
    command: Sequence[str],
    answers: Sequence[tuple[str, str]] = (),
    *,
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Ended:
    """Run it in a terminal; wherever it says (a regular expression) the next of `answers`, type what belongs to it.

    Exactly these questions have to come, in this order.
    """
    master, slave = pty.openpty()
    tty.setraw(slave)  # no echo: what is typed is not what the program says
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=dict(os.environ if environment is None else environment),
        cwd=cwd,
    )
    os.close(slave)
    said, seen, waiting = "", 0, list(answers)
    deadline = time.monotonic() + PATIENCE
    try:
        while chunk := _read(master, deadline):
            said += chunk
            while waiting and (match := re.compile(waiting[0][0]).search(said, seen)):
                seen = match.end()
                os.write(master, waiting.pop(0)[1].encode() + b"\n")
        code = process.wait(max(1.0, deadline - time.monotonic()))
    except TimeoutError:
        raise AssertionError(f"{command} still waits; it said:\n{said}") from None
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(master)
    assert not waiting, f"{command} never asked for {waiting[0][0]!r}; it said:\n{said}"
    return Ended(command=tuple(command), code=code, output=said.replace("\r\n", "\n"))


def _read(master: int, deadline: float) -> str:
    if not select.select([master], [], [], max(0.0, deadline - time.monotonic()))[0]:
        raise TimeoutError
    try:
        return os.read(master, 1 << 16).decode(errors="replace")
    except OSError:
        return ""  # EIO: the last program has closed the terminal
