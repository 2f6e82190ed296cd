"""Authenticator data (WebAuthn level 3 §6.1), taken apart for people: whatever of it can be read."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import cbor2

FLAGS = {0x01: "UP", 0x04: "UV", 0x08: "BE", 0x10: "BS", 0x40: "AT", 0x80: "ED"}


def opened(data: bytes) -> dict[str, Any] | None:
    """Its parts by their names; None where it is too short to have any."""
    if len(data) < 37:
        return None
    flags = data[32]
    named = [name for bit, name in FLAGS.items() if flags & bit]
    reserved = flags & ~sum(FLAGS)
    parts: dict[str, Any] = {
        "rpIdHash": data[:32],
        "flags": " ".join(named + ([f"0x{reserved:02x}"] if reserved else [])),
        "signCount": int.from_bytes(data[33:37], "big"),
    }
    rest = data[37:]
    if flags & 0x40:
        if len(rest) < 18:
            return {**parts, "unread": rest}
        length = int.from_bytes(rest[16:18], "big")
        parts |= {"aaguid": rest[:16], "credentialId": rest[18 : 18 + length]}
        rest = rest[18 + length :]
    stream = BytesIO(rest)
    read = 0
    for bit, name in ((0x40, "credentialPublicKey"), (0x80, "extensions")):
        if not flags & bit:
            continue
        try:
            parts[name] = cbor2.CBORDecoder(stream, read_size=1).decode()
        except (cbor2.CBORError, ValueError, TypeError, RecursionError):
            break
        read = stream.tell()
    if rest[read:]:
        parts["unread"] = rest[read:]
    return parts
