"""Real adverts, by a machine's own adapter: BlueZ's LEAdvertisingManager1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from harness.errors import SetupError
from harness.hybrid.advert import FIDO_SERVICE

_MANAGER = "org.bluez.LEAdvertisingManager1"
_ADVERTISEMENT = "org.bluez.LEAdvertisement1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_PATH = "/stuntkey/advertisement"


class BluezRadio:
    """A `Radio` over the adapter at `adapter` of the machine's own BlueZ (or the bus at `address`)."""

    def __init__(
        self, *, adapter: str = "hci0", address: str | None = None, service: str = FIDO_SERVICE
    ) -> None:
        self._adapter = f"/org/bluez/{adapter}"
        self._address = address
        self._service = service

    @asynccontextmanager
    async def advertise(self, advert: bytes) -> AsyncIterator[None]:
        try:
            bus = await MessageBus(self._address, bus_type=BusType.SYSTEM).connect()
        except (OSError, DBusError) as error:
            raise SetupError(f"there is no D-Bus system bus to reach BlueZ by: {error}") from None
        properties = {
            "Type": Variant("s", "broadcast"),
            "ServiceUUIDs": Variant("as", [self._service]),
            "ServiceData": Variant("a{sv}", {self._service: Variant("ay", advert)}),
        }

        def answer(message: Message) -> Message | None:
            if message.path != _PATH or message.message_type is not MessageType.METHOD_CALL:
                return None
            if (message.interface, message.member) == (_PROPERTIES, "GetAll"):
                return Message.new_method_return(message, "a{sv}", [properties])
            if (message.interface, message.member) == (_ADVERTISEMENT, "Release"):
                return Message.new_method_return(message)
            return None

        bus.add_message_handler(answer)
        try:
            await self._call(bus, "RegisterAdvertisement", "oa{sv}", [_PATH, {}])
            try:
                yield
            finally:
                await self._call(bus, "UnregisterAdvertisement", "o", [_PATH])
        finally:
            bus.disconnect()

    async def _call(self, bus: MessageBus, member: str, signature: str, body: list[object]) -> None:
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path=self._adapter,
                interface=_MANAGER,
                member=member,
                signature=signature,
                body=body,
            )
        )
        if reply is None or reply.message_type is MessageType.ERROR:
            reason = reply.body[0] if reply is not None and reply.body else "no answer"
            raise SetupError(
                f"BlueZ did not {member} on {self._adapter}: {reason}; is an adapter there and powered?"
            )
