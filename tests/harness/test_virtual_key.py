"""The key as users import it: time, plug, power, memory, trace."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from fido2.ctap import CtapError
from fido2.ctap1 import APDU, ApduError, Ctap1
from fido2.ctap2 import ClientPin, Ctap2
from fido2.ctap2.pin import PinProtocolV2
from fido2.hid import CtapHidDevice

from authenticator.environment import Tamper
from authenticator.person import PinEntry
from ctaphid.ports.udp import PROBE, PROBE_ANSWER
from harness import (
    LATER,
    HandTurnedClock,
    Person,
    Question,
    SetupError,
    VirtualKey,
    deny,
    ignore,
    touch,
    unplug,
)
from harness.trace import PacketEvent, StateEvent

RP = {"id": "example.com", "name": "Example"}
USER = {"id": b"user", "name": "ann"}
HASH = bytes(32)


def register(device: Any, *, rk: bool = True) -> bytes:
    response = Ctap2(device).make_credential(
        HASH, RP, USER, [{"type": "public-key", "alg": -7}], options={"rk": True} if rk else None
    )
    assert response.auth_data.credential_data is not None
    return bytes(response.auth_data.credential_data.credential_id)


def counter(device: Any, credential_id: bytes | None = None) -> int:
    allow = None if credential_id is None else [{"type": "public-key", "id": credential_id}]
    return Ctap2(device).get_assertion("example.com", HASH, allow).auth_data.counter


@pytest.fixture(params=["over the wire", "direct"])
def key_and_device(request: pytest.FixtureRequest) -> tuple[VirtualKey, Any]:
    key = VirtualKey(clock=HandTurnedClock())
    return key, key.ctap_device() if request.param == "over the wire" else key.direct_device()


# Time and the person


def test_time_jumps_with_a_hand_turned_clock(key_and_device: tuple[VirtualKey, Any]) -> None:
    key, device = key_and_device
    key.person.will(touch(after=12.5))
    before = key.clock.monotonic()
    register(device)
    assert key.clock.monotonic() == pytest.approx(before + 12.5, abs=0.2)


def test_whoever_is_ignored_times_out(key_and_device: tuple[VirtualKey, Any]) -> None:
    key, device = key_and_device
    key.person.will(ignore())
    before = key.clock.monotonic()
    with pytest.raises(CtapError) as refused:
        register(device)
    assert refused.value.code == CtapError.ERR.USER_ACTION_TIMEOUT
    assert key.clock.monotonic() - before >= 10
    register(device)  # the habit is willing again


def test_a_denial_is_told(key_and_device: tuple[VirtualKey, Any]) -> None:
    key, device = key_and_device
    key.person.will(deny())
    with pytest.raises(CtapError) as refused:
        register(device)
    assert refused.value.code == CtapError.ERR.OPERATION_DENIED


def test_the_host_may_cancel(key_and_device: tuple[VirtualKey, Any]) -> None:
    key, device = key_and_device
    key.person.habit = "ignoring"
    event = threading.Event()
    with pytest.raises(CtapError) as refused:
        Ctap2(device).make_credential(
            HASH,
            RP,
            USER,
            [{"type": "public-key", "alg": -7}],
            event=event,
            on_keepalive=lambda _: event.set(),
        )
    assert refused.value.code == CtapError.ERR.KEEPALIVE_CANCEL


def test_real_time_waits_for_a_live_answer() -> None:
    asked: list[Question] = []

    def on_ask(question: Question) -> Any:
        asked.append(question)
        threading.Thread(target=lambda: question.answer(touch())).start()
        return LATER

    key = VirtualKey(person=Person(on_ask=on_ask))
    for device in (key.ctap_device(), key.direct_device()):
        register(device)
    assert len(asked) == 2


def test_a_live_answer_is_waited_for_with_a_hand_turned_clock_too() -> None:
    asked = threading.Event()
    questions: list[Question] = []

    def on_ask(question: Question) -> Any:
        questions.append(question)
        asked.set()
        return LATER

    def answer() -> None:
        asked.wait(10)
        questions[0].answer(touch())

    key = VirtualKey(clock=HandTurnedClock(), person=Person(on_ask=on_ask))
    helper = threading.Thread(target=answer)
    helper.start()
    register(key.direct_device())
    helper.join()


# Plug and power


def test_unplugged_in_the_middle(key_and_device: tuple[VirtualKey, Any]) -> None:
    key, device = key_and_device
    key.person.will(unplug(after=1))
    with pytest.raises(OSError, match="plugged"):
        register(device)
    assert not key.is_plugged_in
    assert key.credentials == ()
    with pytest.raises(OSError, match="plugged"):
        key.open_connection()
    key.plug_in()
    register(key.ctap_device())


def test_a_power_cycle_drops_what_is_under_way_and_keeps_connections() -> None:
    key = VirtualKey(clock=HandTurnedClock())
    device = key.ctap_device()
    for user in (b"1", b"2"):
        Ctap2(device).make_credential(
            HASH, RP, {"id": user, "name": "n"}, [{"type": "public-key", "alg": -7}], options={"rk": True}
        )
    assert Ctap2(device).get_assertion("example.com", HASH).number_of_credentials == 2
    key.power_cycle()
    with pytest.raises(CtapError) as refused:
        Ctap2(device).get_next_assertion()
    assert refused.value.code == CtapError.ERR.NOT_ALLOWED


@pytest.mark.parametrize("over_the_wire", [True, False])
def test_a_power_cycle_ends_a_request_that_waits_for_the_person(over_the_wire: bool) -> None:
    key = VirtualKey(person=Person(on_ask=lambda question: LATER if not ended else None))
    ended: list[CtapError] = []
    device: Any = key.ctap_device() if over_the_wire else key.direct_device()

    def wait_for_the_person() -> None:
        with pytest.raises(CtapError) as refused:
            register(device)
        ended.append(refused.value)

    waiting = threading.Thread(target=wait_for_the_person)
    waiting.start()
    while not key.person.record:
        waiting.join(0.001)
    key.power_cycle()
    waiting.join(10)
    assert [each.code for each in ended] == [CtapError.ERR.KEEPALIVE_CANCEL]
    register(device)


def test_many_programs_at_once() -> None:
    """Wire and direct, with a person who takes a moment: every request is answered, and none twice."""
    key = VirtualKey(trace_size=0)
    rounds, failures = 15, []

    def work(device: Any) -> None:
        try:
            for _ in range(rounds):
                register(device, rk=False)
        except Exception as failure:  # told below, in the test's own thread
            failures.append(failure)

    key.person.will(*(touch(after=0.001 * (n % 3)) for n in range(4 * rounds)))
    devices = [key.ctap_device(), key.ctap_device(), key.direct_device(), key.direct_device()]
    programs = [threading.Thread(target=work, args=(device,)) for device in devices]
    for program in programs:
        program.start()
    for program in programs:
        program.join(60)
    assert failures == []
    assert key.store.counter(None) == 4 * rounds
    key.raise_bugs()


def test_two_clients_take_turns() -> None:
    """A request that does not come over the wire waits until the wire's is answered."""
    asked = threading.Event()
    questions: list[Question] = []

    def on_ask(question: Question) -> Any:
        if questions:
            return None
        questions.append(question)
        asked.set()
        return LATER

    key = VirtualKey(person=Person(on_ask=on_ask))
    wire = threading.Thread(target=register, args=(key.ctap_device(),))
    wire.start()
    assert asked.wait(10)
    direct = threading.Thread(target=register, args=(key.direct_device(),))
    direct.start()
    assert questions[0].answer(touch())
    wire.join(10)
    direct.join(10)
    assert not wire.is_alive()
    assert not direct.is_alive()
    assert key.engine.authenticator.store.counter(None) == 2


# U2F


def test_u2f_is_polled_until_the_touch() -> None:
    clock = HandTurnedClock()
    key = VirtualKey(clock=clock)
    u2f = Ctap1(key.ctap_device())
    key.person.will(touch(after=3))
    for _ in range(3):
        with pytest.raises(ApduError) as refused:
            u2f.register(HASH, HASH)
        assert refused.value.code == APDU.USE_NOT_SATISFIED
        clock.advance(1)
    registration = u2f.register(HASH, HASH)
    registration.verify(HASH, HASH)
    assert len(key.person.record) == 1, "asked once, however often it was polled"
    u2f.authenticate(HASH, HASH, registration.key_handle).verify(HASH, HASH, registration.public_key)
    key.person.will(deny())
    for _ in range(3):
        with pytest.raises(ApduError) as refused:
            u2f.authenticate(HASH, HASH, registration.key_handle)
        assert refused.value.code == APDU.USE_NOT_SATISFIED
        clock.advance(1)
    clock.advance(10)  # that host gave up; the next one finds the person willing
    u2f.authenticate(HASH, HASH, registration.key_handle)


def test_a_touch_counts_for_a_poll_a_few_seconds_later_and_no_longer() -> None:
    clock = HandTurnedClock()
    key = VirtualKey(clock=clock)
    u2f = Ctap1(key.direct_device())
    for later, still_counts in ((5, True), (60, False)):
        key.person.will(touch(after=1), ignore())
        with pytest.raises(ApduError):
            u2f.register(HASH, HASH)
        clock.advance(1 + later)
        if still_counts:
            u2f.register(HASH, HASH)
            key.person.forget_script()
        else:
            with pytest.raises(ApduError):
                u2f.register(HASH, HASH)


# Memory


def test_the_same_seed_gives_the_same_ids_and_keys() -> None:
    ids = [
        register(VirtualKey(seed=7, clock=HandTurnedClock()).direct_device(), rk=rk)
        for rk in (True, False) * 2
    ]
    assert ids[:2] == ids[2:]
    assert register(VirtualKey(seed=8, clock=HandTurnedClock()).direct_device()) != ids[0]


def test_a_clone_has_the_clones_counter() -> None:
    key = VirtualKey()
    credential_id = register(key.direct_device())
    clone = VirtualKey.restore(key.snapshot())
    assert counter(key.direct_device(), credential_id) == counter(clone.direct_device(), credential_id)
    assert [each.id for each in clone.credentials] == [credential_id]


def test_a_key_in_a_file_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "key.db"
    with VirtualKey(store=path, seed=1) as key:
        first = register(key.direct_device())
    with VirtualKey(store=path, seed=1) as key:
        assert [each.id for each in key.credentials] == [first]
        second = Ctap2(key.direct_device()).make_credential(
            HASH, RP, {"id": b"bob"}, [{"type": "public-key", "alg": -7}], options={"rk": True}
        )
        assert second.auth_data.counter == 2
        assert len(key.credentials) == 2, "the same seed did not draw the same id again"
        with pytest.raises(SetupError, match=r"key\.db"):
            VirtualKey(store=path)


# Trace and bugs


def test_the_trace_tells_the_story_without_secrets() -> None:
    key = VirtualKey(clock=HandTurnedClock())
    pin = "correct horse 2468"
    device = key.ctap_device()
    ClientPin(Ctap2(device)).set_pin(pin)
    token = ClientPin(Ctap2(device)).get_pin_token(pin, ClientPin.PERMISSION.MAKE_CREDENTIAL, "example.com")
    key.person.will(touch(after=1))
    response = Ctap2(device).make_credential(
        HASH,
        RP,
        USER,
        [{"type": "public-key", "alg": -7}],
        extensions={"largeBlobKey": True},
        options={"rk": True},
        pin_uv_param=PinProtocolV2().authenticate(token, HASH),
        pin_uv_protocol=2,
    )
    key.engine.ask_and_wait(PinEntry())
    key.person.pin = pin
    key.engine.ask_and_wait(PinEntry())
    assert [event.kind for event in key.trace if event.kind != "packet"][-8:] == [
        "request",
        "ask",
        "answer",
        "response",
        *("ask", "answer") * 2,
    ]
    told = key.trace.to_json()
    assert [each["command"] for each in told if each["kind"] == "request"][-1] == "makeCredential"
    assert [each["status"] for each in told if each["kind"] == "response"][-1] == "SUCCESS"
    assert [each["answer"] for each in told if each["kind"] == "answer"] == ["touched", "declined", "a PIN"]
    decoded = json.dumps([each for each in told if each["kind"] != "packet"])
    assert response.large_blob_key is not None
    for secret in (pin, pin.encode().hex(), token.hex(), response.large_blob_key.hex()):
        assert secret not in decoded
        assert secret not in repr(list(key.trace))


def test_the_trace_is_a_ring() -> None:
    key = VirtualKey(trace_size=10)
    device = key.ctap_device()
    for _ in range(5):
        Ctap2(device)
    assert len(key.trace) == 10
    assert key.trace.dropped > 0
    assert isinstance(key.trace[-1], PacketEvent)
    silent = VirtualKey(trace_size=0)
    Ctap2(silent.ctap_device())
    assert len(silent.trace) == 0


class _Faulty(Tamper):
    def authenticator_data(self, data: bytes) -> bytes:
        raise ZeroDivisionError("a bug inside")


def test_a_bug_inside_is_told_to_the_host_as_0x7f_and_surfaces_here() -> None:
    key = VirtualKey(tamper=_Faulty())
    for device in (key.ctap_device(), key.direct_device()):
        with pytest.raises(CtapError) as refused:
            register(device)
        assert refused.value.code == CtapError.ERR.OTHER
        bug = key.trace.of("state")[-1]
        assert isinstance(bug, StateEvent)
        assert "ZeroDivisionError: a bug inside" in bug.text
    with pytest.raises(ZeroDivisionError, match="a bug inside"), key:
        Ctap2(key.direct_device()).get_info()


# Set-up


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"profile": "referense"}, "reference"),
        ({"pin": "1"}, "4 to 63"),
        ({"pin": "1234", "fingers": ["f"] * 99}, "has room for"),
        ({"fingers": ["thumb"]}, "give pin= too"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(SetupError, match=said) as told:
        VirtualKey(**arguments)
    assert "\n" not in str(told.value)


def test_an_unknown_port_is_refused() -> None:
    with pytest.raises(SetupError, match="mock, udp, uhid"):
        VirtualKey().plugged_in("bluetooth")


def test_plugged_into_udp() -> None:
    key = VirtualKey()
    with key.plugged_in("udp") as port:
        host, number = port.path.rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.sendto(PROBE, (host, int(number)))
            assert client.recv(64) == PROBE_ANSWER


def test_the_device_says_what_the_profile_is() -> None:
    key = VirtualKey(serial="42")
    device = key.ctap_device()
    assert isinstance(device, CtapHidDevice)
    assert (device.descriptor.vid, device.product_name, device.serial_number) == (
        key.profile.usb.vendor_id,
        key.profile.usb.product,
        "42",
    )
    assert device.device_version == key.profile.usb.device_version
    device.wink()
    assert key.engine.winks == 1
