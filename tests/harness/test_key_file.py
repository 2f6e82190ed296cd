"""The JSON form of a key: nothing is lost, and whatever is wrong with a file is said with its place."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from authenticator import cbor
from authenticator.cose import ALGORITHMS, generate_private_key
from authenticator.credential import Credential, CredProtect, User, rp_id_hash
from authenticator.environment import SeededRandomness
from authenticator.private_cose import load_private_cose_key, private_cose_key
from authenticator.store import Contents, DeviceState, Fingerprint, MemoryStore
from harness.errors import SetupError
from harness.key_file import KeyFile, checksum, read_key_file, restore, snapshot, write_key_file

RANDOM = SeededRandomness("key file")
KEYS = {algorithm: generate_private_key(algorithm, RANDOM) for algorithm in ALGORITHMS}

DEVICE = DeviceState(
    master_secret=bytes(range(32)),
    pin_hash=bytes(range(16)),
    pin_length=4,
    pin_retries=5,
    uv_retries=2,
    min_pin_length=6,
    min_pin_rp_ids=("example.com", "例え.jp"),
    force_pin_change=True,
    always_uv=True,
    pin_complexity_policy=True,
    enterprise_attestation=True,
    long_touch_for_reset=True,
    fingerprints=(Fingerprint(template_id=b"\x01"), Fingerprint(template_id=b"\x02", name="thumb", finger=3)),
    large_blob_array=b"\x80" + bytes(16),
    management_config=b"\x02\x01\x3f",
)


def credential(number: int, algorithm: int = -7, **changes: Any) -> Credential:
    rp_id = changes.pop("rp_id", "example.com")
    values: dict[str, Any] = {
        "id": bytes((number,)) * 32,
        "rp_id": rp_id,
        "rp_id_hash": rp_id_hash(rp_id),
        "user": User(id=bytes((number,)), name=f"user {number}"),
        "key": KEYS[algorithm],
        "discoverable": True,
        "order": number,
    }
    return Credential(**values | changes)


FULL = credential(
    99,
    rp_id="full.example",
    user=User(id=b"\xff" * 64, name="zoë", display_name="Zoë 🔑"),
    created=1_700_000_000.25,
    rp_name="Full",
    protection=CredProtect.UV_REQUIRED,
    hmac_secrets=bytes(range(64)),
    cred_blob=b"",
    large_blob_key=bytes(range(32)),
    third_party_payment=True,
    backup_eligible=True,
    backed_up=True,
)
CONTENTS = Contents(
    device=DEVICE,
    credentials=(*(credential(i, algorithm) for i, algorithm in enumerate(ALGORITHMS, 1)), FULL),
    counters={None: 4_294_967_295, FULL.id: 7, b"not stored": 3},
)
FILE = write_key_file(KeyFile(profile="reference", contents=CONTENTS))


def comparable(contents: Contents) -> Any:
    """With each private key as its bytes: keys do not compare."""
    credentials = [
        [getattr(each, f.name) for f in fields(each) if f.name != "key"]
        + [each.key.algorithm, each.key.to_bytes(), each.key.public_cose_key()]
        for each in contents.credentials
    ]
    return contents.device, credentials, dict(contents.counters)


def test_every_field_of_a_key_comes_back_from_the_file() -> None:
    read = read_key_file(FILE, "key.json")
    assert read.profile == "reference"
    assert comparable(read.contents) == comparable(CONTENTS)


@given(st.builds(DeviceState, master_secret=st.just(bytes(32)), pin_hash=st.none() | st.just(bytes(16))))
def test_whatever_a_device_remembers_comes_back(device: DeviceState) -> None:
    """Hypothesis fills every field by its type, also those this file does not know of."""
    valid = all(v >= 0 for f in fields(device) if isinstance(v := getattr(device, f.name), int))
    valid = valid and all(finger.finger >= 0 for finger in device.fingerprints)
    ids = [finger.template_id for finger in device.fingerprints]
    assume(valid and len(set(ids)) == len(ids))
    data = write_key_file(KeyFile(profile="x", contents=Contents(device=device)))
    assert read_key_file(data, "x").contents.device == device


def test_a_snapshot_is_a_clone_with_the_clones_counter() -> None:
    store = MemoryStore(Contents(device=DEVICE, credentials=(FULL,), counters={None: 41}))
    data = snapshot(store, "yubikey-5-nfc")
    store.advance_counter(None)
    profile, clone = restore(data)
    assert profile == "yubikey-5-nfc"
    assert clone.device() == DEVICE
    assert clone.advance_counter(None) == 42 == store.counter(None)
    [cloned] = clone.credentials()
    assert cloned.key.sign(b"same key") == FULL.key.sign(b"same key")
    assert clone.put(credential(1, order=0)).order == FULL.order + 1


def test_a_key_fresh_from_the_factory_can_be_written_too() -> None:
    read = read_key_file(write_key_file(KeyFile(profile="solo2", contents=Contents())), "x")
    assert comparable(read.contents) == comparable(Contents(counters={None: 0}))


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_private_cose_keys_hold_the_same_key(algorithm: int) -> None:
    key = KEYS[algorithm]
    cose = private_cose_key(key)
    again = load_private_cose_key(cbor.decode(cbor.encode(cose)))
    assert again.to_bytes() == key.to_bytes()
    assert cose | key.public_cose_key() == cose
    for name in cose:
        with pytest.raises(ValueError, match=r"private part|unknown|belong together"):
            load_private_cose_key({each: value for each, value in cose.items() if each != name})


def edited(change: Callable[[dict[str, Any]], Any], *, keep_checksum: bool = False) -> bytes:
    document = json.loads(FILE)
    change(document)
    if not keep_checksum:
        document["checksum"] = checksum(document)
    return json.dumps(document).encode()


def setting(*path: str | int, to: Any) -> bytes:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return edited(change)


def removing(*path: str | int) -> bytes:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return edited(change)


FIRST_ID = json.loads(FILE)["credentials"][0]["id"]

MISTAKES: dict[str, tuple[bytes, str]] = {
    "binary": (b"SQLite format 3\x00\xff\xfe", "is not UTF-8 text"),
    "cut off": (FILE[: len(FILE) // 2], "is not JSON (line "),
    "empty": (b"", "is not JSON (line 1, column 1"),
    "another document": (b'{"format": "something else"}', 'does not say "format": "stuntkey key"'),
    "a list": (b"[]", 'does not say "format": "stuntkey key"'),
    "too deep": (b"[" * 100_000, "is not JSON"),
    "NaN": (b'{"format": NaN}', "NaN is not JSON"),
    "a huge number": (b'{"format": ' + b"9" * 5000 + b"}", "is not JSON"),
    "twice": (b'{"format": "stuntkey key", "format": "stuntkey key"}', "format: is there twice in one object"),
    "newer": (setting("version", to=2), "version: 2 is from a newer stuntkey (this one reads up to 1): update"),
    "no version": (removing("version"), "version: must be a whole number"),
    "no profile": (removing("profile"), "profile: missing"),
    "profile": (setting("profile", to=5), "profile: must be a profile's name"),
    "unknown member": (setting("colour", to="red"), "colour: unknown field"),
    "no checksum": (edited(lambda d: d.pop("checksum"), keep_checksum=True), "checksum: missing"),
    "no device": (setting("device", to=None), "device: is null although there are credentials"),
    "device": (setting("device", to=[]), "device: must be a map, not a list"),
    "master secret": (setting("device", "master_secret", to="AAAA"), "device.master_secret: must be 32 bytes long"),
    "no master secret": (removing("device", "master_secret"), "device.master_secret: missing"),
    "pin hash": (setting("device", "pin_hash", to="AAAA"), "device.pin_hash: must be 16 bytes long"),
    "retries": (setting("device", "pin_retries", to=-1), "device.pin_retries: must be at least 0, not -1"),
    "huge retries": (setting("device", "pin_retries", to=1 << 70), "device.pin_retries: is too large"),
    "flag": (setting("device", "always_uv", to=1), "device.always_uv: must be true or false, not a whole number"),
    "rp ids": (setting("device", "min_pin_rp_ids", 1, to=None), "device.min_pin_rp_ids[1]: must be text, not null"),
    "finger": (setting("device", "fingerprints", 1, "finger", to=1.5), "fingerprints[1].finger: must be a whole"),
    "fingers": (setting("device", "fingerprints", 1, "template_id", to="AQ"), "[1].template_id: is there twice"),
    "device member": (setting("device", "pin", to="1234"), "device.pin: unknown field"),
    "credentials": (setting("credentials", to={}), "credentials: must be a list"),
    "credential": (setting("credentials", 0, to="x"), "credentials[0]: must be a map, not text"),
    "no key": (removing("credentials", 3, "key"), "credentials[3].key: missing"),
    "key alphabet": (setting("credentials", 3, "key", to="!!!!"), "credentials[3].key: is not base64url"),
    "key padding": (setting("credentials", 3, "key", to="AQ=="), "[3].key: is not base64url in its only form"),
    "key is no CBOR": (setting("credentials", 3, "key", to="_w"), "credentials[3].key: is no COSE_Key"),
    "key is no map": (setting("credentials", 3, "key", to="AQ"), "credentials[3].key: a COSE_Key is a map"),
    "hash": (setting("credentials", 0, "rp_id_hash", to="AA"), "credentials[0].rp_id_hash: unknown field"),
    "no rp": (removing("credentials", 0, "rp_id"), "credentials[0].rp_id: missing"),
    "rp": (setting("credentials", 0, "rp_id", to="\ud800"), "credentials[0].rp_id: is not valid Unicode"),
    "user name": (setting("credentials", 0, "user", "name", to="\ud800"), "[0].user.name: is not valid Unicode"),
    "user id": (setting("credentials", 0, "user", "id", to=""), "credentials[0].user.id: must be 1 to 64 bytes long"),
    "protection": (setting("credentials", 0, "protection", to=4), "credentials[0].protection: must be one of 1, 2, 3"),
    "secrets": (setting("credentials", 0, "hmac_secrets", to="AA"), "credentials[0].hmac_secrets: must be 64 bytes"),
    "blob key": (setting("credentials", 0, "large_blob_key", to="AA"), "credentials[0].large_blob_key: must be 32"),
    "sealed": (setting("credentials", 0, "discoverable", to=False), "credentials[0].discoverable: must be true"),
    "same id": (setting("credentials", 1, "id", to=FIRST_ID), "credentials[1].id: is there twice"),
    "same user": (setting("credentials", 1, "user", "id", to="AQ"), "[1].user.id: has another credential"),
    "same order": (setting("credentials", 1, "order", to=1), "credentials[1].order: is there twice"),
    "counters": (setting("counters", to=[]), "counters: must be a map"),
    "counter": (setting("counters", "global", to=1 << 32), "counters.global: must be a whole number from 0"),
    "counter's id": (setting("counters", "credentials", 0, "id", to=1), "counters.credentials[0].id: must be bytes"),
    "counter's member": (removing("counters", "credentials", 1, "value"), "counters.credentials[1].value: missing"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "problem"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_its_place(data: bytes, problem: str) -> None:
    with pytest.raises(SetupError) as told:
        read_key_file(data, "/keys/work.json")
    message = str(told.value)
    assert message.startswith("/keys/work.json: ")
    assert problem in message
    assert "\n" not in message


def test_a_private_key_of_another_credential_does_not_slip_in_half() -> None:
    half = private_cose_key(KEYS[-7]) | {-4: generate_private_key(-7, RANDOM).to_bytes()}
    data = setting("credentials", 0, "key", to=_base64url(cbor.encode(half)))
    with pytest.raises(
        SetupError, match=r"credentials\[0\]\.key: its public and private parts do not belong together"
    ):
        read_key_file(data, "key.json")


def test_damage_is_found_and_an_edit_can_be_meant() -> None:
    def rename(document: dict[str, Any]) -> None:
        document["credentials"][0]["user"]["name"] = "mallory"

    damaged = edited(rename, keep_checksum=True)
    with pytest.raises(SetupError, match="checksum: does not fit the content"):
        read_key_file(damaged, "key.json")
    meant = json.loads(damaged) | {"checksum": None}
    read = read_key_file(json.dumps(meant).encode(), "key.json")
    assert read.contents.credentials[0].user.name == "mallory"


@given(st.data())
def test_no_damage_goes_unnoticed(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(FILE) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != FILE[position]))
    damaged = FILE[:position] + bytes((byte,)) + FILE[position + 1 :]
    try:
        same = json.loads(damaged) == json.loads(FILE)
    except ValueError:
        same = False
    if same:  # white space, or another way to write the same character
        return
    with pytest.raises(SetupError, match=r"^key\.json: "):
        read_key_file(damaged, "key.json")


def test_no_secret_is_in_what_is_shown() -> None:
    read = read_key_file(FILE, "key.json")
    shown = repr(read) + repr(read.contents)
    for secret in (DEVICE.master_secret, DEVICE.pin_hash, FULL.hmac_secrets, KEYS[-7].to_bytes()):
        assert secret is not None
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
