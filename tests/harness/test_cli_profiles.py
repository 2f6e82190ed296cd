"""`stuntkey profiles`: every device, what it answers, and the metadata that belongs to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2.mds3 import parse_blob

from authenticator import cbor
from authenticator.profiles.loader import load_profile, profile_names
from harness import VirtualKey
from harness.cli import main


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def profiles(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["profiles", *arguments])


def test_every_profile_is_listed() -> None:
    result = profiles("list")
    assert result.exit_code == 0
    shown = {line.split()[0] for line in result.stdout.splitlines() if line.strip()}
    assert set(profile_names()) <= shown
    assert max(map(len, result.stdout.splitlines())) <= 80
    listed = json.loads(profiles("list", "--json").stdout)
    assert [each["name"] for each in listed] == list(profile_names())
    assert {each["kind"] for each in listed} == {"security-key", "platform", "provider"}


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_shown_with_what_its_key_answers(name: str) -> None:
    result = profiles("show", name)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    profile = load_profile(name)
    assert profile.title.split()[0] in result.stdout
    shown = json.loads(profiles("show", name, "--json").stdout)
    assert set(shown["sources"]) == set(profile.sources)
    if not profile.features.ctap2:
        assert shown["getInfo"] == {}
        return
    with VirtualKey(name) as key:
        info = key.direct_device().call(0x10, b"\x04")
    assert len(shown["getInfo"]) == len(cbor.decode(info[1:]))
    assert shown["getInfo"]["aaguid"] == profile.aaguid.hex()
    assert not [member for member in shown["getInfo"] if member.startswith("0x")]


def test_a_users_own_profile_is_shown_by_its_path(own_folder: Path) -> None:
    (own_folder / "ours.toml").write_text('extends = "solo2"\ntitle = "Our token"\n')
    assert "Our token" in profiles("show", "./ours.toml").stdout
    (own_folder / "ours.toml").write_text('extends = "solo2"\ntitel = "Our token"\n')
    refused = profiles("show", "./ours.toml")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("stuntkey: ./ours.toml: line 2: ")


def test_helpful_about_names() -> None:
    result = profiles("show", "windows-helo")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "stuntkey: unknown profile 'windows-helo'; did you mean 'windows-hello'?\n"
    assert "./nowhere.toml: No such file or directory" in profiles("metadata", "./nowhere.toml").stderr


def test_metadata_verifies_under_its_root(own_folder: Path) -> None:
    result = profiles("metadata", "-o", "mds.jwt", "yubikey-5-nfc", "solo2")
    assert result.output == "mds.jwt: 2 devices, signed under mds.jwt.root.pem\n"
    root = x509.load_pem_x509_certificate((own_folder / "mds.jwt.root.pem").read_bytes())
    blob = parse_blob((own_folder / "mds.jwt").read_bytes(), root.public_bytes(Encoding.DER))
    expected = {load_profile(name).aaguid for name in ("yubikey-5-nfc", "solo2")}
    assert {bytes(entry.aaguid) for entry in blob.entries if entry.aaguid is not None} == expected


def test_metadata_writes_over_nothing_unless_told_to(own_folder: Path) -> None:
    (own_folder / "mds.jwt").write_text("mine")
    refused = profiles("metadata", "-o", "mds.jwt", "solo2")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("stuntkey: mds.jwt exists already")
    assert (own_folder / "mds.jwt").read_text() == "mine"
    assert profiles("metadata", "-o", "mds.jwt", "--force", "solo2").exit_code == 0
