"""A whole key as one JSON document: exports, imports and snapshots. docs/key-file.md describes the form."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

from authenticator import cbor
from authenticator.cose import PrivateKey
from authenticator.credential import Credential, rp_id_hash
from authenticator.private_cose import load_private_cose_key, private_cose_key
from authenticator.records import RecordError, from_record, to_record
from authenticator.store import MAX_COUNTER, Contents, DeviceState, MemoryStore, Store
from authenticator.yubico_otp import (
    AES_KEY_SIZE,
    MAX_PUBLIC_ID,
    MAX_SCAN_CODES,
    MAX_USES,
    PRIVATE_ID_SIZE,
    SLOTS,
    OtpSlot,
)
from harness.errors import SetupError

FORMAT = "stuntkey key"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    profile: str
    contents: Contents = field(repr=False)


def snapshot(store: Store, profile: str) -> bytes:
    """The whole key as it is now, secrets and all."""
    return write_key_file(KeyFile(profile=profile, contents=store.contents()))


def restore(data: bytes) -> tuple[str, MemoryStore]:
    """A snapshot's profile, and a store with its contents: a clone."""
    key_file = read_key_file(data, "the snapshot")
    return key_file.profile, MemoryStore(key_file.contents)


def write_key_file(key_file: KeyFile) -> bytes:
    contents = key_file.contents
    counters = [
        {"id": _FORM.write_bytes(credential_id), "value": value}
        for credential_id, value in contents.counters.items()
        if credential_id is not None
    ]
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "profile": key_file.profile,
        "device": None if contents.device is None else to_record(contents.device, _FORM),
        "credentials": [_write_credential(credential) for credential in contents.credentials],
        "counters": {"global": contents.counters.get(None, 0), "credentials": counters},
    }
    document["checksum"] = checksum(document)
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def read_key_file(data: bytes, source: str) -> KeyFile:
    """What `write_key_file` wrote; SetupError names `source`, the place in it and what is wrong there."""
    try:
        return _read_document(_parse(data))
    except RecordError as error:
        raise SetupError(f"{source}: {error}") from None


def checksum(document: dict[str, Any]) -> str:
    """Over all but the checksum itself, in the one form with sorted keys and no white space."""
    content = {name: value for name, value in document.items() if name != "checksum"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


class _JsonForm:
    """Bytes are base64url without padding; a private key is the base64url of its COSE_Key."""

    def write_bytes(self, value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    def read_bytes(self, value: Any) -> bytes:
        if type(value) is not str:
            raise ValueError("must be bytes as base64url text")
        try:
            data = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise ValueError("is not base64url") from None
        if self.write_bytes(data) != value:
            raise ValueError("is not base64url in its only form (no padding, no stray bits)")
        return data

    def write_key(self, key: PrivateKey) -> str:
        return self.write_bytes(cbor.encode(private_cose_key(key)))

    def read_key(self, value: Any) -> PrivateKey:
        try:
            cose = cbor.decode(self.read_bytes(value))
        except cbor.CborError as error:
            raise ValueError(f"is no COSE_Key: {error}") from None
        return load_private_cose_key(cose)


_FORM = _JsonForm()


def _write_credential(credential: Credential) -> dict[str, Any]:
    record = to_record(credential, _FORM)
    del record["rp_id_hash"]  # follows from rp_id
    return record


# Reading


def _parse(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(
            data.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError as error:
        raise RecordError("", f"is not UTF-8 text (byte {error.start}): not a key file, or damaged") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RecordError("", f"is not JSON ({where}: {error.msg}): not a key file, or damaged") from None
    except RecordError:
        raise
    except (ValueError, RecursionError) as error:
        raise RecordError("", f"is not JSON ({error}): not a key file, or damaged") from None
    if type(document) is not dict or document.get("format") != FORMAT:
        raise RecordError("", f'is not a key file: it does not say "format": "{FORMAT}"')
    return document


def _read_document(document: dict[str, Any]) -> KeyFile:
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise RecordError("version", "must be a whole number from 1")
    if version > VERSION:
        raise RecordError(
            "version", f"{version} is from a newer stuntkey (this one reads up to {VERSION}): update"
        )
    names = ("format", "version", "profile", "device", "credentials", "counters", "checksum")
    _require_members(document, names, "")
    _require_checksum(document)
    profile = document["profile"]
    if type(profile) is not str or not profile:
        raise RecordError("profile", "must be a profile's name")
    device = None
    if document["device"] is not None:
        device = from_record(DeviceState, document["device"], _FORM, "device")
        _require_sound_device(device)
    credentials = tuple(
        _read_credential(record, f"credentials[{i}]")
        for i, record in enumerate(_list(document["credentials"], "credentials"))
    )
    _require_distinct(credentials)
    if credentials and device is None:
        raise RecordError("device", "is null although there are credentials")
    counters = _read_counters(document["counters"])
    return KeyFile(
        profile=profile, contents=Contents(device=device, credentials=credentials, counters=counters)
    )


def _require_checksum(document: dict[str, Any]) -> None:
    expected = document["checksum"]
    if expected is None:  # written by hand
        return
    try:
        actual = checksum(document)
    except (ValueError, RecursionError):
        actual = ""
    if expected != actual:
        raise RecordError(
            "checksum",
            "does not fit the content, which was damaged or edited (null instead of it skips this check)",
        )


def _read_credential(record: Any, path: str) -> Credential:
    if type(record) is dict:
        if "rp_id_hash" in record:
            raise RecordError(f"{path}.rp_id_hash", "unknown field")
        rp_id = record.get("rp_id")
        if type(rp_id) is str:
            try:
                record = record | {"rp_id_hash": _FORM.write_bytes(rp_id_hash(rp_id))}
            except UnicodeEncodeError:
                raise RecordError(f"{path}.rp_id", "is not valid Unicode") from None
        else:
            raise RecordError(f"{path}.rp_id", "must be text" if "rp_id" in record else "missing")
    credential = from_record(Credential, record, _FORM, path)
    _require(1 <= len(credential.id) <= 1023, f"{path}.id", "must be 1 to 1023 bytes long")
    _require(1 <= len(credential.user.id) <= 64, f"{path}.user.id", "must be 1 to 64 bytes long")
    _require(
        len(credential.hmac_secrets) in (0, 64), f"{path}.hmac_secrets", "must be 64 bytes long, or empty"
    )
    _require(
        len(credential.large_blob_key or bytes(32)) == 32, f"{path}.large_blob_key", "must be 32 bytes long"
    )
    _require(credential.discoverable, f"{path}.discoverable", "must be true: no other credentials are stored")
    return credential


def _require_sound_device(device: DeviceState) -> None:
    _require(len(device.master_secret) == 32, "device.master_secret", "must be 32 bytes long")
    _require(len(device.pin_hash or bytes(16)) == 16, "device.pin_hash", "must be 16 bytes long")
    ids = [finger.template_id for finger in device.fingerprints]
    for i, template_id in enumerate(ids):
        _require(template_id not in ids[:i], f"device.fingerprints[{i}].template_id", "is there twice")
    numbers = [slot.number for slot in device.otp_slots]
    for i, slot in enumerate(device.otp_slots):
        _require_sound_slot(slot, f"device.otp_slots[{i}]")
        _require(slot.number not in numbers[:i], f"device.otp_slots[{i}].number", "is there twice")


def _require_sound_slot(slot: OtpSlot, path: str) -> None:
    _require(slot.number in SLOTS, f"{path}.number", "must be 1 or 2")
    _require(
        len(slot.scan_codes) <= MAX_SCAN_CODES,
        f"{path}.scan_codes",
        f"must be at most {MAX_SCAN_CODES} bytes",
    )
    if (otp := slot.yubico_otp) is not None:
        path = f"{path}.yubico_otp"
        _require(len(otp.public_id) <= MAX_PUBLIC_ID, f"{path}.public_id", "must be at most 16 bytes long")
        _require(len(otp.private_id) == PRIVATE_ID_SIZE, f"{path}.private_id", "must be 6 bytes long")
        _require(len(otp.aes_key) == AES_KEY_SIZE, f"{path}.aes_key", "must be 16 bytes long")
        _require(otp.uses <= MAX_USES, f"{path}.uses", f"must be at most {MAX_USES}")


def _require_distinct(credentials: tuple[Credential, ...]) -> None:
    ids, accounts = set[bytes](), set[tuple[str, bytes]]()
    orders = set[int]()
    for i, credential in enumerate(credentials):
        path, account = f"credentials[{i}]", (credential.rp_id, credential.user.id)
        _require(credential.id not in ids, f"{path}.id", "is there twice")
        _require(
            account not in accounts,
            f"{path}.user.id",
            f"has another credential for {credential.rp_id!r} here",
        )
        _require(not credential.order or credential.order not in orders, f"{path}.order", "is there twice")
        ids.add(credential.id)
        orders.add(credential.order)
        accounts.add(account)


def _read_counters(record: Any) -> dict[bytes | None, int]:
    if type(record) is not dict:
        raise RecordError("counters", "must be a map")
    _require_members(record, ("global", "credentials"), "counters.")
    counters: dict[bytes | None, int] = {None: _counter(record["global"], "counters.global")}
    for i, each in enumerate(_list(record["credentials"], "counters.credentials")):
        path = f"counters.credentials[{i}]"
        if type(each) is not dict:
            raise RecordError(path, "must be a map")
        _require_members(each, ("id", "value"), f"{path}.")
        try:
            credential_id = _FORM.read_bytes(each["id"])
        except ValueError as error:
            raise RecordError(f"{path}.id", str(error)) from None
        _require(bool(credential_id), f"{path}.id", "must not be empty")
        _require(credential_id not in counters, f"{path}.id", "is there twice")
        counters[credential_id] = _counter(each["value"], f"{path}.value")
    return counters


def _counter(value: Any, path: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_COUNTER:
        raise RecordError(path, f"must be a whole number from 0 to {MAX_COUNTER}")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if type(value) is not list:
        raise RecordError(path, "must be a list")
    return value


def _require(sound: bool, path: str, problem: str) -> None:
    if not sound:
        raise RecordError(path, problem)


def _require_members(record: dict[str, Any], names: tuple[str, ...], prefix: str) -> None:
    for name in names:
        _require(name in record, prefix + name, "missing")
    for name in record:
        _require(name in names, prefix + name, "unknown field")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        _require(name not in members, name, "is there twice in one object")
        members[name] = value
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise RecordError("", f"{name} is not JSON")
