"""Credential ids of credentials that are not stored: the credential itself, sealed under the key's master secret.

An id is nonce[12] ‖ AES-256-GCM(master secret, payload, associated data = RP id hash). The tag makes it
tamper-evident and binds it to this key, its last reset and the relying party.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from authenticator.cose import PrivateKey, load_private_key
from authenticator.credential import Credential, CredProtect, User
from authenticator.environment import Randomness

_NONCE = 12
_TAG = 16
_CACHED = 256
_PAYMENT = 0x80
_U2F = 0x40
_HMAC_SECRET = 0x20

_PROTECTIONS = {int(each): each for each in CredProtect}
_NOBODY = User(id=b"")


class Seal:
    """Seals and opens ids under one master secret; remembers the last opened ones, as opening one loads a key."""

    def __init__(self, master_secret: bytes) -> None:
        self.master_secret = master_secret
        self._cipher = AESGCM(hmac.digest(master_secret, b"credential ids", "sha256"))
        self._opened: OrderedDict[tuple[bytes, bytes], Credential] = OrderedDict()

    def seal(
        self,
        *,
        key: PrivateKey,
        rp_id: str,
        rp_id_hash: bytes,
        protection: CredProtect,
        hmac_secret: bool,
        third_party_payment: bool,
        u2f: bool,
        random: Randomness,
    ) -> Credential:
        flags = int(protection)
        if third_party_payment:
            flags |= _PAYMENT
        if u2f:
            flags |= _U2F
        if hmac_secret:
            flags |= _HMAC_SECRET
        nonce = random.bytes(_NONCE)
        payload = flags.to_bytes(1, "big") + key.algorithm.to_bytes(2, "big", signed=True) + key.to_bytes()
        credential_id = nonce + self._cipher.encrypt(nonce, payload, rp_id_hash)
        return self._remember(credential_id, rp_id, rp_id_hash, flags, key)

    def open(self, credential_id: bytes, rp_id: str, rp_id_hash: bytes) -> Credential | None:
        """The credential, or None where the id is not one of ours for this relying party."""
        credential = self._opened.get((credential_id, rp_id_hash))
        if credential is not None:
            return credential
        if len(credential_id) < _NONCE + _TAG + 3:
            return None
        try:
            payload = self._cipher.decrypt(credential_id[:_NONCE], credential_id[_NONCE:], rp_id_hash)
        except InvalidTag:
            return None
        key = load_private_key(int.from_bytes(payload[1:3], "big", signed=True), payload[3:])
        return self._remember(credential_id, rp_id, rp_id_hash, payload[0], key)

    def _remember(
        self, credential_id: bytes, rp_id: str, rp_id_hash: bytes, flags: int, key: PrivateKey
    ) -> Credential:
        secrets = b""
        if flags & _HMAC_SECRET:
            secrets = b"".join(
                hmac.digest(self.master_secret, name + credential_id, "sha256")
                for name in (b"with uv", b"without uv")
            )
        credential = Credential(
            id=credential_id,
            rp_id=rp_id,
            rp_id_hash=rp_id_hash,
            user=_NOBODY,
            key=key,
            discoverable=False,
            protection=_PROTECTIONS[flags & 0x03],
            hmac_secrets=secrets,
            third_party_payment=bool(flags & _PAYMENT),
            u2f=bool(flags & _U2F),
        )
        self._opened[(credential_id, rp_id_hash)] = credential
        if len(self._opened) > _CACHED:
            self._opened.popitem(last=False)
        return credential
