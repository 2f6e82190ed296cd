"""The client's side of WebAuthn: attestation, and the public key that is handed out."""

from __future__ import annotations

import pytest
from client_requests import attestation, creation, decoded

from harness import Client, VirtualKey


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
