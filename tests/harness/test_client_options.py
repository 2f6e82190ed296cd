"""The client's side of WebAuthn: what a page may ask."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from client_requests import attestation, creation, refusal

from harness import Client, VirtualKey
from harness.webauthn.options import to_base64url
from harness.webauthn.origins import effective_domain, require_rp_id


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
