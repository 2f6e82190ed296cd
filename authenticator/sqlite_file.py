"""The file behind the SQLite store: its form, how it is made whole and aside, how it is looked at before use."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from authenticator import cbor
from authenticator.credential import Credential
from authenticator.records import BinaryForm, to_record
from authenticator.store import Contents, DeviceState, MemoryStore, StoreError

APPLICATION_ID = 0x53744B79
"""In the header of the file, by which it is told from other programs' databases."""
VERSION = 1

_SCHEMA = """
CREATE TABLE key (profile TEXT NOT NULL, last_order INTEGER NOT NULL, digest BLOB NOT NULL);
CREATE TABLE device (id BLOB PRIMARY KEY, value BLOB NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE credentials (id BLOB PRIMARY KEY, value BLOB NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (id BLOB PRIMARY KEY, value INTEGER NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
"""
ONLY = b""
"""The id of the one row of `device`, and of the global counter. A credential's id is never empty."""
FORM = BinaryForm()


def encode(value: Credential | DeviceState) -> bytes:
    return cbor.encode(to_record(value, FORM))


def digest_of(*parts: Any) -> bytes:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=0)
    # sqlite3 quotes text that is no UTF-8 in its error: a damaged row could show a secret.
    connection.text_factory = lambda data: data.decode(errors="replace")
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # a removed private key is gone
    except BaseException:
        connection.close()
        raise
    return connection


def require_key(path: Path) -> None:
    """Look before SQLite does: it would take an empty file for a new database, and write to it."""
    if not path.exists():
        raise StoreError(f"{path} does not exist")
    if not path.is_file():
        raise StoreError(f"{path} is not a file")
    with open(path, "rb") as file:
        header = file.read(100)
        if os.fstat(file.fileno()).st_mode & 0o077:
            os.fchmod(file.fileno(), 0o600)
    if not header:
        raise StoreError(f"{path} is empty, and so no key. It was left as it is")
    if not header.startswith(b"SQLite format 3\0"):
        raise StoreError(f"{path} is not a stuntkey key (no SQLite database). It was left as it is")
    if len(header) < 100:
        raise StoreError(f"{path} is damaged: it is cut off after {len(header)} bytes. It was left as it is")
    # https://www.sqlite.org/fileformat.html §1.3: the user version at offset 60, the application id at 68
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(f"{path} is not a stuntkey key but another program's database. It was left as it is")
    version = int.from_bytes(header[60:64], "big")
    if version > VERSION:
        problem = f"was written by a newer stuntkey (form {version}, this one reads up to {VERSION})"
        raise StoreError(f"{path} {problem}: update stuntkey")


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    # Takes the exclusive lock, which keeps other programs out, and rolls back what a killed process left half done.
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")
    for (problem,) in connection.execute("PRAGMA integrity_check(1)"):
        if problem != "ok":
            raise StoreError(f"{path} is damaged: {' '.join(problem.split())}. It was left as it is")


def write_new(path: Path, profile: str, contents: Contents, *, replace: bool) -> None:
    """Made aside and then put in place, so that a file at `path` is always a whole key."""
    if os.path.lexists(path) and not replace:
        raise StoreError(f"{path} exists already and was left as it is")
    aside = path.with_name(path.name + ".new")
    for leftover in (aside, aside.with_name(aside.name + "-journal")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        connection = connect(aside)
        try:
            _fill(connection, profile, contents)
        finally:
            connection.close()
        if replace:
            # A journal of the old file would be rolled back into the new one.
            path.with_name(path.name + "-journal").unlink(missing_ok=True)
            os.replace(aside, path)
        else:
            _rename_without_replacing(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fill(connection: sqlite3.Connection, profile: str, contents: Contents) -> None:
    memory = MemoryStore(contents)  # gives each credential its order
    contents = memory.contents()
    rows: list[tuple[str, bytes, bytes | int]] = []
    if contents.device is not None:
        rows.append(("device", ONLY, encode(contents.device)))
    rows += (("credentials", credential.id, encode(credential)) for credential in contents.credentials)
    rows += (("counters", credential_id or ONLY, value) for credential_id, value in contents.counters.items())
    connection.executescript(
        f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {_SCHEMA}"
    )
    total = 0
    for table, row_id, value in rows:
        digest = digest_of(table, row_id, value)
        connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (row_id, value, digest))
        total ^= int.from_bytes(digest, "big")
    digest = digest_of("key", profile, memory.last_order, total)
    connection.execute("INSERT INTO key VALUES (?, ?, ?)", (profile, memory.last_order, digest))
    connection.execute("COMMIT")


def _rename_without_replacing(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: nobody who asks for the lock can have come in between
        os.rename(source, target)


_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What the system and SQLite find wrong, in one line with the file's name."""
    try:
        yield
    except FileExistsError:
        raise StoreError(f"{path} exists already and was left as it is") from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from None
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_BUSY:
            raise StoreError(f"{path} is in use by another program, which has locked it") from None
        if code in _DAMAGE or (isinstance(error, sqlite3.OperationalError) and "no such" in str(error)):
            raise StoreError(f"{path} is damaged: {error}. It was left as it is") from None
        raise StoreError(f"{path}: {error}") from None
