"""A genuine ceremony, made stage by stage, any of which can be changed.

All that comes after a change is made honestly from the changed value, so nothing else is wrong. Nothing here is shared
with a target: the pieces are the authenticator's, which the targets' own verifiers have judged.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from authenticator import cbor
from authenticator.attestation.pki import derived_key
from authenticator.cose import Algorithm, PrivateKey
from harness.fuzz import statements
from harness.fuzz.base import HONEST_BASE, Base
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.edit import Edit, Stage
from harness.fuzz.targets import Begun

_KEYS = {Algorithm.RS256: 2, Algorithm.PS256: 1}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A credential as its key knows it."""

    key: PrivateKey = field(repr=False)
    credential_id: bytes
    base: Base = HONEST_BASE
    user_handle: bytes = b""
    sign_count: int = 1

    @classmethod
    def new(cls, random: Random, base: Base = HONEST_BASE) -> Passkey:
        """Key pairs come from a small pool, as making them is slow; credential ids are always new."""
        number = random.randrange(_KEYS.get(base.algorithm, 16))
        return cls(
            key=derived_key(f"fuzzed credential {number}", base.algorithm),
            credential_id=random.randbytes(32),
            base=base,
            sign_count=1 if base.counting else 0,
        )

    def used(self) -> Passkey:
        return replace(self, sign_count=self.sign_count + 1) if self.base.counting else self


class CannotTell(Exception):
    """Two changes of which one leaves no place for the other."""


@dataclass(slots=True, kw_only=True)
class Forge:
    """One ceremony under way. Changes may read all of it."""

    ceremony: Ceremony
    rp_id: str
    origin: str
    begun: Begun
    passkey: Passkey
    random: Random
    edits: tuple[Edit, ...] = ()
    reached: dict[Stage, Any] = field(default_factory=dict)
    """What was used at each stage."""
    changed: dict[Stage, tuple[Any, Any]] = field(default_factory=dict)
    """What would have been used, and what was."""

    @property
    def base(self) -> Base:
        return self.passkey.base

    @property
    def attacker(self) -> PrivateKey:
        """A key that the relying party has never seen."""
        return derived_key("fuzzing attacker", self.base.algorithm)

    def stage(self, stage: Stage, honest: Any) -> Any:
        value = honest
        for edit in self.edits:
            if edit.stage is stage:
                value = self._changed(edit, value)
                self.changed[stage] = (honest, value)
        self.reached[stage] = value
        return value

    def _changed(self, edit: Edit, value: Any) -> Any:
        if len(self.edits) == 1:
            return edit.change(value, self)
        try:
            return edit.change(value, self)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            why = f"{edit.stage.value} is not there to be changed any more"
            raise CannotTell(f"{why} ({type(error).__name__})") from None

    def build(self) -> str:
        """The body to post."""
        client_data = self._client_data()
        if self.ceremony is Ceremony.REGISTRATION:
            response = self._attestation(client_data)
        else:
            response = self._assertion(client_data)
        name = base64url(self.passkey.credential_id)
        envelope = self.stage(
            Stage.ENVELOPE,
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "authenticatorAttachment": "cross-platform",
                "clientExtensionResults": {},
                "response": response,
            },
        )
        body: str = self.stage(Stage.BODY, json.dumps(envelope, separators=(",", ":")))
        return body

    def _client_data(self) -> bytes:
        kind = "create" if self.ceremony is Ceremony.REGISTRATION else "get"
        members = self.stage(
            Stage.CLIENT_DATA,
            {
                "type": f"webauthn.{kind}",
                "challenge": base64url(self.begun.challenge),
                "origin": self.origin,
                "crossOrigin": False,
            },
        )
        data: bytes = self.stage(
            Stage.CLIENT_DATA_JSON,
            json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"),
        )
        return data

    def _attestation(self, client_data: bytes) -> dict[str, Any]:
        data = self._authenticator_data(self._attested())
        fmt, statement = statements.make(self, data, hashlib.sha256(client_data).digest())
        statement = self.stage(Stage.STATEMENT, statement)
        members = self.stage(Stage.ATTESTATION_OBJECT, {"fmt": fmt, "attStmt": statement, "authData": data})
        encoded = self.stage(Stage.ATTESTATION_OBJECT_BYTES, cbor.encode(members))
        return {
            "clientDataJSON": base64url(self.stage(Stage.SENT_CLIENT_DATA, client_data)),
            "attestationObject": base64url(encoded),
            "transports": ["usb", "nfc"],
        }

    def _assertion(self, client_data: bytes) -> dict[str, Any]:
        data = self._authenticator_data(None)
        message = self.stage(Stage.MESSAGE, data + hashlib.sha256(client_data).digest())
        signer: PrivateKey = self.stage(Stage.SIGNER, self.passkey.key)
        signature = self.stage(Stage.SIGNATURE, signer.sign(message))
        return {
            "clientDataJSON": base64url(self.stage(Stage.SENT_CLIENT_DATA, client_data)),
            "authenticatorData": base64url(self.stage(Stage.SENT_AUTHENTICATOR_DATA, data)),
            "signature": base64url(signature),
            "userHandle": base64url(self.passkey.user_handle),
        }

    def _attested(self) -> dict[str, Any]:
        key = self.stage(Stage.COSE_KEY, self.passkey.key.public_cose_key())
        return {
            "aaguid": bytes(16) if self.base.attestation == "fido-u2f" else statements.AAGUID,
            "credentialIdLength": None,
            "credentialId": self.passkey.credential_id,
            "credentialPublicKey": self.stage(Stage.COSE_KEY_BYTES, cbor.encode(key)),
        }

    def _authenticator_data(self, attested: dict[str, Any] | None) -> bytes:
        base = self.base
        extensions = self.stage(Stage.EXTENSIONS, None)
        members = self.stage(
            Stage.FIELDS,
            {
                "rpIdHash": hashlib.sha256(self.rp_id.encode()).digest(),
                "up": True,
                "bit1": False,
                "uv": base.user_verified,
                "be": base.backup_eligible,
                "bs": base.backed_up,
                "bit5": False,
                "at": attested is not None,
                "ed": extensions is not None,
                "signCount": self.passkey.sign_count,
                "attested": attested,
                "extensions": b"" if extensions is None else cbor.encode(extensions),
            },
        )
        data: bytes = self.stage(Stage.AUTHENTICATOR_DATA, encode_fields(members))
        return data


_FLAGS = ("up", "bit1", "uv", "be", "bs", "bit5", "at", "ed")


def encode_fields(members: dict[str, Any]) -> bytes:
    """WebAuthn level 3 §6.1 and §6.5.1, with whatever flags and lengths are wanted."""
    flags = sum(1 << bit for bit, name in enumerate(_FLAGS) if members[name])
    data: bytes = members["rpIdHash"] + bytes((flags,)) + members["signCount"].to_bytes(4, "big")
    attested = members["attested"]
    if attested is not None:
        length = attested["credentialIdLength"]
        length = len(attested["credentialId"]) if length is None else length
        data += attested["aaguid"] + length.to_bytes(2, "big")
        data += attested["credentialId"] + attested["credentialPublicKey"]
    return data + bytes(members["extensions"])


def forge(
    *,
    rp_id: str,
    origin: str,
    begun: Begun,
    passkey: Passkey,
    random: Random,
    edits: Iterable[Edit] = (),
) -> Forge:
    """A ceremony that answers `begun`; `build()` makes it."""
    return Forge(
        ceremony=begun.ceremony,
        rp_id=rp_id,
        origin=origin,
        begun=begun,
        passkey=passkey,
        random=random,
        edits=tuple(edits),
    )


def require_all_told(made: Forge) -> None:
    """Each of several changes must be seen in what was sent: a later one may have undone an earlier one."""
    if len(made.edits) == 1:
        return
    sent = made.reached[Stage.BODY]
    for left_out in made.edits:
        others = tuple(each for each in made.edits if each is not left_out)
        without = replace(made, random=Random(0), edits=others, reached={}, changed={}).build()
        if without == sent:
            raise CannotTell(f"{left_out.stage.value}: the other change undoes this one")
