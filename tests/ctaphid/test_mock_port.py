"""The mock port, as programs see it that know nothing of it: each client here is a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from authenticator.environment import SystemClock
from ctaphid.hid_description import REPORT_DESCRIPTOR, HidDescription
from ctaphid.hid_device import HidDevice
from ctaphid.hub import Hub
from ctaphid.ports import PortError
from ctaphid.ports.mock import MockBus, MockPort
from ctaphid.umockdev import TestBed, preload_library
from tests.ctaphid.backend import EchoBackend

PATIENCE = 30.0
YUBIKEY = HidDescription(
    vendor_id=0x1050, product_id=0x0407, manufacturer="Yubico", product="YubiKey OTP+FIDO+CCID"
)
NUMBERED = HidDescription(
    vendor_id=0x1209, product_id=0xF1D0, manufacturer="Número", product="Uno", serial="7Q-42"
)

PREAMBLE = """
    import errno, fcntl, json, os, select, struct, sys

    def say(**values):
        print(json.dumps(values), flush=True)

    def outcome(call, *arguments):
        try:
            return call(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno]

    def frame(channel, command, data):
        packet = bytes.fromhex(channel) + bytes([0x80 | command]) + len(data).to_bytes(2) + data
        return b"\\0" + packet.ljust(64, b"\\0")

    def open_channel(node, nonce):
        os.write(node, frame("ffffffff", 0x06, nonce))
        answer = os.read(node, 64)
        assert answer[7:15] == nonce, answer.hex()
        return answer[15:19].hex()
"""


def hub(seed: int = 1, backend: EchoBackend | None = None) -> Hub:
    device = HidDevice(backend or EchoBackend(), random_bytes=random.Random(seed).randbytes)
    return Hub(device, clock=SystemClock())


class Client:
    """A program that sees the keys of a bus. It says what it found in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self) -> Any:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        assert line, f"the client ended with {await self.process.wait()}"
        return json.loads(line)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")


@asynccontextmanager
async def client(
    environment: Mapping[str, str], script: str, *arguments: str, new_session: bool = False
) -> AsyncIterator[Client]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(PREAMBLE) + textwrap.dedent(script),
        *arguments,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=new_session,
    )
    try:
        yield Client(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("description", [YUBIKEY, NUMBERED], ids=lambda it: it.manufacturer)
def test_ioctls(description: HidDescription) -> None:
    """The request numbers are those of <linux/hidraw.h>, as a client's compiler makes them."""

    async def main() -> dict[str, Any]:
        async with (
            MockPort(hub(), description) as port,
            client(
                port.environment,
                """
                node = os.open(sys.argv[1], os.O_RDWR)
                def ioctl(direction, number, size, before=b""):
                    buffer = bytearray(before.ljust(size, b"\\0"))
                    result = outcome(fcntl.ioctl, node, direction << 30 | size << 16 | ord("H") << 8 | number, buffer)
                    return [result, bytes(buffer).hex()]
                size = ioctl(2, 1, 4)
                descriptor = ioctl(2, 2, 4100, bytes.fromhex(size[1]))
                say(size=size,
                    descriptor=[descriptor[0], descriptor[1][:2 * (4 + 34)], set(descriptor[1][2 * 38:]) == {"0"}],
                    info=ioctl(2, 3, 8), name=ioctl(2, 4, 128), short=ioctl(2, 4, 4), unique=ioctl(2, 8, 64),
                    physical=ioctl(2, 5, 64), feature=ioctl(3, 7, 65)[0],
                    other=outcome(fcntl.ioctl, node, 0x5413, bytearray(8)))
                """,
                port.path,
            ) as program,
        ):
            said: dict[str, Any] = await program.says()
            return said

    said = asyncio.run(main())
    length = len(REPORT_DESCRIPTOR).to_bytes(4, "little").hex()
    name = f"{description.manufacturer} {description.product}".encode() + b"\0"
    unique = description.serial.encode() + b"\0"
    info = b"".join(
        n.to_bytes(s, "little") for n, s in ((3, 4), (description.vendor_id, 2), (description.product_id, 2))
    )
    assert said == {
        "size": [0, length],
        "descriptor": [0, length + REPORT_DESCRIPTOR.hex(), True],
        "info": [0, info.hex()],
        "name": [len(name), name.ljust(128, b"\0").hex()],
        "short": [4, name[:4].hex()],
        "unique": [len(unique), unique.ljust(64, b"\0").hex()],
        "physical": [
            len("usb-0000:00:14.0-1/input0") + 1,
            b"usb-0000:00:14.0-1/input0".ljust(64, b"\0").hex(),
        ],
        "feature": "EINVAL",
        "other": "EINVAL",
    }


def test_what_the_file_system_says() -> None:
    async def main() -> dict[str, Any]:
        async with (
            MockPort(hub(), NUMBERED) as port,
            client(
                port.environment,
                """
                import stat
                def text(path):
                    return open("/sys/class/hidraw/hidraw0/device/" + path).read()
                about = os.stat("/dev/hidraw0")
                say(nodes=os.listdir("/dev"), character=stat.S_ISCHR(about.st_mode), number=os.major(about.st_rdev),
                    descriptor=open("/sys/class/hidraw/hidraw0/device/report_descriptor", "rb").read().hex(),
                    hid=text("uevent").splitlines(), product=text("../../product"), serial=text("../../serial"),
                    interface=text("../bInterfaceNumber"), device=os.path.realpath("/sys/class/hidraw/hidraw0/device"),
                    by_number=os.path.realpath("/sys/dev/char/4095:0"))
                """,
            ) as program,
        ):
            said: dict[str, Any] = await program.says()
            return said

    said = asyncio.run(main())
    hid = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/0003:1209:F1D0.0001"
    assert sorted(said.pop("hid")) == [
        "DRIVER=hid-generic",
        "HID_ID=0003:00001209:0000F1D0",
        "HID_NAME=Número Uno",
        "HID_PHYS=usb-0000:00:14.0-1/input0",
        "HID_UNIQ=7Q-42",
        "MODALIAS=hid:b0003g0001v00001209p0000F1D0",
    ]
    assert sorted(said.pop("nodes")) == [".node", "hidraw0"]
    assert said == {
        "character": True,
        "number": 4095,
        "descriptor": REPORT_DESCRIPTOR.hex(),
        "product": "Uno\n",
        "serial": "7Q-42\n",
        "interface": "00\n",
        "device": hid,
        "by_number": f"{hid}/hidraw/hidraw0",
    }


def test_several_programs_at_once_get_each_their_own_packets() -> None:
    """Each has all packets of its own channel in order, and nobody else's."""
    script = """
        node = os.open(sys.argv[1], os.O_RDWR)
        mine = sys.argv[2].encode() * 8
        channel = open_channel(node, mine)
        poll = select.poll()
        poll.register(node, select.POLLIN)
        good = 0
        for count in range(100):
            data = mine + bytes([count])
            os.write(node, frame(channel, 0x01, data))
            poll.poll()
            good += os.read(node, 64) == frame(channel, 0x01, data)[1:]
        say(good=good)
    """

    async def main() -> list[Any]:
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(MockPort(hub(), YUBIKEY))
            programs = [
                await stack.enter_async_context(client(port.environment, script, port.path, name))
                for name in "abcd"
            ]
            return [await program.says() for program in programs]

    assert asyncio.run(main()) == [{"good": 100}] * 4


def test_a_program_that_opens_the_node_finds_nothing_of_the_one_before() -> None:
    async def main() -> Any:
        async with (
            MockPort(hub(), YUBIKEY) as port,
            client(
                port.environment,
                """
                poll = select.poll()
                first = os.open(sys.argv[1], os.O_RDWR)
                os.write(first, frame("ffffffff", 0x06, b"nonce  1"))
                poll.register(first, select.POLLIN)
                waiting = len(poll.poll())
                os.close(first)
                second = os.open(sys.argv[1], os.O_RDWR)
                open_channel(second, b"nonce  2")
                say(waiting=waiting, left=select.select([second], [], [], 0)[0])
                """,
                port.path,
            ) as program,
        ):
            return await program.says()

    assert asyncio.run(main()) == {"waiting": 1, "left": []}


def test_a_key_is_pulled_out_while_programs_wait_for_it() -> None:
    """A read that waits and one after poll end with EIO, a write with ENODEV, as hidraw has it. Then it is back."""
    script = """
        node = os.open(sys.argv[1], os.O_RDWR)
        channel = open_channel(node, b"12345678")
        os.write(node, frame(channel, 0x10, b"Slow"))
        say(ready=True)
        if sys.argv[2] == "poll":
            while select.select([node], [], []) and outcome(os.read, node, 64) != "EIO":
                pass
        else:
            while outcome(os.read, node, 64) != "EIO":
                pass
        say(read="EIO", write=outcome(os.write, node, bytes(65)), there=os.path.exists(sys.argv[1]))
        sys.stdin.readline()
        say(old=outcome(os.read, node, 64), new=open_channel(os.open(sys.argv[1], os.O_RDWR), b"87654321") != "")
    """

    async def main() -> list[Any]:
        key = hub(backend=EchoBackend(answers_after=None))
        async with (
            MockPort(key, YUBIKEY) as port,
            client(port.environment, script, port.path, "poll") as polling,
            client(port.environment, script, port.path, "read", new_session=True) as reading,
        ):
            programs = (polling, reading)
            assert [await program.says() for program in programs] == [{"ready": True}] * 2
            key.unplug()
            said = [await program.says() for program in programs]
            key.plug_in()
            for program in programs:
                program.tell("look again")
            return said + [await program.says() for program in programs]

    gone = {"read": "EIO", "write": "ENODEV", "there": False}
    assert asyncio.run(main()) == [gone, gone] + [{"old": "EIO", "new": True}] * 2


@pytest.mark.heavy
def test_fifty_keys_come_and_go() -> None:
    script = """
        for line in sys.stdin:
            nodes = [os.open("/dev/" + name, os.O_RDWR) for name in os.listdir("/dev") if name.startswith("hidraw")]
            channels = {open_channel(node, os.urandom(8)) for node in nodes}
            say(listed=len(os.listdir("/sys/class/hidraw")), opened=len(nodes), channels=len(channels))
            for node in nodes:
                os.close(node)
    """

    async def main() -> list[Any]:
        said = []
        async with AsyncExitStack() as stack:
            bus = stack.enter_context(MockBus())
            keys = [hub(seed) for seed in range(50)]
            ports = [await stack.enter_async_context(MockPort(key, YUBIKEY, bus)) for key in keys]
            assert sorted(port.path for port in ports) == sorted(f"/dev/hidraw{n}" for n in range(50))
            with pytest.raises(PortError, match="50 keys are plugged in"):
                await MockPort(hub(99), YUBIKEY, bus).open()
            program = await stack.enter_async_context(client(bus.environment(), script))
            program.tell("all")
            said.append(await program.says())
            for key in keys[10:]:
                key.unplug()
            program.tell("ten")
            said.append(await program.says())
            keys[30].plug_in()
            program.tell("eleven")
            said.append(await program.says())
            assert ports[30].path == "/dev/hidraw10"
        return said

    assert asyncio.run(main()) == [{"listed": n, "opened": n, "channels": n} for n in (50, 10, 11)]


MONITOR = """
    import ctypes
    udev = ctypes.CDLL("libudev.so.1")
    for name in ("new", "monitor_new_from_netlink", "monitor_receive_device"):
        getattr(udev, "udev_" + name).restype = ctypes.c_void_p
    for name in ("devnode", "action", "syspath", "subsystem"):
        getattr(udev, "udev_device_get_" + name).restype = ctypes.c_char_p
    monitor = ctypes.c_void_p(udev.udev_monitor_new_from_netlink(ctypes.c_void_p(udev.udev_new()), b"udev"))
    udev.udev_monitor_filter_add_match_subsystem_devtype(monitor, sys.argv[1].encode(), sys.argv[2].encode() or None)
    udev.udev_monitor_enable_receiving(monitor)
    say(listening=True)
    while True:
        select.select([udev.udev_monitor_get_fd(monitor)], [], [])
        device = ctypes.c_void_p(udev.udev_monitor_receive_device(monitor))
        if device.value is None:
            continue
        about = ("action", "subsystem", "devnode", "syspath")
        got = [getattr(udev, "udev_device_get_" + name)(device) for name in about]
        say(event=[value and value.decode() for value in got], there=os.path.exists(got[3]))
"""


@pytest.mark.parametrize(
    ("subsystem", "devtype", "node", "tail"),
    [
        ("hidraw", "", "/dev/hidraw0", "/1-1:1.0/0003:1050:0407.0001/hidraw/hidraw0"),
        ("usb", "usb_device", None, "/usb1/1-1"),
    ],
)
def test_udev_tells_of_plugging_in_and_out(subsystem: str, devtype: str, node: str | None, tail: str) -> None:
    """libudev itself, with its filter in the kernel: of four events each way, one gets through."""

    async def main() -> list[Any]:
        key = hub()
        key.unplug()
        with MockBus() as bus:
            async with (
                MockPort(key, YUBIKEY, bus),
                client(bus.environment(), MONITOR, subsystem, devtype) as program,
            ):
                assert await program.says() == {"listening": True}
                key.plug_in()
                said = [await program.says()]
                key.unplug()
                said.append(await program.says())
                key.plug_in()
                return [*said, await program.says()]

    added, removed, again = asyncio.run(main())
    path = added["event"][3]
    assert path.startswith("/sys/devices/")
    assert path.endswith(tail)
    assert added == again == {"event": ["add", subsystem, node, path], "there": True}
    assert removed["event"][:2] == ["remove", subsystem]
    assert removed["event"][3] == path


def test_a_browser_in_a_session_of_its_own_survives() -> None:
    """It has no terminal, so the node could become its: then pulling the key out would hang it up."""

    async def main() -> int | None:
        key = hub()
        with MockBus() as bus:
            async with client(
                bus.environment(),
                """
                    sys.stdin.readline()
                    node = os.open("/dev/hidraw0", os.O_RDWR)
                    say(leader=os.getsid(0) == os.getpid())
                    outcome(os.read, node, 64)
                    os.close(node)
                    sys.stdin.readline()
                    say(alive=True)
                    """,
                new_session=True,
            ) as program:
                async with MockPort(key, YUBIKEY, bus):
                    program.tell("open it")
                    assert await program.says() == {"leader": True}
                    key.unplug()
                program.tell("are you there?")
                assert await program.says() == {"alive": True}
                return await asyncio.wait_for(program.process.wait(), PATIENCE)

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize("how", ["kill", "return"])
def test_nothing_is_left_behind(how: str) -> None:
    """Neither directory nor process, even if the process with the keys is killed."""
    script = """
        import os, sys, time
        from ctaphid.umockdev import TestBed
        bed = TestBed()
        print(bed.root, bed._caretaker.pid, flush=True)
        if sys.argv[1] == "kill":
            sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        root, caretaker = process.stdout.readline().split()
        try:
            caretakers = psutil.Process(int(caretaker))
        except psutil.NoSuchProcess:
            assert how == "return"
        else:
            if how == "kill":
                assert Path(root, "dev").is_dir()
                process.send_signal(signal.SIGKILL)
            caretakers.wait(PATIENCE)
        process.wait(PATIENCE)
    assert not Path(root).exists()


def test_a_long_path_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets have names of 107 bytes at most; the test bed goes where its own fit."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    async def main() -> Any:
        async with (
            MockPort(hub(), YUBIKEY) as port,
            client(
                port.environment,
                "say(channel=open_channel(os.open(sys.argv[1], os.O_RDWR), bytes(8)))",
                port.path,
            ) as it,
        ):
            return await it.says()

    assert len(asyncio.run(main())["channel"]) == 8
    assert not list(deep.iterdir())


def test_an_environment_without_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bed = TestBed()
    bed.close()
    assert not bed.root.exists()


def test_other_libraries_to_preload_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "libother.so")
    bed = TestBed()
    try:
        assert bed.environment()["LD_PRELOAD"] == f"{preload_library()}:libother.so"
    finally:
        bed.close()


def test_umockdev_is_not_installed() -> None:
    with pytest.raises(PortError, match=r"needs libnot-there-preload\.so\.0: apt-get install umockdev"):
        preload_library("libnot-there-preload.so.0")
