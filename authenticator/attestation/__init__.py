"""Attestation statements (WebAuthn level 3 §8): one format per module, and the test root they chain to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from authenticator.cose import PrivateKey
from authenticator.environment import Clock
from authenticator.profiles.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationSubject:
    """What a statement speaks of."""

    profile: Profile
    clock: Clock
    key: PrivateKey
    credential_id: bytes
    rp_id: str
    rp_id_hash: bytes
    authenticator_data: bytes
    client_data_hash: bytes
    enterprise: bool


class AttestationFormat(Protocol):
    fmt: str

    def statement(self, subject: AttestationSubject) -> dict[str, Any]: ...


class PackedSelf:
    fmt = "packed"

    def statement(self, subject: AttestationSubject) -> dict[str, Any]:
        signature = subject.key.sign(subject.authenticator_data + subject.client_data_hash)
        return {"alg": int(subject.key.algorithm), "sig": signature}


_TABLE: tuple[AttestationFormat, ...] = (PackedSelf(),)
FORMATS: dict[str, AttestationFormat] = {each.fmt: each for each in _TABLE}


def attest(subject: AttestationSubject, preference: list[str]) -> tuple[str, dict[str, Any]]:
    """The statement in the first preferred format the device has, else in its own."""
    offered = subject.profile.attestation.formats
    fmt = next((each for each in preference if each in offered), offered[0])
    return fmt, FORMATS[fmt].statement(subject)
