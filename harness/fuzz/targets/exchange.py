"""The verifier of the exchange, which follows the standard step by step."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from authenticator.attestation.pki import root
from harness.fuzz.base import Attestation
from harness.fuzz.targets import Stored
from harness.fuzz.targets.site import Asked, Refusal, Registered
from scenarios.exchange.webauthn import Authentication, Refused, Registration, authenticate, register
from scenarios.exchange.webauthn.attestation import Policy, TrustAnchors
from scenarios.exchange.webauthn.authentication import CredentialRecord
from scenarios.exchange.webauthn.client_data import Origins
from scenarios.exchange.webauthn.encoding import parse_json


class Exchange:
    """`find` gives the one record under test: the rest is for the application around it."""

    name = "exchange"
    algorithms: tuple[int, ...] = (-8, -7, -257)
    refusals: tuple[type[Exception], ...] = (Refused,)

    def __init__(self) -> None:
        trusted = x509.load_der_x509_certificate(root().certificate)
        self._anchors = TrustAnchors(roots_for=lambda aaguid: [trusted])

    def register(self, body: str, asked: Asked) -> Registered:
        trusted = asked.demands.attestation is Attestation.TRUSTED
        made = register(
            _parsed(body),
            Registration(
                challenge=asked.challenge,
                origins=Origins(allowed=frozenset({asked.origin})),
                rp_id=asked.rp_id,
                algorithms=self.algorithms,
                user_verification=asked.demands.user_verification,
                is_taken=asked.is_taken,
                attestation=Policy(required=trusted, anchors=self._anchors if trusted else None),
            ),
        )
        return Registered(
            stored=Stored(credential_id=made.id, public_key=made.public_key, sign_count=made.sign_count),
            native=CredentialRecord(
                id=made.id,
                public_key=made.public_key,
                sign_count=made.sign_count,
                uv_initialized=made.uv_initialized,
                backup_eligible=made.backup_eligible,
                user_handle=asked.user.handle,
            ),
        )

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        record: CredentialRecord = registered.native
        record = CredentialRecord(
            id=record.id,
            public_key=record.public_key,
            sign_count=registered.stored.sign_count,
            uv_initialized=record.uv_initialized,
            backup_eligible=record.backup_eligible,
            user_handle=record.user_handle,
        )
        done = authenticate(
            _parsed(body),
            Authentication(
                challenge=asked.challenge,
                origins=Origins(allowed=frozenset({asked.origin})),
                rp_id=asked.rp_id,
                user_verification=asked.demands.user_verification,
                find=lambda credential_id: record if credential_id == record.id else None,
                allowed=(record.id,),
                user_handle=record.user_handle,
            ),
        )
        return done.sign_count

    def close(self) -> None:
        pass


def _parsed(body: str) -> Any:
    try:
        return parse_json(body)
    except ValueError as error:
        raise Refusal(f"the body is no proper JSON: {error}") from None
