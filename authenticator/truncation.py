"""How a device with little room shortens what it stores."""

from __future__ import annotations

_ELLIPSIS = "…".encode()


def truncated_rp_id(rp_id: str, size: int | None) -> str:
    """CTAP 2.3 §6.8.7: the protocol, if there is one, an ellipsis, and the end, which says most."""
    raw = rp_id.encode()
    if size is None or len(raw) <= size:
        return rp_id
    colon = raw.find(b":")
    kept = raw[: min(colon + 1, size)]
    room = size - len(kept) - len(_ELLIPSIS)
    if room >= 0:
        kept += _ELLIPSIS + raw[len(raw) - room :]
    return kept.decode(errors="ignore")


def truncated_name(name: str | None, size: int | None) -> str | None:
    """WebAuthn level 3 §6.4.1: cut at the byte limit, but never within a character."""
    if name is None or size is None:
        return name
    return name.encode()[:size].decode(errors="ignore")
