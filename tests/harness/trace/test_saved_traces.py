"""Traces as files: all that happened is in them, and no secret."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from fido2.ctap2 import Ctap2
from traced import PIN, story

from authenticator.person import AccountChoice, FingerSample, PinEntry, Presence, Purpose, Verification
from ctaphid.packets import MAX_MESSAGE_SIZE, Command, split
from harness import SetupError, VirtualKey
from harness.trace import (
    AskEvent,
    PacketEvent,
    RequestEvent,
    ResponseEvent,
    StateEvent,
    StepEvent,
    Trace,
)
from harness.trace.events import Step
from harness.trace.records import load, redacted, save, writing


def test_a_saved_trace_says_what_happened(tmp_path: Path) -> None:
    key = story().key
    path = tmp_path / "run.ndjson"
    key.trace.save(path)
    saved = load(path)
    assert [each.name for each in saved.keys] == ["reference"]
    assert saved.keys[0].product_id == key.profile.usb.product_id
    events = [record.event for record in saved.records]
    assert len(events) == len(key.trace)
    assert [type(event) for event in events] == [type(event) for event in key.trace]
    assert [event.command for event in events if isinstance(event, RequestEvent)] == [
        "getInfo",
        *["clientPIN"] * 4,
        "makeCredential",
        "U2F register",
    ]
    asked = [event.ask for event in events if isinstance(event, AskEvent)]
    assert asked == [event.ask for event in key.trace if isinstance(event, AskEvent)]
    assert saved.records[0].at == 0
    began = next(iter(key.trace)).at
    for record, event in zip(saved.records, key.trace, strict=True):
        assert record.at == pytest.approx(event.at - began, abs=1e-5)


@pytest.mark.parametrize("how", ["saved", "written as it happens"])
def test_no_secret_is_in_a_file(tmp_path: Path, how: str) -> None:
    path = tmp_path / "run.ndjson"
    if how == "saved":
        traced = story()
        traced.key.trace.save(path)
    else:
        key = VirtualKey(seed=7)
        with key.trace.writing(path):
            traced = story(key)
    saved = load(path)
    text = path.read_text()
    carried = b"".join(
        # Continuation packets have 5 bytes before their data, others 7: without them, messages are whole again.
        event.data[5 if event.data[4] < 0x80 else 7 :]
        for event in (record.event for record in saved.records)
        if isinstance(event, PacketEvent)
    )
    for secret in traced.secrets:
        assert secret.hex() not in text
        assert secret not in carried
    assert PIN not in text
    assert "(redacted)" not in json.loads(text.splitlines()[2]).get("data", "")


def test_what_is_not_secret_stays_as_it_was(tmp_path: Path) -> None:
    key = story().key
    key.trace.save(tmp_path / "run.ndjson")
    saved = [record.event for record in load(tmp_path / "run.ndjson").records]
    changed = [
        (before, after)
        for before, after in zip(key.trace, saved, strict=True)
        if isinstance(before, PacketEvent) and isinstance(after, PacketEvent) and before.data != after.data
    ]
    assert changed
    for before, after in changed:
        assert before.data[:5] == after.data[:5]
        assert all(new in (old, 0) for old, new in zip(before.data, after.data, strict=True))
    registrations = [event.data for event in saved if isinstance(event, ResponseEvent) and event.command == 1]
    original = [event.data for event in key.trace if isinstance(event, ResponseEvent) and event.command == 1]
    assert len(registrations[0]) == len(original[0])
    assert registrations[0].rstrip(b"\0")[:-6] in original[0]


def _packets(*packets: bytes) -> list[bytes]:
    events = [PacketEvent(at=float(at), to_key=True, data=data) for at, data in enumerate(packets)]
    return [event.data for event in redacted(events) if isinstance(event, PacketEvent)]


def test_a_message_that_never_becomes_whole_is_hidden() -> None:
    secret = b"\x06" + bytes(range(1, 120))
    first, second, _ = split(9, Command.CBOR, secret)
    shown = _packets(first, second)
    assert shown[0] == first[:8] + bytes(56)
    assert shown[1] == second[:5] + bytes(59)
    # Another message begins in its place.
    shown = _packets(first, second, *split(9, Command.PING, b"hello"))
    assert shown[0] == first[:8] + bytes(56)
    assert b"hello" in shown[2]


def test_a_message_that_is_no_cbor_is_hidden_where_it_could_hold_a_pin() -> None:
    assert _packets(*split(9, Command.CBOR, b"\x06\xbf\x05\x41\x41\xff"))[0][7:13] == b"\x06" + bytes(5)
    assert _packets(*split(9, Command.CBOR, b"\x06\xa1\x05\x58"))[0][7:11] == b"\x06" + bytes(3)
    deep = b"\x06" + b"\x81" * 3000
    assert not any(_packets(*split(9, Command.CBOR, deep))[0][8:])
    assert (
        _packets(*split(9, Command.CBOR, b"\x01\xbf\x05\x41\x41\xff"))[0][7:13] == b"\x01\xbf\x05\x41\x41\xff"
    )


def test_a_continuation_without_its_beginning_is_hidden() -> None:
    _, second = split(9, Command.CBOR, b"\x06" + b"secret" * 15)
    assert _packets(second)[0] == second[:5] + bytes(59)


def test_keepalives_come_between_the_packets_of_a_message() -> None:
    longest = split(9, Command.CBOR, b"\x01" + b"x" * (MAX_MESSAGE_SIZE - 1))
    keepalive = split(9, Command.KEEPALIVE, b"\x02")
    assert _packets(longest[0], *keepalive, *longest[1:]) == [longest[0], *keepalive, *longest[1:]]


def test_several_keys_share_a_time_line(tmp_path: Path) -> None:
    one, other = VirtualKey("solo2"), VirtualKey("yubikey-5-nfc")
    Ctap2(one.ctap_device())
    Ctap2(other.ctap_device())
    one.trace.step("test", "the last")
    save(tmp_path / "both.ndjson", [one.trace, other.trace])
    saved = load(tmp_path / "both.ndjson")
    assert [each.name for each in saved.keys] == ["solo2", "yubikey-5-nfc"]
    assert saved.records[0].key == 0
    assert saved.records[-1].event == StepEvent(at=saved.records[-1].at, who="test", what="the last")
    assert {record.key for record in saved.records} == {0, 1}
    times = [record.at for record in saved.records]
    assert times == sorted(times)


@pytest.mark.parametrize("how", ["saved", "written as it happens"])
def test_a_step_that_concerns_several_keys_is_there_once(tmp_path: Path, how: str) -> None:
    path = tmp_path / "both.ndjson"
    one, other = VirtualKey("solo2"), VirtualKey("yubikey-5-nfc")

    def happen() -> None:
        shown = Step(who="browser", what="kClientPinEntry")
        for key in (one, other):
            key.trace.note(shown)
        other.trace.step("test", "its own")

    if how == "saved":
        happen()
        save(path, [one.trace, other.trace])
    else:
        with writing(path, one.trace, other.trace):
            happen()
    steps = [(each.key, each.event.what) for each in load(path).records if isinstance(each.event, StepEvent)]
    assert steps == [(None, "kClientPinEntry"), (1, "its own")]
    assert [event.what for event in one.trace.of("step") if isinstance(event, StepEvent)] == [
        "kClientPinEntry"
    ]


def test_a_trace_says_where_the_key_was_plugged_in(tmp_path: Path) -> None:
    key = VirtualKey("solo2")
    with key.plugged_in("udp") as port:
        key.unplug()
        key.plug_in()
        address = f"udp {port.path}"
    told = [(event.state, event.text) for event in key.trace.of("state") if isinstance(event, StateEvent)]
    assert told == [
        ("plugged in", f"on {address}"),
        ("unplugged", ""),
        ("plugged in", f"on {address}"),
        ("unplugged", f"from {address}"),
    ]
    key.trace.save(tmp_path / "run.ndjson")
    assert load(tmp_path / "run.ndjson").keys[0].where == address


def test_a_trace_is_written_as_it_happens(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    key = VirtualKey("solo2")
    with key.trace.writing(path):
        Ctap2(key.ctap_device())
        assert any(isinstance(record.event, ResponseEvent) for record in load(path).records)
        key.unplug()
    key.plug_in()
    states = [record.event.state for record in load(path).records if isinstance(record.event, StateEvent)]
    assert states == ["unplugged"]


def test_whatever_a_person_can_be_asked_is_read_back(tmp_path: Path) -> None:
    asks = [
        Presence(purpose=Purpose.RESET, rp_id="a.example", user_name="bob", hold=5),
        Verification(purpose=Purpose.LOG_IN, method="pin-pad", retries=3),
        AccountChoice(rp_id="a.example", accounts=("alice", "bob")),
        FingerSample(remaining=2),
        PinEntry(retries=7, new=True, wrong_before=True),
    ]
    trace = Trace()
    for at, ask in enumerate(asks):
        trace.add(AskEvent(at=float(at), ask=ask))
    trace.bug(9.0, ZeroDivisionError("a bug"))
    trace.save(tmp_path / "asks.ndjson")
    events = [record.event for record in load(tmp_path / "asks.ndjson").records]
    assert [event.ask for event in events if isinstance(event, AskEvent)] == asks
    assert isinstance(events[-1], StateEvent)
    assert "ZeroDivisionError: a bug" in events[-1].text


HEADER = '{"stuntkey trace": 1, "began": 0, "keys": [{"name": "key"}]}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"bad\.ndjson, line 1: not JSON"),
        ("hello", r"line 1: not JSON: Expecting value at column 1"),
        ("[]", "line 1: an event is an object, this is list"),
        ("{}", "line 1: not a trace of `stuntkey`"),
        ('{"stuntkey trace": 2}', "line 1: a trace of version 2; this stuntkey reads version 1"),
        ('{"stuntkey trace": 1}', "line 1: 'keys' is missing"),
        (HEADER + '{"at": 1, "kind": "state", "state": "x"}\n{"at": 1', "line 3: not JSON"),
        (HEADER + '{"kind": "state"}', "line 2: 'at' is missing"),
        (HEADER + '{"at": 1, "kind": "stat"}', "line 2: no kind of event is called 'stat'"),
        (HEADER + '{"at": 1, "kind": "packet", "to": "key", "data": "00"}', "line 2: a packet has 64 bytes"),
        (HEADER + '{"at": 1, "kind": "packet", "to": "us", "data": "%s"}' % ("00" * 64), "'us' is none of host, key"),
        (HEADER + '{"at": 1, "kind": "request", "channel": 1, "data": "0g"}', "line 2: non-hexadecimal"),
        (HEADER + '{"at": 1, "kind": "state", "state": "x", "key": 4}', "line 2: key 4 is not in the first line"),
        (HEADER + '{"at": 1, "kind": "ask", "ask": "Nothing"}', "line 2: no ask is called 'Nothing'"),
        (HEADER + '{"at": 1, "kind": "ask", "ask": "Presence"}', "line 2: .*purpose"),
        (HEADER + "[" * 100_000, "line 2: nested too deep"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.ndjson"
    path.write_text(text)
    with pytest.raises(SetupError, match=told) as error:
        load(path)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="No such file"):
        load(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match="it is not text"):
        load(tmp_path / "bytes")
    with pytest.raises(SetupError, match="cannot be written: No such file"):
        Trace().save(tmp_path / "none" / "there")


def test_writers_in_two_threads_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    trace = Trace()

    def steps(who: str) -> None:
        for number in range(200):
            trace.step(who, str(number))

    with trace.writing(path):
        threads = [threading.Thread(target=steps, args=(who,)) for who in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(load(path).records) == 400
