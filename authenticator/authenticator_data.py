"""Authenticator data (WebAuthn level 3 §6.1): made here, never parsed here."""

from __future__ import annotations

from enum import IntFlag


class Flags(IntFlag):
    UP = 0x01
    UV = 0x04
    BE = 0x08
    BS = 0x10
    AT = 0x40
    ED = 0x80


def authenticator_data(
    *, rp_id_hash: bytes, flags: int, counter: int, attested: bytes = b"", extensions: bytes = b""
) -> bytes:
    if attested:
        flags |= 0x40
    if extensions:
        flags |= 0x80
    return rp_id_hash + flags.to_bytes(1, "big") + counter.to_bytes(4, "big") + attested + extensions


def attested_credential_data(*, aaguid: bytes, credential_id: bytes, public_key: bytes) -> bytes:
    """§6.5.2; `public_key` is the encoded COSE key."""
    return aaguid + len(credential_id).to_bytes(2, "big") + credential_id + public_key
