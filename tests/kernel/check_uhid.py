"""The uhid port, on a machine whose kernel has /dev/uhid: test_kernel.py runs this in one, as root."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fido2.hid import CtapHidDevice
from fido2.hid.linux import get_descriptor, open_connection

from ctaphid.ports import uhid
from ctaphid.ports.uhid import UhidPort
from harness import SetupError, VirtualKey, unplug
from harness.patience import patient
from harness.ports import background
from tests.interop.bench import Bench, encoded, hashed

ROOT = Path(__file__).parents[2]
STUNTKEY = str(Path(sys.executable).with_name("stuntkey"))
NAME = "YubiKey OTP+FIDO+CCID"


@pytest.fixture(autouse=True)
def it_ends() -> Iterator[None]:
    """What waits for a packet that was dropped would wait for ever."""

    def wake(number: int, frame: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, wake)
    signal.alarm(int(patient(30)))
    yield
    signal.alarm(0)


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    yield
    assert not list(Path("/sys/class/hidraw").glob("*"))


def tool(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, (command, done.returncode, done.stderr)
    return done.stdout


def device(path: str) -> CtapHidDevice:
    descriptor = get_descriptor(path)
    return CtapHidDevice(descriptor, open_connection(descriptor))


@contextmanager
def ordinary_user(*groups: int) -> Iterator[None]:
    os.setgroups(groups)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setgroups([])


def listed() -> set[str]:
    return {line.partition(":")[0] for line in tool("fido2-token", "-L").splitlines()}


def test_what_the_kernel_made_of_it() -> None:
    key = VirtualKey("yubikey-5-nfc")
    with key.plugged_in("uhid") as port:
        assert port.environment == {}
        assert listed() == {port.path}
        said = tool("fido2-token", "-I", port.path)
        about = Path("/sys/class/hidraw", Path(port.path).name, "device/uevent").read_text().splitlines()
    assert "a25342c03cdc44148e46f4807fca511c" in said
    assert {f"HID_NAME=Yubico {NAME}", "HID_UNIQ=", "HID_ID=0003:00001050:00000407"} <= set(about)
    assert not os.path.exists(port.path)


def test_credential_and_assertion(tmp_path: Path) -> None:
    with VirtualKey("yubikey-5-nfc") as key, key.plugged_in("uhid") as port:
        table = Bench(key, port.environment, port.path, tmp_path)
        table.write("parameters", hashed("create"), "example.com", "alice", encoded(b"7"))
        table.says("fido2-cred", "-M", "-i", "parameters", "-o", "made", port.path)
        table.says("fido2-cred", "-V", "-i", "made", "-o", "credential")
        credential = (tmp_path / "credential").read_text().splitlines()
        table.write("public-key", *credential[1:])
        table.write("parameters", hashed("get"), "example.com", credential[0])
        table.says("fido2-assert", "-G", "-i", "parameters", "-o", "got", port.path)
        table.says("fido2-assert", "-V", "-i", "got", "public-key")


def test_requests_that_always_fit() -> None:
    """31 packets are what uhid keeps of a request that is written before anything is read."""
    with VirtualKey("reference").plugged_in("uhid") as port:
        usb = device(port.path)
        for size in (0, 57, 58, 1000, 1827):
            assert usb.ping(bytes(size)) == bytes(size)
        usb.close()


def test_a_response_that_does_not_fit_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """hidraw keeps 64 packets of a response, and it may have 129."""
    # Who reads is emulated as well, and as much slower.
    monkeypatch.setattr(uhid, "PACKET_TIME", patient(uhid.PACKET_TIME))
    from authenticator.environment import SystemClock
    from ctaphid.hid_description import HidDescription
    from ctaphid.hid_device import HidDevice
    from ctaphid.hub import Hub
    from tests.kernel.long_answers import LongAnswers

    hub = Hub(HidDevice(LongAnswers(), random_bytes=os.urandom), clock=SystemClock())
    port = UhidPort(
        hub, HidDescription(vendor_id=0x1209, product_id=0xF1D0, manufacturer="long", product="answers")
    )
    background.run(port.open())
    try:
        usb = device(port.path)
        for size in (2000, 4000, 7609):
            assert usb.call(0x10, size.to_bytes(2)) == bytes(byte % 251 for byte in range(size))
        usb.close()
    finally:
        background.run(port.close())


def test_many_keys_that_come_and_go() -> None:
    keys = [VirtualKey("yubikey-5-nfc", seed=number) for number in range(8)]
    with ExitStack() as stack:
        ports = [stack.enter_context(key.plugged_in("uhid")) for key in keys]
        assert listed() == {port.path for port in ports}
        assert len(listed()) == 8
        keys[3].unplug()
        assert listed() == {port.path for port in ports if port is not ports[3]}
        keys[3].plug_in()
        assert listed() == {port.path for port in ports}
        assert device(ports[3].path).ping(b"x") == b"x"


def test_a_key_pulled_out_half_way(tmp_path: Path) -> None:
    with VirtualKey("yubikey-5-nfc") as key, key.plugged_in("uhid") as port:
        key.person.will(unplug(after=0.2))
        table = Bench(key, port.environment, port.path, tmp_path)
        table.write("parameters", hashed("create"), "example.com", "alice", encoded(b"7"))
        assert "FIDO_ERR_RX" in table.asks([], "fido2-cred", "-M", "-i", "parameters", port.path).failed()
        assert not os.path.exists(port.path)


def test_reports_that_fido_has_not() -> None:
    """A program that asks for a feature report is told at once: uhid would let it wait for five seconds."""
    with VirtualKey("yubikey-5-nfc").plugged_in("uhid") as port:
        node = os.open(port.path, os.O_RDWR)
        try:
            for number in (0x06, 0x07):  # HIDIOCSFEATURE, HIDIOCGFEATURE
                with pytest.raises(OSError) as caught:
                    fcntl.ioctl(node, 3 << 30 | 65 << 16 | ord("H") << 8 | number, bytearray(65))
                assert caught.value.errno == errno.EIO
        finally:
            os.close(node)


def test_nothing_is_left_of_a_key_that_was_killed() -> None:
    script = """
        import os, signal
        from harness import VirtualKey
        with VirtualKey(seed=1).plugged_in("uhid") as port:
            print(port.path, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == -9
    assert done.stdout.startswith("/dev/hidraw")
    assert not os.path.exists(done.stdout.strip())


def test_without_the_rights_the_rule_is_named_and_the_doctor_writes_it() -> None:
    """The machine is a copy: what is written to /etc is gone with it."""
    key = VirtualKey(seed=1)
    with (
        ordinary_user(),
        pytest.raises(
            SetupError, match=r"may not open /dev/uhid: `sudo \S*stuntkey doctor --fix` writes the udev rule"
        ),
        key.plugged_in("uhid"),
    ):
        pass
    said = tool(STUNTKEY, "doctor", "--fix", "--need", "uhid,uinput,hidraw")
    assert "wrote /etc/udev/rules.d/70-stuntkey.rules" in said
    assert "not done" not in said
    tool("udevadm", "settle")
    group = grp.getgrnam("plugdev").gr_gid
    with key.plugged_in("uhid") as port:
        tool("udevadm", "settle")
        for node in ("/dev/uhid", "/dev/uinput", port.path):
            about = os.stat(node)
            assert (about.st_gid, stat.S_IMODE(about.st_mode)) == (group, 0o660), node

    with ordinary_user(group), key.plugged_in("uhid") as port:
        os.close(os.open(port.path, os.O_RDWR))


def test_the_command_line() -> None:
    said = tool(
        STUNTKEY, "key", "attach", "--port", "uhid", "--profile", "yubikey-5-nfc", "--", "fido2-token", "-L"
    )
    assert said.startswith("/dev/hidraw")
    assert "vendor=0x1050, product=0x0407" in said
