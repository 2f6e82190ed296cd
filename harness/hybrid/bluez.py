"""A mock BlueZ: enough of org.bluez for a stock Chromium to believe in a Bluetooth adapter and to hear phones.

It must own its name on the bus before the browser starts, which looks for it once. A device without `Adapter` is
dropped, and an advert at an address that was seen before may be, so that every advert comes from a new one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from harness.hybrid.advert import FIDO_SERVICE

log = logging.getLogger(__name__)

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER, DEVICE, AGENTS = "org.bluez.Adapter1", "org.bluez.Device1", "org.bluez.AgentManager1"
ADAPTER_PATH = "/org/bluez/hci0"

_Properties: TypeAlias = dict[str, Variant]


class MockBluez:
    """Serves org.bluez on a private bus while it is entered; `advertise` is a `Radio`."""

    def __init__(
        self, address: str, *, adapter: bool = True, powered: bool = True, service: str = FIDO_SERVICE
    ) -> None:
        self._address = address
        self._service = service
        self._bus: MessageBus | None = None
        self.calls: list[str] = []
        """What the browser asked for, in order: evidence for tests and reports."""
        self._objects: dict[str, dict[str, _Properties]] = {"/org/bluez": {AGENTS: {}}}
        if adapter:
            self._objects[ADAPTER_PATH] = {ADAPTER: _adapter_properties(powered)}

    async def __aenter__(self) -> MockBluez:
        self._bus = await MessageBus(self._address, bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name("org.bluez")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._bus is not None:
            self._bus.disconnect()

    @property
    def scanning(self) -> bool:
        return bool(
            self._objects.get(ADAPTER_PATH, {}).get(ADAPTER, {}).get("Discovering", Variant("b", False)).value
        )

    def power(self, on: bool) -> None:
        """The person switches Bluetooth on or off."""
        self._set(ADAPTER_PATH, ADAPTER, {"Powered": Variant("b", on)})

    @asynccontextmanager
    async def advertise(self, advert: bytes) -> AsyncIterator[None]:
        address = "C0:" + ":".join(f"{byte:02X}" for byte in os.urandom(5))
        path = f"{ADAPTER_PATH}/dev_{address.replace(':', '_')}"
        properties = _device_properties(address, self._service, advert)
        self._objects[path] = {DEVICE: properties}
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {DEVICE: properties}])
        try:
            yield
        finally:
            del self._objects[path]
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, [DEVICE]])

    # Method calls

    def _handle(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        method = _METHODS.get((message.interface, message.member))
        if method is None:
            return None  # the bus library answers UnknownMethod
        self.calls.append(f"{message.member}")
        log.debug("%s.%s %s", message.interface, message.member, message.body)
        return method(self, message)

    def _managed_objects(self, message: Message) -> Message:
        return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects])

    def _get(self, message: Message) -> Message:
        interface, name = message.body
        value = self._objects.get(message.path or "", {}).get(interface, {}).get(name)
        if value is None:
            return Message.new_error(
                message, "org.freedesktop.DBus.Error.UnknownProperty", f"no {interface}.{name}"
            )
        return Message.new_method_return(message, "v", [value])

    def _get_all(self, message: Message) -> Message:
        return Message.new_method_return(
            message, "a{sv}", [self._objects.get(message.path or "", {}).get(message.body[0], {})]
        )

    def _set_property(self, message: Message) -> Message:
        interface, name, value = message.body
        self._set(message.path or "", interface, {name: value})
        return Message.new_method_return(message)

    def _start_discovery(self, message: Message) -> Message:
        return self._discover(message, True)

    def _stop_discovery(self, message: Message) -> Message:
        return self._discover(message, False)

    def _discover(self, message: Message, on: bool) -> Message:
        adapter = self._objects.get(ADAPTER_PATH)
        if adapter is None or not adapter[ADAPTER]["Powered"].value:
            return Message.new_error(message, "org.bluez.Error.NotReady", "Resource Not Ready")
        self._set(ADAPTER_PATH, ADAPTER, {"Discovering": Variant("b", on)})
        return Message.new_method_return(message)

    def _nothing(self, message: Message) -> Message:
        return Message.new_method_return(message)

    # Signals

    def _set(self, path: str, interface: str, changed: _Properties) -> None:
        properties = self._objects.get(path, {}).get(interface)
        if properties is None:
            return
        properties.update(changed)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, changed, []])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        if self._bus is not None:
            self._bus.send(Message.new_signal(path, interface, member, signature, body))


_METHODS: dict[tuple[str | None, str | None], Callable[[MockBluez, Message], Message]] = {
    (OBJECT_MANAGER, "GetManagedObjects"): MockBluez._managed_objects,
    (PROPERTIES, "Get"): MockBluez._get,
    (PROPERTIES, "GetAll"): MockBluez._get_all,
    (PROPERTIES, "Set"): MockBluez._set_property,
    (ADAPTER, "StartDiscovery"): MockBluez._start_discovery,
    (ADAPTER, "StopDiscovery"): MockBluez._stop_discovery,
    (ADAPTER, "SetDiscoveryFilter"): MockBluez._nothing,
    (ADAPTER, "RemoveDevice"): MockBluez._nothing,
    (AGENTS, "RegisterAgent"): MockBluez._nothing,
    (AGENTS, "UnregisterAgent"): MockBluez._nothing,
    (AGENTS, "RequestDefaultAgent"): MockBluez._nothing,
}


def _adapter_properties(powered: bool) -> _Properties:
    return {
        "Address": Variant("s", "00:AA:01:00:00:23"),
        "AddressType": Variant("s", "public"),
        "Name": Variant("s", "stuntkey"),
        "Alias": Variant("s", "stuntkey"),
        "Class": Variant("u", 0),
        "Powered": Variant("b", powered),
        "Discoverable": Variant("b", False),
        "DiscoverableTimeout": Variant("u", 180),
        "Pairable": Variant("b", False),
        "PairableTimeout": Variant("u", 0),
        "Discovering": Variant("b", False),
        "UUIDs": Variant("as", []),
        "Modalias": Variant("s", "usb:v1D6Bp0246d0542"),
        "Roles": Variant("as", ["central", "peripheral"]),
    }


def _device_properties(address: str, service: str, data: bytes) -> _Properties:
    return {
        "Address": Variant("s", address),
        "AddressType": Variant("s", "random"),
        "Alias": Variant("s", address.replace(":", "-")),
        "Paired": Variant("b", False),
        "Trusted": Variant("b", False),
        "Blocked": Variant("b", False),
        "LegacyPairing": Variant("b", False),
        "Connected": Variant("b", False),
        "UUIDs": Variant("as", []),
        "Adapter": Variant("o", ADAPTER_PATH),
        "RSSI": Variant("n", -50),
        "ServicesResolved": Variant("b", False),
        "ServiceData": Variant("a{sv}", {service: Variant("ay", data)}),
    }
