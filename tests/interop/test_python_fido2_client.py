"""python-fido2's client and all its extensions, over full framing, judged by python-fido2's server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap2.extensions import (
    CredBlobExtension,
    CredPropsExtension,
    CredProtectExtension,
    HmacSecretExtension,
    LargeBlobExtension,
    MinPinLengthExtension,
    PinComplexityPolicyExtension,
    ThirdPartyPaymentExtension,
)
from fido2.ctap2.pin import ClientPin, PinProtocolV1, PinProtocolV2
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import AttestedCredentialData, AuthenticatorData, PublicKeyCredentialRpEntity

from authenticator.profiles.loader import load_profile, profile_names
from authenticator.profiles.profile import Profile
from harness import HandTurnedClock, VirtualKey, deny, wrong_finger

FLAG = AuthenticatorData.FLAG
ORIGIN = "https://example.com"
PIN = "2468 ä"
USER = {"id": b"ann", "name": "ann", "displayName": "Ann"}


class _Person(UserInteraction):
    """python-fido2 has people of its own, at the host. They know the PIN."""

    def __init__(self) -> None:
        self.asked_for_pin = 0

    def request_pin(self, permissions: Any, rp_id: str | None) -> str:
        self.asked_for_pin += 1
        return PIN


class Site:
    """A relying party that checks everything, and a client in front of one key."""

    def __init__(self, key: VirtualKey, **server: Any) -> None:
        self.key = key
        self.person = _Person()
        self.server = Fido2Server(PublicKeyCredentialRpEntity(id="example.com", name="Example"), **server)
        self.client = Fido2Client(
            key.ctap_device(),
            DefaultClientDataCollector(ORIGIN),
            self.person,
            extensions=[
                HmacSecretExtension(allow_hmac_secret=True),
                LargeBlobExtension(),
                CredBlobExtension(),
                CredProtectExtension(),
                MinPinLengthExtension(),
                CredPropsExtension(),
                PinComplexityPolicyExtension(),
                ThirdPartyPaymentExtension(),
            ],
        )

    def register(
        self, *, uv: str = "preferred", rk: str = "required", **more: Any
    ) -> tuple[AttestedCredentialData, Any]:
        options, state = self.server.register_begin(
            USER, resident_key_requirement=rk, user_verification=uv, **more
        )
        response = self.client.make_credential(options.public_key)
        data = self.server.register_complete(state, response)
        assert data.credential_data is not None
        return data.credential_data, response

    def log_in(
        self, *credentials: AttestedCredentialData, uv: str = "preferred", listed: bool = True, **more: Any
    ) -> Any:
        options, state = self.server.authenticate_begin(
            list(credentials) if listed else None, user_verification=uv, **more
        )
        response = self.client.get_assertion(options.public_key).get_response(0)
        self.server.authenticate_complete(state, list(credentials), response)
        return response


@pytest.fixture(params=[PinProtocolV1, PinProtocolV2], ids=["protocol one", "protocol two"])
def site(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(ClientPin, "PROTOCOLS", [request.param])
    with VirtualKey(pin=PIN, clock=HandTurnedClock()) as key:
        yield Site(key)


def _options(profile: Profile) -> dict[str, Any]:
    """What such a device has when its owner has set it up."""
    features = profile.features
    options: dict[str, Any] = {}
    if features.client_pin or (features.user_verification and features.user_verification.value == "pin-pad"):
        options["pin"] = "246813"
    if features.bio_enrollment or features.bio_enrollment_preview:
        options["fingers"] = ["index"]
    return options


def _speaks_with_python_fido2(profile: Profile) -> bool:
    """Its client makes no use of built-in verification without a PIN/UV auth protocol, which some platforms lack."""
    return bool(profile.pin_protocols) or profile.features.user_verification is None


@pytest.mark.parametrize(
    "profile", [name for name in profile_names() if _speaks_with_python_fido2(load_profile(name))]
)
@pytest.mark.parametrize("attestation", ["none", "direct"])
def test_every_profile(profile: str, attestation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    described = load_profile(profile)
    monkeypatch.setattr(_Person, "request_pin", lambda *_: "246813")
    with VirtualKey(described, clock=HandTurnedClock(), **_options(described)) as key:
        site = Site(key, attestation=attestation)
        rk = "required" if described.features.resident_keys else "discouraged"
        credential, response = site.register(rk=rk)
        assert response.response.attestation_object.fmt in (*described.attestation.formats, "none")
        first = site.log_in(credential)
        second = site.log_in(credential, listed=not described.features.resident_keys)
        counters = [each.response.authenticator_data.counter for each in (first, second)]
        assert counters == ([0, 0] if described.counter.value == "zero" else [counters[0], counters[0] + 1])
        flags = first.response.authenticator_data.flags
        assert bool(flags & FLAG.BE) == bool(flags & FLAG.BS) == described.backup_eligible
        assert bool(flags & FLAG.UV) == bool(_options(described) or described.features.platform_device)


@pytest.mark.parametrize("uv", ["required", "preferred", "discouraged"])
def test_user_verification(site: Site, uv: str) -> None:
    credential, response = site.register(uv=uv, rk="discouraged")
    verified = uv != "discouraged"
    assert response.response.attestation_object.auth_data.is_user_verified() == verified
    assert site.log_in(credential, uv=uv).response.authenticator_data.is_user_verified() == verified
    assert site.person.asked_for_pin == (2 if verified else 0)


def test_built_in_verification_falls_back_to_the_pin() -> None:
    with VirtualKey(pin=PIN, fingers=["index"], clock=HandTurnedClock()) as key:
        site = Site(key)
        credential, _ = site.register(uv="required")
        assert site.person.asked_for_pin == 0
        key.person.will(wrong_finger(times=3))
        for _ in range(2):
            with pytest.raises(ClientError):
                site.log_in(credential, uv="required")
        site.log_in(credential, uv="required")
        assert site.person.asked_for_pin == 1


def test_what_is_registered_already_is_refused(site: Site) -> None:
    credential, _ = site.register()
    with pytest.raises(ClientError) as refused:
        site.register(credentials=[credential])
    assert refused.value.code == ClientError.ERR.DEVICE_INELIGIBLE
    site.key.person.will(deny())
    with pytest.raises(ClientError) as refused:
        site.register()
    assert refused.value.code == ClientError.ERR.BAD_REQUEST


def test_a_list_longer_than_the_key_takes(site: Site) -> None:
    credential, _ = site.register(rk="discouraged")
    strangers = [
        AttestedCredentialData.create(bytes(16), os.urandom(32), credential.public_key) for _ in range(40)
    ]
    response = site.log_in(*strangers, credential)
    assert response.raw_id == credential.credential_id


# Extensions


def test_cred_props(site: Site) -> None:
    for rk in ("required", "discouraged"):
        _, response = site.register(rk=rk, extensions={"credProps": True})
        assert response.client_extension_results.cred_props.rk is (rk == "required")


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        ("userVerificationOptional", 1),
        ("userVerificationOptionalWithCredentialIDList", 2),
        ("userVerificationRequired", 3),
    ],
)
def test_cred_protect(site: Site, policy: str, level: int) -> None:
    credential, response = site.register(
        extensions={"credentialProtectionPolicy": policy, "enforceCredentialProtectionPolicy": True}
    )
    assert response.response.attestation_object.auth_data.extensions == {"credProtect": level}
    for listed, needed in ((False, 2), (True, 3)):
        if level >= needed:
            with pytest.raises(ClientError) as refused:
                site.log_in(credential, uv="discouraged", listed=listed)
            assert refused.value.code == ClientError.ERR.DEVICE_INELIGIBLE
        else:
            site.log_in(credential, uv="discouraged", listed=listed)
    site.log_in(credential, uv="required", listed=False)


def test_cred_blob(site: Site) -> None:
    blob = os.urandom(32)
    credential, response = site.register(extensions={"credBlob": blob})
    assert response.response.attestation_object.auth_data.extensions == {"credBlob": True}
    signed = site.log_in(credential, extensions={"getCredBlob": True})
    assert signed.response.authenticator_data.extensions == {"credBlob": blob}
    _, response = site.register(extensions={"credBlob": bytes(65)})
    assert not (response.response.attestation_object.auth_data.extensions or {}).get("credBlob")


def test_large_blob(site: Site) -> None:
    credential, response = site.register(extensions={"largeBlob": {"support": "required"}})
    assert response.client_extension_results.large_blob.supported
    data = b"hello, " * 100
    assert site.log_in(
        credential, extensions={"largeBlob": {"write": data}}
    ).client_extension_results.large_blob.written
    read = site.log_in(credential, extensions={"largeBlob": {"read": True}})
    assert read.client_extension_results.large_blob.blob == data


def test_prf(site: Site) -> None:
    first, second = os.urandom(32), os.urandom(5)
    salts = {"first": websafe_encode(first), "second": websafe_encode(second)}
    credential, response = site.register(extensions={"prf": {"eval": salts}})
    made = response.client_extension_results.prf
    assert made.enabled
    assert made.results, "hmac-secret-mc"
    results = site.log_in(
        credential, extensions={"prf": {"eval": salts}}
    ).client_extension_results.prf.results
    assert (results.first, results.second) == (made.results.first, made.results.second)
    assert results.first != results.second
    name = websafe_encode(credential.credential_id)
    by_credential = {name: {"first": websafe_encode(second)}}
    results = site.log_in(
        credential, extensions={"prf": {"eval": salts, "evalByCredential": by_credential}}
    ).client_extension_results.prf.results
    assert results.first == made.results.second
    assert not results.second
    unverified = site.log_in(credential, uv="discouraged", extensions={"prf": {"eval": salts}})
    assert unverified.client_extension_results.prf.results.first != made.results.first, (
        "each has its own secret"
    )
    another, _ = site.register(extensions={"prf": {}})
    other = site.log_in(another, extensions={"prf": {"eval": salts}}).client_extension_results.prf.results
    assert other.first != made.results.first


def test_hmac_secret(site: Site) -> None:
    credential, response = site.register(extensions={"hmacCreateSecret": True})
    assert response.client_extension_results["hmacCreateSecret"] is True
    salts = {"salt1": websafe_encode(bytes(32)), "salt2": websafe_encode(b"\1" * 32)}
    outputs = [
        site.log_in(credential, extensions={"hmacGetSecret": salts}).client_extension_results["hmacGetSecret"]
        for _ in range(2)
    ]
    assert outputs[0] == outputs[1]
    assert len({outputs[0]["output1"], outputs[0]["output2"]}) == 2


def test_min_pin_length(site: Site) -> None:
    _, response = site.register(extensions={"minPinLength": True})
    assert not response.response.attestation_object.auth_data.extensions, "for listed relying parties only"
    site.key.engine.authenticator.change_state(min_pin_rp_ids=("example.com",))
    _, response = site.register(extensions={"minPinLength": True})
    assert response.response.attestation_object.auth_data.extensions == {"minPinLength": 4}


def test_pin_complexity_policy(site: Site) -> None:
    site.key.engine.authenticator.change_state(min_pin_rp_ids=("example.com",))
    _, response = site.register(extensions={"pinComplexityPolicy": True})
    assert response.response.attestation_object.auth_data.extensions == {"pinComplexityPolicy": False}


def test_third_party_payment(site: Site) -> None:
    for wanted in (True, False):
        credential, _ = site.register(extensions={"payment": {"isPayment": True}} if wanted else None)
        signed = site.log_in(credential, extensions={"payment": {"isPayment": True}})
        assert signed.response.authenticator_data.extensions == {"thirdPartyPayment": wanted}
