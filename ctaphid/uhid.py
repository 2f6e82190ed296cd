"""<linux/uhid.h>: the messages of /dev/uhid, packed."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from ctaphid.hid_description import BUS_USB, REPORT_DESCRIPTOR, HidDescription, shortened

HID_MAX_DESCRIPTOR_SIZE = 4096
UHID_DATA_MAX = 4096
EVENT_SIZE = 4 + 128 + 64 + 64 + 2 + 2 + 4 * 4 + HID_MAX_DESCRIPTOR_SIZE


class Event(IntEnum):
    DESTROY = 1
    START = 2
    STOP = 3
    OPEN = 4
    CLOSE = 5
    OUTPUT = 6
    GET_REPORT = 9
    GET_REPORT_REPLY = 10
    CREATE2 = 11
    INPUT2 = 12
    SET_REPORT = 13
    SET_REPORT_REPLY = 14


class ReportType(IntEnum):
    FEATURE = 0
    OUTPUT = 1
    INPUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a program sent, or (GET_REPORT) asks for. `request` is what the answer must repeat."""

    data: bytes = b""
    type: int
    request: int = 0


_CREATE2 = struct.Struct("=I128s64s64sHHIIII4096s")
_GET_REPORT_REPLY = struct.Struct("=IIHH")
_SET_REPORT_REPLY = struct.Struct("=IIH")


def create2(description: HidDescription, *, physical: str) -> bytes:
    """`physical` is how the node is found again, among all others. (A FIDO key has no serial number to go by.)"""
    return _CREATE2.pack(
        Event.CREATE2,
        description.name.encode(),
        shortened(physical, 63).encode(),
        shortened(description.serial, 63).encode(),
        len(REPORT_DESCRIPTOR),
        BUS_USB,
        description.vendor_id,
        description.product_id,
        int(description.bcd_device, 16),
        0,
        REPORT_DESCRIPTOR,
    )


def destroy() -> bytes:
    return struct.pack("=I", Event.DESTROY)


def input2(packet: bytes) -> bytes:
    return struct.pack("=IH", Event.INPUT2, len(packet)) + packet


def get_report_reply(request: int, error: int) -> bytes:
    return _GET_REPORT_REPLY.pack(Event.GET_REPORT_REPLY, request, error, 0)


def set_report_reply(request: int, error: int) -> bytes:
    return _SET_REPORT_REPLY.pack(Event.SET_REPORT_REPLY, request, error)


def parse(message: bytes) -> tuple[int, Report | None]:
    """An event's number, which may be one of a newer kernel, and its report where it has one."""
    (event,) = struct.unpack_from("=I", message)
    message = message.ljust(EVENT_SIZE, b"\0")
    if event == Event.OUTPUT:
        size, kind = struct.unpack_from("=HB", message, 4 + UHID_DATA_MAX)
        return event, Report(data=message[4 : 4 + size], type=kind)
    if event == Event.GET_REPORT:
        request, _, kind = struct.unpack_from("=IBB", message, 4)
        return event, Report(type=kind, request=request)
    if event == Event.SET_REPORT:
        request, _, kind, size = struct.unpack_from("=IBBH", message, 4)
        return event, Report(data=message[12 : 12 + size], type=kind, request=request)
    return event, None
