"""The SQLite store remembers exactly what the one in memory does, and refuses a file that is not as it must be."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from authenticator.cose import ALGORITHMS, generate_private_key
from authenticator.credential import Credential, User, rp_id_hash
from authenticator.environment import SeededRandomness
from authenticator.file_lock import FileLock
from authenticator.sqlite_file import APPLICATION_ID, VERSION, digest_of
from authenticator.sqlite_store import SqliteStore
from authenticator.status import CtapError
from authenticator.store import Contents, DeviceState, Fingerprint, MemoryStore, StoreError

KEY = generate_private_key(-7, SeededRandomness("sqlite store"))
DEVICE = DeviceState(
    master_secret=bytes(range(32)),
    pin_hash=b"sixteen bytes pi",
    fingerprints=(Fingerprint(template_id=b"1"),),
)


def credential(
    number: int, *, rp_id: str = "example.com", user: bytes | None = None, order: int = 0
) -> Credential:
    return Credential(
        id=number.to_bytes(32, "big"),
        rp_id=rp_id,
        rp_id_hash=rp_id_hash(rp_id),
        user=User(id=user or number.to_bytes(8, "big"), name=f"user {number}"),
        key=KEY,
        discoverable=True,
        order=order,
    )


def comparable(contents: Contents) -> Any:
    credentials = [
        [getattr(each, f.name) for f in fields(each) if f.name != "key"]
        + [each.key.algorithm, each.key.to_bytes()]
        for each in contents.credentials
    ]
    return contents.device, credentials, dict(contents.counters)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work.key"


@pytest.fixture
def filled(path: Path) -> Path:
    """A closed store with a device, three credentials and two counters."""
    with closing(SqliteStore(path, profile="reference")) as store:
        store.reset(DEVICE)
        for number in (1, 2, 3):
            store.put(credential(number))
        store.advance_counter(None, 7)
        store.advance_counter(credential(2).id, 2)
    return path


def test_all_is_there_after_opening_again(filled: Path) -> None:
    with closing(SqliteStore(filled)) as store:
        assert store.profile == "reference"
        assert store.device() == DEVICE
        assert [each.user.name for each in store.credentials()] == ["user 1", "user 2", "user 3"]
        assert [each.order for each in store.for_rp(rp_id_hash("example.com"))] == [3, 2, 1]
        assert (store.counter(None), store.counter(credential(2).id), len(store)) == (7, 2, 3)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_private_keys_come_back_and_sign(path: Path, algorithm: int) -> None:
    key = generate_private_key(algorithm, SeededRandomness(algorithm))
    with closing(SqliteStore(path)) as store:
        store.put(replace(credential(1), key=key))
    with closing(SqliteStore(path)) as store:
        again = store.get(credential(1).id)
        assert again is not None
        assert again.key.algorithm is key.algorithm
        assert again.key.to_bytes() == key.to_bytes()
        assert again.key.public_cose_key() == key.public_cose_key()
        assert len(again.key.sign(b"message")) == pytest.approx(len(key.sign(b"message")), abs=4)
        assert again.key.handle.public_key() == key.handle.public_key()


def test_what_is_acknowledged_is_in_the_file_before_it_is_closed(filled: Path, tmp_path: Path) -> None:
    with closing(SqliteStore(filled)) as store:
        store.put(credential(4))
        copy = tmp_path / "copy.key"
        shutil.copy(filled, copy)
        with closing(SqliteStore(copy)) as clone:
            assert comparable(clone.contents()) == comparable(store.contents())


def test_a_counter_ends_at_32_bits_and_stays(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert store.advance_counter(None, 0xFFFFFFFF) == 0xFFFFFFFF
        with pytest.raises(CtapError):
            store.advance_counter(None)
        assert store.counter(None) == 0xFFFFFFFF


@pytest.mark.parametrize("make", [MemoryStore, "sqlite"])
def test_a_credential_that_takes_its_own_place_keeps_its_counter(make: Any, path: Path) -> None:
    with closing(SqliteStore(path) if make == "sqlite" else make()) as store:
        put = store.put(credential(1))
        store.advance_counter(put.id, 5)
        store.put(replace(put, user=User(id=put.user.id, name="renamed")))
        assert store.counter(put.id) == 5
        other = store.put(credential(2, user=put.user.id))
        assert (len(store), store.counter(put.id), other.order) == (1, 0, 2)


# The file


def test_the_file_and_all_beside_it_are_for_the_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(SqliteStore(path)) as store:
            store.put(credential(1))
            beside = sorted(path.parent.iterdir())
            assert [each.name for each in beside] == ["work.key", "work.key-journal", "work.key.lock"]
            assert {stat.S_IMODE(each.stat().st_mode) for each in beside} == {0o600}
    finally:
        os.umask(before)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_others_could_read_is_closed_to_them(filled: Path) -> None:
    filled.chmod(0o644)
    SqliteStore(filled).close()
    assert stat.S_IMODE(filled.stat().st_mode) == 0o600


def test_a_removed_private_key_is_gone_from_the_file(filled: Path) -> None:
    secret = KEY.to_bytes()
    assert secret in filled.read_bytes()
    with closing(SqliteStore(filled)) as store:
        store.reset(replace(DEVICE, master_secret=bytes(32)))
    assert secret not in filled.read_bytes()
    assert DEVICE.master_secret not in filled.read_bytes()


def test_one_process_cannot_open_a_file_twice(filled: Path) -> None:
    with closing(SqliteStore(filled)):
        with pytest.raises(StoreError, match=r"work\.key is in use by this process already"):
            SqliteStore(filled)
        link = filled.with_name("other name")
        link.symlink_to(filled)
        with pytest.raises(StoreError, match="in use"):
            SqliteStore(link)
    SqliteStore(filled).close()


HOLDER = """
import sys
from authenticator.sqlite_store import SqliteStore
store = SqliteStore(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(filled: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(filled)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_another_process_is_refused_by_name_until_the_first_is_killed(
    filled: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(StoreError, match=rf"work\.key is in use by process {holder.pid}\. One key"):
        SqliteStore(filled)
    with pytest.raises(StoreError, match="in use"):
        SqliteStore.write(filled, profile="x", contents=Contents(), replace=True)
    holder.kill()
    holder.wait()
    with closing(SqliteStore(filled)) as store:
        assert len(store) == 3


def test_another_name_of_the_same_file_is_refused_too(filled: Path, holder: subprocess.Popen[str]) -> None:
    link = filled.with_name("hard link")
    link.hardlink_to(filled)
    with pytest.raises(StoreError, match="in use by another program"):
        SqliteStore(link)


def test_a_lock_whose_file_was_removed_meanwhile_is_not_trusted(tmp_path: Path) -> None:
    first = FileLock(str(tmp_path / "x"))
    (tmp_path / "x.lock").unlink()
    second = FileLock(str(tmp_path / "x"))
    first.release()  # removes a lock file that is not its own any more
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over_an_existing_file_unless_told_to(filled: Path) -> None:
    before = filled.read_bytes()
    with pytest.raises(StoreError, match="exists already"):
        SqliteStore.write(filled, profile="solo2", contents=Contents())
    assert filled.read_bytes() == before
    SqliteStore.write(filled, profile="solo2", contents=Contents(counters={None: 9}), replace=True)
    with closing(SqliteStore(filled)) as store:
        assert (store.profile, store.counter(None), len(store)) == ("solo2", 9, 0)
    assert list(filled.parent.iterdir()) == [filled]


def test_a_missing_file_is_made_only_where_that_is_wanted(path: Path) -> None:
    with pytest.raises(StoreError, match=r"work\.key does not exist"):
        SqliteStore(path, create=False)
    with pytest.raises(StoreError, match=r"nowhere/work\.key: No such file or directory"):
        SqliteStore(path.parent / "nowhere" / "work.key")
    assert list(path.parent.iterdir()) == []


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.put(credential(1))


def test_a_full_disk_changes_nothing(filled: Path) -> None:
    with closing(SqliteStore(filled)) as store:
        before = comparable(store.contents())
        assert store._connection is not None
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="nothing was written: database or disk is full"):
            store.put(replace(credential(9), cred_blob=bytes(100_000)))
        assert comparable(store.contents()) == before
        assert store.advance_counter(None) == 8
    with closing(SqliteStore(filled)) as store:
        assert (store.counter(None), len(store)) == (8, 3)


# Damage


def altered(path: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(sql, values).rowcount != 0
        connection.commit()


def digest_kept(path: Path, table: str, value: Any) -> None:
    """Someone who knows how the digests are made."""
    with closing(sqlite3.connect(path)) as connection:
        for (row_id,) in connection.execute(f"SELECT id FROM {table}").fetchall():
            digest = digest_of(table, row_id, value)
            connection.execute(
                f"UPDATE {table} SET value = ?, digest = ? WHERE id = ?", (value, digest, row_id)
            )
        connection.commit()


DAMAGE: dict[str, tuple[Any, str]] = {
    "empty": (lambda p: p.write_bytes(b""), "is empty, and so no key"),
    "text": (lambda p: p.write_text("not a key at all"), "is not a stuntkey key (no SQLite database)"),
    "cut in the header": (lambda p: os.truncate(p, 50), "is damaged: it is cut off after 50 bytes"),
    "cut off": (lambda p: os.truncate(p, p.stat().st_size - 4096), "is damaged"),
    "one page left": (lambda p: os.truncate(p, 4096), "is damaged"),
    "zeros": (lambda p: p.write_bytes(p.read_bytes()[:4096] + bytes(p.stat().st_size - 4096)), "is damaged"),
    "foreign": (lambda p: altered(p, "PRAGMA application_id = 5"), "another program's database"),
    "newer": (lambda p: altered(p, f"PRAGMA user_version = {VERSION + 1}"), "was written by a newer stuntkey (form 2"),
    "no table": (lambda p: altered(p, "DROP TABLE counters"), "is damaged: no such table: counters"),
    "counter set back": (
        lambda p: altered(p, "UPDATE counters SET value = 1 WHERE id = x''"),
        "is damaged: the row of the key itself in table counters was changed",
    ),
    "credential changed": (
        lambda p: altered(p, "UPDATE credentials SET value = ? WHERE id = ?", b"", credential(2).id),
        "is damaged: the row 0000000000000000… in table credentials was changed",
    ),
    "credential taken away": (lambda p: altered(p, "DELETE FROM credentials WHERE id > ?", b"\0"), "rows were added"),
    "device taken away": (lambda p: altered(p, "DELETE FROM device"), "rows were added, changed or taken away"),
    "profile changed": (lambda p: altered(p, "UPDATE key SET profile = 'solo2'"), "rows were added, changed"),
    "key row taken away": (lambda p: altered(p, "DELETE FROM key"), "rows were added, changed or taken away"),
    "a digest of another type": (lambda p: altered(p, "UPDATE counters SET digest = 1"), "table counters was changed"),
    "no CBOR": (lambda p: digest_kept(p, "credentials", b"\xff"), "is damaged: not CTAP2 CBOR"),
    "no record": (lambda p: digest_kept(p, "device", b"\xa0"), "is damaged: device.master_secret: missing"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "problem"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_named_and_left_as_it_is(filled: Path, damage: Any, problem: str) -> None:
    damage(filled)
    before = filled.read_bytes()
    with pytest.raises(StoreError) as told:
        SqliteStore(filled)
    message = str(told.value)
    assert message.startswith(str(filled))
    assert problem in message
    assert "\n" not in message
    assert filled.read_bytes() == before
    assert list(filled.parent.iterdir()) == [filled]


def test_a_folder_and_another_programs_lock_are_told_apart(tmp_path: Path, filled: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(StoreError, match="folder is not a file"):
        SqliteStore(folder)
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is in use by another program, which has locked it"):
            SqliteStore(filled)
    SqliteStore(filled).close()


@pytest.mark.heavy
def test_any_flipped_byte_is_found_or_changes_nothing(filled: Path) -> None:
    """Every 41st byte of the file: unused space may change unseen, what the key remembers may not."""
    with closing(SqliteStore(filled)) as store:
        whole = comparable(store.contents())
    data = filled.read_bytes()
    found = 0
    for position in range(0, len(data), 41):
        filled.write_bytes(data[:position] + bytes((data[position] ^ 0x11,)) + data[position + 1 :])
        try:
            store = SqliteStore(filled)
        except StoreError:
            found += 1
            continue
        with closing(store):
            assert comparable(store.contents()) == whole, position
    assert found > 20


def test_no_secret_in_errors_or_reprs(filled: Path) -> None:
    store = SqliteStore(filled)
    shown = repr(store) + repr(store.contents()) + repr(list(store.credentials()))
    store.close()
    altered(filled, "UPDATE device SET value = value || x'00'")
    with pytest.raises(StoreError) as told:
        SqliteStore(filled)
    for secret in (KEY.to_bytes(), DEVICE.master_secret, DEVICE.pin_hash or b"?"):
        for form in (secret.hex(), repr(secret)[2:-1]):
            assert form not in shown + str(told.value)


def test_the_file_is_ours_at_a_glance(filled: Path) -> None:
    header = filled.read_bytes()[:72]
    assert header.startswith(b"SQLite format 3\0")
    assert int.from_bytes(header[68:], "big") == APPLICATION_ID == int.from_bytes(b"StKy", "big")
