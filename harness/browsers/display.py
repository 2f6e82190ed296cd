"""A screen of one's own: Xvfb."""

from __future__ import annotations

import os
import select
import shutil
import struct
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path

from harness.caretaker import Caretaker
from harness.closing import Closing
from harness.errors import SetupError
from harness.patience import patient

START = patient(20.0)


class Display(Closing):
    """An X server without a screen, for one browser. It picks a free number by itself."""

    def __init__(self, width: int = 1280, height: int = 1024) -> None:
        server = shutil.which("Xvfb")
        if server is None:
            raise SetupError(
                "a browser's own dialogs need a screen: apt-get install xvfb, or use headless=True"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="stuntkey-screen-"))
        reading, writing = os.pipe()
        command = [server, "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24"]
        command += ["-fbdir", str(self._folder), "-nolisten", "tcp", "-noreset"]
        self._server = subprocess.Popen(
            command,
            pass_fds=[writing],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._caretaker = Caretaker(self._server.pid, self._folder)
        os.close(writing)
        try:
            number = _line(reading)
        finally:
            os.close(reading)
        if not number:
            self.close()
            raise SetupError("Xvfb did not start: run it by hand to see why (Xvfb -displayfd 1)")
        self.name = f":{number.decode()}"

    @property
    def environment(self) -> dict[str, str]:
        return {"DISPLAY": self.name}

    def close(self) -> None:
        self._caretaker.dismiss()
        self._server.terminate()
        self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    # Eyes

    def frame(self) -> bytes:
        """The screen as it is, in the X server's own form."""
        return (self._folder / "Xvfb_screen0").read_bytes()

    def screenshot(self) -> bytes:
        """PNG of the screen, from the X server's frame buffer file (an XWD version 7 dump)."""
        from PIL import Image

        data = self.frame()
        header_size, _, _, _, width, height = struct.unpack_from(">6I", data)
        (bytes_per_line,) = struct.unpack_from(">I", data, 48)
        (colours,) = struct.unpack_from(">I", data, 76)
        start = header_size + 12 * colours
        pixels = data[start : start + bytes_per_line * height]
        image = Image.frombuffer("RGB", (width, height), pixels, "raw", "BGRX", bytes_per_line, 1)
        buffer = BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


def existing_screen() -> dict[str, str]:
    """Whoever watches has one."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR")
    found = {name: value for name in names if (value := os.environ.get(name))}
    if not ("DISPLAY" in found or "WAYLAND_DISPLAY" in found):
        raise SetupError("a browser to watch needs a screen, and DISPLAY is not set: run it under xvfb-run")
    return found


def _line(reading: int) -> bytes:
    """The server writes the number, then the end of the line, and fails if nobody reads that any more."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([reading], [], [], START)
        more = os.read(reading, 16) if ready else b""
        if not more:
            return b""
        line += more
    return line.strip()
