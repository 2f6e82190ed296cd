"""Yubico OTPs: as others published them, as another program reads them, and as their counters must go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubiotp.otp import OTP, decode_otp, encode_otp as encoded_by_another  # isort: skip

from authenticator.authenticator import Authenticator
from authenticator.environment import Environment, HandTurnedClock, SeededRandomness
from authenticator.management import Application, Tag, write_config
from authenticator.profiles.loader import load_profile
from authenticator.store import MemoryStore
from authenticator.yubico_otp import (
    ENTER,
    MAX_USES,
    OtpSlot,
    Token,
    YubicoOtp,
    crc16,
    encode_otp,
    from_modhex,
    modhex,
)
from ctaphid.keyboard import MemoryKeyboard

PUBLISHED = json.loads((Path(__file__).parent.parent / "vectors" / "yubico_otp.json").read_text())[
    "passwords"
]
PUBLIC_ID = from_modhex("vvccccccbdef")
PRIVATE_ID = bytes(range(6))
AES_KEY = bytes(range(16))
SLOT = OtpSlot(number=1, yubico_otp=YubicoOtp(public_id=PUBLIC_ID, private_id=PRIVATE_ID, aes_key=AES_KEY))


@pytest.fixture
def clock() -> HandTurnedClock:
    return HandTurnedClock()


@pytest.fixture
def key(clock: HandTurnedClock) -> Authenticator:
    return made(clock, MemoryStore())


def made(clock: HandTurnedClock, store: MemoryStore, profile: str = "yubikey-5-nfc") -> Authenticator:
    return Authenticator(
        Environment(profile=load_profile(profile), store=store, clock=clock, random=SeededRandomness("otp"))
    )


def typed(key: Authenticator, number: int = 1) -> str:
    codes = key.otp.press(number)
    assert codes is not None
    keyboard = MemoryKeyboard()
    keyboard.type(codes)
    return keyboard.text


def read(key: Authenticator, number: int = 1) -> OTP:
    """As a validator does, which has the AES key."""
    text = typed(key, number)
    assert text.endswith("\n")
    public_id, otp = decode_otp(text.strip().encode(), AES_KEY)
    assert (from_modhex(public_id.decode()), otp.uid) == (PUBLIC_ID, PRIVATE_ID)
    return otp


def counters(otp: OTP) -> tuple[int, int]:
    return otp.session, otp.counter


@pytest.mark.parametrize("published", PUBLISHED, ids=[each["from"] for each in PUBLISHED])
def test_passwords_that_others_published(published: dict[str, Any]) -> None:
    token = Token(
        private_id=bytes.fromhex(published["private_id"]),
        **{name: published[name] for name in ("uses", "timestamp", "session_uses", "random")},
    )
    made = encode_otp(from_modhex(published["public_id"]), token, bytes.fromhex(published["aes_key"]))
    assert made == published["otp"]


@given(
    public_id=st.binary(max_size=16),
    private_id=st.binary(min_size=6, max_size=6),
    aes_key=st.binary(min_size=16, max_size=16),
    uses=st.integers(0, MAX_USES),
    timestamp=st.integers(0, (1 << 24) - 1),
    session_uses=st.integers(0, 0xFF),
    random=st.integers(0, 0xFFFF),
)
def test_any_password_is_what_another_program_makes(
    public_id: bytes,
    private_id: bytes,
    aes_key: bytes,
    uses: int,
    timestamp: int,
    session_uses: int,
    random: int,
) -> None:
    token = Token(
        private_id=private_id, uses=uses, timestamp=timestamp, session_uses=session_uses, random=random
    )
    theirs = OTP(private_id, uses, timestamp, session_uses, random)
    expected = encoded_by_another(theirs, aes_key, modhex(public_id).encode())
    assert encode_otp(public_id, token, aes_key) == expected.decode()
    assert crc16(token.to_bytes()) == 0xF0B8


def test_modhex() -> None:
    assert modhex(bytes.fromhex("0123456789abcdef")) == "cbdefghijklnrtuv"
    assert from_modhex("cbdefghijklnrtuv") == bytes.fromhex("0123456789abcdef")
    for wrong in ("a", "c", "CB", "cbx-"):
        with pytest.raises(ValueError, match="is no modhex"):
            from_modhex(wrong)


def test_counters_of_touches_and_of_sessions(key: Authenticator) -> None:
    key.otp.configure(SLOT)
    assert [counters(read(key)) for _ in range(3)] == [(1, 0), (1, 1), (1, 2)]
    key.power_cycle()
    key.power_cycle()  # not used in between: this session never was
    assert [counters(read(key)) for _ in range(2)] == [(2, 0), (2, 1)]


def test_a_session_counter_that_wraps_begins_a_new_session(key: Authenticator) -> None:
    key.otp.configure(SLOT)
    assert [counters(read(key)) for _ in range(258)][254:] == [(1, 254), (1, 255), (2, 0), (2, 1)]


def test_the_usage_counter_stops_at_its_end(key: Authenticator) -> None:
    assert SLOT.yubico_otp is not None
    key.otp.configure(replace(SLOT, yubico_otp=replace(SLOT.yubico_otp, uses=MAX_USES - 1)))
    seen = []
    for _ in range(3):
        seen.append(counters(read(key)))
        key.power_cycle()
    assert seen == [(MAX_USES, 0)] * 3


def test_the_timestamp_counts_eighths_of_seconds_and_begins_anywhere(
    key: Authenticator, clock: HandTurnedClock
) -> None:
    key.otp.configure(SLOT)
    started = read(key).timestamp
    clock.advance(2.5)
    assert (read(key).timestamp - started) % (1 << 24) == 20
    clock.advance((1 << 24) / 8)
    assert (read(key).timestamp - started) % (1 << 24) == 20
    key.power_cycle()
    assert (read(key).timestamp - started) % (1 << 24) not in (0, 20)


def test_counters_outlive_power_and_the_reset_of_fido(clock: HandTurnedClock) -> None:
    store = MemoryStore()
    key = made(clock, store)
    key.otp.configure(SLOT)
    assert counters(read(key)) == (1, 0)
    key.factory_reset()
    assert counters(read(key)) == (1, 1)
    assert counters(read(made(clock, MemoryStore(store.contents())))) == (2, 0)


def test_two_slots_count_for_themselves(key: Authenticator) -> None:
    key.otp.configure(SLOT)
    key.otp.configure(replace(SLOT, number=2))
    assert counters(read(key)) == (1, 0)
    key.power_cycle()
    assert [counters(read(key, number)) for number in (1, 1, 2)] == [(2, 0), (2, 1), (1, 0)]
    assert [slot.number for slot in key.otp.slots] == [1, 2]


def test_what_is_configured_anew_begins_anew(key: Authenticator) -> None:
    key.otp.configure(SLOT)
    read(key)
    key.power_cycle()
    read(key)
    key.otp.configure(SLOT)
    assert counters(read(key)) == (1, 0)


def test_a_static_password_is_always_the_same(key: Authenticator) -> None:
    key.otp.configure(OtpSlot(number=2, scan_codes=bytes([0x04, 0x85, 0x1E]), append_enter=False))
    assert typed(key, 2) == typed(key, 2) == "aB1"
    key.otp.remove(2)
    key.otp.remove(2)
    assert key.otp.press(2) is None


def test_nothing_is_typed_without_a_keyboard(clock: HandTurnedClock, key: Authenticator) -> None:
    key.otp.configure(SLOT)
    switched_off = (Application.FIDO2 | Application.U2F).to_bytes(2, "big")
    body = bytes([Tag.USB_ENABLED, 2]) + switched_off
    key.change_state(management_config=write_config(key.profile, key.state, bytes([len(body)]) + body))
    assert key.otp.press(1) is None
    other = made(clock, MemoryStore(), "security-key-nfc")
    other.otp.configure(SLOT)
    assert other.otp.press(1) is None


def test_no_secret_is_in_what_is_shown() -> None:
    slot = replace(SLOT, scan_codes=bytes([ENTER] * 7))
    shown = repr(slot)
    for secret in (PRIVATE_ID, AES_KEY, slot.scan_codes):
        assert repr(secret) not in shown
