"""The client of this package, before python-fido2's server and PyPI's webauthn: for every profile and algorithm."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import webauthn
from fido2.attestation import (
    AppleAttestation,
    AttestationVerifier,
    FidoU2FAttestation,
    NoneAttestation,
    PackedAttestation,
    TpmAttestation,
)
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import InvalidAuthenticationResponse, InvalidRegistrationResponse
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from authenticator.attestation.pki import pem, root
from authenticator.cose import Algorithm
from authenticator.profiles.loader import load_profile, profile_names
from authenticator.profiles.profile import Profile
from harness import Client, HandTurnedClock, Lies, Tamper, VirtualKey

ORIGIN = "https://login.example.com"
RP_ID = "example.com"
PROFILES = profile_names()


def set_up(profile: Profile, **more: Any) -> VirtualKey:
    """The key, as its owner uses it: with a PIN and a finger where it takes them."""
    features = profile.features
    # Apple's certificates are good for days only, from the clock's time.
    options: dict[str, Any] = {"clock": HandTurnedClock(time.time()), **more}
    if features.client_pin or (features.user_verification and features.user_verification.value == "pin-pad"):
        options["pin"] = "246813"
    if features.bio_enrollment or features.bio_enrollment_preview:
        options["fingers"] = ["index"]
    return VirtualKey(profile, **options)


@pytest.fixture(params=PROFILES)
def key(request: pytest.FixtureRequest) -> Iterator[VirtualKey]:
    with set_up(load_profile(request.param)) as key:
        yield key


@pytest.fixture(params=[False, True], ids=["direct", "wire"])
def wire(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


class _TestRoot(AttestationVerifier):
    """Trusts the test root, and nothing else."""

    def __init__(self) -> None:
        formats = (NoneAttestation, PackedAttestation, FidoU2FAttestation, TpmAttestation, AppleAttestation)
        super().__init__([each() for each in formats])

    def ca_lookup(self, attestation_result: Any, auth_data: Any) -> bytes:
        return root().certificate


FOREIGN_TO_FIDO2 = ("android-key", "compound")


@pytest.mark.parametrize("attestation", ["none", "direct"])
def test_python_fido2s_server(key: VirtualKey, wire: bool, attestation: str) -> None:
    profile = key.profile
    knows = not set(FOREIGN_TO_FIDO2) & set(profile.attestation.formats[:1])
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=RP_ID, name="Example"),
        attestation=attestation,
        verify_attestation=_TestRoot() if knows else None,
    )
    client = Client(key, ORIGIN, wire=wire)
    passkeys = profile.features.resident_keys
    options, state = server.register_begin(
        {"id": b"ann", "name": "ann", "displayName": "Ann"},
        resident_key_requirement="required" if passkeys else "discouraged",
        user_verification="required" if passkeys and profile.features.client_pin else "preferred",
    )
    response = client.create(dict(options))
    data = server.register_complete(state, response)
    credential = data.credential_data
    assert isinstance(credential, AttestedCredentialData)
    if attestation == "none":
        kept = profile.kind.value != "security-key"
        assert bytes(credential.aaguid) == (profile.aaguid if kept and credential.aaguid else bytes(16))
    for listed in (True, not passkeys):
        options, state = server.authenticate_begin(
            [credential] if listed else None, user_verification="preferred"
        )
        assert server.authenticate_complete(state, [credential], client.get(dict(options))) == credential


def supported_by_py_webauthn() -> list[Algorithm]:
    known = {int(each) for each in COSEAlgorithmIdentifier}
    return [each for each in Algorithm if int(each) in known]


def register_with_py_webauthn(
    client: Client,
    *,
    algorithm: int = -7,
    conveyance: str = "none",
    uv: str = "preferred",
    rk: str = "preferred",
) -> tuple[webauthn.registration.verify_registration_response.VerifiedRegistration, str]:
    options = webauthn.generate_registration_options(
        rp_id=RP_ID,
        rp_name="Example",
        user_name="ann",
        attestation=AttestationConveyancePreference(conveyance),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement(rk), user_verification=UserVerificationRequirement(uv)
        ),
        supported_pub_key_algs=[COSEAlgorithmIdentifier(algorithm)],
    )
    response = client.create(webauthn.options_to_json(options))
    verified = webauthn.verify_registration_response(
        credential=response,
        expected_challenge=options.challenge,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        require_user_verification=uv == "required",
        supported_pub_key_algs=[COSEAlgorithmIdentifier(algorithm)],
        pem_root_certs_bytes_by_fmt={fmt: [pem(root().certificate)] for fmt in AttestationFormat},
    )
    return verified, response


def log_in_with_py_webauthn(
    client: Client,
    credential_id: bytes,
    public_key: bytes,
    counter: int,
    *,
    listed: bool = True,
    uv: str = "preferred",
) -> int:
    options = webauthn.generate_authentication_options(
        rp_id=RP_ID,
        allow_credentials=[PublicKeyCredentialDescriptor(id=credential_id)] if listed else [],
        user_verification=UserVerificationRequirement(uv),
    )
    verified = webauthn.verify_authentication_response(
        credential=client.get(webauthn.options_to_json(options)),
        expected_challenge=options.challenge,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=public_key,
        credential_current_sign_count=counter,
        require_user_verification=uv == "required",
    )
    return verified.new_sign_count


@pytest.mark.parametrize("conveyance", ["none", "direct"])
def test_py_webauthn(key: VirtualKey, conveyance: str) -> None:
    client = Client(key, ORIGIN)
    algorithm = next(each for each in key.profile.algorithms if each in supported_by_py_webauthn())
    rk = "preferred" if key.profile.features.resident_keys else "discouraged"
    if conveyance == "direct" and key.profile.attestation.formats[0] == "compound":
        conveyance = "none"
    made, _ = register_with_py_webauthn(client, algorithm=algorithm, conveyance=conveyance, rk=rk)
    assert (made.credential_device_type.value == "multi_device") == key.profile.backup_eligible
    assert made.credential_backed_up == key.profile.backup_eligible
    counter = log_in_with_py_webauthn(client, made.credential_id, made.credential_public_key, made.sign_count)
    log_in_with_py_webauthn(client, made.credential_id, made.credential_public_key, counter)


@pytest.mark.parametrize("algorithm", supported_by_py_webauthn(), ids=lambda each: each.name)
def test_every_algorithm_it_knows(algorithm: Algorithm, wire: bool) -> None:
    with VirtualKey(pin="246813") as key:
        client = Client(key, ORIGIN, wire=wire)
        made, _ = register_with_py_webauthn(
            client, algorithm=algorithm, conveyance="direct", uv="required", rk="required"
        )
        log_in_with_py_webauthn(
            client,
            made.credential_id,
            made.credential_public_key,
            made.sign_count,
            listed=False,
            uv="required",
        )


@pytest.mark.parametrize("algorithm", list(Algorithm), ids=lambda each: each.name)
def test_every_algorithm_before_python_fido2s_server(algorithm: Algorithm) -> None:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=RP_ID, name="Example"),
        attestation="direct",
        verify_attestation=_TestRoot(),
    )
    server.allowed_algorithms = [PublicKeyCredentialParameters(type="public-key", alg=int(algorithm))]
    with VirtualKey() as key:
        client = Client(key, ORIGIN)
        options, state = server.register_begin({"id": b"ann", "name": "ann", "displayName": "Ann"})
        data = server.register_complete(state, client.create(dict(options)))
        credential = data.credential_data
        assert credential is not None
        assert credential.public_key[3] == algorithm
        options, state = server.authenticate_begin([credential])
        server.authenticate_complete(state, [credential], client.get(dict(options)))


# What is not genuine is refused: otherwise none of the above would mean anything


class _ForgedSignature(Tamper):
    def signature(self, signature: bytes) -> bytes:
        return signature[:-1] + bytes((signature[-1] ^ 1,))


class _AnotherOrigin(Lies):
    def client_data(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "origin": "https://evil.example"}


class _AnotherRp(Lies):
    def rp_id(self, rp_id: str) -> str:
        return "evil.example"


def _cloned(client: Client, made: Any) -> None:
    log_in_with_py_webauthn(client, made.credential_id, made.credential_public_key, made.sign_count + 100)


def _forged(client: Client, made: Any) -> None:
    log_in_with_py_webauthn(client, made.credential_id, made.credential_public_key, made.sign_count)


@pytest.mark.parametrize(
    ("tamper", "attack"), [(Tamper(), _cloned), (_ForgedSignature(), _forged)], ids=["counter", "signature"]
)
def test_log_ins_that_are_refused(tamper: Tamper, attack: Callable[[Client, Any], None]) -> None:
    client = Client(VirtualKey(tamper=tamper), ORIGIN)
    made, _ = register_with_py_webauthn(client)
    with pytest.raises(InvalidAuthenticationResponse):
        attack(client, made)


@pytest.mark.parametrize("lies", [_AnotherOrigin(), _AnotherRp()], ids=["origin", "rp id"])
def test_registrations_that_are_refused(lies: Lies) -> None:
    with pytest.raises(InvalidRegistrationResponse):
        register_with_py_webauthn(Client(VirtualKey(), ORIGIN, lies=lies))


def test_the_json_is_what_browsers_hand_out() -> None:
    """py_webauthn parses it strictly; the redundant members say what the attestation object says."""
    _, text = register_with_py_webauthn(Client(VirtualKey(), ORIGIN))
    response = json.loads(text)
    inner = response["response"]
    attestation_object = AttestationObject(base64url_to_bytes(inner["attestationObject"]))
    assert bytes(attestation_object.auth_data) == base64url_to_bytes(inner["authenticatorData"])
    assert set(inner) == {
        "attestationObject",
        "authenticatorData",
        "clientDataJSON",
        "publicKey",
        "publicKeyAlgorithm",
        "transports",
    }
