"""`stuntkey key` over kept keys: what it shows, what it never shows, and what it does not touch."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from authenticator.cose import Algorithm, generate_private_key
from authenticator.credential import Credential, CredProtect, User, rp_id_hash
from authenticator.environment import SeededRandomness
from authenticator.pin.stored import hash_of_pin
from authenticator.sqlite_store import SqliteStore
from authenticator.store import Contents, DeviceState, Fingerprint
from harness import VirtualKey
from harness.cli import main
from harness.key_store import key_path, keys_folder

KEY = generate_private_key(Algorithm.ES256, SeededRandomness("cli"))
SECRETS = (KEY.to_bytes(), b"\x11" * 32, b"\x22" * 64, b"\x33" * 32, hash_of_pin(b"1234"))
DEVICE = DeviceState(
    master_secret=SECRETS[1],
    pin_hash=SECRETS[4],
    pin_length=4,
    pin_retries=7,
    fingerprints=(Fingerprint(template_id=b"1", name="thumb"),),
)
CREDENTIAL = Credential(
    id=b"\x01" * 32,
    rp_id="example.com",
    rp_id_hash=rp_id_hash("example.com"),
    user=User(id=b"\xaa\xbb", name="alice"),
    key=KEY,
    discoverable=True,
    protection=CredProtect.UV_REQUIRED,
    hmac_secrets=SECRETS[2],
    large_blob_key=SECRETS[3],
)
CONTENTS = Contents(device=DEVICE, credentials=(CREDENTIAL,), counters={None: 41})


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def work() -> Path:
    keys_folder().mkdir(parents=True)
    SqliteStore.write(key_path("work"), profile="yubikey-5-nfc", contents=CONTENTS)
    return key_path("work")


def stuntkey(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["key", *arguments], input=stdin, prog_name="stuntkey")


def refused(*arguments: str, stdin: bytes | None = None) -> str:
    """The one line it says."""
    result = stuntkey(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    [line] = result.stderr.splitlines()
    assert line.startswith("stuntkey: ")
    return line.removeprefix("stuntkey: ")


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    found = [line.rstrip() for line in result.stdout.splitlines()]
    assert max(map(len, found)) <= 80
    return found


def test_nothing_is_kept_yet() -> None:
    assert lines(stuntkey("list"))[-1] == "Make one: stuntkey key attach --store work"
    assert json.loads(stuntkey("list", "--json").stdout) == []


def test_the_list(work: Path) -> None:
    key_path("broken").write_bytes(b"not a key")
    with closing(SqliteStore(key_path("busy"))):
        shown = lines(stuntkey("list"))
        listed = json.loads(stuntkey("list", "--json").stdout)
    assert [line.split()[0] for line in shown if line[0].isalpha()][:4] == ["key", "broken", "busy", "work"]
    assert "yubikey-5-nfc" in shown[-1]
    assert [row["name"] for row in listed] == ["broken", "busy", "work"]
    assert listed[0]["problem"] == "not a stuntkey key (no SQLite database)"
    assert listed[1]["problem"] == "in use by this process already"
    expected = {"path": str(work), "profile": "yubikey-5-nfc", "credentials": 1, "pin": True, "counter": 41}
    assert {name: listed[2][name] for name in expected} == expected


def test_what_a_key_remembers_is_shown(work: Path) -> None:
    shown = "\n".join(lines(stuntkey("show", "work")))
    for expected in (
        "yubikey-5-nfc", "set, 7 tries left", "thumb", "41", "example.com", "alice", "ES256",
        "credProtect 3", "hmac-secret", "largeBlobKey",
    ):  # fmt: skip
        assert expected in shown
    as_json = json.loads(stuntkey("show", "work", "--json").stdout)
    assert as_json["credentials"][0]["user_id"] == "aabb"
    assert as_json["pin_retries"] == 7


def test_no_secret_is_shown(work: Path) -> None:
    shown = "".join(
        stuntkey(*arguments).output
        for arguments in (
            ("list", "--json"),
            ("show", "work"),
            ("show", "work", "--json"),
            ("export", "work"),
        )
    )
    exported = (work.parents[3] / "work.json").read_text()
    for secret in SECRETS:
        for form in (secret.hex(), repr(secret)[2:-1], _base64url(secret)):
            assert form not in shown
    assert _base64url(SECRETS[1]) in exported  # so this test knows what a secret looks like


def test_export_and_import_make_a_clone(work: Path, own_folder: Path) -> None:
    exported = stuntkey("export", "work")
    assert exported.output == "work.json holds work with 1 passkey, private keys included (mode 0600).\n"
    assert stat.S_IMODE((own_folder / "work.json").stat().st_mode) == 0o600
    imported = stuntkey("import", "work.json", "clone")
    assert imported.output == f"clone is kept, with 1 passkey, in {key_path('clone')}.\n"
    with (
        VirtualKey("yubikey-5-nfc", store=key_path("clone")) as clone,
        VirtualKey("yubikey-5-nfc", store=work) as key,
    ):
        assert clone.credentials[0].key.sign(b"x") == key.credentials[0].key.sign(b"x")
        assert clone.store.contents().counters == key.store.contents().counters


def test_export_and_import_through_pipes(work: Path) -> None:
    exported = stuntkey("export", "work", "-")
    assert json.loads(exported.stdout)["profile"] == "yubikey-5-nfc"
    assert "give the key a name" in refused("import", "-", stdin=exported.stdout_bytes)
    assert stuntkey("import", "-", "piped", stdin=exported.stdout_bytes).exit_code == 0
    with closing(SqliteStore(key_path("piped"))) as store:
        assert store.counter(None) == 41


def test_nothing_is_written_over_unless_told_to(work: Path, own_folder: Path) -> None:
    (own_folder / "work.json").write_text("mine")
    assert refused("export", "work").startswith("work.json exists already")
    assert (own_folder / "work.json").read_text() == "mine"
    assert stuntkey("export", "work", "--force").exit_code == 0
    before = work.read_bytes()
    assert f"{work} exists already" in refused("import", "work.json")
    assert work.read_bytes() == before
    stuntkey("reset", "work", "--yes")
    assert stuntkey("import", "work.json", "--force").exit_code == 0
    with closing(SqliteStore(work)) as store:
        assert len(store) == 1


def test_a_reset_forgets_all(work: Path) -> None:
    assert "nobody can be asked" in refused("reset", "work")
    assert stuntkey("reset", "work", "-y").output == "work is as from the factory; 1 passkey gone.\n"
    with closing(SqliteStore(work)) as store:
        device = store.device()
        assert device is not None
        assert (len(store), store.counter(None), device.pin_hash) == (0, 0, None)
        assert device.master_secret != DEVICE.master_secret


def _damage(change: Callable[[dict[str, object]], object]) -> bytes:
    stuntkey("export", "work", "damaged.json", "--force")
    document = json.loads(Path("damaged.json").read_text())
    change(document)
    return json.dumps(document).encode()


def test_a_damaged_file_is_told_with_its_place_and_nothing_is_kept(work: Path) -> None:
    Path("cut.json").write_bytes(_damage(lambda document: None)[:-40])
    assert refused("import", "cut.json").startswith("cut.json: is not JSON (line 1, column ")
    Path("edited.json").write_bytes(_damage(lambda document: document.update(profile="solo2")))
    assert refused("import", "edited.json").startswith("edited.json: checksum: does not fit the content")
    Path("strange.json").write_bytes(
        _damage(lambda document: document.update(profile="solo3", checksum=None))
    )
    assert (
        refused("import", "strange.json")
        == "strange.json: profile: unknown profile 'solo3'; did you mean 'solo2'?"
    )
    assert sorted(path.name for path in keys_folder().iterdir()) == ["work.key"]


def test_helpful_about_names_and_files(work: Path) -> None:
    assert (
        refused("show", "wrok")
        == f"there is no key 'wrok': did you mean 'work'? ({key_path('wrok')} does not exist)"
    )
    assert refused("show", "./work.key").startswith("there is no key './work.key'")
    assert "a path has a slash in it" in refused("show", ".work")
    assert refused("import", "nowhere.json") == "nowhere.json: No such file or directory"
    assert refused("import", ".") == ".: Is a directory"
    assert stuntkey("export", "work", "work.json").exit_code == 0
    assert refused("import", "work.json", "no/where") == "no/where: the folder no does not exist"
    usage = stuntkey("exprot")
    assert usage.exit_code == 2
    assert "No such command 'exprot'. Did you mean 'export'?" in usage.stderr


def test_names_are_kept_where_xdg_says_so(monkeypatch: pytest.MonkeyPatch, own_folder: Path) -> None:
    assert keys_folder() == own_folder / "data" / "stuntkey" / "keys"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(own_folder))
    assert keys_folder() == own_folder / ".local" / "share" / "stuntkey" / "keys"


def test_help_and_version_are_quick_and_whole() -> None:
    """Measured in imports, not in seconds."""
    heavy = ("fido2", "rich", "asyncio", "cryptography")
    code = (
        "import sys; from harness.cli import main\n"
        "try: main(['--help'], prog_name='stuntkey')\n"
        f"finally: print([each for each in {heavy} if each in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"}
    )
    assert done.returncode == 0
    assert done.stderr == "[]\n"
    assert "stuntkey key attach" in done.stdout
    assert CliRunner().invoke(main, ["--version"]).output == "stuntkey 0.1.0\n"


@pytest.mark.parametrize(
    "command",
    [[], ["key"], *(["key", each] for each in ("attach", "list", "show", "reset", "export", "import")),
     ["profiles"], *(["profiles", each] for each in ("list", "show", "metadata"))],
    ids=" ".join,
)  # fmt: skip
def test_every_help_fits_80_columns_and_shows_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"], prog_name="stuntkey", terminal_width=80)
    assert result.exit_code == 0
    assert "stuntkey " + " ".join(command) in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert "..." not in result.output.replace("[-- COMMAND...]", "").replace("[PROFILE...]", "").replace(
        "[ARGS]...", ""
    )


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
