"""The Bluetooth advert: the proof that phone and client are near each other."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from harness.hybrid import domains
from harness.hybrid.errors import HybridError

FIDO_SERVICE = "0000fff9-0000-1000-8000-00805f9b34fb"
GOOGLE_SERVICE = "0000fde2-0000-1000-8000-00805f9b34fb"
SIZE = 20
_TAG = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Eid:
    """An advert's plaintext: which tunnel the phone waits at."""

    nonce: bytes
    routing_id: bytes
    domain: int

    def __post_init__(self) -> None:
        if len(self.nonce) != 10 or len(self.routing_id) != 3:
            raise HybridError("an advert holds a nonce of 10 bytes and a routing id of 3")

    def to_bytes(self) -> bytes:
        return b"\x00" + self.nonce + self.routing_id + self.domain.to_bytes(2, "little")

    @classmethod
    def from_bytes(cls, data: bytes) -> Eid:
        if len(data) != 16 or data[0] != 0:
            raise HybridError("the advert's plaintext is of an unknown kind")
        domain = int.from_bytes(data[14:], "little")
        if not domains.is_known(domain):
            raise HybridError(f"the advert names the unassigned tunnel domain {domain}")
        return cls(nonce=data[1:11], routing_id=data[11:14], domain=domain)

    def seal(self, key: bytes) -> bytes:
        """The 20 bytes that go on air, under the 64-byte EID key."""
        encryptor = Cipher(
            algorithms.AES(key[:32]), modes.ECB()
        ).encryptor()  # one block, so ECB is the block cipher
        ciphertext = encryptor.update(self.to_bytes()) + encryptor.finalize()
        return ciphertext + hmac.digest(key[32:], ciphertext, "sha256")[:_TAG]


def trial_decrypt(advert: bytes, key: bytes) -> Eid | None:
    """What the advert says, or None where it is not meant for the holder of this key."""
    if len(advert) != SIZE:
        return None
    ciphertext, tag = advert[:-_TAG], advert[-_TAG:]
    if not hmac.compare_digest(hmac.digest(key[32:], ciphertext, "sha256")[:_TAG], tag):
        return None
    decryptor = Cipher(algorithms.AES(key[:32]), modes.ECB()).decryptor()
    try:
        return Eid.from_bytes(decryptor.update(ciphertext) + decryptor.finalize())
    except HybridError:
        return None
