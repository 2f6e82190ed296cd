"""The client's side of WebAuthn: what a page may ask, what it is told, and what the person has to do with it."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from harness import (
    Client,
    ClientError,
    HandTurnedClock,
    Lies,
    SetupError,
    VirtualKey,
    choose,
    deny,
    enter_pin,
    ignore,
    unplug,
    wrong_finger,
)
from harness.trace import AskEvent
from harness.webauthn.client_data import serialise
from harness.webauthn.options import to_base64url
from harness.webauthn.origins import effective_domain, require_rp_id

ORIGIN = "https://example.com"
UP, UV = 0x01, 0x04
SERVER_SAYS: Any = {
    "rp": {"name": "Example", "id": "example.com"},
    "user": {"id": to_base64url(b"ann"), "name": "ann", "displayName": "Ann"},
    "challenge": "AAAAAAAAAAAAAAAAAAAAAA",
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
}
LOG_IN: Any = {"challenge": "BBBBBBBBBBBBBBBBBBBBBB", "rpId": "example.com"}
PASSKEY = {"residentKey": "required"}


def creation(account: str = "ann", **changes: Any) -> dict[str, Any]:
    described = {"id": to_base64url(account.encode()), "name": account, "displayName": account.title()}
    return {**SERVER_SAYS, "user": described, **changes}


def request(*ids: str, **changes: Any) -> dict[str, Any]:
    return {**LOG_IN, "allowCredentials": [{"type": "public-key", "id": each} for each in ids], **changes}


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def flags(response: dict[str, Any]) -> int:
    return decoded(response["response"]["authenticatorData"])[32]


def attestation(response: dict[str, Any]) -> dict[str, Any]:
    value = cbor2.loads(decoded(response["response"]["attestationObject"]))
    assert isinstance(value, dict)
    return value


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value.name


def asks(key: VirtualKey) -> list[str]:
    return [type(event.ask).__name__ for event in key.trace if isinstance(event, AskEvent)]


@pytest.fixture(params=[False, True], ids=["direct", "wire"])
def wire(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


# Three lines, and what they give


def test_three_lines() -> None:
    key = VirtualKey()
    client = Client(key, "https://example.com")
    response = client.create(SERVER_SAYS)
    assert response["type"] == "public-key"
    assert response["id"] == response["rawId"]
    assert response["authenticatorAttachment"] == "cross-platform"
    assert response["clientExtensionResults"] == {}
    inner = response["response"]
    assert inner["transports"] == ["usb"]
    assert inner["publicKeyAlgorithm"] == -7
    assert attestation(response)["authData"] == decoded(inner["authenticatorData"])
    assert flags(client.get(request(response["id"]))) == UP


def test_text_for_text_and_dictionary_for_dictionary() -> None:
    client = Client(VirtualKey())
    made = client.create(json.dumps(creation()))
    assert isinstance(made, str)
    signed = client.get(json.dumps({"publicKey": request(json.loads(made)["id"])}))
    assert json.loads(signed)["id"] == json.loads(made)["id"]
    assert isinstance(client.create({"publicKey": creation()}), dict)


def test_client_data_is_byte_for_byte_chromiums() -> None:
    client = Client(VirtualKey(), "https://example.com:8443/")
    made = client.create(creation())
    assert decoded(made["response"]["clientDataJSON"]) == (
        b'{"type":"webauthn.create","challenge":"AAAAAAAAAAAAAAAAAAAAAA",'
        b'"origin":"https://example.com:8443","crossOrigin":false}'
    )
    framed = Client(VirtualKey(), cross_origin=True, top_origin="https://top.example")
    assert decoded(framed.create(creation())["response"]["clientDataJSON"]).endswith(
        b'"crossOrigin":true,"topOrigin":"https://top.example"}'
    )


def test_only_what_the_standard_names_is_escaped() -> None:
    assert serialise({"a": 'q"\\\x01/é\u2028'}) == '{"a":"q\\"\\\\\\u0001/é\u2028"}'.encode()


# What a page may ask


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"rp": None}, "TypeError"),
        ({"rp": {"id": "example.com"}}, "TypeError"),
        ({"user": {"id": "AA", "name": "n"}}, "TypeError"),
        ({"user": {"id": "", "name": "n", "displayName": "d"}}, "TypeError"),
        ({"user": {"id": to_base64url(bytes(65)), "name": "n", "displayName": "d"}}, "TypeError"),
        ({"challenge": None}, "TypeError"),
        ({"challenge": 7}, "TypeError"),
        ({"challenge": "a b"}, "EncodingError"),
        ({"pubKeyCredParams": None}, "TypeError"),
        ({"pubKeyCredParams": [{"type": "public-key", "alg": "ES256"}]}, "TypeError"),
        ({"pubKeyCredParams": [{"type": "password", "alg": -7}]}, "NotSupportedError"),
        ({"pubKeyCredParams": [{"type": "public-key", "alg": -65535}]}, "NotSupportedError"),
        ({"excludeCredentials": [{"type": "public-key"}]}, "TypeError"),
        ({"timeout": "soon"}, "TypeError"),
        ({"hints": "hybrid"}, "TypeError"),
        ({"extensions": {"credentialProtectionPolicy": "paranoid"}}, "TypeError"),
        ({"authenticatorSelection": {"authenticatorAttachment": "platform"}}, "NotAllowedError"),
        ({"rp": {"name": "Example", "id": "example.org"}}, "SecurityError"),
    ],
)
def test_what_a_page_must_not_ask(change: dict[str, Any], name: str) -> None:
    assert refusal(lambda: Client(VirtualKey()).create(creation(**change))) == name


@pytest.mark.parametrize(
    "change",
    [
        {"pubKeyCredParams": []},
        {"attestation": "whatever", "hints": ["telepathy"]},
        {"authenticatorSelection": {"authenticatorAttachment": "wristwatch", "userVerification": "maybe"}},
        {"excludeCredentials": [{"type": "password", "id": "AA"}]},
        {"extensions": {"unheard-of": {}, "prf": None}},
        {"rp": {"name": "Example"}},
    ],
)
def test_what_a_client_does_not_know_is_passed_over(change: dict[str, Any]) -> None:
    assert Client(VirtualKey()).create(creation(**change))["clientExtensionResults"] == {}


@pytest.mark.parametrize(
    ("origin", "rp_id", "allowed"),
    [
        ("https://example.com", "example.com", True),
        ("https://login.example.com:8443", "example.com", True),
        ("https://login.example.co.uk", "example.co.uk", True),
        ("http://localhost:5000", "localhost", True),
        ("http://shop.localhost", "shop.localhost", True),
        ("https://example.com", "login.example.com", False),
        ("https://notexample.com", "example.com", False),
        ("https://example.co.uk", "co.uk", False),
        ("https://ann.github.io", "github.io", False),
        ("https://example.com", "com", False),
        ("https://example.com", "", False),
    ],
)
def test_origins_and_rp_ids(origin: str, rp_id: str, allowed: bool) -> None:
    if allowed:
        require_rp_id(rp_id, origin)
    else:
        assert refusal(lambda: require_rp_id(rp_id, origin)) == "SecurityError"


@pytest.mark.parametrize(
    "origin", ["http://example.com", "https://192.0.2.1", "https://[::1]", "example.com", ""]
)
def test_origins_without_webauthn(origin: str) -> None:
    assert refusal(lambda: effective_domain(origin)) == "SecurityError"
    assert refusal(lambda: Client(VirtualKey(), origin).create(creation(rp={"name": "n"}))) == "SecurityError"


def test_related_origins() -> None:
    documents = {
        "example.com": {
            "origins": [f"https://shop{n}.example" for n in range(9)] + ["https://www.shop1.example"]
        }
    }
    for origin, allowed in (
        ("https://shop0.example", True),
        ("https://www.shop1.example", True),
        ("https://shop4.example", True),
        ("https://shop5.example", False),  # a client may stop after five names
        ("https://other.example", False),
    ):
        client = Client(VirtualKey(), origin, related_origins=documents.get)
        if allowed:
            assert client.create(creation())
        else:
            assert refusal(lambda client=client: client.create(creation())) == "SecurityError"  # type: ignore[misc]
    assert (
        refusal(lambda: Client(VirtualKey(), "https://shop0.example").create(creation())) == "SecurityError"
    )


def test_an_unchecked_origin_may_ask_for_anything() -> None:
    made = Client(VirtualKey(), "https://evil.example", checks_origin=False).create(creation())
    assert attestation(made)["authData"][:32] == hashlib.sha256(b"example.com").digest()


# The person, and how they are verified


@pytest.mark.parametrize("wanted", ["required", "preferred", "discouraged"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("nothing", {}), ("pin", {"pin": "2468"}), ("finger", {"pin": "2468", "fingers": ["f"]})],
)
def test_user_verification(kind: str, options: dict[str, Any], wanted: str, wire: bool) -> None:
    key = VirtualKey(clock=HandTurnedClock(), **options)
    client = Client(key, wire=wire)
    made = client.create(creation(authenticatorSelection={"userVerification": wanted}))
    had_to_set_a_pin = kind == "nothing" and wanted == "required"
    verified = had_to_set_a_pin or (kind != "nothing" and wanted != "discouraged")
    assert bool(flags(made) & UV) == verified
    expected = (
        {"nothing": "Presence", "pin": "PinEntry", "finger": "Verification"}[kind] if verified else "Presence"
    )
    assert asks(key)[0] == ("PinEntry" if had_to_set_a_pin else expected)
    signed = client.get(request(made["id"], userVerification=wanted))
    assert bool(flags(signed) & UV) == verified
    assert flags(signed) & UP


def test_a_passkey_is_never_made_on_a_protected_key_without_verification() -> None:
    key = VirtualKey(pin="2468")
    made = Client(key).create(creation(authenticatorSelection=PASSKEY | {"userVerification": "discouraged"}))
    assert flags(made) & UV


def test_a_wrong_pin_is_asked_again_and_a_right_one_resets_the_count(wire: bool) -> None:
    key = VirtualKey(pin="2468", clock=HandTurnedClock())
    key.person.will(enter_pin("0000"), enter_pin("1111"))
    client = Client(key, wire=wire)
    assert flags(client.create(creation())) & UV
    entries = [each.ask for each in key.person.record if type(each.ask).__name__ == "PinEntry"]
    assert [(each.retries, each.wrong_before) for each in entries] == [(8, False), (7, True), (6, True)]  # type: ignore[union-attr]
    assert key.engine.authenticator.state.pin_retries == 8


def test_three_wrong_pins_block_until_the_power_cycle_and_eight_for_good(wire: bool) -> None:
    key = VirtualKey(pin="2468", clock=HandTurnedClock())
    client = Client(key, wire=wire)
    for attempts in (3, 3, 2):
        key.person.will(enter_pin("0000", times=attempts))
        with pytest.raises(ClientError, match="blocked") as refused:
            client.create(creation())
        assert refused.value.name == "NotAllowedError"
        assert not key.person.script
        key.power_cycle()
    with pytest.raises(ClientError, match="until the key is reset"):
        client.create(creation())


def test_nobody_enters_a_pin() -> None:
    key = VirtualKey(pin="2468")
    key.person.will(deny())
    with pytest.raises(ClientError, match="entered no PIN"):
        Client(key).create(creation())
    key.person.pin = None
    assert refusal(lambda: Client(key).create(creation())) == "NotAllowedError"


def test_a_pin_is_set_where_it_is_required_and_missing() -> None:
    key = VirtualKey()
    key.person.will(enter_pin("13579"))
    made = Client(key).create(creation(authenticatorSelection={"userVerification": "required"}))
    assert flags(made) & UV
    assert key.person.pin == "13579"
    assert key.engine.authenticator.state.pin_length == 5
    too_short = VirtualKey()
    too_short.person.will(enter_pin("1"))
    with pytest.raises(ClientError, match="4 to 63"):
        Client(too_short).create(creation(authenticatorSelection={"userVerification": "required"}))


def test_a_pin_that_must_be_changed_is_changed() -> None:
    key = VirtualKey(pin="2468")
    key.engine.authenticator.change_state(force_pin_change=True)
    key.person.will(enter_pin("2468"), enter_pin("97531"))
    assert flags(Client(key).create(creation())) & UV
    assert not key.engine.authenticator.state.force_pin_change
    assert flags(Client(key).create(creation("bob"))) & UV
    assert key.person.pin == "97531"


def test_wrong_fingers_and_then_the_pin(wire: bool) -> None:
    key = VirtualKey(pin="2468", fingers=["index"], clock=HandTurnedClock())
    key.person.will(wrong_finger(times=3))
    client = Client(key, wire=wire)
    made = client.create(creation())
    assert flags(made) & UV
    assert asks(key)[:4] == ["Verification"] * 3 + ["PinEntry"]
    key.person.will(wrong_finger(times=1))
    assert flags(client.get(request(made["id"]))) & UV


def test_a_refusal_is_a_refusal() -> None:
    key = VirtualKey(pin="2468", fingers=["index"])
    key.person.will(deny())
    assert refusal(lambda: Client(key).create(creation())) == "NotAllowedError"
    assert asks(key) == ["Verification"], "the PIN is no way around it"


def test_a_key_without_any_verification() -> None:
    from dataclasses import replace

    profile = VirtualKey().profile
    features = replace(
        profile.features,
        client_pin=False,
        user_verification=None,
        bio_enrollment=False,
        bio_enrollment_preview=False,
    )
    client = Client(VirtualKey(replace(profile, features=features)))
    required = {"userVerification": "required"}
    assert refusal(lambda: client.create(creation(authenticatorSelection=required))) == "ConstraintError"
    made = client.create(creation())
    assert flags(made) == UP | 0x40
    assert refusal(lambda: client.get(request(made["id"], **required))) == "ConstraintError"


def test_nobody_is_there_until_the_time_is_up(wire: bool) -> None:
    clock = HandTurnedClock()
    key = VirtualKey(clock=clock)
    key.person.habit = "ignoring"
    start = clock.monotonic()
    with pytest.raises(ClientError, match="NotAllowedError"):
        Client(key, wire=wire).create(creation(timeout=5_000))
    assert clock.monotonic() - start >= 5
    key.person.pin = None
    key.person.habit = "willing"
    assert Client(key, wire=wire).create(creation())


def test_the_clients_own_time_is_up_before_the_keys() -> None:
    clock = HandTurnedClock()
    key = VirtualKey(pin="2468", clock=clock)
    for act in (ignore(), enter_pin("2468", after=60)):
        key.person.will(act)
        start = clock.monotonic()
        assert refusal(lambda: Client(key).create(creation(timeout=5_000))) == "NotAllowedError"
        assert clock.monotonic() - start == pytest.approx(5)


@pytest.mark.parametrize("options", [{}, {"pin": "2468"}])
def test_the_key_is_pulled_out(options: dict[str, Any], wire: bool) -> None:
    key = VirtualKey(**options)
    key.person.will(unplug())
    client = Client(key, wire=wire)
    assert refusal(lambda: client.create(creation())) == "NotAllowedError"
    assert not key.is_plugged_in
    assert refusal(lambda: client.create(creation())) == "NotAllowedError"


# Passkeys, lists and accounts


def test_residence() -> None:
    for wanted, resident in (("required", True), ("preferred", True), ("discouraged", False), (None, False)):
        key = VirtualKey()
        made = Client(key).create(
            creation(
                authenticatorSelection={"residentKey": wanted} if wanted else {},
                extensions={"credProps": True},
            )
        )
        assert made["clientExtensionResults"] == {"credProps": {"rk": resident}}
        assert len(key.credentials) == resident
    old = Client(VirtualKey()).create(
        creation(authenticatorSelection={"requireResidentKey": True}, extensions={"credProps": True})
    )
    assert old["clientExtensionResults"] == {"credProps": {"rk": True}}


def test_several_accounts_and_the_person_chooses(wire: bool) -> None:
    key = VirtualKey(pin="2468", clock=HandTurnedClock())
    client = Client(key, wire=wire)
    ids = {
        name: client.create(creation(name, authenticatorSelection=PASSKEY))["id"]
        for name in ("ann", "bob", "eve")
    }
    key.person.will(choose("bob"))
    chosen = client.get(LOG_IN)
    assert (chosen["id"], decoded(chosen["response"]["userHandle"])) == (ids["bob"], b"bob")
    assert client.get(LOG_IN)["id"] == ids["eve"], "the newest is first"
    key.person.will(choose("ann"))
    assert client.get(LOG_IN)["id"] == ids["ann"]
    listed = client.get(request(ids["ann"], ids["bob"]))
    assert listed["id"] in (ids["ann"], ids["bob"])


def test_conditional_mediation_lets_the_person_pick() -> None:
    key = VirtualKey(pin="2468")
    client = Client(key)
    made = client.create(creation(authenticatorSelection=PASSKEY))
    assert client.get(LOG_IN, mediation="conditional")["id"] == made["id"]
    assert asks(key)[-1] == "AccountChoice"
    assert refusal(lambda: client.get(request(made["id"]), mediation="conditional")) == "NotSupportedError"
    assert refusal(lambda: client.get(LOG_IN, mediation="silent")) == "NotSupportedError"
    key.person.will(enter_pin("2468"), choose(0))
    assert client.get(LOG_IN, mediation="conditional")


def test_what_is_registered_already() -> None:
    key = VirtualKey()
    client = Client(key)
    made = client.create(creation())
    exclude = {"excludeCredentials": [{"type": "public-key", "id": made["id"]}]}
    assert refusal(lambda: client.create(creation(**exclude))) == "InvalidStateError"
    assert refusal(
        lambda: client.create(creation(excludeCredentials=strangers(40) + exclude["excludeCredentials"]))
    ) == ("InvalidStateError")
    assert client.create(creation(excludeCredentials=strangers(40)))
    assert Client(VirtualKey()).create(creation(**exclude)), "another key may be registered"


def strangers(count: int) -> list[dict[str, Any]]:
    ids = [hashlib.sha256(bytes((number,))).digest() for number in range(count)]
    return [{"type": "public-key", "id": to_base64url(each), "transports": ["usb"]} for each in ids]


@pytest.mark.parametrize("protected", [False, True])
def test_a_list_longer_than_the_key_takes(protected: bool, wire: bool) -> None:
    key = VirtualKey(pin="2468" if protected else None, clock=HandTurnedClock())
    client = Client(key, wire=wire)
    made = client.create(creation())
    requests = len(key.trace.of("request"))
    allow = [*strangers(40), {"type": "public-key", "id": made["id"]}]
    assert client.get({**LOG_IN, "allowCredentials": allow})["id"] == made["id"]
    assert len(key.trace.of("request")) - requests >= 4, "the list went in parts"
    before = asks(key)
    assert refusal(lambda: client.get({**LOG_IN, "allowCredentials": strangers(40)})) == "NotAllowedError"
    assert asks(key)[len(before) :][-1] == "Presence", "a page learns nothing without a touch"
    too_long = [{"type": "public-key", "id": to_base64url(bytes(2000))}]
    assert refusal(lambda: client.get({**LOG_IN, "allowCredentials": too_long})) == "NotAllowedError"


# Attestation


@pytest.mark.parametrize("conveyance", ["none", "indirect", "direct", "enterprise"])
def test_attestation_conveyance(conveyance: str) -> None:
    key = VirtualKey()
    made = attestation(Client(key).create(creation(attestation=conveyance)))
    if conveyance in ("indirect", "direct"):
        assert made["fmt"] == "packed"
        assert made["authData"][37:53] == key.profile.aaguid
    else:
        assert (made["fmt"], made["attStmt"]) == ("none", {})
        assert made["authData"][37:53] == bytes(16)


def test_enterprise_attestation_where_key_and_administrator_allow_it() -> None:
    key = VirtualKey()
    key.engine.authenticator.change_state(enterprise_attestation=True)
    options = creation(attestation="enterprise")
    assert attestation(Client(key).create(options))["fmt"] == "none", "burnt in for other relying parties"
    managed = Client(key, enterprise_rp_ids={"example.com"})
    assert attestation(managed.create(options))["fmt"] == "packed"


@pytest.mark.parametrize("platform", [True, False])
def test_a_phone_keeps_its_aaguid(platform: bool) -> None:
    """By QR code, too, where it is no part of the page's own computer: so does Chromium 156."""
    key = VirtualKey("google-password-manager")
    made = attestation(Client(key, platform=platform).create(creation()))
    assert made["fmt"] == "none"
    assert made["authData"][37:53] == key.profile.aaguid


def test_the_preferred_format_wins() -> None:
    options = creation(attestation="direct", attestationFormats=["tpm", "compound"])
    assert attestation(Client(VirtualKey()).create(options))["fmt"] == "compound"


@pytest.mark.parametrize("algorithm", [-7, -8, -257, -35, -47, -48])
def test_the_public_key_is_handed_out_ready_for_use(algorithm: int) -> None:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    options = creation(pubKeyCredParams=[{"type": "public-key", "alg": algorithm}])
    inner = Client(VirtualKey()).create(options)["response"]
    assert inner["publicKeyAlgorithm"] == algorithm
    if "publicKey" in inner:
        load_der_public_key(decoded(inner["publicKey"]))
    else:
        assert algorithm == -48


# U2F


U2F_KEY = "u2f-key"


@pytest.fixture
def u2f_key() -> VirtualKey:
    from authenticator.profiles.loader import load_profile, profile_names

    names = [name for name in profile_names() if not load_profile(name).features.ctap2]
    return VirtualKey(names[0], clock=HandTurnedClock())


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


# Lies


class _Liar(Lies):
    def client_data(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "origin": "https://evil.example", "extra": [1, None]}

    def rp_id(self, rp_id: str) -> str:
        return "victim.example"

    def registration(self, response: dict[str, Any]) -> dict[str, Any]:
        return {**response, "type": "password"}


def test_lies_of_the_client() -> None:
    made = Client(VirtualKey(), lies=_Liar()).create(creation())
    data = decoded(made["response"]["clientDataJSON"])
    assert data.endswith(b'"origin":"https://evil.example","crossOrigin":false,"extra":[1,null]}')
    assert attestation(made)["authData"][:32] == hashlib.sha256(b"victim.example").digest()
    assert made["type"] == "password"


def test_what_is_no_key_is_told() -> None:
    with pytest.raises(SetupError, match="neither a VirtualKey"):
        Client("yubikey-5-nfc")  # type: ignore[arg-type]
