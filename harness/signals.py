"""The Signal API (WebAuthn level 3 §5.1.10): what a relying party tells a passkey provider about its passkeys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from authenticator.credential import Credential, rp_id_hash
from authenticator.store import Store


class Signals:
    """What a provider does about them: unknown passkeys are hidden, and shown again when they are listed again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hidden: dict[bytes, Credential] = {}

    @property
    def hidden(self) -> tuple[Credential, ...]:
        return tuple(self._hidden.values())

    def unknown_credential(self, rp_id: str, credential_id: bytes) -> None:
        """The relying party does not know this credential (any more)."""
        credential = self._store.get(credential_id)
        if credential is not None and credential.rp_id_hash == rp_id_hash(rp_id):
            self._hide(credential)

    def all_accepted_credentials(self, rp_id: str, user_id: bytes, credential_ids: Collection[bytes]) -> None:
        """These, and no others, does the relying party accept for this user."""
        for credential in self._store.for_rp(rp_id_hash(rp_id)):
            if credential.user.id == user_id and credential.id not in credential_ids:
                self._hide(credential)
        for credential in self.hidden:
            if (
                credential.id in credential_ids
                and credential.user.id == user_id
                and credential.rp_id_hash == rp_id_hash(rp_id)
            ):
                self._store.put(self._hidden.pop(credential.id))

    def current_user_details(self, rp_id: str, user_id: bytes, name: str, display_name: str) -> None:
        """The user is called so now."""
        for credential in self._store.for_rp(rp_id_hash(rp_id)):
            if credential.user.id == user_id:
                user = replace(credential.user, name=name, display_name=display_name)
                self._store.put(replace(credential, user=user))

    def _hide(self, credential: Credential) -> None:
        self._store.remove(credential.id)
        self._hidden[credential.id] = credential
