"""Tunnel server domains: two assigned ones, and hashed ones for everybody else."""

from __future__ import annotations

import hashlib

from harness.hybrid.errors import HybridError

ASSIGNED = ("cable.ua5v.com", "cable.auth.com")
FIRST_HASHED = 256
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_TLDS = ("com", "org", "net", "info")


def is_known(number: int) -> bool:
    return number < len(ASSIGNED) or FIRST_HASHED <= number <= 0xFFFF


def tunnel_domain(number: int) -> str:
    """in spec: decodeTunnelServerDomain."""
    if not 0 <= number <= 0xFFFF or not is_known(number):
        raise HybridError(f"no tunnel server domain has the number {number}")
    if number < FIRST_HASHED:
        return ASSIGNED[number]
    digest = hashlib.sha256(b"caBLEv2 tunnel server domain" + number.to_bytes(2, "little") + b"\x00").digest()
    value = int.from_bytes(digest[:8], "little")
    tld, value = _TLDS[value & 3], value >> 2
    label = ""
    while value:
        label += _BASE32[value & 31]
        value >>= 5
    return f"cable.{label}.{tld}"
