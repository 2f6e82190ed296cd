"""Single key presses of a terminal, as they come."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator

ESCAPE = "\x1b"


@contextlib.contextmanager
def key_presses(heard: Callable[[str], None]) -> Iterator[None]:
    """Each character typed goes to `heard`, on the running loop, unechoed. The terminal is as before afterwards."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
    loop = asyncio.get_running_loop()

    def read() -> None:
        text = decoder.decode(os.read(descriptor, 1024))
        if text.startswith(ESCAPE) and len(text) > 1:
            return  # an arrow or function key
        for character in text:
            heard(character)

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
