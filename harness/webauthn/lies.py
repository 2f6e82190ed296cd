"""The seam for lies of the client: what a hostile page, extension or library between page and key could change."""

from __future__ import annotations

from typing import Any


class Lies:
    """Each method returns what goes on instead; here: the truth."""

    def client_data(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The members of clientDataJSON, in order."""
        return fields

    def client_data_json(self, text: bytes) -> bytes:
        """clientDataJSON; what is signed is the hash of what this returns."""
        return text

    def client_data_hash(self, digest: bytes) -> bytes:
        """What the key gets to sign."""
        return digest

    def rp_id(self, rp_id: str) -> str:
        """The RP id the key is asked for, after the checks."""
        return rp_id

    def attestation_object(self, encoded: bytes) -> bytes:
        return encoded

    def registration(self, response: dict[str, Any]) -> dict[str, Any]:
        """RegistrationResponseJSON before it is handed out."""
        return response

    def authentication(self, response: dict[str, Any]) -> dict[str, Any]:
        """AuthenticationResponseJSON before it is handed out."""
        return response


TRUTH = Lies()
