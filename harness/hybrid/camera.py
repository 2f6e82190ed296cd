"""The phone's camera: a QR code read from a picture of a screen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from harness.errors import SetupError
from harness.hybrid.qr import PREFIX

if TYPE_CHECKING:
    from PIL.Image import Image


MARGIN = 40
"""Pixels of the picture around a code that are cut out with it: readers need a quiet zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A passkey QR code that was seen."""

    text: str
    box: tuple[int, int, int, int]
    """Left, top, right and bottom."""

    def cut_out(self, picture: Image) -> bytes:
        """PNG of the code, in black and white, and a margin around it."""
        left, top, right, bottom = self.box
        width, height = picture.size
        around = (
            max(0, left - MARGIN),
            max(0, top - MARGIN),
            min(width, right + MARGIN),
            min(height, bottom + MARGIN),
        )
        made = BytesIO()
        picture.crop(around).convert("L").save(made, "PNG", optimize=True)
        return made.getvalue()


def passkey_code(picture: Image) -> Sighting | None:
    """The passkey QR code in a picture, if there is one."""
    import zxingcpp

    for code in zxingcpp.read_barcodes(
        picture.convert("RGB"), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    ):
        if code.text[: len(PREFIX)].upper() == PREFIX:
            at = code.position
            corners = (at.top_left, at.top_right, at.bottom_left, at.bottom_right)
            x, y = [each.x for each in corners], [each.y for each in corners]
            return Sighting(text=str(code.text), box=(min(x), min(y), max(x), max(y)))
    return None


def read_screenshot(path: str | os.PathLike[str]) -> str:
    """The passkey QR code in a picture file; SetupError says what is wrong with the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            sighting = passkey_code(picture)
    except FileNotFoundError:
        raise SetupError(f"{path}: there is no such file") from None
    except (UnidentifiedImageError, OSError) as error:
        raise SetupError(f"{path}: this is no picture that can be read: {error}") from None
    if sighting is None:
        raise SetupError(
            f"{path}: there is no passkey QR code (FIDO:/…) in the picture; it must be whole, and about 300 pixels wide"
        )
    return sighting.text
