"""A key's place in the mocked /sys and /dev: the USB device, its interface, the HID device, the hidraw node."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ctaphid.hid_description import REPORT_DESCRIPTOR, HidDescription
from ctaphid.umockdev import TestBed

HIDRAW_MAJOR = 4095
"""No kernel gives this major number, so that nothing in the host's udev database is taken for the key's."""
_HUB = "/devices/pci0000:00/0000:00:14.0/usb1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    path: str
    subsystem: str
    group: str
    """Where sysfs lists devices of its kind."""
    properties: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str | bytes], ...] = ()


class MockDevice:
    """One key in the tree, from `appear` to `disappear`. `number` tells it from the others: hidraw0, hidraw1, …"""

    def __init__(self, bed: TestBed, number: int, description: HidDescription) -> None:
        self._bed = bed
        self.number = number
        self.description = description
        self.node = f"/dev/hidraw{number}"
        self.physical = f"usb-0000:00:14.0-{number + 1}/input0"
        self._levels = _levels(number, self.physical, description)

    def socket_path(self) -> str:
        """Where whoever answers for the node listens. A listener of a device that had the number before is cut off."""
        path = self._bed.root / f"ioctl{self.node}"
        path.unlink(missing_ok=True)
        return str(path)

    def appear(self, character_device: str) -> None:
        """Sysfs first, the node next, the events last: outermost first, as the kernel and udevd have it."""
        bed, number = self._bed, self.number
        for level in self._levels:
            bed.write(f"sys{level.path}/uevent", "".join(f"{k}={v}\n" for k, v in level.properties))
            for name, content in level.attributes:
                bed.write(f"sys{level.path}/{name}", content)
            bed.link(f"sys{level.path}/subsystem", f"sys/{level.group.removesuffix('/devices')}")
            bed.link(f"sys/{level.group}/{os.path.basename(level.path)}", f"sys{level.path}")
        hidraw, hid = self._levels[-1], self._levels[-2]
        bed.link(f"sys{hidraw.path}/device", f"sys{hid.path}")
        bed.link(f"sys/dev/char/{HIDRAW_MAJOR}:{number}", f"sys{hidraw.path}")
        os.symlink(f"{HIDRAW_MAJOR}:{number}", bed.root / f"dev/.node/hidraw{number}")
        os.symlink(character_device, bed.root / self.node[1:])
        for level in self._levels:
            bed.uevent("add", level.path, level.subsystem, level.properties)

    def disappear(self) -> None:
        bed, number = self._bed, self.number
        bed.remove(self.node[1:])
        bed.remove(f"dev/.node/hidraw{number}")
        bed.remove(f"sys/dev/char/{HIDRAW_MAJOR}:{number}")
        for level in reversed(self._levels):
            bed.remove(f"sys/{level.group}/{os.path.basename(level.path)}")
        bed.remove(f"sys{self._levels[0].path}")
        for level in reversed(self._levels):
            bed.uevent("remove", level.path, level.subsystem, level.properties)


def _levels(number: int, physical: str, description: HidDescription) -> tuple[_Level, ...]:
    """The four devices of a plugged-in key, with what the kernel says of each."""
    vendor, product, address = description.vendor_id, description.product_id, number + 2
    bcd = description.bcd_device
    usb = f"{_HUB}/1-{number + 1}"
    interface = f"{usb}/1-{number + 1}:1.0"
    hid = f"{interface}/0003:{vendor:04X}:{product:04X}.{number + 1:04X}"
    serial = [("serial", description.serial + "\n")] if description.serial else []
    return (
        _Level(
            path=usb,
            subsystem="usb",
            group="bus/usb/devices",
            properties=(
                ("DEVTYPE", "usb_device"),
                ("DRIVER", "usb"),
                ("PRODUCT", f"{vendor:x}/{product:x}/{int(bcd, 16):x}"),
                ("TYPE", "0/0/0"),
                ("BUSNUM", "001"),
                ("DEVNUM", f"{address:03d}"),
            ),
            attributes=(
                ("idVendor", f"{vendor:04x}\n"),
                ("idProduct", f"{product:04x}\n"),
                ("bcdDevice", bcd + "\n"),
                ("manufacturer", description.manufacturer + "\n"),
                ("product", description.product + "\n"),
                ("busnum", "1\n"),
                ("devnum", f"{address}\n"),
                ("speed", "12\n"),
                *serial,
            ),
        ),
        _Level(
            path=interface,
            subsystem="usb",
            group="bus/usb/devices",
            properties=(
                ("DEVTYPE", "usb_interface"),
                ("DRIVER", "usbhid"),
                ("PRODUCT", f"{vendor:x}/{product:x}/{int(bcd, 16):x}"),
                ("TYPE", "0/0/0"),
                ("INTERFACE", "3/0/0"),
            ),
            attributes=(
                ("bInterfaceNumber", "00\n"),
                ("bInterfaceClass", "03\n"),
                ("bInterfaceSubClass", "00\n"),
                ("bInterfaceProtocol", "00\n"),
            ),
        ),
        _Level(
            path=hid,
            subsystem="hid",
            group="bus/hid/devices",
            properties=(
                ("DRIVER", "hid-generic"),
                ("HID_ID", f"0003:{vendor:08X}:{product:08X}"),
                ("HID_NAME", description.name),
                ("HID_PHYS", physical),
                ("HID_UNIQ", description.serial),
                ("MODALIAS", f"hid:b0003g0001v{vendor:08X}p{product:08X}"),
            ),
            attributes=(("report_descriptor", REPORT_DESCRIPTOR),),
        ),
        _Level(
            path=f"{hid}/hidraw/hidraw{number}",
            subsystem="hidraw",
            group="class/hidraw",
            properties=(
                ("MAJOR", str(HIDRAW_MAJOR)),
                ("MINOR", str(number)),
                ("DEVNAME", f"hidraw{number}"),
            ),
            attributes=(("dev", f"{HIDRAW_MAJOR}:{number}\n"),),
        ),
    )
