"""WebAuthn's extensions, as the client passes them on: inputs it refuses, what the key is sent, what a page gets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from harness import Account, Client, ClientError, HandTurnedClock, VirtualKey
from harness.trace import RequestEvent
from harness.webauthn.options import from_base64url, to_base64url

FIRST, SECOND = to_base64url(b"first"), to_base64url(b"second, longer")
SALTS = {"first": FIRST, "second": SECOND}
PIN = "2468"


def creation(
    *, rk: str = "required", uv: str = "preferred", user: str = "ann", **extensions: Any
) -> dict[str, Any]:
    return {
        "rp": {"name": "Example", "id": "example.com"},
        "user": {"id": to_base64url(user.encode()), "name": user, "displayName": user},
        "challenge": "AAAA",
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": rk, "userVerification": uv},
        "extensions": extensions,
    }


def request(*ids: str, uv: str = "preferred", **extensions: Any) -> dict[str, Any]:
    return {
        "challenge": "BBBB",
        "rpId": "example.com",
        "userVerification": uv,
        "allowCredentials": [{"type": "public-key", "id": each} for each in ids],
        "extensions": extensions,
    }


@pytest.fixture
def key() -> Iterator[VirtualKey]:
    with VirtualKey(pin=PIN, clock=HandTurnedClock()) as key:
        yield key


@pytest.fixture(params=[False, True], ids=["direct", "wire"])
def client(key: VirtualKey, request: pytest.FixtureRequest) -> Client:
    return Client(key, wire=request.param)


def sent(key: VirtualKey, command: str) -> Any:
    """The extension inputs of the last such request."""
    requests = [each for each in key.trace if isinstance(each, RequestEvent) and each.command == command]
    return requests[-1].parameters.get({"makeCredential": 6, "getAssertion": 4}[command])


def refusal(call: Any, *arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*arguments)
    return refused.value.name


def results(response: dict[str, Any], name: str) -> Any:
    return response["clientExtensionResults"].get(name)


# prf


def test_prf(client: Client) -> None:
    made = client.create(creation(rk="discouraged", prf={"eval": SALTS}))
    at_once = results(made, "prf")
    assert at_once["enabled"] is True
    signed = results(client.get(request(made["id"], prf={"eval": SALTS})), "prf")
    assert signed == {"results": at_once["results"]}
    assert len({*signed["results"].values()}) == 2
    only_first = results(client.get(request(made["id"], prf={"eval": {"first": SECOND}})), "prf")
    assert only_first == {"results": {"first": signed["results"]["second"]}}
    unverified = results(client.get(request(made["id"], uv="discouraged", prf={"eval": SALTS})), "prf")
    assert unverified["results"]["first"] != signed["results"]["first"]


def test_prf_by_credential(client: Client) -> None:
    ids = [client.create(creation(user=user, prf={}))["id"] for user in ("ann", "bob")]
    plain = results(client.get(request(ids[1], prf={"eval": SALTS})), "prf")["results"]
    by_credential = {"evalByCredential": {ids[1]: {"first": SECOND}}}
    assert results(client.get(request(ids[1], prf=by_credential)), "prf") == {
        "results": {"first": plain["second"]}
    }
    others = results(
        client.get(request(ids[0], ids[1], prf={**by_credential, "eval": {"first": FIRST}})), "prf"
    )
    assert others["results"]["first"] != plain["first"], (
        "the first of the list is Ann's, and has its own secret"
    )
    assert results(client.get(request(ids[0], prf={"evalByCredential": {ids[0]: {"first": FIRST}}})), "prf")


def test_a_prf_that_a_key_does_not_have(key: VirtualKey) -> None:
    client = Client(VirtualKey("u2f-key", clock=HandTurnedClock()))
    made = client.create(creation(rk="discouraged", prf={"eval": SALTS}))
    assert results(made, "prf") == {"enabled": False}
    without = Client(VirtualKey("bitwarden"))
    made = without.create(creation(prf={"eval": SALTS}))
    assert results(made, "prf") == {"enabled": False}
    assert results(without.get(request(made["id"], prf={"eval": SALTS})), "prf") == {}


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        ({"prf": {"evalByCredential": {}}}, "NotSupportedError"),
        ({"prf": {"eval": {}}}, "TypeError"),
        ({"prf": {"eval": {"first": 1}}}, "TypeError"),
        ({"prf": {"eval": {"first": "!"}}}, "EncodingError"),
        ({"prf": True}, "TypeError"),
        ({"largeBlob": {"read": True}}, "NotSupportedError"),
        ({"largeBlob": {"write": "AAAA"}}, "NotSupportedError"),
        ({"largeBlob": {"support": "please"}}, "TypeError"),
        ({"credBlob": 5}, "TypeError"),
        ({"appidExclude": "https://evil.example"}, "SecurityError"),
        ({"appidExclude": "http://example.com"}, "SecurityError"),
        ({"credentialProtectionPolicy": "userVerificationRequired"}, "NotSupportedError"),
        (
            {
                "credentialProtectionPolicy": "userVerificationOptional",
                "enforceCredentialProtectionPolicy": True,
            },
            "NotSupportedError",
        ),
    ],
)
def test_registrations_with_wrong_inputs(key: VirtualKey, inputs: dict[str, Any], name: str) -> None:
    assert refusal(Client(key).create, creation(**inputs)) == name
    assert not key.person.record, "nobody was bothered"


@pytest.mark.parametrize(
    ("ids", "inputs", "name"),
    [
        ((), {"prf": {"evalByCredential": {"AAAA": {"first": FIRST}}}}, "NotSupportedError"),
        (("AAAA",), {"prf": {"evalByCredential": {"BBBB": {"first": FIRST}}}}, "SyntaxError"),
        (("AAAA",), {"prf": {"evalByCredential": {"": {"first": FIRST}}}}, "SyntaxError"),
        (("AAAA",), {"prf": {"evalByCredential": {"A=": {"first": FIRST}}}}, "SyntaxError"),
        (("AAAA",), {"prf": {"evalByCredential": {"AAAA": {}}}}, "TypeError"),
        (("AAAA",), {"hmacGetSecret": {"salt1": "AAAA"}}, "TypeError"),
        (("AAAA",), {"largeBlob": {"support": "required"}}, "NotSupportedError"),
        (("AAAA",), {"largeBlob": {"read": True, "write": "AAAA"}}, "NotSupportedError"),
        (("AAAA", "BBBB"), {"largeBlob": {"write": "AAAA"}}, "NotSupportedError"),
        ((), {"largeBlob": {"write": "AAAA"}}, "NotSupportedError"),
        (("AAAA",), {"appid": "https://evil.example"}, "SecurityError"),
    ],
)
def test_log_ins_with_wrong_inputs(
    key: VirtualKey, ids: tuple[str, ...], inputs: dict[str, Any], name: str
) -> None:
    assert refusal(Client(key).get, request(*ids, **inputs)) == name
    assert not key.person.record, "nobody was bothered"


# hmac-secret's older names


def test_hmac_secret(client: Client) -> None:
    made = client.create(creation(hmacCreateSecret=True))
    assert results(made, "hmacCreateSecret") is True
    salts = {name: to_base64url(hashlib.sha256(name.encode()).digest()) for name in ("salt1", "salt2")}
    first = results(client.get(request(made["id"], hmacGetSecret=salts)), "hmacGetSecret")
    assert first == results(client.get(request(made["id"], hmacGetSecret=salts)), "hmacGetSecret")
    assert set(first) == {"output1", "output2"}
    as_prf = to_base64url(hashlib.sha256(b"WebAuthn PRF\0first").digest())
    same = results(client.get(request(made["id"], hmacGetSecret={"salt1": as_prf})), "hmacGetSecret")
    prf = results(client.get(request(made["id"], prf={"eval": {"first": FIRST}})), "prf")
    assert same["output1"] == prf["results"]["first"]


# largeBlob


def test_large_blobs(client: Client) -> None:
    made = client.create(creation(largeBlob={"support": "required"}))
    assert results(made, "largeBlob") == {"supported": True}
    assert results(client.get(request(made["id"], largeBlob={"read": True})), "largeBlob") == {}
    blob = to_base64url(b"a certificate" * 50)
    assert results(client.get(request(made["id"], largeBlob={"write": blob})), "largeBlob") == {
        "written": True
    }
    assert results(client.get(request(largeBlob={"read": True})), "largeBlob") == {"blob": blob}
    noise = b"".join(hashlib.sha256(bytes((n,))).digest() for n in range(200))
    too_much = request(made["id"], largeBlob={"write": to_base64url(noise)})
    assert results(client.get(too_much), "largeBlob") == {"written": False}
    assert results(client.get(request(largeBlob={"read": True})), "largeBlob") == {"blob": blob}


def test_large_blobs_with_a_finger(key: VirtualKey) -> None:
    with VirtualKey(pin=PIN, fingers=["index"], clock=HandTurnedClock()) as key:
        client = Client(key)
        made = client.create(creation(largeBlob={"support": "preferred"}))
        assert results(client.get(request(made["id"], largeBlob={"write": "AAAA"})), "largeBlob") == {
            "written": True
        }
        assert results(client.get(request(largeBlob={"read": True})), "largeBlob") == {"blob": "AAAA"}


def test_where_there_are_no_large_blobs(key: VirtualKey) -> None:
    client = Client(key)
    assert results(client.create(creation(rk="discouraged", largeBlob={})), "largeBlob") == {
        "supported": False
    }
    assert (
        refusal(client.create, creation(rk="discouraged", largeBlob={"support": "required"}))
        == "NotAllowedError"
    )
    made = client.create(creation())
    assert results(client.get(request(made["id"], largeBlob={"write": "AAAA"})), "largeBlob") == {
        "written": False
    }


def test_a_platform_keeps_blobs_and_prf_itself() -> None:
    account = Account("icloud-keychain")
    phone, laptop = Client(account.sign_in("phone")), Client(account.sign_in("laptop"))
    made = phone.create(creation(largeBlob={"support": "required"}, prf={"eval": SALTS}))
    assert results(made, "largeBlob") == {"supported": True}
    secrets = results(made, "prf")
    assert secrets["enabled"] is True
    assert results(laptop.get(request(made["id"], prf={"eval": SALTS})), "prf") == {
        "results": secrets["results"]
    }
    by_credential = {"evalByCredential": {made["id"]: {"first": SECOND}}}
    swapped = results(laptop.get(request(made["id"], prf=by_credential)), "prf")
    assert swapped == {"results": {"first": secrets["results"]["second"]}}
    blob = to_base64url(b"synced" * 100)
    assert results(phone.get(request(made["id"], largeBlob={"write": blob})), "largeBlob") == {
        "written": True
    }
    assert results(laptop.get(request(largeBlob={"read": True})), "largeBlob") == {"blob": blob}


# credProtect


@pytest.mark.parametrize(
    ("rk", "uv", "level"),
    [
        ("required", "preferred", 3),
        ("required", "required", 2),
        ("required", "discouraged", 2),
        ("preferred", "preferred", 2),
        ("discouraged", "preferred", None),
    ],
)
def test_the_protection_chromium_asks_for_by_itself(
    key: VirtualKey, rk: str, uv: str, level: int | None
) -> None:
    Client(key).create(creation(rk=rk, uv=uv))
    assert sent(key, "makeCredential") == (None if level is None else {"credProtect": level})


def test_the_protection_a_relying_party_asks_for(client: Client, key: VirtualKey) -> None:
    required = {
        "credentialProtectionPolicy": "userVerificationRequired",
        "enforceCredentialProtectionPolicy": True,
    }
    made = client.create(creation(uv="required", **required))
    assert sent(key, "makeCredential") == {"credProtect": 3}
    assert refusal(client.get, request(made["id"], uv="discouraged")) == "NotAllowedError"
    assert client.get(request(uv="required"))["id"] == made["id"]
    without = Client(VirtualKey("icloud-keychain"))
    assert refusal(without.create, creation(uv="required", **required)) == "NotAllowedError"
    del required["enforceCredentialProtectionPolicy"]
    assert without.create(creation(uv="required", **required))


# The small ones


def test_cred_blob(client: Client, key: VirtualKey) -> None:
    blob = to_base64url(b"thirty-two bytes, and no more....")
    made = client.create(creation(credBlob=blob))
    assert results(made, "credBlob") is True
    assert results(client.get(request(made["id"], getCredBlob=True)), "getCredBlob") == blob
    too_long = client.create(creation(credBlob=to_base64url(bytes(key.profile.limits.cred_blob + 1))))
    assert results(too_long, "credBlob") is False
    assert results(client.get(request(too_long["id"], getCredBlob=True)), "getCredBlob") in (None, "")


def test_min_pin_length_is_in_authenticator_data_alone(client: Client, key: VirtualKey) -> None:
    key.engine.authenticator.change_state(min_pin_rp_ids=("example.com",))
    made = client.create(creation(rk="discouraged", minPinLength=True, pinComplexityPolicy=True))
    assert made["clientExtensionResults"] == {}
    data = from_base64url(made["response"]["authenticatorData"], "data")
    assert data.endswith(b"\xa2\x6cminPinLength\x04\x73pinComplexityPolicy\xf4")


def test_payment(client: Client, key: VirtualKey) -> None:
    made = client.create(creation(rk="discouraged", payment={"isPayment": True}))
    assert sent(key, "makeCredential") == {"thirdPartyPayment": True}
    client.get(request(made["id"], payment={"isPayment": True}))
    assert sent(key, "getAssertion") == {"thirdPartyPayment": True}


def test_uvm(client: Client) -> None:
    made = client.create(creation(uvm=True))
    registered, signed = results(made, "uvm"), results(client.get(request(made["id"], uvm=True)), "uvm")
    for entries in (registered, signed):
        assert entries
        assert all(len(each) == 3 for each in entries)


def test_what_nobody_asked_for_is_not_sent(client: Client, key: VirtualKey) -> None:
    made = client.create(creation(rk="discouraged", credProps=True, prf=None, uvm=False, largeBlob=None))
    assert sent(key, "makeCredential") is None
    assert made["clientExtensionResults"] == {"credProps": {"rk": False}}
    assert client.get(request(made["id"], prf={}))["clientExtensionResults"] == {"prf": {}}
    assert sent(key, "getAssertion") is None
