"""Authenticator data (WebAuthn level 3 §6.1): made here, never parsed here."""

from __future__ import annotations

from enum import IntFlag

from authenticator.credential import Credential


class Flags(IntFlag):
    UP = 0x01
    UV = 0x04
    BE = 0x08
    BS = 0x10
    AT = 0x40
    ED = 0x80


def flags_of(credential: Credential, *, present: bool, verified: bool) -> int:
    """UP and UV of this ceremony, BE and BS of the credential; AT and ED follow from what is there."""
    flags = 0x01 if present else 0
    if verified:
        flags |= 0x04
    if credential.backup_eligible:
        flags |= 0x08
        if credential.backed_up:
            flags |= 0x10
    return flags


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
