"""Ceremonies taken apart, for people: what was sent, and where a lie differs from the truth."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import cbor2

from authenticator.attestation.pki import Authority
from authenticator.cose import fingerprint
from harness.fuzz.forge import Forge, from_base64url
from harness.fuzz.verdicts import Difference

_LONGEST = 4096


def decode_body(body: str) -> dict[str, Any]:
    """The parts of a posted credential, as far as they can be read."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return {"unreadable": shorten(body)}
    if not isinstance(envelope, dict):
        return {"value": plain(envelope)}
    decoded: dict[str, Any] = {name: value for name, value in envelope.items() if name != "response"}
    response = envelope.get("response")
    if isinstance(response, dict):
        decoded["response"] = {name: _member(name, value) for name, value in response.items()}
    elif "response" in envelope:
        decoded["response"] = response
    result: dict[str, Any] = plain(decoded)
    return result


def _member(name: str, value: Any) -> Any:
    reader = _READERS.get(name)
    if reader is None or not isinstance(value, str):
        return value
    try:
        return reader(from_base64url(value))
    except Exception:  # a lie may be anything
        return value


def _attestation_object(raw: bytes) -> Any:
    value = cbor2.loads(raw)
    if isinstance(value, dict) and isinstance(value.get("authData"), bytes):
        value = {**value, "authData": authenticator_data(value["authData"])}
    return value


def authenticator_data(raw: bytes) -> Any:
    if len(raw) < 37:
        return raw
    flags = raw[32]
    names = ("UP", "RFU1", "UV", "BE", "BS", "RFU2", "AT", "ED")
    decoded: dict[str, Any] = {
        "rpIdHash": raw[:32],
        "flags": " ".join(name for bit, name in enumerate(names) if flags >> bit & 1),
        "signCount": int.from_bytes(raw[33:37], "big"),
    }
    rest = raw[37:]
    if flags & 0x40 and len(rest) >= 18:
        size = int.from_bytes(rest[16:18], "big")
        decoded |= {"aaguid": rest[:16], "credentialId": rest[18 : 18 + size]}
        rest = rest[18 + size :]
        try:
            key = cbor2.loads(rest)
            decoded["credentialPublicKey"] = key
            rest = rest[len(cbor2.dumps(key)) :]
        except Exception:  # a lie may be anything
            decoded["credentialPublicKey"], rest = rest, b""
    if rest:
        decoded["rest"] = rest
    return decoded


_READERS: dict[str, Callable[[bytes], Any]] = {
    "clientDataJSON": json.loads,
    "attestationObject": _attestation_object,
    "authenticatorData": authenticator_data,
}


def differences(made: Forge) -> tuple[Difference, ...]:
    """What was changed, stage by stage (one, unless lies are combined)."""
    found: list[Difference] = []
    for stage, (honest, lie) in made.changed.items():
        for path, before, after in differing(plain(honest), plain(lie)):
            found.append(Difference(path=".".join((stage.value, *path)), honest=before, lie=after))
    return tuple(found)


def differing(honest: Any, lie: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Path, truth and lie of each leaf that differs."""
    if isinstance(honest, dict) and isinstance(lie, dict):
        for name in [*honest, *(name for name in lie if name not in honest)]:
            if name not in lie:
                yield (name,), honest[name], None
            elif name not in honest:
                yield (name,), None, lie[name]
            else:
                for path, before, after in differing(honest[name], lie[name]):
                    yield (name, *path), before, after
    elif isinstance(honest, list) and isinstance(lie, list) and len(honest) == len(lie):
        for index, (before, after) in enumerate(zip(honest, lie, strict=True)):
            for path, old, new in differing(before, after):
                yield (str(index), *path), old, new
    elif type(honest) is not type(lie) or honest != lie:
        yield (), honest, lie


def plain(value: Any, depth: int = 24) -> Any:
    """As JSON has it: bytes in hexadecimal digits, keys by their fingerprints."""
    if isinstance(value, bytes | bytearray):
        return shorten(bytes(value).hex())
    if isinstance(value, str):
        return shorten(value)
    if isinstance(value, Authority):
        return f"authority with key {fingerprint(value.key)}"
    if isinstance(value, Enum | datetime):
        return str(value)
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, int | float | None):
        return value
    if depth == 0:
        return "…"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name), depth - 1) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_name(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value[:64]]
    if hasattr(value, "public_cose_key"):
        return f"key {fingerprint(value)}"
    return shorten(repr(value)) if not isinstance(value, set | frozenset) else f"a set of {len(value)}"


def _name(key: Any) -> str:
    return str(int(key)) if isinstance(key, int) else shorten(key if isinstance(key, str) else repr(key))


def shorten(text: str) -> str:
    """No longer than people read, and such as every file can hold: lies have lone surrogates in them."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
