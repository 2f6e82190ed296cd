"""The CBOR messages of a session: the phone's first one, the linking information, a linked client's payload."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from authenticator import cbor
from harness.hybrid.errors import HybridError
from harness.hybrid.keys import public_key

T = TypeVar("T")


def _map(data: bytes, what: str) -> dict[Any, Any]:
    try:
        entries = cbor.decode(data, max_depth=8)
    except cbor.CborError as error:
        raise HybridError(f"{what} is no canonical CBOR: {error}") from None
    if not isinstance(entries, dict):
        raise HybridError(f"{what} is no CBOR map")
    return entries


def _entry(entries: dict[Any, Any], key: int, kind: type[T], what: str, size: int | None = None) -> T:
    value = entries.get(key)
    if type(value) is not kind or (size is not None and len(value) != size):  # type: ignore[arg-type]
        raise HybridError(f"{what} lacks a proper entry {key}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What the phone says first: its getInfo, and what it can do."""

    get_info: bytes
    features: tuple[str, ...] = ("ctap",)

    def to_bytes(self) -> bytes:
        return cbor.encode({1: self.get_info, 3: list(self.features)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Greeting:
        entries = _map(data, "the phone's first message")
        features = entries.get(3, ["ctap"])
        if not isinstance(features, list) or not all(isinstance(each, str) for each in features):
            raise HybridError("the phone's first message lists no features under 3")
        get_info = _entry(entries, 1, bytes, "the phone's first message")
        _map(get_info, "the phone's getInfo")
        return cls(get_info=get_info, features=tuple(features))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkingInfo:
    """What lets a client call this phone later without a QR code."""

    contact_id: bytes
    link_id: bytes
    link_secret: bytes = field(repr=False)
    phone_identity: bytes
    name: str
    proof: bytes = field(repr=False)
    """HMAC over the handshake hash under both identities' shared key: the phone really has this identity."""
    domain: int = 0
    """Of the tunnel server where the phone is called. No message says it: it is the one of the session."""

    @classmethod
    def make(
        cls,
        *,
        contact_id: bytes,
        link_id: bytes,
        link_secret: bytes,
        identity: ec.EllipticCurvePrivateKey,
        point: bytes,
        name: str,
        client_identity: bytes,
        handshake_hash: bytes,
    ) -> LinkingInfo:
        shared = identity.exchange(ec.ECDH(), public_key(client_identity))
        return cls(
            contact_id=contact_id,
            link_id=link_id,
            link_secret=link_secret,
            phone_identity=point,
            name=name,
            proof=hmac.digest(shared, handshake_hash, "sha256"),
        )

    def to_update(self) -> bytes:
        return cbor.encode(
            {
                1: {
                    1: self.contact_id,
                    2: self.link_id,
                    3: self.link_secret,
                    4: self.phone_identity,
                    5: self.name,
                    6: self.proof,
                }
            }
        )

    @classmethod
    def from_update(
        cls, data: bytes, *, identity: ec.EllipticCurvePrivateKey, handshake_hash: bytes, domain: int = 0
    ) -> LinkingInfo | None:
        """What an update message says of linking; None where it says nothing. HybridError if the proof is wrong."""
        what = "the linking information"
        entries = _map(data, "an update").get(1)
        if entries is None:
            return None
        if not isinstance(entries, dict):
            raise HybridError(f"{what} is no CBOR map")
        info = cls(
            contact_id=_entry(entries, 1, bytes, what),
            link_id=_entry(entries, 2, bytes, what, 8),
            link_secret=_entry(entries, 3, bytes, what, 32),
            phone_identity=_entry(entries, 4, bytes, what, 65),
            name=_entry(entries, 5, str, what),
            proof=_entry(entries, 6, bytes, what, 32),
            domain=domain,
        )
        shared = identity.exchange(ec.ECDH(), public_key(info.phone_identity))
        if not hmac.compare_digest(hmac.digest(shared, handshake_hash, "sha256"), info.proof):
            raise HybridError(f"{what} is not signed by the identity it names")
        return info


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPayload:
    """What a linked client says when it calls."""

    link_id: bytes
    client_nonce: bytes
    operation: str

    def to_hex(self) -> str:
        return cbor.encode({1: self.link_id, 2: self.client_nonce, 3: self.operation}).hex()

    @classmethod
    def from_hex(cls, text: str) -> ClientPayload:
        what = "the client's payload"
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise HybridError(f"{what} is not hexadecimal") from None
        entries = _map(data, what)
        return cls(
            link_id=_entry(entries, 1, bytes, what, 8),
            client_nonce=_entry(entries, 2, bytes, what, 16),
            operation=_entry(entries, 3, str, what),
        )
