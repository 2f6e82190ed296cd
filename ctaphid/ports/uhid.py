"""The uhid port: a HID device of the kernel's, which every program on the machine sees.

The device is gone with its file descriptor: a process that dies leaves none behind.

A limit of the kernel's: it keeps 31 packets of what programs write, and drops more without a word. Requests of up to
1,827 bytes fit always; longer ones usually, unless the machine is busy.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ctaphid import uhid
from ctaphid.device import PACKET_SIZE
from ctaphid.hid_description import HidDescription
from ctaphid.hub import Hub
from ctaphid.ports import PortError
from ctaphid.ports.following import FollowingPort
from ctaphid.ports.pump import Pump
from ctaphid.rights import RULES, fix_command, has_module, how_to_get

NODE_PATIENCE = 20.0
BURST = 48
"""hidraw keeps 64 reports for a program that is slow to read, and drops what comes then."""
LONG_MESSAGE = 8
PACKET_TIME = 0.001
"""A full-speed USB device is polled once in a millisecond."""


class UhidPort(FollowingPort):
    """A key plugged into this machine, which all its programs see."""

    def __init__(self, hub: Hub, description: HidDescription, *, device: str = "/dev/uhid") -> None:
        super().__init__(hub, description)
        self._device = device
        self._insertion: _Insertion | None = None

    def _follow(self) -> None:
        """With the hub's lock held, in whatever thread it happens: the machine sees it before that goes on."""
        if not self._hub.plugged_in:
            self._pull_out()
        elif self._insertion is None:
            insertion = _Insertion(self._hub, self._pump, self._device)
            self._path = insertion.plug_in(self._description)
            self._insertion = insertion
            self._pump.in_loop(insertion.listen)

    def _pull_out(self) -> None:
        if self._insertion is not None:
            insertion, self._insertion = self._insertion, None
            insertion.pull_out()
            self._pump.in_loop(insertion.close)


class _Insertion:
    """From plugging in to pulling out. All programs are one client to the hub: the kernel does not tell them apart."""

    def __init__(self, hub: Hub, pump: Pump, device: str) -> None:
        self._hub = hub
        self._pump = pump
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[bytes] = deque()
        self._credit = float(BURST)
        self._credit_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._fd = os.open(device, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise PortError(_why_not(device, error)) from None

    def plug_in(self, description: HidDescription) -> str:
        """The node's path, once it is there."""
        physical = f"stuntkey-{secrets.token_hex(8)}/input0"
        try:
            with _Uevents() as uevents:
                os.write(self._fd, uhid.create2(description, physical=physical))
                return _wait_for_node(physical, uevents)
        except BaseException:
            os.close(self._fd)
            raise

    def pull_out(self) -> None:
        os.write(self._fd, uhid.destroy())

    def listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._readable)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        os.close(self._fd)
        self._fd = -1

    # From the host

    def _readable(self) -> None:
        for message in self._gather():
            self._take(message)

    def _gather(self) -> list[bytes]:
        """The events that are there, and those a long message goes on with.

        hidraw lets a program write as fast as it can, whether there is room or not. So all are read before the first
        is worked on.
        """
        events: list[bytes] = []
        while True:
            try:
                events.append(os.read(self._fd, uhid.EVENT_SIZE))
            except BlockingIOError:
                if len(events) < LONG_MESSAGE or not select.select([self._fd], [], [], PACKET_TIME)[0]:
                    return events

    def _take(self, message: bytes) -> None:
        event, report = uhid.parse(message)
        if event == uhid.Event.CLOSE:
            self._hub.forget(self)
        elif event == uhid.Event.OUTPUT and report is not None:
            self._receive(report)
        elif event == uhid.Event.GET_REPORT and report is not None:
            os.write(self._fd, uhid.get_report_reply(report.request, errno.EIO))
        elif event == uhid.Event.SET_REPORT and report is not None:
            is_output = report.type == uhid.ReportType.OUTPUT
            os.write(self._fd, uhid.set_report_reply(report.request, 0 if is_output else errno.EIO))
            if is_output:
                self._receive(report)

    def _receive(self, report: uhid.Report) -> None:
        """hidraw hands on what the program wrote, with the report id 0 in front."""
        packet = report.data[1:] if len(report.data) == PACKET_SIZE + 1 else report.data
        self._hub.write(packet[:PACKET_SIZE].ljust(PACKET_SIZE, b"\0"), self)

    # To the host

    def deliver(self, packet: bytes) -> None:
        self._waiting.append(packet)
        self._pump.in_loop(self._send)

    def _send(self) -> None:
        """A burst, then no faster than USB: programs get to read what hidraw keeps for them."""
        if self._loop is None or self._fd < 0:
            return
        now = self._loop.time()
        self._credit = min(BURST, self._credit + (now - self._credit_at) / PACKET_TIME)
        self._credit_at = now
        while self._waiting and self._credit >= 1:
            self._credit -= 1
            os.write(self._fd, uhid.input2(self._waiting.popleft()))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = self._loop.call_later(PACKET_TIME, self._send)


class _Uevents:
    """The kernel's and udevd's announcements. They wake; what is there is looked up."""

    def __enter__(self) -> Callable[[float], None]:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 15
        )  # NETLINK_KOBJECT_UEVENT
        self._socket.bind((0, 1 | 2))
        return self._wait

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _wait(self, timeout: float) -> None:
        if select.select([self._socket], [], [], timeout)[0]:
            try:
                self._socket.recv(1 << 16)
            except OSError:
                pass  # ENOBUFS: so many came that some are lost


def _wait_for_node(physical: str, wait: Callable[[float], None]) -> str:
    deadline = time.monotonic() + NODE_PATIENCE
    node = None
    while (left := deadline - time.monotonic()) > 0:
        node = node or _find_node(physical)
        if node is not None and os.access(node, os.R_OK | os.W_OK, effective_ids=True):
            return node
        # In a container, events may not arrive; then looking again has to do.
        wait(min(left, 0.1))
    if node is None:
        raise PortError("the kernel took the key, but made no hidraw node of it: it has no CONFIG_HIDRAW")
    if not os.path.exists(node):
        raise PortError(
            f"the kernel made {node}, but it is not in this /dev: in a container, mount the host's /dev"
        )
    raise PortError(
        f"{node} is there, but this user may not open it: `{fix_command()}` writes the udev rule that lets it ({RULES})"
    )


def _find_node(physical: str) -> str | None:
    for entry in Path("/sys/class/hidraw").glob("hidraw*"):
        try:
            if f"HID_PHYS={physical}\n" in (entry / "device/uevent").read_text():
                return f"/dev/{entry.name}"
        except OSError:
            continue  # pulled out meanwhile
    return None


def _why_not(device: str, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            if not has_module("uhid"):
                return (
                    f"there is no {device}, and this kernel has no module uhid: use the mock port, or "
                    "`stuntkey vm run -- COMMAND`"
                )
            return f"there is no {device}: `{fix_command()}` loads the kernel's module uhid"
        case errno.EACCES | errno.EPERM:
            return f"this user may not open {device}: {how_to_get('uhid')}; or use the mock port, which needs no rights"
    return f"{device} cannot be opened: {error.strerror}"
