"""What the profiles of real devices answer to getInfo, beside what the real devices answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fido2 import cbor as fido2_cbor

from authenticator.authenticator import Authenticator
from authenticator.cose import Algorithm, generate_private_key
from authenticator.credential import Credential, User, rp_id_hash
from authenticator.environment import Environment, HandTurnedClock, SeededRandomness
from authenticator.profiles.loader import load_profile, profile_names
from authenticator.profiles.profile import INFO_MEMBERS
from authenticator.store import Fingerprint, MemoryStore

VECTORS = Path(__file__).parents[1] / "vectors" / "get_info"
RECORDED = sorted(file.stem for file in VECTORS.glob("*.json"))
KEYS = {"versions": 0x01, "aaguid": 0x03, **INFO_MEMBERS}
OFF_UNLESS_TOLD = {"plat", "largeBlobs"}
"""Options that are the same absent and false (CTAP 2.3 §6.4)."""


def answer(name: str, *, pin: bool = False, fingers: int = 0, credentials: int = 0) -> dict[int, Any]:
    environment = Environment(
        profile=load_profile(name), store=MemoryStore(), clock=HandTurnedClock(), random=SeededRandomness(1)
    )
    auth = Authenticator(environment)
    enrolled = tuple(Fingerprint(template_id=bytes([finger]), finger=finger) for finger in range(fingers))
    auth.change_state(pin_hash=bytes(16) if pin else None, pin_length=4 * pin, fingerprints=enrolled)
    for number in range(credentials):
        auth.store.put(
            Credential(
                id=bytes([number]) * 32,
                rp_id="example.com",
                rp_id_hash=rp_id_hash("example.com"),
                user=User(id=bytes([number])),
                key=generate_private_key(Algorithm.ES256, environment.random),
                discoverable=True,
            )
        )
    response = auth.begin(b"\x04").response
    assert response is not None
    assert response[0] == 0
    decoded = fido2_cbor.decode(response[1:])
    assert isinstance(decoded, dict)
    return decoded


def told(members: dict[int, Any], name: str) -> Any:
    value: Any = members.get(KEYS[name])
    if isinstance(value, bytes):
        return value.hex()
    if name == "algorithms" and value is not None:
        return [entry["alg"] for entry in value]
    if name == "options" and value is not None:
        return {option: on for option, on in value.items() if on or option not in OFF_UNLESS_TOLD}
    if name == "extensions" and value is not None:
        return sorted(value)
    return value


def expected(value: Any, name: str, ours: Any) -> Any:
    """The recorded value, completed by ours where the record is known to be cut."""
    if isinstance(value, dict) and value.keys() == {"among others"}:
        part = value["among others"]
        if isinstance(part, dict):
            value = {**ours, **part}
        else:
            value = [*ours, *(each for each in part if each not in ours)]
    if name == "options":
        return {option: on for option, on in value.items() if on or option not in OFF_UNLESS_TOLD}
    return sorted(value) if name == "extensions" and value is not None else value


@pytest.mark.parametrize("name", RECORDED)
def test_get_info_is_as_recorded(name: str) -> None:
    record = json.loads((VECTORS / f"{name}.json").read_text())
    members = answer(name, **record["state"])
    for member, value in record["members"].items():
        ours = told(members, member)
        if member in record["differs"]:
            assert ours != expected(value, member, ours), f"{member} no longer differs: say so in the record"
        else:
            assert ours == expected(value, member, ours), member


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_is_of_a_profile_and_names_its_source(name: str) -> None:
    record = json.loads((VECTORS / f"{name}.json").read_text())
    assert name in profile_names()
    assert record.keys() == {"source", "state", "members", "differs"}
    assert len(record["source"]) > 20
    assert record["members"].keys() <= KEYS.keys()
    assert record["differs"].keys() <= record["members"].keys()


@pytest.mark.parametrize("name", [name for name in profile_names() if load_profile(name).features.ctap2])
def test_a_new_key_tells_its_identity_and_nothing_its_profile_leaves_out(name: str) -> None:
    profile, members = load_profile(name), answer(name)
    assert members[0x03] == profile.aaguid
    assert members[0x01][-1] == profile.versions[-1]
    if profile.get_info_members is not None:
        assert members.keys() - {0x01, 0x03} <= {INFO_MEMBERS[each] for each in profile.get_info_members}
