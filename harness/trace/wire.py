"""Packets in words: what a line of a capture says."""

from __future__ import annotations

from ctaphid.device import KeepaliveStatus
from ctaphid.packets import Command, ContinuationPacket, ErrorCode, parse

_KEEPALIVE = {
    KeepaliveStatus.PROCESSING: "processing",
    KeepaliveStatus.USER_PRESENCE_NEEDED: "user presence needed",
}


def channel_text(channel: int) -> str:
    return f"{channel:08x}"


def describe(packet: bytes) -> tuple[str, str]:
    """A packet's command, and what there is to say of it."""
    parsed = parse(packet)
    if isinstance(parsed, ContinuationPacket):
        return f"… {parsed.sequence}", parsed.data.hex()
    try:
        name = Command(parsed.command).name
    except ValueError:
        name = f"0x{parsed.command:02x}"
    data = parsed.data
    match parsed.command:
        case Command.KEEPALIVE if data:
            return name, _KEEPALIVE.get(data[0], f"status 0x{data[0]:02x}")  # type: ignore[call-overload]
        case Command.ERROR if data:
            known = {int(code): code.name for code in ErrorCode}
            return name, known.get(data[0], f"0x{data[0]:02x}")
        case Command.INIT if len(data) >= 17:
            given, flags = int.from_bytes(data[8:12], "big"), data[16]
            version = ".".join(map(str, data[13:16]))
            return name, f"channel {channel_text(given)}, version {version}, capabilities 0x{flags:02x}"
        case Command.INIT:
            return name, f"nonce {data.hex()}"
    return name, f"{parsed.length} bytes  {data.hex()}" if parsed.length else ""
