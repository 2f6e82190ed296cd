"""Bluetooth without a radio: two adapters that the kernel takes for real, in range of each other, and BlueZ."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from bumble import hci, ll
from bumble.controller import Controller, LegacyAdvertiser
from bumble.link import LocalLink
from bumble.transport import open_transport
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from harness.hybrid.bluez_advertising import BluezRadio
from harness.patience import patient

BLUETOOTHD = "/usr/libexec/bluetooth/bluetoothd"
ADAPTER, PROPERTIES = "org.bluez.Adapter1", "org.freedesktop.DBus.Properties"
ADAPTERS = ("hci0", "hci1")


class _Advertiser(LegacyAdvertiser):
    """BlueZ broadcasts in PDUs that nobody can connect to; bumble's link has the connectable kind only."""

    def send_advertising_data(self) -> None:
        if self.enabled:
            data = ll.AdvInd(advertiser_address=self.address, data=self.advertising_data)
            self.controller.send_advertising_pdu(data)


@asynccontextmanager
async def bluetooth(address: str) -> AsyncIterator[BluezRadio]:
    """BlueZ on the bus at `address`, with two adapters. What the second advertises, the first hears."""
    async with AsyncExitStack() as stack:
        link = LocalLink()
        for number, name in enumerate(ADAPTERS):
            transport = await stack.enter_async_context(await open_transport("vhci"))
            controller = Controller(
                name,
                host_source=transport.source,
                host_sink=transport.sink,
                link=link,
                public_address=f"00:AA:01:00:00:0{number}",
            )
            # bumble has these halfway only
            controller.le_features &= ~(
                hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
            )
            controller.le_legacy_advertiser = _Advertiser(controller=controller)
        daemon = await asyncio.create_subprocess_exec(
            BLUETOOTHD, "--nodetach", env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address}
        )
        try:
            async with asyncio.timeout(patient(20)):
                for name in ADAPTERS:
                    await _switch_on(address, name)
            yield BluezRadio(adapter=ADAPTERS[1], address=address)
        finally:
            daemon.terminate()
            await daemon.wait()


async def _switch_on(address: str, adapter: str) -> None:
    """As a person's settings do it, once it is there, and until it says so."""
    bus = await MessageBus(address, bus_type=BusType.SYSTEM).connect()
    try:
        while True:
            try:
                await _call(bus, adapter, "Set", "ssv", ADAPTER, "Powered", Variant("b", True))
                if (await _call(bus, adapter, "Get", "ss", ADAPTER, "Powered")).value:
                    return
            except ConnectionError:
                pass
            await asyncio.sleep(0.1)
    finally:
        bus.disconnect()


async def _call(bus: MessageBus, adapter: str, member: str, signature: str, *body: Any) -> Any:
    reply = await bus.call(
        Message(
            destination="org.bluez",
            path=f"/org/bluez/{adapter}",
            interface=PROPERTIES,
            member=member,
            signature=signature,
            body=list(body),
        )
    )
    if reply is None or reply.message_type is MessageType.ERROR:
        raise ConnectionError(reply.body[0] if reply is not None and reply.body else "no answer")
    return reply.body[0] if reply.body else None
