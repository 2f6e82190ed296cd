"""A virtual machine with this machine's files, a kernel of its own, and so /dev/uhid and /dev/uinput: virtme-ng's.

It needs neither root nor KVM. What the command writes stays in the machine, except below the current directory.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.caretaker import Caretaker
from harness.errors import SetupError
from harness.patience import VARIABLE

MODULES = ("uhid", "uinput", "hid", "hid_generic", "evdev", "bluetooth", "hci_vhci")
TIMED_OUT = 124
"""The exit code of timeout(1), for a command that did not end in its time."""
BOOT_TIMEOUT = 900.0
"""Emulated, on a machine that is busy with other things, it has taken five minutes."""
LAST_WORDS = 10.0
"""Seconds for what the machine has said to be passed on, once it is off."""
EMULATED = 20
"""How many times longer than on a machine of its own everything may take on an emulated one."""
KEPT_TO_ITSELF = {"LD_PRELOAD", "UMOCKDEV_DIR", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "SHLVL", "OLDPWD", "_"} | {
    "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "TMPDIR"
}  # fmt: skip
"""Variables that speak of this machine's processes, sockets and screens."""

_UP = b"\x02stuntkey: the machine is up\x03\n"
_QEMU = {
    "x86_64": ("qemu-system-x86_64", "qemu-system-x86"),
    "aarch64": ("qemu-system-aarch64", "qemu-system-arm"),
}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a machine is made of."""

    kernel: Path
    qemu: str
    vng: str


def find_parts(boot: Path = Path("/boot"), modules: Path = Path("/lib/modules")) -> Parts:
    return Parts(kernel=find_kernel(boot, modules), qemu=find_qemu(), vng=find_vng())


def find_kernel(boot: Path = Path("/boot"), modules: Path = Path("/lib/modules")) -> Path:
    """The newest installed kernel whose modules are there too."""
    images = [image for image in boot.glob("vmlinuz-*") if (modules / _release(image)).is_dir()]
    if not images:
        raise SetupError(
            f"no kernel in {boot} with its modules in {modules}: apt-get install linux-image-amd64 "
            "(Ubuntu: linux-image-generic)"
        )
    newest = max(images, key=lambda image: [int(number) for number in re.findall(r"\d+", _release(image))])
    if not os.access(newest, os.R_OK):
        raise SetupError(f"{newest} is not readable for this user: sudo chmod +r {newest}")
    return newest


def _release(image: Path) -> str:
    return image.name.removeprefix("vmlinuz-")


def find_qemu() -> str:
    machine = os.uname().machine
    program, package = _QEMU.get(machine, (f"qemu-system-{machine}", "qemu-system"))
    if (found := shutil.which(program)) is None:
        raise SetupError(f"no {program}: apt-get install {package}")
    return found


def find_vng() -> str:
    """virtme-ng beside this Python, or in $PATH; and what it calls itself: busybox, kmod, udev."""
    vng = shutil.which("vng", path=_path())
    if vng is None or shutil.which("virtme-run", path=_path()) is None:
        raise SetupError("no virtme-ng: pip install 'stuntkey[vm]'")
    for program, package in (("busybox", "busybox-static"), ("modprobe", "kmod"), ("udevadm", "udev")):
        if shutil.which(program, path=_path()) is None:
            raise SetupError(f"no {program}: apt-get install {package}")
    return vng


def _path() -> str:
    beside = os.path.dirname(sys.executable)
    return os.pathsep.join([beside, os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def run_in_vm(
    command: Sequence[str],
    *,
    parts: Parts | None = None,
    timeout: float | None = None,
    memory: str = "4G",
    cpus: int | None = None,
    kvm: bool = False,
    tell: Tell | None = None,
) -> int:
    """Boot, run `command` as the machine's root in the current directory, and return its exit code.

    `timeout` is the command's, in seconds of this machine's time, from when the machine is up.
    """
    parts = parts or find_parts()
    progress = _Progress(
        tell or tell_on_stderr, f"Linux {_release(parts.kernel)}{'' if kvm else ', emulated'}"
    )
    with tempfile.TemporaryDirectory(prefix="stuntkey-vm-") as directory:
        script = Path(directory, "run")
        script.write_text(_script(command, patience=1 if kvm else EMULATED))
        process = subprocess.Popen(
            _vng(parts, script, memory=memory, cpus=cpus or min(4, os.cpu_count() or 1), kvm=kvm),
            stdin=subprocess.DEVNULL if sys.stdin is None or sys.stdin.isatty() else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PATH": _path()},
            start_new_session=True,
        )
        caretaker = Caretaker(process.pid, directory)
        assert process.stdout is not None
        assert process.stderr is not None
        out = _Relay(process.stdout, sys.stdout, progress.done)
        errors = _Relay(process.stderr, sys.stderr)
        try:
            code = _wait(process, progress, timeout)
        finally:
            caretaker.dismiss()
            _end(process)
            progress.stop()
            out.join(LAST_WORDS)
            errors.join(LAST_WORDS)
        if not progress.is_up and code != TIMED_OUT:
            said = (errors.before + out.before).decode(errors="replace").strip().splitlines()[-3:]
            raise SetupError(
                f"the virtual machine did not come up: {' | '.join(said) or f'vng ended with {code}'}"
            )
    return code


def _script(command: Sequence[str], *, patience: float) -> str:
    """What the machine runs. It has no environment worth the name, so it gets this one."""
    exports = [
        f"export {name}={shlex.quote(value)}"
        for name, value in os.environ.items()
        if name not in KEPT_TO_ITSELF and name.isidentifier()
    ]
    up = shlex.quote(_UP.decode().removesuffix("\n"))
    return "\n".join(
        [
            "#!/bin/sh",
            f"export {VARIABLE}={patience:g}",
            *exports,
            f"export PATH={shlex.quote(_path())}",
            f"modprobe -aq {' '.join(MODULES)}",
            "ip link set lo up",
            f"cd {shlex.quote(os.getcwd())}",
            f"echo {up}; echo {up} >&2",
            f"exec {shlex.join(command)}",
            "",
        ]
    )


def _vng(parts: Parts, script: Path, *, memory: str, cpus: int, kvm: bool) -> list[str]:
    here, home = Path.cwd(), Path.home()
    arguments = [parts.vng, "--run", str(parts.kernel), "--qemu", parts.qemu, "--user", "root"]
    arguments += ["--memory", memory, "--cpus", str(cpus)]
    if not kvm:
        arguments.append("--disable-kvm")  # /dev/kvm may be there, and boot nothing
    if home != Path("/") and not home.is_relative_to("/home"):
        arguments += ["--overlay-rwdir", str(home)]
    if here != Path("/"):
        arguments += ["--rwdir", str(here)]
    return [*arguments, "--", "sh", str(script)]


def _wait(process: subprocess.Popen[bytes], progress: _Progress, timeout: float | None) -> int:
    deadline = time.monotonic() + BOOT_TIMEOUT
    while not progress.wait(1.0):
        if process.poll() is not None:
            return process.returncode
        if time.monotonic() > deadline:
            raise SetupError(f"the virtual machine did not come up in {BOOT_TIMEOUT:.0f} s")
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        progress.tell(f"the command did not end in {timeout:g} s: the machine is switched off")
        return TIMED_OUT


def _end(process: subprocess.Popen[bytes]) -> None:
    """QEMU and what started it: a session of our own making."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            try:
                os.killpg(process.pid, number)
                process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class _Relay(threading.Thread):
    """The machine's output, from the moment it is up. (QEMU reopens a file it is given, so it is given a pipe.)"""

    def __init__(self, source: IO[bytes], target: IO[str], up: Callable[[], None] = lambda: None) -> None:
        super().__init__(daemon=True)
        self.before = b""
        self._source = source
        self._target = target
        self._up = up
        self.start()

    def run(self) -> None:
        is_up = False
        with self._source:
            while chunk := os.read(self._source.fileno(), 1 << 16):
                if not is_up:
                    self.before += chunk
                    _, found, chunk = self.before.replace(b"\r\n", b"\n").partition(_UP)
                    is_up = bool(found)
                    if is_up:
                        self._up()
                if is_up and chunk:
                    self._write(chunk)

    def _write(self, chunk: bytes) -> None:
        if (buffer := getattr(self._target, "buffer", None)) is not None:
            buffer.write(chunk)
        else:
            self._target.write(chunk.decode(errors="replace"))
        self._target.flush()


class _Progress:
    """Says what is awaited and for how long already."""

    def __init__(self, tell: Tell, what: str) -> None:
        self.tell = tell
        self._what = what
        self._began = time.monotonic()
        self._up = threading.Event()
        self._told = 0.0
        tell(f"booting {what} …")

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    def wait(self, seconds: float) -> bool:
        if self._up.wait(seconds):
            return True
        passed = time.monotonic() - self._began
        if passed - self._told >= 5:
            self._told = passed
            self.tell(f"booting {self._what}: {passed:.0f} s")
        return False

    def done(self) -> None:
        self.tell(f"up after {time.monotonic() - self._began:.0f} s")
        self._up.set()

    def stop(self) -> None:
        """Nothing more is told."""
        self.tell = lambda text: None


def tell_on_stderr(text: str) -> None:
    print(f"stuntkey vm: {text}", file=sys.stderr, flush=True)
