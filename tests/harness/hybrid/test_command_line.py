"""The commands by hand: a server in one process, the phone in another, the client here."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import segno
from click.testing import CliRunner
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus
from websockets.asyncio.client import connect

from authenticator import cbor
from harness.cli import main
from harness.hybrid.advert import FIDO_SERVICE
from harness.hybrid.bluez import DEVICE, OBJECT_MANAGER
from harness.hybrid.errors import HybridError
from harness.hybrid.initiator import Initiator
from harness.hybrid.messages import LinkingInfo
from harness.hybrid.tunnel import LinkForgotten, Tunnels
from harness.hybrid.tunnel_server import ROUTING_ID_HEADER, SUBPROTOCOL

CREATE = b"\x01" + cbor.encode(
    {
        1: bytes(32),
        2: {"id": "example.com"},
        3: {"id": b"user", "name": "u", "displayName": "U"},
        4: [{"alg": -7, "type": "public-key"}],
        7: {"rk": True, "uv": True},
    }
)
GET = b"\x02" + cbor.encode({1: "example.com", 2: bytes(32), 5: {"uv": True}})


@contextmanager
def running(*arguments: str, until: str) -> Iterator[str]:
    """A `stuntkey` command that goes on, and what it has told so far."""
    command = [sys.executable, "-u", "-m", "harness.cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = ""
        while until not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        try:
            yield told
        finally:
            process.terminate()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """Where `stuntkey hybrid serve` has its tunnels and its air."""
    authority = tmp_path / "ca.pem"
    serve = ("hybrid", "serve", "--certificate", str(authority), "--domain", "256")
    with running(*serve, until="phone scan") as told:
        tunnel = re.search(r"tunnels at wss://(\S+)", told)
        air = re.search(r"Bluetooth at (\S+)", told)
        assert tunnel
        assert air
        yield tunnel[1], air[1], authority


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


@pytest.mark.heavy
def test_a_linked_phone_is_called_and_unlinked(served: tuple[str, str, Path], tmp_path: Path) -> None:
    """Three phones in turn, with one memory: one is linked, one is called, one unlinks them."""
    tunnel, air, authority = served
    links, store = str(tmp_path / "phone.links"), str(tmp_path / "phone.key")
    there = ("--links", links, "--tunnel", tunnel, "--trust", str(authority), "--domain", "256")
    held = (*there, "--store", store, "--air", air)
    trust = ssl.create_default_context(cafile=str(authority))
    client = Initiator(adverts=lambda: adverts(air), tunnels=Tunnels(at=tunnel, tls=trust))

    async def link() -> LinkingInfo:
        code = client.qr_code("mc")
        phone = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "harness.cli",
                "phone",
                "scan",
                "--qr",
                f" {code.encode()} ",
                "--locked",
                *held,
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert phone.stdin is not None
        assert phone.stdout is not None
        assert b"the phone is locked" in await phone.stdout.readline()
        phone.stdin.write(b"\n")
        async with asyncio.timeout(60), client.session(code) as session:
            assert (await session.call(CREATE))[0] == 0
            linked = session.linking or await session.await_linking()
            await session.shut_down()
        await phone.communicate()
        assert phone.returncode == 0
        return linked

    async def call(linked: LinkingInfo) -> bytes:
        async with asyncio.timeout(60), client.call_phone(linked) as session:
            response = await session.call(GET)
            await session.shut_down()
            return response

    linked = asyncio.run(link())
    assert linked.domain == 256
    assert Path(links).stat().st_mode & 0o077 == 0
    with running("phone", "listen", *held, until="may call") as told:
        assert "1 linked client(s)" in told
        assert asyncio.run(until_it_listens(call, linked))[0] == 0
    result = CliRunner().invoke(main, ["phone", "unlink", *there])
    assert result.exit_code == 0, result.output
    assert "1 client(s) unlinked" in result.output
    with pytest.raises(LinkForgotten):
        asyncio.run(call(linked))


async def until_it_listens(call: Callable[[LinkingInfo], Awaitable[bytes]], linked: LinkingInfo) -> bytes:
    """It says that it is about to; the server answers 404 until it does."""
    while True:
        try:
            return await call(linked)
        except HybridError as error:
            if "does not listen" not in str(error):
                raise
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--plain"], "ws://127.0.0.1"),
        ([], "nobody can trust it"),
        (["--domain", "40000"], "wss://127.0.0.1"),
    ],
)
def test_tunnels_alone(options: list[str], told: str) -> None:
    with running("hybrid", "tunnel", *options, until=told):
        pass


def test_tunnels_are_had_from_the_server_alone() -> None:
    async def through(url: str) -> None:
        async with connect(f"{url}/cable/new/{'ab' * 16}", subprotocols=[SUBPROTOCOL]) as phone:
            assert phone.response is not None
            routing_id = phone.response.headers[ROUTING_ID_HEADER]
            where = f"{url}/cable/connect/{routing_id}/{'ab' * 16}"
            async with connect(where, subprotocols=[SUBPROTOCOL]) as client:
                await client.send(b"hello")
                assert await phone.recv() == b"hello"
                await phone.send(b"good-bye")
                assert await client.recv() == b"good-bye"

    with running("hybrid", "tunnel", "--plain", until="ws://127.0.0.1") as told:
        match = re.search(r"ws://[0-9.:]+", told)
        assert match is not None, told
        asyncio.run(asyncio.wait_for(through(match[0]), 30))


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
        (["--qr", "FIDO:/1", "--tunnel", "localhost", "--air", "x", "--plain"], "write HOST:PORT"),
        (["--qr", "FIDO:/1", "--tunnel", "h:abc", "--air", "x", "--plain"], "write HOST:PORT"),
        (["--qr", "FIDO:/1", "--tunnel", "h:99999", "--air", "x", "--plain"], "write HOST:PORT"),
        (["--qr", "FIDO:/1", "--tunnel", "h:1", "--air", "x", "--plain", "--domain", "9"], "--domain 9"),
        (
            ["--qr", "FIDO:/1", "--tunnel", "h:1", "--air", "x", "--plain", "--profile", "yubikey-5-nfc"],
            "this is no phone",
        ),
        (["--qr", "FIDO:/1", "--tunnel", "h:1", "--air", "x", "--plain", "--links", __file__], "no file of"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(main, ["phone", "scan", *arguments])
    assert result.exit_code in (1, 2)
    assert told in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_links_that_are_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.links")
    for command in (["unlink"], ["listen", "--air", "x"]):
        result = CliRunner().invoke(
            main, ["phone", *command, "--links", missing, "--tunnel", "127.0.0.1:1", "--plain"]
        )
        assert result.exit_code == 2
        assert f"stuntkey phone scan --links {missing}" in result.output


@pytest.mark.parametrize("listen", ["8443", "127.0.0.1", "0.0.0.0:8443", "127.0.0.1:99999"])
def test_a_bad_address_is_told(listen: str) -> None:
    result = CliRunner().invoke(main, ["hybrid", "tunnel", "--listen", listen])
    assert result.exit_code == 2
    assert f"--listen {listen}" in result.output
