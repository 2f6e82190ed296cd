"""One history told to both stores: they never disagree, also when the file is closed and opened in between."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from authenticator.cose import generate_private_key
from authenticator.credential import Credential, CredProtect, User, rp_id_hash
from authenticator.environment import SeededRandomness
from authenticator.sqlite_store import SqliteStore
from authenticator.store import Contents, DeviceState, MemoryStore, Store

KEYS = [generate_private_key(algorithm, SeededRandomness(algorithm)) for algorithm in (-7, -8, -35)]
RP_IDS = ("a.example", "b.example", "c.example")

users = st.builds(
    User, id=st.binary(min_size=1, max_size=1), name=st.none() | st.text(), display_name=st.none() | st.text()
)
credentials = st.builds(
    lambda rp_id, **values: Credential(
        rp_id=rp_id, rp_id_hash=rp_id_hash(rp_id), discoverable=True, **values
    ),
    st.sampled_from(RP_IDS),
    id=st.binary(min_size=1, max_size=2),
    user=users,
    key=st.sampled_from(KEYS),
    created=st.floats(0, 4e9),
    rp_name=st.none() | st.text(),
    protection=st.sampled_from(CredProtect),
    hmac_secrets=st.sampled_from((b"", bytes(range(64)))),
    cred_blob=st.none() | st.binary(max_size=32),
    backed_up=st.booleans(),
)
devices = st.builds(DeviceState, master_secret=st.binary(min_size=32, max_size=32)).filter(
    lambda device: (
        all(not isinstance(v := getattr(device, f.name), int) or v >= 0 for f in fields(device))
        and all(finger.finger >= 0 for finger in device.fingerprints)
    )
)


def comparable(credential: Credential | None) -> Any:
    if credential is None:
        return None
    values = [getattr(credential, f.name) for f in fields(credential) if f.name != "key"]
    return [*values, credential.key.algorithm, credential.key.to_bytes()]


class Stores(RuleBasedStateMachine):
    ids = Bundle("ids")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "machine.key"
        self.memory = MemoryStore()
        self.sqlite = SqliteStore(self.path, profile="reference")

    def both(self) -> tuple[Store, Store]:
        return self.memory, self.sqlite

    @rule(device=devices)
    def reset(self, device: DeviceState) -> None:
        for store in self.both():
            store.reset(device)

    @rule(device=devices)
    def save_device(self, device: DeviceState) -> None:
        for store in self.both():
            store.save_device(device)

    @rule(target=ids, credential=credentials)
    def put(self, credential: Credential) -> bytes:
        expected, actual = (store.put(credential) for store in self.both())
        assert comparable(actual) == comparable(expected)
        return credential.id

    @rule(credential_id=ids, user=users)
    def change_user(self, credential_id: bytes, user: User) -> None:
        """As updateUserInformation does: the id of the user stays."""
        credential = self.memory.get(credential_id)
        if credential is None:
            return
        counter = self.memory.advance_counter(credential_id)
        self.sqlite.advance_counter(credential_id)
        for store in self.both():
            store.put(replace(credential, user=replace(user, id=credential.user.id)))
        self.reopen()
        assert self.memory.counter(credential_id) == self.sqlite.counter(credential_id) == counter

    @rule(target=ids, credential_id=consumes(ids))
    def remove(self, credential_id: bytes) -> Any:
        assert self.memory.remove(credential_id) == self.sqlite.remove(credential_id)
        return multiple()

    @rule(credential_id=st.none() | ids | st.binary(min_size=1, max_size=2), by=st.integers(1, 1000))
    def advance_counter(self, credential_id: bytes | None, by: int) -> None:
        before = self.sqlite.counter(credential_id)
        after = self.sqlite.advance_counter(credential_id, by)
        assert after == before + by == self.memory.advance_counter(credential_id, by)

    @rule()
    def reopen(self) -> None:
        self.sqlite.close()
        self.sqlite = SqliteStore(self.path, create=False)

    @rule()
    def copy(self) -> None:
        """An export, and an import over what was there."""
        contents = self.sqlite.contents()
        self.sqlite.close()
        SqliteStore.write(self.path, profile="reference", contents=contents, replace=True)
        self.sqlite = SqliteStore(self.path, create=False)
        self.memory = MemoryStore(contents)

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "sqlite"):
            return
        expected, actual = (self.plain(store.contents()) for store in self.both())
        assert actual == expected
        assert len(self.sqlite) == len(self.memory) == len(expected[1])
        for rp_id in RP_IDS:
            newest_first = [[comparable(c) for c in store.for_rp(rp_id_hash(rp_id))] for store in self.both()]
            assert newest_first[0] == newest_first[1]
            orders = [c.order for c in self.sqlite.for_rp(rp_id_hash(rp_id))]
            assert orders == sorted(orders, reverse=True)
            of_one_user = [c.user.id for c in self.sqlite.for_rp(rp_id_hash(rp_id))]
            assert len(set(of_one_user)) == len(of_one_user)

    @staticmethod
    def plain(contents: Contents) -> tuple[Any, ...]:
        return contents.device, [comparable(c) for c in contents.credentials], dict(contents.counters)

    def teardown(self) -> None:
        if hasattr(self, "sqlite"):
            self.reopen()
            self.they_agree()
            self.sqlite.close()
            self.folder.cleanup()


TestStores = pytest.mark.heavy(Stores.TestCase)
TestStores.settings = settings(
    max_examples=60, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)
