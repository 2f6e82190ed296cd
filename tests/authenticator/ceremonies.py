"""Registrations and logins, as short as tests want them; what comes back is judged by python-fido2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench import PIN, Bench
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from fido2.cose import CoseKey
from fido2.ctap2 import AssertionResponse, AttestationResponse, ClientPin
from fido2.ctap2.pin import PinProtocol, PinProtocolV2

CLIENT_DATA_HASH = bytes(range(32))
RP_ID = "example.com"
P = ClientPin.PERMISSION


@dataclass(slots=True, kw_only=True)
class Auth:
    """A token, and what it makes of a request."""

    protocol: PinProtocol
    token: bytes

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "pin_uv_param": self.protocol.authenticate(self.token, CLIENT_DATA_HASH),
            "pin_uv_protocol": self.protocol.VERSION,
        }


def with_pin(bench: Bench) -> Bench:
    bench.client_pin().set_pin(PIN)
    return bench


def token(
    bench: Bench, permissions: int, rp_id: str | None = RP_ID, protocol: PinProtocol | None = None
) -> Auth:
    protocol = protocol or PinProtocolV2()
    return Auth(protocol=protocol, token=bench.client_pin(protocol).get_pin_token(PIN, P(permissions), rp_id))


def descriptor(credential_id: bytes) -> dict[str, Any]:
    return {"type": "public-key", "id": credential_id}


def register(
    bench: Bench,
    *,
    rp_id: str = RP_ID,
    user: bytes = b"alice",
    name: str | None = "alice",
    algorithms: Sequence[int] = (-7,),
    resident: bool = False,
    options: dict[str, bool] | None = None,
    exclude: Sequence[bytes] | None = None,
    extensions: dict[str, Any] | None = None,
    auth: Auth | None = None,
    **more: Any,
) -> AttestationResponse:
    entity: dict[str, Any] = {"id": user}
    if name is not None:
        entity |= {"name": name, "displayName": name.title()}
    options = dict(options or {})
    if resident:
        options["rk"] = True
    return bench.ctap.make_credential(
        CLIENT_DATA_HASH,
        {"id": rp_id, "name": "Example"},
        entity,
        [{"type": "public-key", "alg": alg} for alg in algorithms],
        exclude_list=None if exclude is None else [descriptor(each) for each in exclude],
        extensions=extensions,
        options=options or None,
        **(auth.parameters if auth else {}),
        **more,
    )


def log_in(
    bench: Bench,
    *,
    rp_id: str = RP_ID,
    allow: Sequence[bytes] | None = None,
    options: dict[str, bool] | None = None,
    extensions: dict[str, Any] | None = None,
    auth: Auth | None = None,
) -> AssertionResponse:
    return bench.ctap.get_assertion(
        rp_id,
        CLIENT_DATA_HASH,
        allow_list=None if allow is None else [descriptor(each) for each in allow],
        extensions=extensions,
        options=options,
        **(auth.parameters if auth else {}),
    )


def credential_id(registration: AttestationResponse) -> bytes:
    data = registration.auth_data.credential_data
    assert data is not None
    return data.credential_id


def public_key(registration: AttestationResponse) -> CoseKey:
    data = registration.auth_data.credential_data
    assert data is not None
    return data.public_key


def verify(assertion: AssertionResponse, key: CoseKey) -> None:
    """The signature is genuine."""
    message = bytes(assertion.auth_data) + CLIENT_DATA_HASH
    if key[3] != -37:
        key.verify(message, assertion.signature)
        return
    # python-fido2's PS256 wants the longest salt there is room for; RFC 8230 §2 wants one as long as the hash.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    numbers = RSAPublicNumbers(int.from_bytes(key[-2], "big"), int.from_bytes(key[-1], "big"))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    numbers.public_key().verify(assertion.signature, message, pss, hashes.SHA256())
