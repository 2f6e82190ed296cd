"""Attestation policy: whom the metadata vouches for, which models may register."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from conftest import MakeExchange
from cryptography import x509
from exchange_visitor import Visitor

from authenticator.profiles.loader import load_profile
from harness import VirtualKey
from harness.metadata import Status, StatusReport, build_blob, root_certificate
from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.metadata import read_blob
from scenarios.exchange.policy import Attestation, Policy, load_policy

YUBIKEY = "yubikey-5-nfc"


def demanding(tmp_path: Path, *, revoked: bool = False, **more: object) -> Policy:
    """A policy with metadata of one model."""
    profile = load_profile(YUBIKEY)
    statuses = {profile.name: [StatusReport(status=Status.REVOKED)]} if revoked else {}
    (tmp_path / "blob.jwt").write_bytes(build_blob([profile], statuses=statuses))
    (tmp_path / "root.der").write_bytes(root_certificate())
    attestation = Attestation(
        conveyance="direct",
        metadata=str(tmp_path / "blob.jwt"),
        metadata_root=str(tmp_path / "root.der"),
        **{"required": True, **more},  # type: ignore[arg-type]
    )
    policy = load_policy("kucoin")
    return replace(policy, attestation=attestation, passkeys=replace(policy.passkeys, add_needs=()))


def refusal(visitor: Visitor, profile: str) -> str:
    operation = visitor.ready_to_add()
    begun = visitor.post("/api/passkeys/options", {"operation": operation["id"]})
    credential = visitor.client(VirtualKey(profile, pin="1234")).create(begun["options"])
    body = {"operation": operation["id"], "ceremony": begun["ceremony"], "credential": credential}
    answer = visitor.refused("/api/passkeys", body)
    assert answer["step"] == "7.1.24"
    return str(answer["message"])


def test_a_model_that_the_metadata_knows_is_trusted(make_exchange: MakeExchange, tmp_path: Path) -> None:
    visitor = Visitor(make_exchange(demanding(tmp_path))).sign_up()
    made = visitor.add_passkey(visitor.client(VirtualKey(YUBIKEY, pin="1234")))
    assert (made["attested"], made["attestation_format"]) == (True, "packed")


def test_a_model_that_it_does_not_know_is_not(make_exchange: MakeExchange, tmp_path: Path) -> None:
    visitor = Visitor(make_exchange(demanding(tmp_path))).sign_up()
    assert "does not prove its model" in refusal(visitor, "nitrokey-3")


def test_a_revoked_model_is_refused(make_exchange: MakeExchange, tmp_path: Path) -> None:
    visitor = Visitor(make_exchange(demanding(tmp_path, revoked=True))).sign_up()
    assert "revoked" in refusal(visitor, YUBIKEY)


def test_models_that_are_not_on_the_list(make_exchange: MakeExchange, tmp_path: Path) -> None:
    other = str(UUID(bytes=load_profile("nitrokey-3").aaguid))
    visitor = Visitor(make_exchange(demanding(tmp_path, aaguids=(other,)))).sign_up()
    assert "not accepted here" in refusal(visitor, YUBIKEY)


def test_metadata_that_is_out_of_date(make_exchange: MakeExchange, tmp_path: Path) -> None:
    policy = demanding(tmp_path)
    old = build_blob([load_profile(YUBIKEY)], next_update=date(2020, 1, 1))
    (tmp_path / "blob.jwt").write_bytes(old)
    with pytest.raises(ConfigurationError, match="out of date since 2020-01-01"):
        make_exchange(policy)


def test_metadata_of_an_expired_chain() -> None:
    blob, root = build_blob([load_profile(YUBIKEY)]), x509.load_der_x509_certificate(root_certificate())
    read_blob(blob, root, datetime.now(UTC))
    with pytest.raises(ConfigurationError, match="expired or not valid yet"):
        read_blob(blob, root, root.not_valid_after_utc + timedelta(days=1))


def test_metadata_signed_by_somebody_else(make_exchange: MakeExchange, tmp_path: Path) -> None:
    policy = demanding(tmp_path)
    blob = tmp_path / "blob.jwt"
    header, payload, signature = blob.read_bytes().split(b".")
    blob.write_bytes(b".".join((header, payload[:-4] + b"AAAA", signature)))
    with pytest.raises(ConfigurationError, match="signature does not lead"):
        make_exchange(policy)
    blob.write_bytes(b"nonsense")
    with pytest.raises(ConfigurationError, match="no MDS3 BLOB"):
        make_exchange(policy)
