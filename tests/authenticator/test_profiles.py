"""The built-in profiles, and the loader's plain paths."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from uuid import UUID

import pytest

from authenticator.attestation import FORMATS
from authenticator.cose import ALGORITHMS
from authenticator.extensions import EXTENSIONS as IMPLEMENTED_EXTENSIONS
from authenticator.profiles.loader import ProfileError, load_profile, parse_profile, profile_names
from authenticator.profiles.profile import EXTENSIONS, CounterPolicy, Features, Kind, Profile, Quirk
from authenticator.profiles.writing import profile_to_toml
from authenticator.versions import missing_for

NAMES = profile_names()
DEVICES = {
    "yubikey-5-nfc",
    "yubikey-5-nfc-5.4",
    "yubikey-bio",
    "security-key-nfc",
    "titan",
    "solo2",
    "nitrokey-3",
    "trezor",
    "feitian-biopass",
    "u2f-key",
    "icloud-keychain",
    "touch-id",
    "windows-hello",
    "google-password-manager",
    "android-device-bound",
    "1password",
    "bitwarden",
}


def test_all_devices_are_there_and_the_reference_comes_first() -> None:
    assert set(NAMES) == DEVICES | {"reference"}
    assert NAMES[0] == "reference"


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_loads_and_tells_what_it_is(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.title
    assert len(profile.about) > 100
    assert not [missing for version in profile.versions for missing in missing_for(version, profile)]


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_promises_only_what_is_implemented(name: str) -> None:
    profile = load_profile(name)
    assert profile.extensions <= IMPLEMENTED_EXTENSIONS.keys()
    assert set(profile.algorithms) <= set(ALGORITHMS)
    assert set(profile.attestation.formats) <= FORMATS.keys()


def test_every_extension_a_profile_may_name_is_implemented_and_the_other_way_round() -> None:
    assert set(EXTENSIONS) == IMPLEMENTED_EXTENSIONS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_survives_being_written_and_read(name: str) -> None:
    profile = load_profile(name)
    assert parse_profile(profile_to_toml(profile), name) == profile


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_of_a_profile_has_a_source(name: str) -> None:
    profile = load_profile(name)
    tables = {"usb", "features", "limits", "attestation", "look", "certifications"}
    fields = {each.name for each in dataclasses.fields(Profile)}
    for key in profile.sources:
        table, _, field = key.partition(".")
        assert key == "*" or table in fields, key
        assert not field or table in tables, key
    assert "aaguid" in profile.sources
    # What no source covers is said to be chosen; without that catch-all the groups that tell devices apart have one.
    assert "*" in profile.sources or profile.sources.keys() >= {"versions", "limits", "usb", "extensions"}


def test_aaguids_and_usb_identities_tell_the_devices_apart() -> None:
    profiles = [load_profile(name) for name in NAMES]
    for one, other in itertools.combinations(profiles, 2):
        assert one.aaguid != other.aaguid, (one.name, other.name)
        assert (one.usb.vendor_id, one.usb.product_id, one.usb.device_version) != (
            other.usb.vendor_id,
            other.usb.product_id,
            other.usb.device_version,
        ), (one.name, other.name)


@pytest.mark.parametrize(
    ("name", "aaguid"),
    [
        ("yubikey-5-nfc", "a25342c0-3cdc-4414-8e46-f4807fca511c"),
        ("yubikey-bio", "d8522d9f-575b-4866-88a9-ba99fa02f35b"),
        ("windows-hello", "08987058-cadc-4b81-b6e1-30de50dcbe96"),
        ("icloud-keychain", "fbfc3007-154e-4ecc-8c0b-6e020557d7bd"),
        ("google-password-manager", "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"),
        ("u2f-key", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_aaguids_are_the_published_ones(name: str, aaguid: str) -> None:
    assert load_profile(name).aaguid == UUID(aaguid).bytes


def test_providers_sync_and_all_others_do_not() -> None:
    for profile in map(load_profile, NAMES):
        assert profile.backup_eligible == (profile.kind is Kind.PROVIDER)
        if profile.kind is Kind.PROVIDER:
            assert profile.counter is CounterPolicy.ZERO
            assert profile.has(Quirk.ALWAYS_DISCOVERABLE)


def test_the_reference_has_every_feature_of_a_security_key() -> None:
    reference = load_profile()
    off = {
        each.name
        for each in dataclasses.fields(Features)
        if getattr(reference.features, each.name) in (False, None, ())
    }
    # Modes that take something away, and what only platforms are.
    assert off == {"no_mc_ga_permissions_with_client_pin", "always_uv_by_default", "platform_device"}
    # prf and largeBlob are how phones have what keys have by hmac-secret and largeBlobKey.
    assert set(EXTENSIONS) - reference.extensions == {"prf", "largeBlob"}
    assert set(reference.algorithms) == set(ALGORITHMS)


def test_every_format_of_attestation_is_some_profiles_own() -> None:
    offered = {fmt for name in NAMES for fmt in load_profile(name).attestation.formats}
    assert offered == FORMATS.keys()


def test_a_thousand_keys_share_one_profile() -> None:
    assert len({id(load_profile("yubikey-5-nfc")) for _ in range(1000)}) == 1


def test_a_profile_of_ones_own_is_read_by_path_and_read_again_once_changed(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('extends = "yubikey-5-nfc"\ntitle = "Mine"\n[limits]\nresident_credentials = 2\n')
    profile = load_profile(file)
    assert profile.name == "mine"
    assert profile.limits.resident_credentials == 2
    assert profile.limits.max_credentials_in_list == 8
    assert profile.aaguid == load_profile("yubikey-5-nfc").aaguid
    assert load_profile(str(file)).title == "Mine"
    assert load_profile(file) is profile
    file.write_text(
        'extends = "yubikey-5-nfc"\ntitle = "Mine, changed"\n[limits]\nresident_credentials = 3\n'
    )
    assert load_profile(file).limits.resident_credentials == 3


def test_lists_are_replaced_or_edited(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'extends = "reference"\n'
        'algorithms = ["ES256"]\n'
        'extensions = {remove = ["hmac-secret-mc"]}\n'
        'quirks = {add = ["touch-for-get-info"]}\n'
    )
    profile, reference = load_profile(file), load_profile()
    assert [algorithm.name for algorithm in profile.algorithms] == ["ES256"]
    assert profile.extensions == reference.extensions - {"hmac-secret-mc"}
    assert profile.quirks == {Quirk.TOUCH_FOR_GET_INFO}


def test_a_profile_may_extend_the_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('extends = "titan"\n[look]\ncolour = "#ff0000"\n')
    (tmp_path / "mine.toml").write_text('extends = "ours.toml"\ntitle = "Mine"\n')
    profile = load_profile(tmp_path / "mine.toml")
    assert (profile.title, profile.look.colour, profile.usb.vendor_id) == ("Mine", "#ff0000", 0x18D1)


def test_no_value_is_written_as_none(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('extends = "nitrokey-3"\n[limits]\nmax_credentials_in_list = "none"\n')
    assert load_profile(file).limits.max_credentials_in_list is None


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProfileError, match="unknown profile 'yubikey5-nfc'; did you mean 'yubikey-5-nfc'"):
        load_profile("yubikey5-nfc")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"nothing\.toml: No such file"):
        load_profile(tmp_path / "nothing.toml")
