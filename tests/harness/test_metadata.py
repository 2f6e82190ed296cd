"""The metadata BLOB, read by python-fido2 and held against what virtual keys of the same profiles do."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from fido2.attestation.base import InvalidSignature as InvalidChain
from fido2.attestation.base import UntrustedAttestation
from fido2.ctap2.base import Ctap2
from fido2.mds3 import AuthenticatorStatus, MdsAttestationVerifier, MetadataBlobPayload, parse_blob
from fido2.webauthn import Aaguid, AttestationObject

from authenticator.attestation.certificates import batch_attester, u2f_attestation
from authenticator.cose import Algorithm
from authenticator.profiles.loader import load_profile, profile_names
from authenticator.profiles.profile import INFO_MEMBERS, Profile, UvMethod
from harness import VirtualKey
from harness.errors import SetupError
from harness.metadata import (
    Status,
    StatusReport,
    build_blob,
    is_listed,
    metadata_statement,
    root_certificate,
    sign_blob,
)

PROFILES = [load_profile(name) for name in profile_names()]
CERTIFIED = [
    profile
    for profile in PROFILES
    if profile.attestation.certified
    and profile.features.ctap2
    and profile.attestation.formats[0] != "android-key"  # which python-fido2 cannot verify
]
CLIENT_DATA_HASH = bytes(range(32))


def by_name(profile: Profile) -> str:
    return profile.name


def blob_of(*profiles: Profile, **options: Any) -> MetadataBlobPayload:
    return parse_blob(build_blob(profiles, **options), root_certificate())


def register(profile: Profile, algorithm: Algorithm) -> AttestationObject:
    features = profile.features
    verifies = features.user_verification is not None
    key = VirtualKey(
        profile,
        pin="123456"
        if verifies and (features.client_pin or features.user_verification is UvMethod.PIN_PAD)
        else None,
        fingers=["right index"] if features.bio_enrollment or features.bio_enrollment_preview else (),
    )
    made = Ctap2(key.ctap_device()).make_credential(
        CLIENT_DATA_HASH,
        {"id": "example.com", "name": "example"},
        {"id": b"user", "name": "user"},
        [{"type": "public-key", "alg": int(algorithm)}],
        options={"uv": True} if verifies else None,
    )
    return AttestationObject.create(made.fmt, made.auth_data, made.att_stmt)


@pytest.fixture(scope="module")
def everything() -> MetadataBlobPayload:
    return blob_of(*PROFILES)


def test_blob_has_every_profile_that_can_be_named(everything: MetadataBlobPayload) -> None:
    aaguids = {Aaguid(p.aaguid) for p in PROFILES if p.features.ctap2 and any(p.aaguid)}
    assert {entry.aaguid for entry in everything.entries if entry.aaguid} == aaguids
    by_certificate = [e for e in everything.entries if e.attestation_certificate_key_identifiers]
    assert len(by_certificate) == len([p for p in PROFILES if not p.features.ctap2])
    assert everything.no == 1
    assert date.today() < everything.next_update <= date.today() + timedelta(days=31)


@pytest.mark.parametrize("profile", CERTIFIED, ids=by_name)
def test_attestation_of_a_real_key_is_vouched_for(profile: Profile, everything: MetadataBlobPayload) -> None:
    registered = register(profile, profile.algorithms[0])
    entry = MdsAttestationVerifier(everything).find_entry(registered, CLIENT_DATA_HASH)
    assert entry is not None
    assert entry.aaguid == Aaguid(profile.aaguid)
    assert entry.metadata_statement is not None
    assert entry.metadata_statement.description == profile.title


def test_u2f_key_is_found_by_its_certificate(everything: MetadataBlobPayload) -> None:
    profile = load_profile("u2f-key")
    certificate, _ = u2f_attestation(profile)
    entry = MdsAttestationVerifier(everything).find_entry_by_chain([certificate])
    assert entry is not None
    assert entry.metadata_statement is not None
    assert entry.metadata_statement.protocol_family == "u2f"
    assert entry.aaguid is None
    x509.load_der_x509_certificate(certificate).verify_directly_issued_by(
        x509.load_der_x509_certificate(entry.metadata_statement.attestation_root_certificates[0])
    )


@pytest.mark.parametrize("profile", [p for p in PROFILES if p.features.ctap2], ids=by_name)
def test_get_info_is_the_real_one(profile: Profile) -> None:
    told = metadata_statement(profile)["authenticatorGetInfo"]
    answered = dict(Ctap2(VirtualKey(profile).ctap_device()).send_cbor(0x04))
    assert told["versions"] == answered.pop(0x01)
    assert bytes.fromhex(told["aaguid"]) == answered.pop(0x03) == profile.aaguid
    for member, number in INFO_MEMBERS.items():
        if member in ("encIdentifier", "encCredStoreState"):
            assert member not in told
        elif number in answered:
            value = answered[number]
            assert told[member] == (value.decode() if isinstance(value, bytes) else value), member
        else:
            assert member not in told
    assert set(answered) <= set(INFO_MEMBERS.values())


REQUIRED = {
    "legalHeader", "description", "authenticatorVersion", "protocolFamily", "schema", "upv",
    "authenticationAlgorithms", "publicKeyAlgAndEncodings", "attestationTypes", "userVerificationDetails",
    "keyProtection", "matcherProtection", "cryptoStrength", "attachmentHint", "tcDisplay",
    "attestationRootCertificates", "icon",
}  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES, ids=by_name)
def test_statement(profile: Profile) -> None:
    statement = metadata_statement(profile)
    assert statement.keys() >= REQUIRED
    assert statement["schema"] == 3
    assert statement["attachmentHint"]
    assert statement["authenticationAlgorithms"]
    # One of the three identities, and only one (MDS 3 §3.1.1)
    assert ("aaguid" in statement) != ("attestationCertificateKeyIdentifiers" in statement)
    assert bool(statement["attestationRootCertificates"]) == profile.attestation.certified
    assert json.loads(json.dumps(statement)) == statement
    methods = {way["userVerificationMethod"] for ways in statement["userVerificationDetails"] for way in ways}
    assert ("passcode_external" in methods) == profile.features.client_pin
    if profile.features.user_verification is not None:
        assert methods & {"fingerprint_internal", "faceprint_internal", "passcode_internal"}
    if profile.firmware_version is not None and "authenticatorGetInfo" in statement:
        told = statement["authenticatorGetInfo"].get("firmwareVersion", profile.firmware_version)
        assert statement["authenticatorVersion"] == told


def test_statement_of_a_security_key() -> None:
    statement = metadata_statement(load_profile("yubikey-5-nfc"))
    assert statement["upv"] == [{"major": 1, "minor": 0}, {"major": 1, "minor": 1}]
    assert statement["attestationTypes"] == ["basic_full"]
    assert statement["attachmentHint"] == ["external", "wired", "wireless", "nfc"]
    assert statement["keyProtection"] == ["hardware", "secure_element"]
    assert statement["matcherProtection"] == ["on_chip"]


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("touch-id", ["anonca"]),
        ("windows-hello", ["attca"]),
        ("android-device-bound", ["basic_full"]),
        ("bitwarden", ["none"]),
    ],
)
def test_attestation_types(name: str, types: list[str]) -> None:
    assert metadata_statement(load_profile(name))["attestationTypes"] == types


def test_self_attestation_is_surrogate() -> None:
    profile = load_profile()
    policy = replace(profile.attestation, certified=False, formats=("packed", "none"))
    statement = metadata_statement(replace(profile, attestation=policy))
    assert statement["attestationTypes"] == ["basic_surrogate"]
    assert statement["attestationRootCertificates"] == []


def test_synced_passkeys_are_told() -> None:
    assert metadata_statement(load_profile("bitwarden"))["multiDeviceCredentialSupport"] == "implicit"
    assert "multiDeviceCredentialSupport" not in metadata_statement(load_profile("yubikey-5-nfc"))


def test_icon_is_a_png_of_32_pixels_square() -> None:
    url = metadata_statement(load_profile())["icon"]
    png = base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)
    assert png.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x20\x00\x00\x00\x20")
    start = png.index(b"IDAT")
    length = int.from_bytes(png[start - 4 : start], "big")
    assert len(zlib.decompress(png[start + 4 : start + 4 + length])) == 32 * (1 + 32 * 3)


class TestStatuses:
    profile = load_profile("yubikey-5-nfc")

    def test_certification_follows_from_the_profile(self) -> None:
        for level, status in (
            (0, "NOT_FIDO_CERTIFIED"),
            (1, "FIDO_CERTIFIED_L1"),
            (4, "FIDO_CERTIFIED_L2plus"),
        ):
            profile = replace(self.profile, certifications={"FIDO": level} if level else {})
            (report,) = blob_of(profile).entries[0].status_reports
            assert report.status == AuthenticatorStatus(status)

    def test_revoked_model_is_not_vouched_for(self) -> None:
        blob = blob_of(
            self.profile,
            statuses={self.profile.name: [StatusReport(status=Status.REVOKED, effective=date(2024, 5, 6))]},
        )
        (entry,) = blob.entries
        assert entry.status_reports[-1].status is AuthenticatorStatus.REVOKED
        assert entry.time_of_last_status_change == date(2024, 5, 6)
        registered = register(self.profile, Algorithm.ES256)
        with pytest.raises(UntrustedAttestation):
            MdsAttestationVerifier(blob).verify_attestation(registered, CLIENT_DATA_HASH)
        MdsAttestationVerifier(blob, entry_filter=None).verify_attestation(registered, CLIENT_DATA_HASH)

    def test_compromised_batch_is_not_vouched_for(self) -> None:
        blob = blob_of(
            self.profile,
            statuses={self.profile.name: [StatusReport(status=Status.ATTESTATION_KEY_COMPROMISE)]},
        )
        assert blob.entries[0].status_reports[-1].certificate == batch_attester(self.profile).x5c[0]
        with pytest.raises(UntrustedAttestation):
            MdsAttestationVerifier(blob).verify_attestation(
                register(self.profile, Algorithm.ES256), CLIENT_DATA_HASH
            )

    def test_another_batch_of_a_compromised_model_is(self) -> None:
        other = batch_attester(load_profile("yubikey-bio")).x5c[0]
        report = StatusReport(status=Status.ATTESTATION_KEY_COMPROMISE, certificate=other)
        blob = blob_of(self.profile, statuses={self.profile.name: [report]})
        MdsAttestationVerifier(blob).verify_attestation(
            register(self.profile, Algorithm.ES256), CLIENT_DATA_HASH
        )


def test_model_without_an_entry_is_not_vouched_for() -> None:
    blob = blob_of(load_profile("yubikey-bio"))
    with pytest.raises(UntrustedAttestation):
        MdsAttestationVerifier(blob).verify_attestation(
            register(load_profile("yubikey-5-nfc"), Algorithm.ES256), CLIENT_DATA_HASH
        )


class TestSignature:
    def test_altered_payload_is_refused(self) -> None:
        header, payload, signature = build_blob([load_profile()]).split(b".")
        told = json.loads(base64.urlsafe_b64decode(payload + b"=="))
        told["no"] += 1
        lie = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=")
        with pytest.raises(InvalidSignature):
            parse_blob(b".".join((header, lie, signature)), root_certificate())

    def test_other_root_is_refused(self) -> None:
        other = batch_attester(load_profile()).x5c[1]
        with pytest.raises(InvalidChain):
            parse_blob(build_blob([load_profile()]), other)

    def test_header(self) -> None:
        header = json.loads(base64.urlsafe_b64decode(build_blob([load_profile()]).split(b".")[0] + b"=="))
        assert (header["alg"], header["typ"]) == ("RS256", "JWT")
        chain = [x509.load_der_x509_certificate(base64.b64decode(each)) for each in header["x5c"]]
        chain.append(x509.load_der_x509_certificate(root_certificate()))
        for below, above in pairwise(chain):
            below.verify_directly_issued_by(above)
        assert len(chain) == 3

    def test_any_payload_can_be_signed(self) -> None:
        payload = {"legalHeader": "", "no": 0, "nextUpdate": "1999-12-31", "entries": []}
        assert parse_blob(sign_blob(payload), root_certificate()).next_update == date(1999, 12, 31)

    def test_the_same_blob_on_every_machine(self) -> None:
        day = date(2030, 1, 1)
        assert build_blob([load_profile()], next_update=day) == build_blob([load_profile()], next_update=day)


class TestRefusals:
    def test_nothing_to_list(self) -> None:
        with pytest.raises(SetupError, match="at least one profile"):
            build_blob([])

    def test_device_without_aaguid(self) -> None:
        profile = replace(load_profile("bitwarden"), aaguid=bytes(16))
        assert not is_listed(profile)
        with pytest.raises(SetupError, match="bitwarden: has no AAGUID"):
            metadata_statement(profile)
        assert len(blob_of(profile, load_profile()).entries) == 1

    def test_status_of_a_profile_that_is_not_listed(self) -> None:
        with pytest.raises(SetupError, match="a status for titan"):
            build_blob([load_profile()], statuses={"titan": [StatusReport(status=Status.REVOKED)]})

    def test_first_of_those_that_share_an_aaguid(self) -> None:
        first, second = load_profile(), replace(load_profile(), name="second", title="second")
        (entry,) = blob_of(first, second).entries
        assert entry.metadata_statement is not None
        assert entry.metadata_statement.description == first.title
