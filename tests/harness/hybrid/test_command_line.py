"""The commands by hand: a server in one process, the phone in another, the client here."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import segno
from click.testing import CliRunner
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from authenticator import cbor
from harness.cli import main
from harness.hybrid.advert import FIDO_SERVICE
from harness.hybrid.bluez import DEVICE, OBJECT_MANAGER
from harness.hybrid.initiator import Initiator
from harness.hybrid.tunnel import Tunnels

CREATE = b"\x01" + cbor.encode(
    {
        1: bytes(32),
        2: {"id": "example.com"},
        3: {"id": b"user", "name": "u", "displayName": "U"},
        4: [{"alg": -7, "type": "public-key"}],
        7: {"rk": True, "uv": True},
    }
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """Where `stuntkey hybrid serve` has its tunnels and its air."""
    authority = tmp_path / "ca.pem"
    command = [sys.executable, "-u", "-m", "harness.cli", "hybrid", "serve", "--certificate", str(authority)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = ""
        while "phone scan" not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        tunnel = re.search(r"tunnels at wss://(\S+)", told)
        air = re.search(r"Bluetooth at (\S+)", told)
        assert tunnel
        assert air
        yield tunnel[1], air[1], authority
        process.terminate()


async def adverts(address: str) -> AsyncIterator[bytes]:
    """What is on the mock's air, as BlueZ's own clients read it."""
    bus = await MessageBus(address, bus_type=BusType.SYSTEM).connect()
    try:
        while True:
            reply = await bus.call(
                Message(
                    destination="org.bluez", path="/", interface=OBJECT_MANAGER, member="GetManagedObjects"
                )
            )
            assert reply is not None
            for interfaces in reply.body[0].values():
                if DEVICE in interfaces:
                    yield bytes(interfaces[DEVICE]["ServiceData"].value[FIDO_SERVICE].value)
            await asyncio.sleep(0.02)
    finally:
        bus.disconnect()


def test_a_phone_scans_a_screenshot_and_registers(served: tuple[str, str, Path], tmp_path: Path) -> None:
    tunnel, air, authority = served

    async def scene() -> str:
        trust = ssl.create_default_context(cafile=str(authority))
        client = Initiator(adverts=lambda: adverts(air), tunnels=Tunnels(at=tunnel, tls=trust))
        code = client.qr_code("mc")
        picture = tmp_path / "screen.png"
        segno.make(code.encode()).save(str(picture), scale=6, border=20)
        phone = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "harness.cli", "phone", "scan", "--screenshot", str(picture)),
            *("--tunnel", tunnel, "--trust", str(authority), "--air", air),
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60), client.session(code) as session:
            assert (await session.call(CREATE))[0] == 0
            await session.shut_down()
            told, _ = await phone.communicate()
        assert phone.returncode == 0
        return told.decode()

    told = asyncio.run(scene())
    assert "the phone scanned the QR code: mc" in told
    assert "the client said goodbye" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tunnel", "127.0.0.1:1", "--air", "x"], "--screenshot FILE or --qr TEXT"),
        (["--qr", "FIDO:/1", "--tunnel", "127.0.0.1:1"], "--air ADDRESS"),
        (["--qr", "FIDO:/1", "--tunnel", "127.0.0.1:1", "--air", "x"], "--trust FILE"),
        (["--qr", "FIDO:/1", "--tunnel", "127.0.0.1:1", "--air", "x", "--plain"], "1 digits"),
        (
            ["--screenshot", "/no/such.png", "--tunnel", "127.0.0.1:1", "--air", "x", "--plain"],
            "no such file",
        ),
        (["--screenshot", __file__, "--tunnel", "127.0.0.1:1", "--air", "x", "--plain"], "no picture"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(main, ["phone", "scan", *arguments])
    assert result.exit_code in (1, 2)
    assert told in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize("listen", ["8443", "127.0.0.1", "0.0.0.0:8443", "127.0.0.1:99999"])
def test_a_bad_address_is_told(listen: str) -> None:
    result = CliRunner().invoke(main, ["hybrid", "tunnel", "--listen", listen])
    assert result.exit_code == 2
    assert f"--listen {listen}" in result.output
