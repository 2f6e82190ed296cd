"""PyPI's `webauthn`, as its documentation uses it."""

from __future__ import annotations

from typing import Any

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AttestationFormat
from webauthn.registration.generate_registration_options import default_supported_pub_key_algs

from authenticator.attestation.pki import pem, root
from harness.fuzz.base import Attestation
from harness.fuzz.targets import Stored
from harness.fuzz.targets.site import Asked, Registered


class PyWebauthn:
    name = "webauthn"
    algorithms = tuple(int(each) for each in default_supported_pub_key_algs)
    refusals: tuple[type[Exception], ...] = (WebAuthnException,)

    def __init__(self) -> None:
        trusted = pem(root().certificate)
        self._roots: dict[AttestationFormat, list[bytes]] = {each: [trusted] for each in AttestationFormat}

    def register(self, body: str, asked: Asked) -> Registered:
        options: dict[str, Any] = {}
        if asked.demands.attestation is Attestation.TRUSTED:
            options["pem_root_certs_bytes_by_fmt"] = {fmt: list(roots) for fmt, roots in self._roots.items()}
        verified = verify_registration_response(
            credential=body,
            expected_challenge=asked.challenge,
            expected_rp_id=asked.rp_id,
            expected_origin=asked.origin,
            require_user_verification=asked.demands.user_verification,
            **options,
        )
        return Registered(
            stored=Stored(
                credential_id=verified.credential_id,
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
            )
        )

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        verified = verify_authentication_response(
            credential=body,
            expected_challenge=asked.challenge,
            expected_rp_id=asked.rp_id,
            expected_origin=asked.origin,
            credential_public_key=registered.stored.public_key,
            credential_current_sign_count=registered.stored.sign_count,
            require_user_verification=asked.demands.user_verification,
        )
        return verified.new_sign_count

    def close(self) -> None:
        pass
