"""A test bed for umockdev's preload library: a directory that a program under it takes for /dev and /sys.

The library (`libumockdev-preload.so.0`, loaded by the client program alone) redirects paths into $UMOCKDEV_DIR, hands
ioctl, read and write of a mocked node to a socket under `ioctl/`, and makes of netlink's uevents a socket `event<fd>`.
This end of those conventions is written here, so no program but the client needs umockdev: one process holds any
number of keys, which come and go at any time. They are the same in umockdev 0.17.
"""

from __future__ import annotations

import ctypes.util
import glob
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from ctaphid.ports import PortError

PRELOAD = "libumockdev-preload.so.0"
OPEN_AT_ONCE = 50
"""FD_MAP_MAX: a program that holds more mocked nodes open is aborted by the library."""

_SOCKET_PATH_LIMIT = 107
_LONGEST_SOCKET_NAME = len("/ioctl//dev/hidraw00")


def preload_library(name: str = PRELOAD) -> str:
    """What LD_PRELOAD is to name."""
    if not sys.platform.startswith("linux"):
        raise PortError("the mock port needs Linux: use the memory or udp port here")
    if ctypes.util.find_library(name.removeprefix("lib").partition(".so")[0]) == name:
        return name
    for folder in ("/usr/lib", "/usr/lib64", "/usr/local/lib", f"/usr/lib/{os.uname().machine}-linux-gnu"):
        if (path := Path(folder, name)).exists():
            return str(path)
    raise PortError(
        f"the mock port needs {name}: apt-get install umockdev (Fedora, Arch: the package umockdev, too)"
    )


class TestBed:
    """The directory. It goes away with its process, however that ends."""

    __test__ = False  # not a class of tests, whatever pytest makes of its name

    def __init__(self) -> None:
        self._preload = preload_library()
        directory = tempfile.mkdtemp(prefix="stuntkey-")
        if len(directory) + _LONGEST_SOCKET_NAME > _SOCKET_PATH_LIMIT:
            os.rmdir(directory)
            directory = tempfile.mkdtemp(prefix="stuntkey-", dir="/tmp")
        self.root = Path(directory)
        # It removes the directory when its standard input closes: with this process, even killed.
        self._caretaker = subprocess.Popen(
            ["/bin/sh", "-c", 'trap "" INT TERM HUP; read -r _; rm -rf -- "$1"', "sh", directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            start_new_session=True,
        )
        for folder in ("dev/.node", "ioctl/dev", "sys/bus", "sys/class", "sys/dev/char", "sys/devices"):
            (self.root / folder).mkdir(parents=True)
        self._lock = threading.Lock()
        self._sequence = 0

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """What the client's environment has to have, and nobody else's."""
        before = (os.environ if base is None else base).get("LD_PRELOAD", "")
        return {
            "UMOCKDEV_DIR": str(self.root),
            "LD_PRELOAD": f"{self._preload}:{before}" if before else self._preload,
        }

    def close(self) -> None:
        if self._caretaker.stdin is not None and not self._caretaker.stdin.closed:
            self._caretaker.stdin.close()
            self._caretaker.wait()

    def write(self, path: str, content: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def link(self, path: str, target: str) -> None:
        """A symbolic link, relative as in sysfs, from `path` to `target`: both from the root."""
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(self.root / target, link.parent))

    def remove(self, path: str) -> None:
        file = self.root / path
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)

    def uevent(self, action: str, device: str, subsystem: str, properties: Sequence[tuple[str, str]]) -> None:
        """Tell every program that listens for udev's events."""
        with self._lock:
            self._sequence += 1
            self._uevent(self._sequence, action, device, subsystem, properties)

    def _uevent(
        self, number: int, action: str, device: str, subsystem: str, properties: Sequence[tuple[str, str]]
    ) -> None:
        event = [("ACTION", action), ("DEVPATH", device), ("SUBSYSTEM", subsystem)]
        event += [*properties, ("SEQNUM", str(number))]
        kind = dict(properties).get("DEVTYPE")
        message = udev_message([f"{name}={value}" for name, value in event], subsystem, kind)
        for listener in glob.glob(glob.escape(str(self.root)) + "/event*"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                try:
                    sender.sendto(message, listener)
                except ConnectionRefusedError:
                    os.unlink(listener)  # its program is gone
                except (FileNotFoundError, BlockingIOError):
                    pass  # just closed; or a program that does not read, for which netlink drops events as well


_HEADER = struct.Struct("@8sIIIIIIII")


def udev_message(properties: Sequence[str], subsystem: str, devtype: str | None) -> bytes:
    """udevd's message to libudev's monitors (systemd, sd-device/device-monitor.c)."""
    body = b"".join(text.encode() + b"\0" for text in properties)
    hashes = [socket.htonl(murmur_hash_2(text.encode())) if text else 0 for text in (subsystem, devtype)]
    magic = socket.htonl(0xFEEDCAFE)
    return (
        _HEADER.pack(b"libudev\0", magic, _HEADER.size, _HEADER.size, len(body), hashes[0], hashes[1], 0, 0)
        + body
    )


def murmur_hash_2(data: bytes) -> int:
    """MurmurHash2 with seed 0: libudev's monitors filter by it in the kernel."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    state = len(data)
    whole = len(data) & ~3
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        word = word * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        state = (state * multiplier & mask) ^ word
    if rest := data[whole:]:
        state = (state ^ int.from_bytes(rest, "little")) * multiplier & mask
    state = (state ^ state >> 13) * multiplier & mask
    return state ^ state >> 15
