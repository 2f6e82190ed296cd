"""The OTP keyboard of a virtual key: configured, kept, touched."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fido2.ctap2 import Ctap2
from yubiotp.otp import decode_otp

from authenticator.person import Presence, Purpose
from ctaphid.keyboard import MemoryKeyboard
from harness import (
    LATER,
    HandTurnedClock,
    Person,
    Question,
    SetupError,
    VirtualKey,
    deny,
    ignore,
    static_password,
    touch,
    unplug,
    yubico_otp,
)
from harness.browsers.hands import UinputHands

PUBLIC_ID = "vvccccccbdef"
PRIVATE_ID = "8792ebfe26cc"
AES_KEY = "ecde18dbe76fbd0c33330f1c354871db"
PASSWORDS = yubico_otp(public_id=PUBLIC_ID, private_id=PRIVATE_ID, aes_key=AES_KEY)
MAKE_CREDENTIAL = {
    "client_data_hash": bytes(32),
    "rp": {"id": "example.com", "name": "Example"},
    "user": {"id": b"alice", "name": "alice"},
    "key_params": [{"type": "public-key", "alg": -7}],
}


@pytest.fixture
def key() -> VirtualKey:
    key = VirtualKey("yubikey-5-nfc", seed=1, clock=HandTurnedClock())
    key.otp.configure(1, PASSWORDS)
    key.otp.configure(2, static_password("Tr0ub4dor&3"))
    return key


@pytest.fixture
def keyboard(key: VirtualKey) -> Iterator[MemoryKeyboard]:
    with key.otp.plugged_in(MemoryKeyboard()) as keyboard:
        assert isinstance(keyboard, MemoryKeyboard)
        yield keyboard


def counters(text: str) -> tuple[int, int]:
    public_id, otp = decode_otp(text.strip().encode(), bytes.fromhex(AES_KEY))
    assert (public_id.decode(), otp.uid.hex()) == (PUBLIC_ID, PRIVATE_ID)
    return otp.session, otp.counter


def next_counters(key: VirtualKey) -> tuple[int, int]:
    with key.otp.plugged_in(MemoryKeyboard()) as keyboard:
        assert key.touch()
    assert isinstance(keyboard, MemoryKeyboard)
    return counters(keyboard.text)


def test_a_short_touch_and_a_long_one(key: VirtualKey, keyboard: MemoryKeyboard) -> None:
    assert key.touch()
    assert counters(keyboard.text) == (1, 0)
    assert keyboard.text.endswith("\n")
    keyboard.clear()
    assert key.touch(hold=2.5)
    assert keyboard.text == "Tr0ub4dor&3"
    keyboard.clear()
    key.power_cycle()
    assert key.touch()
    assert counters(keyboard.text) == (2, 0)


def test_a_touch_that_fido_waits_for_types_nothing(key: VirtualKey, keyboard: MemoryKeyboard) -> None:
    asked = threading.Event()

    def on_ask(question: Question) -> Any:
        asked.set()
        return LATER

    key.person.on_ask = on_ask
    made: list[Any] = []
    host = threading.Thread(
        target=lambda: made.append(Ctap2(key.ctap_device()).make_credential(**MAKE_CREDENTIAL))
    )
    host.start()
    assert asked.wait(20)
    assert key.touch()
    host.join(20)
    assert len(made) == 1
    assert keyboard.text == ""
    assert key.touch()
    assert counters(keyboard.text) == (1, 0)


def test_u2f_waits_for_a_touch_while_its_host_polls(key: VirtualKey, keyboard: MemoryKeyboard) -> None:
    key.person.habit = "ignoring"
    register = bytes.fromhex("00010000000040") + bytes(64)
    assert key.engine.call_u2f(register) == b"\x69\x85"
    assert key.touch()
    assert keyboard.text == ""
    assert key.engine.call_u2f(register)[-2:] == b"\x90\x00"
    assert key.engine.call_u2f(register) == b"\x69\x85"
    key.clock.advance(6)  # type: ignore[attr-defined]
    assert key.touch()  # nobody polls any more
    assert counters(keyboard.text) == (1, 0)


def test_a_touch_that_does_nothing(key: VirtualKey) -> None:
    assert not key.touch()  # no host
    with key.otp.plugged_in("memory") as keyboard:
        key.otp.remove(2)
        assert not key.touch(hold=3)
        key.unplug()
        assert not key.touch()
        key.plug_in()
        assert isinstance(keyboard, MemoryKeyboard)
        assert keyboard.text == ""
        assert key.touch()
    assert counters(keyboard.text) == (1, 0)


def test_the_person_is_asked_for_the_touch(key: VirtualKey, keyboard: MemoryKeyboard) -> None:
    key.person.will(touch(after=3), deny(), ignore(), touch(), unplug())
    assert key.otp.type()
    assert counters(keyboard.text) == (1, 0)
    keyboard.clear()
    assert not key.otp.type()
    assert not key.otp.type(timeout=5)
    assert keyboard.text == ""
    assert key.otp.type(2)
    assert keyboard.text == "Tr0ub4dor&3"
    assert not key.otp.type()
    assert not key.is_plugged_in
    asks = [each.ask for each in key.person.record]
    assert all(isinstance(ask, Presence) and ask.purpose is Purpose.TYPE_OTP for ask in asks)
    assert [getattr(ask, "hold", None) for ask in asks] == [0, 0, 0, 2, 0]


def test_counters_go_with_the_key(key: VirtualKey, tmp_path: Path) -> None:
    assert next_counters(key) == (1, 0)
    clone = VirtualKey.restore(key.snapshot())
    assert next_counters(clone) == (2, 0)
    assert next_counters(key) == (1, 1)
    for uses in (1, 2):
        with VirtualKey("yubikey-5-nfc", store=tmp_path / "work.key") as kept:
            if uses == 1:
                kept.otp.configure(1, PASSWORDS)
            assert next_counters(kept) == (uses, 0)
            assert [slot.number for slot in kept.otp.slots.values()] == [1]


def test_the_trace_tells_of_it_without_what_was_typed(key: VirtualKey, keyboard: MemoryKeyboard) -> None:
    key.touch()
    key.touch(hold=2)
    told = [str(event) for event in key.trace]
    assert "slot 1, 45 keys" in told[-2]
    assert "slot 2, 11 keys" in told[-1]
    assert not any(secret in line for line in told for secret in ("Tr0ub4dor", keyboard.text[12:44]))


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda: VirtualKey("solo2").otp.configure(1, PASSWORDS), "profile solo2 is no keyboard"),
        (lambda: VirtualKey("solo2").otp.plugged_in("memory").__enter__(), "profile solo2 is no keyboard"),
        (lambda: VirtualKey("yubikey-5-nfc").otp.configure(3, PASSWORDS), "slot 3: there are 1 and 2"),
        (
            lambda: VirtualKey("yubikey-5-nfc").otp.plugged_in("usb").__enter__(),
            "keyboard 'usb': there are uinput and memory",
        ),
        (
            lambda: yubico_otp(public_id="abc", private_id=PRIVATE_ID, aes_key=AES_KEY),
            "public_id: 'abc' is no",
        ),
        (
            lambda: yubico_otp(public_id=bytes(17), private_id=PRIVATE_ID, aes_key=AES_KEY),
            "public_id: 17 bytes, and at most 16 fit",
        ),
        (
            lambda: yubico_otp(public_id=b"", private_id=b"12345", aes_key=AES_KEY),
            "private_id: 5 bytes, and it must be 6",
        ),
        (
            lambda: yubico_otp(public_id=b"", private_id=PRIVATE_ID, aes_key="secret"),
            "aes_key: must be 32 hexadecimal digits",
        ),
        (lambda: static_password("naïve"), "static password: character 3 is on no key of this layout: us"),
        (lambda: static_password("a", layout="modhex"), "character 1 is on no key of this layout: modhex"),
        (lambda: static_password("a", layout="dvorak"), "layout 'dvorak': there are us, modhex"),
        (lambda: static_password("x" * 39), "must be 1 to 38 characters long"),
        (lambda: static_password(""), "must be 1 to 38 characters long"),
    ],
)
def test_mistakes_are_told_in_one_line(mistake: Any, said: str) -> None:
    with pytest.raises(SetupError) as caught:
        mistake()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_file_with_a_slot_that_cannot_be(key: VirtualKey) -> None:
    snapshot = key.snapshot()
    import json

    for name, value in (("number", 3), ("number", 2), ("scan_codes", "A" * 52), ("yubico_otp", {})):
        document = json.loads(snapshot)
        document["checksum"] = None
        document["device"]["otp_slots"][0][name] = value
        with pytest.raises(SetupError, match=rf"device\.otp_slots\[[01]\]\.{name}"):
            VirtualKey.restore(json.dumps(document).encode())
    for name, value in (("aes_key", "AA"), ("private_id", "AA"), ("public_id", "A" * 23), ("uses", 1 << 15)):
        document = json.loads(snapshot)
        document["checksum"] = None
        document["device"]["otp_slots"][0]["yubico_otp"][name] = value
        with pytest.raises(SetupError, match=rf"device\.otp_slots\[0\]\.yubico_otp\.{name}"):
            VirtualKey.restore(json.dumps(document).encode())


def test_without_python_uinput_it_is_said_how_to_get_it(
    key: VirtualKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uinput", None)
    with pytest.raises(SetupError, match=r"pip install 'stuntkey\[uinput\]'"):
        key.otp.plugged_in().__enter__()
    with pytest.raises(SetupError, match=r"pip install 'stuntkey\[uinput\]'"):
        UinputHands()


def test_a_person_who_refuses_types_nothing(key: VirtualKey, keyboard: MemoryKeyboard) -> None:
    refusing = VirtualKey("yubikey-5-nfc", person=Person(habit="refusing"))
    refusing.otp.configure(1, PASSWORDS)
    with refusing.otp.plugged_in(keyboard):
        assert not refusing.otp.type()
    assert keyboard.text == ""
