"""The phone's camera: a QR code read from a picture of a screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.errors import SetupError
from harness.hybrid.qr import PREFIX

if TYPE_CHECKING:
    from PIL.Image import Image


def passkey_code(picture: Image) -> str | None:
    """The text of the passkey QR code in a picture, if there is one."""
    import zxingcpp

    for code in zxingcpp.read_barcodes(
        picture.convert("RGB"), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    ):
        if code.text[: len(PREFIX)].upper() == PREFIX:
            return str(code.text)
    return None


def read_screenshot(path: str | os.PathLike[str]) -> str:
    """The passkey QR code in a picture file; SetupError says what is wrong with the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            text = passkey_code(picture)
    except FileNotFoundError:
        raise SetupError(f"{path}: there is no such file") from None
    except (UnidentifiedImageError, OSError) as error:
        raise SetupError(f"{path}: this is no picture that can be read: {error}") from None
    if text is None:
        raise SetupError(
            f"{path}: there is no passkey QR code (FIDO:/…) in the picture; it must be whole, and about 300 pixels wide"
        )
    return text
