"""Keys that speak U2F only, for relying parties that speak WebAuthn (CTAP 2.3 §10)."""

from __future__ import annotations

import hashlib

import cbor2

from harness.webauthn.assertion import Signed
from harness.webauthn.authenticator_data import AuthenticatorData
from harness.webauthn.ceremony import Assertion, Registration
from harness.webauthn.ctap import Ctap
from harness.webauthn.errors import ClientError, not_allowed
from harness.webauthn.extensions import asked_for
from harness.webauthn.registration import Attested

POLL = 0.1
"""Seconds between two polls for the touch."""
_OK, _NOT_SATISFIED = b"\x90\x00", b"\x69\x85"
_REGISTER, _AUTHENTICATE = 0x01, 0x02
_CHECK_ONLY, _ENFORCE = 0x07, 0x03
_ES256 = -7


def register(registration: Registration) -> Attested:
    """§10.1.4: a registration message made into a fido-u2f attestation object."""
    ctap, options = registration.ctap, registration.options
    if options.user_verification == "required":
        raise ClientError("ConstraintError", "a U2F key cannot verify its user")
    if options.resident_key == "required":
        raise ClientError("ConstraintError", "a U2F key cannot store passkeys")
    if _ES256 not in options.algorithms:
        raise ClientError(
            "NotSupportedError", "a U2F key has ES256 only, which pubKeyCredParams does not list"
        )
    extensions = asked_for(options.extensions)
    for extension, value in extensions:
        extension.prepare_registration(registration, value)
    application = _sha256(registration.rp_id)
    applications = [application]
    if isinstance(app_id := options.extensions.get("appidExclude"), str):
        applications.append(_sha256(app_id))
    for each in options.exclude:
        if any(_is_known(ctap, one, each.id) for one in applications):
            _touch(ctap)
            raise ClientError("InvalidStateError", "the key is registered already")
    answer = _polled(ctap, _apdu(_REGISTER, 0, registration.client_data_hash + application))
    public_key, handle = answer[1:66], answer[67 : 67 + answer[66]]
    certificate = _certificate(answer[67 + len(handle) :])
    signature = answer[67 + len(handle) + len(certificate) :]
    cose = cbor2.dumps({1: 2, 3: _ES256, -1: 1, -2: public_key[1:33], -3: public_key[33:]})
    data = (
        application + b"\x41" + bytes(4) + bytes(16) + len(handle).to_bytes(2, "big") + handle + cose
    )  # UP and AT
    for extension, value in extensions:
        extension.registered(registration, value)
    return Attested("fido-u2f", {"x5c": [certificate], "sig": signature}, AuthenticatorData.parse(data))


def log_in(assertion: Assertion) -> Signed:
    """§10.2.2; tells whether the credential is the appid's."""
    ctap, options = assertion.ctap, assertion.options
    if options.user_verification == "required":
        raise not_allowed("a U2F key cannot verify its user")
    extensions = asked_for(options.extensions)
    for extension, value in extensions:
        extension.prepare_assertion(assertion, value)
    app_id = options.extensions.get("appid")
    for each in options.allow:
        for name in (assertion.rp_id, app_id) if app_id else (assertion.rp_id,):
            application = _sha256(name)
            if not _is_known(ctap, application, each.id):
                continue
            data = assertion.client_data_hash + application + bytes((len(each.id),)) + each.id
            answer = _polled(ctap, _apdu(_AUTHENTICATE, _ENFORCE, data))
            assertion.used_app_id = name != assertion.rp_id
            for extension, value in extensions:
                extension.asserted(assertion, value)
            return Signed(
                credential_id=each.id,
                authenticator_data=application + answer[:5],  # user presence byte, counter
                signature=answer[5:],
            )
    _touch(ctap)
    raise not_allowed("the key has no credential for this relying party")


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _apdu(instruction: int, control: int, data: bytes) -> bytes:
    """Extended length encoding (U2F raw messages §3.1.3)."""
    return bytes((0, instruction, control, 0, 0)) + len(data).to_bytes(2, "big") + data + bytes(2)


def _is_known(ctap: Ctap, application: bytes, handle: bytes) -> bool:
    if len(handle) > 255:
        return False
    request = bytes(32) + application + bytes((len(handle),)) + handle
    return ctap.connection.call_u2f(_apdu(_AUTHENTICATE, _CHECK_ONLY, request))[-2:] == _NOT_SATISFIED


def _touch(ctap: Ctap) -> None:
    """A touch that registers nothing of use, so that a page learns nothing in silence."""
    _polled(ctap, _apdu(_REGISTER, 0, bytes(64)))


def _polled(ctap: Ctap, apdu: bytes) -> bytes:
    clock = ctap.connection.clock
    while True:
        answer = ctap.connection.call_u2f(apdu)
        if answer[-2:] == _OK:
            return answer[:-2]
        if answer[-2:] != _NOT_SATISFIED:
            raise ClientError("UnknownError", f"the key answered {answer[-2:].hex()}")
        now = clock.monotonic()
        if now >= ctap.deadline:
            raise not_allowed("nobody touched the key until the time of options.timeout ran out")
        ctap.connection.wait(min(now + POLL, ctap.deadline))


def _certificate(data: bytes) -> bytes:
    """The DER certificate that `data` begins with."""
    if data[:2] != b"\x30\x82":
        return data[: 2 + data[1]] if len(data) > 1 and data[1] < 0x80 else data[: 3 + data[2]]
    return data[: 4 + int.from_bytes(data[2:4], "big")]
