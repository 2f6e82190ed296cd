"""What a hidraw node answers to ioctl, as in the kernel's drivers/hid/hidraw.c and <linux/hidraw.h>."""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

from ctaphid.hid_description import BUS_USB, REPORT_DESCRIPTOR, HidDescription

HID_MAX_DESCRIPTOR_SIZE = 4096
_IOC_READ = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class IoctlAnswer:
    """The call's result (negative: minus errno), and what is written into the caller's memory."""

    result: int
    offset: int = 0
    data: bytes = b""


def _text(text: str, size: int) -> IoctlAnswer:
    data = (text.encode() + b"\0")[:size]
    return IoctlAnswer(result=len(data), data=data)


def answer_ioctl(request: int, description: HidDescription, *, physical: str) -> IoctlAnswer:
    """What `ioctl(fd, request, argument)` does for this device.

    HIDIOCGRDESC has the length the caller asks for in its argument; callers ask for what HIDIOCGRDESCSIZE told
    them, so the whole descriptor is given and the length left alone, as the kernel does.
    """
    direction, size, kind, number = request >> 30, request >> 16 & 0x3FFF, request >> 8 & 0xFF, request & 0xFF
    if kind != ord("H") or not direction & _IOC_READ:
        return IoctlAnswer(result=-errno.EINVAL)
    match number:
        case 0x01 if size == 4:  # HIDIOCGRDESCSIZE
            return IoctlAnswer(result=0, data=struct.pack("@i", len(REPORT_DESCRIPTOR)))
        case 0x02 if size == 4 + HID_MAX_DESCRIPTOR_SIZE:  # HIDIOCGRDESC
            return IoctlAnswer(result=0, offset=4, data=REPORT_DESCRIPTOR)
        case 0x03 if size == 8:  # HIDIOCGRAWINFO
            info = struct.pack("@IHH", BUS_USB, description.vendor_id, description.product_id)
            return IoctlAnswer(result=0, data=info)
        case 0x04:  # HIDIOCGRAWNAME
            return _text(description.name, size)
        case 0x05:  # HIDIOCGRAWPHYS
            return _text(physical, size)
        case 0x08:  # HIDIOCGRAWUNIQ
            return _text(description.serial, size)
    return IoctlAnswer(result=-errno.EINVAL)
