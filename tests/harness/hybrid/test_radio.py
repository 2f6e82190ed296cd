from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable

import pytest

from harness.errors import SetupError
from harness.hybrid.bluez import MockBluez, RemoteAir
from harness.hybrid.bluez_advertising import BluezRadio
from harness.hybrid.private_bus import PrivateBus
from harness.hybrid.radio import Air


def test_in_one_place_adverts_are_heard_once_each() -> None:
    async def scene() -> None:
        here, elsewhere = Air(), Air()
        heard: list[bytes] = []

        async def listen() -> None:
            async for advert in here.listen():
                heard.append(advert)

        listener = asyncio.create_task(listen())
        async with here.advertise(b"one"), elsewhere.advertise(b"far"), here.advertise(b"two"):
            while len(heard) < 2:
                await asyncio.sleep(0)
        listener.cancel()
        assert heard == [b"one", b"two"]

    asyncio.run(asyncio.wait_for(scene(), 10))


def busctl(address: str, *arguments: str) -> str:
    """A D-Bus client that is not ours."""
    assert shutil.which("dbus-send"), "install Debian's dbus"
    command = ["dbus-send", f"--bus={address}", "--print-reply", "--dest=org.bluez", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def on_a_bus(scene: Callable[[MockBluez, str], Awaitable[None]], **options: bool) -> None:
    async def main() -> None:
        async with PrivateBus() as bus, MockBluez(bus.address, **options) as bluez:
            await asyncio.wait_for(scene(bluez, bus.address), 30)

    asyncio.run(main())


def test_a_foreign_client_sees_the_adapter_and_the_adverts() -> None:
    async def scene(bluez: MockBluez, address: str) -> None:
        objects = ("/", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        assert "/org/bluez/hci0" in await asyncio.to_thread(busctl, address, *objects)
        assert not bluez.scanning
        await asyncio.to_thread(busctl, address, "/org/bluez/hci0", "org.bluez.Adapter1.StartDiscovery")
        assert bluez.scanning
        async with bluez.advertise(bytes(range(20))):
            listing = await asyncio.to_thread(busctl, address, *objects)
            assert "0000fff9-0000-1000-8000-00805f9b34fb" in listing
            assert "00 01 02 03" in listing
        assert "dev_C0" not in await asyncio.to_thread(busctl, address, *objects)
        assert bluez.calls.count("StartDiscovery") == 1

    on_a_bus(scene)


def test_a_phone_of_another_process_is_on_the_same_air() -> None:
    async def scene(bluez: MockBluez, address: str) -> None:
        objects = ("/", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        async with RemoteAir(address).advertise(bytes(range(20))):
            assert "dev_C0" in await asyncio.to_thread(busctl, address, *objects)
        assert "dev_C0" not in await asyncio.to_thread(busctl, address, *objects)

    on_a_bus(scene)


def test_where_no_bus_is_one_line_says_so() -> None:
    async def scene() -> None:
        with pytest.raises(SetupError, match="no D-Bus at unix:path=/nowhere"):
            await RemoteAir("unix:path=/nowhere").advertise(bytes(20)).__aenter__()

    asyncio.run(scene())


def test_without_power_or_adapter_there_is_no_scanning() -> None:
    async def unpowered(bluez: MockBluez, address: str) -> None:
        property_ = ("org.freedesktop.DBus.Properties.Get", "string:org.bluez.Adapter1", "string:Powered")
        assert "false" in await asyncio.to_thread(busctl, address, "/org/bluez/hci0", *property_)
        bluez.power(True)
        assert "true" in await asyncio.to_thread(busctl, address, "/org/bluez/hci0", *property_)

    async def absent(bluez: MockBluez, address: str) -> None:
        objects = ("/", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        assert "hci0" not in await asyncio.to_thread(busctl, address, *objects)

    on_a_bus(unpowered, powered=False)
    on_a_bus(absent, adapter=False)


def test_where_bluez_is_not_an_adapter_of_ones_own_says_so() -> None:
    async def scene() -> None:
        with pytest.raises(SetupError, match="no D-Bus system bus to reach BlueZ by"):
            async with BluezRadio(address="unix:path=/nowhere").advertise(bytes(20)):
                pass
        async with PrivateBus() as bus:
            with pytest.raises(SetupError, match=r"hci1: .*; is an adapter there and powered"):
                async with BluezRadio(adapter="hci1", address=bus.address).advertise(bytes(20)):
                    pass

    asyncio.run(asyncio.wait_for(scene(), 60))
