"""Authenticator data (§6.1), parsed to its last byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scenarios.exchange.webauthn.encoding import cbor_item, cbor_prefix
from scenarios.exchange.webauthn.refusal import Refused

_UP, _UV, _BE, _BS, _AT, _ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedCredential:
    aaguid: bytes
    credential_id: bytes
    public_key: dict[int, Any]
    public_key_bytes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorData:
    raw: bytes
    rp_id_hash: bytes
    flags: int
    sign_count: int
    attested: AttestedCredential | None
    extensions: dict[str, Any]

    @property
    def user_present(self) -> bool:
        return bool(self.flags & _UP)

    @property
    def user_verified(self) -> bool:
        return bool(self.flags & _UV)

    @property
    def backup_eligible(self) -> bool:
        return bool(self.flags & _BE)

    @property
    def backed_up(self) -> bool:
        return bool(self.flags & _BS)


def parse(raw: bytes, step: str, leave_out: frozenset[str] = frozenset()) -> AuthenticatorData:
    """Bits reserved for the future are ignored, bytes that no flag announces are not."""
    if len(raw) < 37:
        raise Refused(step, f"authenticator data has {len(raw)} bytes, fewer than 37")
    flags, rest = raw[32], raw[37:]
    attested, extensions = None, {}
    if flags & _AT:
        attested, rest = _attested(rest, step)
    if flags & _ED:
        extensions = cbor_item(rest, "the extension outputs of authenticator data", step)
        if not isinstance(extensions, dict) or not all(isinstance(name, str) for name in extensions):
            raise Refused(step, "the extension outputs of authenticator data are no map of names")
    elif rest and "trailing bytes" not in leave_out:
        raise Refused(step, f"authenticator data has {len(rest)} bytes that no flag announces")
    return AuthenticatorData(
        raw=raw,
        rp_id_hash=raw[:32],
        flags=flags,
        sign_count=int.from_bytes(raw[33:37], "big"),
        attested=attested,
        extensions=extensions,
    )


def _attested(rest: bytes, step: str) -> tuple[AttestedCredential, bytes]:
    if len(rest) < 18:
        raise Refused(step, "attested credential data is cut off")
    size = int.from_bytes(rest[16:18], "big")
    if size == 0:
        raise Refused(step, "the credential id is empty")
    if len(rest) < 18 + size + 1:
        raise Refused(step, "attested credential data is cut off")
    key, length = cbor_prefix(rest[18 + size :], "the credential public key", step)
    if not isinstance(key, dict) or not all(type(name) is int for name in key):
        raise Refused(step, "the credential public key is no COSE key")
    end = 18 + size + length
    attested = AttestedCredential(
        aaguid=rest[:16],
        credential_id=rest[18 : 18 + size],
        public_key=key,
        public_key_bytes=rest[18 + size : end],
    )
    return attested, rest[end:]
