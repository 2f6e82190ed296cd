"""What USB and HID say of a key before the first packet: the same for a mock device and for a kernel's."""

from __future__ import annotations

from dataclasses import dataclass

BUS_USB = 3

REPORT_DESCRIPTOR = bytes.fromhex(
    "06d0f1"  # Usage Page (FIDO Alliance)
    "0901"  # Usage (CTAPHID)
    "a101"  # Collection (Application)
    "0920"  # Usage (Data In)
    "1500"  # Logical Minimum (0)
    "26ff00"  # Logical Maximum (255)
    "7508"  # Report Size (8)
    "9540"  # Report Count (64)
    "8102"  # Input (Data, Variable, Absolute)
    "0921"  # Usage (Data Out)
    "1500"  # Logical Minimum (0)
    "26ff00"  # Logical Maximum (255)
    "7508"  # Report Size (8)
    "9540"  # Report Count (64)
    "9102"  # Output (Data, Variable, Absolute)
    "c0"  # End Collection
)
"""CTAP 2.3 §11.2.8.2: one report of 64 bytes each way, without a report id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HidDescription:
    """A key's USB and HID identity."""

    vendor_id: int
    product_id: int
    manufacturer: str
    product: str
    device_version: tuple[int, int, int] = (1, 0, 0)
    serial: str = ""
    """The USB serial number. FIDO keys have none, so that a host cannot tell one user by it."""

    @property
    def name(self) -> str:
        """HID_NAME, as the kernel's usbhid makes it: manufacturer and product, 128 bytes with the final NUL."""
        return shortened(" ".join(part for part in (self.manufacturer, self.product) if part), 127)

    @property
    def bcd_device(self) -> str:
        major, minor, _ = self.device_version
        return f"{min(major, 99):02d}{min(minor, 99):02d}"


def shortened(text: str, limit: int) -> str:
    """`text`, on one line and in no more than `limit` bytes of UTF-8."""
    line = " ".join(text.replace("\0", " ").split())
    return line.encode()[:limit].decode(errors="ignore")
