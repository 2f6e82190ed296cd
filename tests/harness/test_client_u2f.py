"""The client's side of WebAuthn: keys and credentials of U2F's days."""

from __future__ import annotations

import hashlib

import pytest
from client_requests import (
    LOG_IN,
    PASSKEY,
    UP,
    attestation,
    creation,
    decoded,
    directly_and_by_wire,
    flags,
    refusal,
    request,
    strangers,
)

from harness import Client, HandTurnedClock, VirtualKey
from harness.webauthn.options import to_base64url

U2F_KEY = "u2f-key"


@pytest.fixture
def u2f_key() -> VirtualKey:
    from authenticator.profiles.loader import load_profile, profile_names

    names = [name for name in profile_names() if not load_profile(name).features.ctap2]
    return VirtualKey(names[0], clock=HandTurnedClock())


@directly_and_by_wire
def test_a_u2f_key(u2f_key: VirtualKey, wire: bool) -> None:
    client = Client(u2f_key, wire=wire)
    made = client.create(creation(attestation="direct", extensions={"credProps": True}))
    assert attestation(made)["fmt"] == "fido-u2f"
    assert made["clientExtensionResults"] == {"credProps": {"rk": False}}
    signed = client.get(
        {**LOG_IN, "allowCredentials": [*strangers(3), {"type": "public-key", "id": made["id"]}]}
    )
    assert flags(signed) == UP
    assert "userHandle" not in signed["response"]
    exclude = [{"type": "public-key", "id": made["id"]}]
    for call, name in (
        (lambda: client.create(creation(excludeCredentials=exclude)), "InvalidStateError"),
        (
            lambda: client.create(creation(authenticatorSelection={"userVerification": "required"})),
            "ConstraintError",
        ),
        (lambda: client.create(creation(authenticatorSelection=PASSKEY)), "ConstraintError"),
        (
            lambda: client.create(creation(pubKeyCredParams=[{"type": "public-key", "alg": -8}])),
            "NotSupportedError",
        ),
        (lambda: client.get(request(*(each["id"] for each in strangers(1)))), "NotAllowedError"),
        (lambda: client.get(LOG_IN), "NotAllowedError"),
        (lambda: client.get(request(made["id"], userVerification="required")), "NotAllowedError"),
    ):
        assert refusal(call) == name
    u2f_key.person.habit = "ignoring"
    u2f_key.engine.clock.advance(60)  # type: ignore[attr-defined]
    assert refusal(lambda: Client(u2f_key).get(request(made["id"], timeout=2_000))) == "NotAllowedError"


@pytest.mark.parametrize("profile", ["reference", U2F_KEY])
def test_a_credential_of_u2fs_days(profile: str, u2f_key: VirtualKey) -> None:
    from fido2.ctap1 import Ctap1

    key = u2f_key if profile == U2F_KEY else VirtualKey()
    app_id = "https://example.com/app-id.json"
    handle = (
        Ctap1(key.direct_device()).register(bytes(32), hashlib.sha256(app_id.encode()).digest()).key_handle
    )
    old = to_base64url(bytes(handle))
    client = Client(key)
    signed = client.get(request(old, extensions={"appid": app_id}))
    assert signed["clientExtensionResults"] == {"appid": True}
    assert decoded(signed["response"]["authenticatorData"])[:32] == hashlib.sha256(app_id.encode()).digest()
    exclude = [{"type": "public-key", "id": old}]
    options = creation(excludeCredentials=exclude, extensions={"appidExclude": app_id})
    assert refusal(lambda: client.create(options)) == "InvalidStateError"
    options = creation(excludeCredentials=strangers(1), extensions={"appidExclude": app_id})
    made = client.create(options)
    assert made["clientExtensionResults"] == {"appidExclude": True}
    signed = client.get(request(made["id"], extensions={"appid": app_id}))
    assert signed["clientExtensionResults"] == {"appid": False}
    foreign = request(old, extensions={"appid": "https://example.org/app-id.json"})
    assert refusal(lambda: client.get(foreign)) == "SecurityError"
