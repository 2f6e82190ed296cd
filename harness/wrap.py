"""Any command, with keys plugged in for as long as it runs."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ctaphid.ports import PortError
from ctaphid.ports.mock import MockBus
from harness.errors import SetupError

if TYPE_CHECKING:
    from harness.virtual_key import VirtualKey

HANDED_OVER = 10.0
"""Seconds in which a browser ends that only tells the one that runs already what to open."""


def run_with_keys(
    keys: Sequence[VirtualKey],
    command: Sequence[str],
    port: str = "mock",
    /,
    *,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> int:
    """Run `command` with the keys plugged into one machine, or one mock of it. Returns the exit code a shell would.

    The command finds in STUNTKEY_PATH where they are: device nodes or addresses, with spaces between them.
    `options` are those of the port.
    """
    environment = dict(os.environ if environment is None else environment)
    program = _find(command[0], environment)
    if port == "mock" and (why := hidden_from(program)):
        raise SetupError(f"{command[0]} would not see a key on the mock port: {why}")
    with ExitStack() as stack:
        if port == "mock":
            bus = options["bus"] = stack.enter_context(mock_bus())
            environment |= bus.environment()
        ports = [stack.enter_context(key.plugged_in(port, **options)) for key in keys]
        environment["STUNTKEY_PATH"] = " ".join(each.path for each in ports)
        began = time.monotonic()
        code = _run(program, command, environment)
        if (
            time.monotonic() - began < HANDED_OVER
            and _is_browser(program)
            and not any(map(_was_opened, keys))
        ):
            print(
                f"stuntkey: {command[0]} ended at once and looked at no key: if it is running already, its window "
                "opened there; close it first, or give this one a profile of its own",
                file=sys.stderr,
            )
        return code


def _is_browser(program: str) -> bool:
    return Path(program).name.startswith(("firefox", "chrom", "google-chrome", "microsoft-edge", "brave"))


def _was_opened(key: VirtualKey) -> bool:
    return bool(key.trace.of("packet"))


@contextmanager
def mock_bus() -> Iterator[MockBus]:
    """One bus for several keys: `key.plugged_in("mock", bus=bus)`."""
    try:
        bus = MockBus()
    except PortError as error:
        raise SetupError(str(error)) from None
    with bus:
        yield bus


def _find(name: str, environment: Mapping[str, str]) -> str:
    program = shutil.which(name, path=environment.get("PATH"))
    if program is None:
        where = "cannot be run: no such program" if os.sep in name else "is not in $PATH"
        raise SetupError(f"{name}: {where}")
    return program


def _run(program: str, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The signals meant for the command reach it; the keys stay until it is done with them."""
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    # Ctrl-C goes to the whole foreground group by itself, and what it means is for the command to say. A handler that
    # does nothing, and not SIG_IGN, which the command would inherit.
    handlers: dict[signal.Signals, Any] = {
        signal.SIGINT: lambda number, frame: None,
        signal.SIGTERM: forward,
        signal.SIGHUP: forward,
    }
    before: dict[signal.Signals, Any] = {}
    try:
        try:
            for signal_number, handler in handlers.items():
                before[signal_number] = signal.signal(signal_number, handler)
        except ValueError:
            pass  # not the main thread: then signals are not ours
        with subprocess.Popen(command, executable=program, env=environment) as process:
            for number in early:
                process.send_signal(number)
            code = process.wait()
    finally:
        for signal_number, previous in before.items():
            signal.signal(signal_number, previous)
    return 128 - code if code < 0 else code


def hidden_from(program: str) -> str | None:
    """Why a program does not load umockdev's library, or does not share files with us; None: it will see the key."""
    path = Path(program).resolve()
    if path.name == "snap" or path.is_relative_to("/snap"):
        return (
            "it is a snap, whose sandbox hides the mock: install it as a Debian package, or use the uhid port"
        )
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        mode = path.stat().st_mode
    except OSError:
        return None
    if start.startswith(b"#!"):
        if b"/snap/bin/" in start:
            return "it starts a snap, whose sandbox hides the mock: install a Debian package, or use the uhid port"
        if b"flatpak run" in start:
            return "it starts a flatpak, whose sandbox hides the mock: install a Debian package, or use the uhid port"
    if path.name == "flatpak":
        return "a flatpak's sandbox hides the mock: install a Debian package, or use the uhid port"
    if mode & (stat.S_ISUID | stat.S_ISGID) and path.stat().st_uid != os.geteuid():
        return "it changes its user, and then loads no foreign library: run it as that user, or use the uhid port"
    if start.startswith(b"\x7fELF") and not _is_dynamic(start):
        return "it is linked statically, and loads no library: use the uhid port"
    return None


PT_INTERP = 3


def _is_dynamic(elf: bytes) -> bool:
    """Whether the program header names a loader. (Where that cannot be told, it is taken to.)"""
    if len(elf) < 64 or elf[5] != 1:
        return True
    if elf[4] == 2:
        (offset,), (size, count) = struct.unpack_from("<Q", elf, 32), struct.unpack_from("<HH", elf, 54)
    else:
        (offset,), (size, count) = struct.unpack_from("<I", elf, 28), struct.unpack_from("<HH", elf, 42)
    types = [offset + size * index for index in range(count)]
    if not types or types[-1] + 4 > len(elf):
        return True
    return any(struct.unpack_from("<I", elf, at)[0] == PT_INTERP for at in types)
