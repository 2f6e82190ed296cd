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
from dbus_fast.errors import DBusError

from harness.errors import SetupError
from harness.hybrid.advert import FIDO_SERVICE

log = logging.getLogger(__name__)

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER, DEVICE, AGENTS = "org.bluez.Adapter1", "org.bluez.Device1", "org.bluez.AgentManager1"
ADAPTER_PATH = "/org/bluez/hci0"
AIR = "org.stuntkey.Air"
"""Ours: by which phones of other processes put adverts on the mock's air."""

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
        path = self._put_on_air(advert)
        try:
            yield
        finally:
            self._take_off_air(path)

    def _put_on_air(self, advert: bytes) -> str:
        address = "C0:" + ":".join(f"{byte:02X}" for byte in os.urandom(5))
        path = f"{ADAPTER_PATH}/dev_{address.replace(':', '_')}"
        properties = _device_properties(address, self._service, advert)
        self._objects[path] = {DEVICE: properties}
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {DEVICE: properties}])
        return path

    def _take_off_air(self, path: str) -> None:
        if self._objects.pop(path, None) is not None:
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

    def _advertise(self, message: Message) -> Message:
        if message.signature != "ay":
            return Message.new_error(
                message, "org.freedesktop.DBus.Error.InvalidArgs", "an advert is bytes (ay)"
            )
        return Message.new_method_return(message, "o", [self._put_on_air(bytes(message.body[0]))])

    def _silence(self, message: Message) -> Message:
        if message.signature != "o" or not message.body[0].startswith(f"{ADAPTER_PATH}/dev_"):
            return Message.new_error(message, "org.freedesktop.DBus.Error.InvalidArgs", "no advert of ours")
        self._take_off_air(message.body[0])
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
    (AIR, "Advertise"): MockBluez._advertise,
    (AIR, "Silence"): MockBluez._silence,
    (AGENTS, "RegisterAgent"): MockBluez._nothing,
    (AGENTS, "UnregisterAgent"): MockBluez._nothing,
    (AGENTS, "RequestDefaultAgent"): MockBluez._nothing,
}


class RemoteAir:
    """A `Radio` over the mock BlueZ of another process, on the bus at `address`."""

    def __init__(self, address: str) -> None:
        self._address = address

    @asynccontextmanager
    async def advertise(self, advert: bytes) -> AsyncIterator[None]:
        try:
            bus = await MessageBus(self._address, bus_type=BusType.SYSTEM).connect()
        except (OSError, ValueError, DBusError) as error:
            raise SetupError(
                f"there is no D-Bus at {self._address}: {error}; `stuntkey hybrid serve` makes one"
            ) from None
        try:
            path = await self._call(bus, "Advertise", "ay", advert)
            try:
                yield
            finally:
                await self._call(bus, "Silence", "o", path)
        finally:
            bus.disconnect()

    async def _call(self, bus: MessageBus, member: str, signature: str, argument: object) -> Any:
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path="/",
                interface=AIR,
                member=member,
                signature=signature,
                body=[argument],
            )
        )
        if reply is None or reply.message_type is MessageType.ERROR:
            reason = reply.body[0] if reply is not None and reply.body else "no answer"
            raise SetupError(f"the mock BlueZ at {self._address} did not {member.lower()}: {reason}")
        return reply.body[0] if reply.body else None


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
