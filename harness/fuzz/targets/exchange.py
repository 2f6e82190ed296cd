"""The verifier of the exchange, which follows the standard step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from authenticator.attestation.pki import root
from harness.fuzz.base import Attestation
from harness.fuzz.statements import device
from harness.fuzz.targets import Stored
from harness.fuzz.targets.site import Asked, Refusal, Registered
from harness.metadata import Status, StatusReport, build_blob
from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.metadata import read_blob
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
        self._root = x509.load_der_x509_certificate(root().certificate)
        self._anchors = TrustAnchors(roots_for=lambda aaguid: [self._root])

    def report(self, aaguid: bytes, status: str) -> None:
        """As the metadata service tells it: in a BLOB."""
        model = device(aaguid)
        reports = [StatusReport(status=Status(status))]
        self.offer(build_blob([model], statuses={model.name: reports}))

    def offer(self, blob: bytes) -> None:
        try:
            metadata = read_blob(blob, self._root, datetime.now(UTC))
        except ConfigurationError:
            return
        self._anchors = TrustAnchors(roots_for=lambda aaguid: [self._root], is_revoked=metadata.is_revoked)

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
