"""PyPI's `fido2`: Fido2Server, as its examples use it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, get_type_hints

import fido2.utils
from fido2 import cbor
from fido2.attestation.base import Attestation as Format
from fido2.attestation.base import (
    AttestationResult,
    AttestationType,
    AttestationVerifier,
    InvalidAttestation,
    UntrustedAttestation,
)
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestationObject,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

from authenticator.attestation.pki import root
from harness.fuzz.base import Attestation, Demands
from harness.fuzz.forge import base64url
from harness.fuzz.targets import Stored
from harness.fuzz.targets.site import RP_ID, Asked, Registered

# It asks anew for the types of its data classes with each message, and takes more than half of its time for that.
fido2.utils.get_type_hints = cache(get_type_hints)  # type: ignore[attr-defined, assignment]


class _Trusted(AttestationVerifier):
    """With its ca_lookup, as the library asks for."""

    def ca_lookup(self, attestation_result: AttestationResult, auth_data: AuthenticatorData) -> bytes | None:
        return root().certificate


def _checked(attestation_object: AttestationObject, client_data_hash: bytes) -> None:
    """Statements must be right; whoever made them."""
    verifier = Format.for_type(attestation_object.fmt)()
    verifier.verify(attestation_object.att_stmt, attestation_object.auth_data, client_data_hash)


def _trusted(attestation_object: AttestationObject, client_data_hash: bytes) -> None:
    verifier = Format.for_type(attestation_object.fmt)()
    result = verifier.verify(attestation_object.att_stmt, attestation_object.auth_data, client_data_hash)
    if result.attestation_type in (AttestationType.SELF, AttestationType.NONE):
        raise UntrustedAttestation("a chain to a trusted root is required")
    _Trusted()(attestation_object, client_data_hash)


class PythonFido2:
    name = "fido2"
    algorithms = tuple(int(each) for each in CoseKey.supported_algorithms())
    refusals: tuple[type[Exception], ...] = (ValueError, InvalidAttestation)
    """What register_complete and authenticate_complete raise, and what attestation raises."""

    def __init__(self, rp_id: str = RP_ID) -> None:
        rp = PublicKeyCredentialRpEntity(id=rp_id, name="A site")
        direct = AttestationConveyancePreference.DIRECT
        self._servers = {
            Attestation.IGNORED: Fido2Server(rp),
            Attestation.CHECKED: Fido2Server(rp, attestation=direct, verify_attestation=_checked),
            Attestation.TRUSTED: Fido2Server(rp, attestation=direct, verify_attestation=_trusted),
        }
        self._states: dict[UserVerificationRequirement, dict[str, Any]] = {}

    def register(self, body: str, asked: Asked) -> Registered:
        server = self._servers[asked.demands.attestation]
        state = self._state(asked)
        data = server.register_complete(state, json.loads(body))
        credential = data.credential_data
        assert credential is not None
        return Registered(
            stored=Stored(
                credential_id=credential.credential_id,
                public_key=cbor.encode(dict(credential.public_key)),
                sign_count=data.counter,
            ),
            native=credential,
        )

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        server = self._servers[asked.demands.attestation]
        state = self._state(asked)
        server.authenticate_complete(state, [registered.native], json.loads(body))
        return registered.stored.sign_count

    def _state(self, asked: Asked) -> dict[str, Any]:
        """What authenticate_begin and register_begin give to be kept in the session, with this challenge.

        Making options takes the library longer than verifying a response, so it is asked once for each kind.
        """
        verification = _verification(asked.demands)
        if verification not in self._states:
            server = self._servers[asked.demands.attestation]
            _, self._states[verification] = server.authenticate_begin(user_verification=verification)
        return {**self._states[verification], "challenge": base64url(asked.challenge)}

    def close(self) -> None:
        pass


def _verification(demands: Demands) -> UserVerificationRequirement:
    word = UserVerificationRequirement
    return word.REQUIRED if demands.user_verification else word.DISCOURAGED
