"""Screenshots in a page: each once, and small where Pillow is there to make them so."""

from __future__ import annotations

import base64
import hashlib
from io import BytesIO

WIDTH = 900
QUALITY = 72


class Pictures:
    """PNGs in, names out; the same picture has the same name."""

    def __init__(self) -> None:
        self.uris: dict[str, str] = {}

    def add(self, png: bytes | None) -> str | None:
        if png is None:
            return None
        name = "p" + hashlib.sha256(png).hexdigest()[:12]
        if name not in self.uris:
            kind, data = _smaller(png)
            self.uris[name] = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        return name


def _smaller(png: bytes) -> tuple[str, bytes]:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return "png", png
    try:
        with Image.open(BytesIO(png)) as image:
            image.thumbnail((WIDTH, 10 * WIDTH))
            made = BytesIO()
            image.convert("RGB").save(made, "WEBP", quality=QUALITY)
    except UnidentifiedImageError:
        return "png", png
    return ("webp", made.getvalue()) if made.tell() < len(png) else ("png", png)
