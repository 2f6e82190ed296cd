"""ykman's view of the key, byte by byte. Its own client is in tests/interop/test_ykman.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authenticator.management import Application, InvalidConfiguration, read_config, usb_enabled, write_config
from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Features, Form, Look, Profile, Usb
from authenticator.store import DeviceState

KEYS = json.loads((Path(__file__).parent.parent / "vectors" / "yubikey_device_info.json").read_text())["keys"]
STATE = DeviceState(master_secret=bytes(32), serial_number=12_345_678)
LOCK, OTHER_LOCK = b"0123456789abcdef", b"fedcba9876543210"


@pytest.fixture
def profile() -> Profile:
    return load_profile("yubikey-5-nfc-5.4")


def request(*fields: tuple[int, bytes]) -> bytes:
    data = b"".join(bytes((tag, len(value))) + value for tag, value in fields)
    return bytes((len(data),)) + data


def fields(profile: Profile, state: DeviceState, page: int = 0) -> dict[int, bytes]:
    answer = read_config(profile, state, bytes((page,)))
    assert answer[0] == len(answer) - 1
    found, rest = {}, answer[1:]
    while rest:
        found[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
    return found


def written(profile: Profile, state: DeviceState, *settings: tuple[int, bytes]) -> DeviceState:
    return replace(state, management_config=write_config(profile, state, request(*settings)))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key["name"])
def test_as_a_real_key_answers(key: dict[str, Any]) -> None:
    profile = Profile(
        name="x",
        title="x",
        versions=("U2F_V2", "FIDO_2_0"),
        usb=Usb(
            vendor_id=0x1050,
            product_id=int(key["usb"]["product_id"], 16),
            device_version=tuple(key["usb"]["device_version"]),
        ),
        transports=("nfc", "usb") if key["nfc"] else ("usb",),
        features=Features(yubikey_management=True),
        look=Look(plug=key["plug"], form=Form(key["form"])),
    )
    state = replace(STATE, serial_number=int(key["serial"], 16))
    state = replace(state, management_config=write_config(profile, state, bytes.fromhex(key["written"])))
    assert read_config(profile, state, b"\0").hex() == key["answer"]
    assert read_config(profile, state, b"").hex() == key["answer"], "older clients name no page"


def test_firmware_5_7_has_a_second_page() -> None:
    profile = load_profile("yubikey-5-nfc")
    assert fields(profile, STATE)[0x10] == b"\x01"
    assert set(fields(profile, STATE, 1)) == {0x14, 0x15, 0x16, 0x17, 0x18}
    with pytest.raises(InvalidConfiguration):
        read_config(profile, STATE, b"\2")


def test_earlier_firmware_has_one(profile: Profile) -> None:
    assert 0x10 not in fields(profile, STATE)
    for page in (b"\1", b"\xff", b"\0\0"):
        with pytest.raises(InvalidConfiguration):
            read_config(profile, STATE, page)


def test_settings_stay_until_they_are_changed(profile: Profile) -> None:
    state = written(profile, STATE, (0x03, b"\x02\x02"), (0x0C, b""))
    assert fields(profile, state)[0x03] == b"\x02\x02"
    assert usb_enabled(profile, state) == Application.U2F | Application.FIDO2
    state = written(profile, state, (0x06, b"\x01\x2c"), (0x07, b"\x08"), (0x08, b"\x40"))
    found = fields(profile, state)
    assert (found[0x03], found[0x06], found[0x07], found[0x08]) == (
        b"\x02\x02",
        b"\x01\x2c",
        b"\x08",
        b"\x40",
    )
    state = written(profile, state, (0x03, found[0x01]))
    assert fields(profile, state)[0x03] == found[0x01]


def test_the_lock(profile: Profile) -> None:
    state = written(profile, STATE, (0x0A, LOCK))
    assert fields(profile, state)[0x0A] == b"\x01"
    assert LOCK not in state.management_config
    for wrong in ((), ((0x0B, OTHER_LOCK),)):
        with pytest.raises(InvalidConfiguration, match="locked"):
            written(profile, state, *wrong, (0x07, b"\x08"))
    state = written(profile, state, (0x0B, LOCK), (0x07, b"\x08"))
    assert fields(profile, state)[0x07] == b"\x08"
    assert fields(profile, state)[0x0A] == b"\x01"
    state = written(profile, state, (0x0B, LOCK), (0x0A, OTHER_LOCK))
    with pytest.raises(InvalidConfiguration, match="locked"):
        written(profile, state, (0x0B, LOCK), (0x07, b"\x09"))
    state = written(profile, state, (0x0B, OTHER_LOCK), (0x0A, bytes(16)))
    assert fields(profile, state)[0x0A] == b"\x00"
    written(profile, state, (0x07, b"\x09"))


@pytest.mark.parametrize(
    "refused",
    [
        b"",
        b"\x05\x03\x02\x02\x02",
        b"\x03\x03\x02\x02",
        b"\x01\x03",
        request((0x03, b"")),
        request((0x03, b"\x00\x02\x02")),
        request((0x03, b"\x00\x00")),
        request((0x03, b"\x80\x00")),
        request((0x0E, b"\x08\x00")),
        request((0x02, b"\x00\x00\x00\x01")),
        request((0x05, b"\x05\x07\x00")),
        request((0x0A, b"too short")),
        request((0x0C, b"\x01")),
        request((0x7F, b"\x01")),
    ],
    ids=lambda data: data.hex() or "nothing",
)
def test_what_cannot_be_written(profile: Profile, refused: bytes) -> None:
    with pytest.raises(InvalidConfiguration):
        write_config(profile, STATE, refused)


def test_nothing_over_nfc_without_an_antenna() -> None:
    profile = load_profile("yubikey-bio")
    assert not {0x0D, 0x0E} & set(fields(profile, STATE))
    with pytest.raises(InvalidConfiguration):
        write_config(profile, STATE, request((0x0E, b"\x02\x00")))


@given(st.binary(max_size=300))
def test_any_request_is_answered_or_refused(data: bytes) -> None:
    profile = load_profile("yubikey-5-nfc")
    for use in (read_config, write_config):
        try:
            use(profile, STATE, data)
        except InvalidConfiguration:
            pass
