from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from scenarios.exchange.webauthn.authenticator_data import AttestedCredential, AuthenticatorData
from scenarios.exchange.webauthn.public_key import Verify
from scenarios.exchange.webauthn.refusal import Refused

STEP = "7.1.22"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a statement speaks of."""

    data: AuthenticatorData
    attested: AttestedCredential
    client_data_hash: bytes
    key: Any
    verify: Verify
    algorithm: int

    @property
    def message(self) -> bytes:
        return self.data.raw + self.client_data_hash


@dataclass(slots=True)
class Statement:
    """attStmt, read by name; `chain` is filled in when its certificates are read."""

    members: dict[Any, Any]
    chain: list[x509.Certificate] = field(default_factory=list)

    def require(self, name: str, kind: type) -> Any:
        value = self.members.get(name)
        if type(value) is not kind:
            raise Refused(STEP, f"the attestation statement's {name} is missing or no {kind.__name__}")
        if kind is bytes and not value:
            raise Refused(STEP, f"the attestation statement's {name} is empty")
        return value

    def certificates(self) -> list[x509.Certificate]:
        chain = self.require("x5c", list)
        if not chain:
            raise Refused(STEP, "the attestation statement's x5c is empty")
        for der in chain:
            if not isinstance(der, bytes):
                raise Refused(STEP, "the attestation statement's x5c holds something else than certificates")
            try:
                certificate = x509.load_der_x509_certificate(der)
                certificate.public_key()
                _ = certificate.extensions
            except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
                raise Refused(STEP, "a certificate of the attestation statement cannot be read") from None
            self.chain.append(certificate)
        return self.chain
