"""The client's side of WebAuthn: three lines and what they give, and its lies."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from client_requests import SERVER_SAYS, UP, attestation, creation, decoded, flags, request

from harness import Client, Lies, SetupError, VirtualKey
from harness.webauthn.client_data import serialise


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
