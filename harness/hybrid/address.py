"""HOST:PORT, as people write it."""

from __future__ import annotations

from harness.errors import SetupError


def parse_address(text: str, option: str) -> tuple[str, int]:
    """Host and port; SetupError names the option where it was written."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 0xFFFF:
        raise SetupError(f"{option} {text}: write HOST:PORT, for instance 127.0.0.1:8443")
    return host.strip("[]"), int(port)
