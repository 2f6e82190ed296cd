"""A store in one SQLite file, which survives the end of its process at any moment.

Every change is one transaction, committed and synced before the method returns. Reads come from memory, which
holds what was read, and checked, when the file was opened: nobody else can change it, as the file is locked.

A rollback journal, not a write-ahead log: between transactions the one file is the whole key, and copying it is
cloning the key. Each row carries a digest, and one digest covers them all, so that damage and meddling are found
before anything is answered from the file; a file that is not as it must be is never written to.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from authenticator import cbor
from authenticator.credential import Credential
from authenticator.file_lock import FileLock
from authenticator.records import RecordError, from_record
from authenticator.sqlite_file import (
    FORM,
    ONLY,
    connect,
    digest_of,
    encode,
    require_key,
    require_sound,
    told,
    write_new,
)
from authenticator.store import Contents, DeviceState, MemoryStore, StoreError

_TABLES = ("device", "credentials", "counters")


class SqliteStore:
    def __init__(self, path: str | os.PathLike[str], *, profile: str = "", create: bool = True) -> None:
        """Open the key at `path`, or make an empty one of `profile`. StoreError says why neither is possible."""
        self.path = Path(os.path.realpath(path))
        self._connection: sqlite3.Connection | None = None
        self._memory = MemoryStore()
        self._sum = 0
        """The digests of all rows, XORed."""
        with told(self.path):
            self._lock = FileLock(str(self.path))
        try:
            with told(self.path):
                if create and not os.path.lexists(self.path):
                    write_new(self.path, profile, Contents(), replace=False)
                require_key(self.path)
                self._connection = connect(self.path)
                self.profile = self._load()
        except BaseException:
            self._close_connection()
            self._lock.release()
            raise

    @staticmethod
    def write(
        path: str | os.PathLike[str], *, profile: str, contents: Contents, replace: bool = False
    ) -> None:
        """A new file with these contents, all at once or not at all. Only `replace` writes over another."""
        path = Path(os.path.realpath(path))
        with told(path):
            lock = FileLock(str(path))
            try:
                write_new(path, profile, contents, replace=replace)
            finally:
                lock.release()

    def __repr__(self) -> str:
        return f"SqliteStore({str(self.path)!r})"

    # Reading: from memory

    def device(self) -> DeviceState | None:
        return self._memory.device()

    def get(self, credential_id: bytes) -> Credential | None:
        return self._memory.get(credential_id)

    def for_rp(self, rp_id_hash: bytes) -> Sequence[Credential]:
        return self._memory.for_rp(rp_id_hash)

    def credentials(self) -> Iterator[Credential]:
        return self._memory.credentials()

    def __len__(self) -> int:
        return len(self._memory)

    def counter(self, credential_id: bytes | None) -> int:
        return self._memory.counter(credential_id)

    def contents(self) -> Contents:
        return self._memory.contents()

    # Changing: first the file, then memory

    def save_device(self, state: DeviceState) -> None:
        with self._transaction() as connection:
            self._put_row(connection, "device", ONLY, encode(state))
        self._memory.save_device(state)

    def reset(self, state: DeviceState) -> None:
        with self._transaction() as connection:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")
            self._sum = 0
            self._put_row(connection, "device", ONLY, encode(state))
        self._memory.reset(state)

    def put(self, credential: Credential) -> Credential:
        replaced = self._memory.replaced_by(credential)
        if not credential.order:
            credential = replace(credential, order=self.next_order())
        with self._transaction(credential.order) as connection:
            for credential_id in replaced:
                self._drop_row(connection, "credentials", credential_id)
                if credential_id != credential.id:
                    self._drop_row(connection, "counters", credential_id)
            self._put_row(connection, "credentials", credential.id, encode(credential))
        return self._memory.put(credential)

    def next_order(self) -> int:
        return self._memory.next_order()

    def remove(self, credential_id: bytes) -> bool:
        if self._memory.get(credential_id) is None:
            return False
        with self._transaction() as connection:
            self._drop_row(connection, "credentials", credential_id)
            self._drop_row(connection, "counters", credential_id)
        return self._memory.remove(credential_id)

    def advance_counter(self, credential_id: bytes | None, by: int = 1) -> int:
        value = self._memory.advanced_counter(credential_id, by)
        with self._transaction() as connection:
            self._put_row(connection, "counters", credential_id or ONLY, value)
        return self._memory.advance_counter(credential_id, by)

    def close(self) -> None:
        if self._connection is not None:
            self._close_connection()
            # What a killed process left and was rolled back, or need not be: harmless, but it looks as if it were not.
            self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)
            self._lock.release()

    # Rows

    @contextmanager
    def _transaction(self, order: int = 0) -> Iterator[sqlite3.Connection]:
        connection, sum_before = self._connection, self._sum
        if connection is None:
            raise StoreError(f"{self.path} is closed")
        last_order = max(order, self._memory.last_order)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            digest = digest_of("key", self.profile, last_order, self._sum)
            connection.execute("UPDATE key SET last_order = ?, digest = ?", (last_order, digest))
            connection.execute("COMMIT")
        except BaseException as error:
            self._sum = sum_before
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"{self.path}: nothing was written: {error}") from error
            raise

    def _put_row(self, connection: sqlite3.Connection, table: str, row_id: bytes, value: bytes | int) -> None:
        self._drop_row(connection, table, row_id)
        digest = digest_of(table, row_id, value)
        connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (row_id, value, digest))
        self._sum ^= int.from_bytes(digest, "big")

    def _drop_row(self, connection: sqlite3.Connection, table: str, row_id: bytes) -> None:
        row = connection.execute(f"SELECT digest FROM {table} WHERE id = ?", (row_id,)).fetchone()
        if row is not None:
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))
            self._sum ^= int.from_bytes(row[0], "big")

    # Opening

    def _load(self) -> str:
        connection = self._connection
        assert connection is not None
        require_sound(connection, self.path)
        device: DeviceState | None = None
        credentials: list[Credential] = []
        counters: dict[bytes | None, int] = {}
        for row_id, value in self._rows(connection, "device"):
            device = self._decode(DeviceState, row_id, value)
        for row_id, value in self._rows(connection, "credentials"):
            credentials.append(self._decode(Credential, row_id, value))
        for row_id, value in self._rows(connection, "counters"):
            counters[row_id or None] = value
        credentials.sort(key=lambda credential: credential.order)
        self._memory = MemoryStore(Contents(device=device, credentials=tuple(credentials), counters=counters))
        rows = connection.execute("SELECT profile, last_order, digest FROM key").fetchall()
        if len(rows) != 1 or digest_of("key", *rows[0][:2], self._sum) != rows[0][2]:
            raise self._damaged("rows were added, changed or taken away")
        profile, self._memory.last_order, _ = rows[0]
        assert isinstance(profile, str)
        return profile

    def _rows(self, connection: sqlite3.Connection, table: str) -> Iterator[tuple[bytes, Any]]:
        for row_id, value, digest in connection.execute(f"SELECT id, value, digest FROM {table}"):
            if digest_of(table, row_id, value) != digest:
                name = row_id[:8].hex() + "…" if type(row_id) is bytes and row_id else "of the key itself"
                raise self._damaged(f"the row {name} in table {table} was changed")
            self._sum ^= int.from_bytes(digest, "big")
            yield row_id, value

    def _decode(self, cls: type[Any], row_id: bytes, value: bytes) -> Any:
        try:
            return from_record(
                cls, cbor.decode(value, max_depth=8), FORM, f"row {row_id[:8].hex()}" if row_id else "device"
            )
        except (RecordError, cbor.CborError) as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, how: str) -> StoreError:
        return StoreError(f"{self.path} is damaged: {how}. It was left as it is")

    def _close_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
