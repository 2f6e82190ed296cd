"""authenticatorClientPIN, driven by python-fido2's client and, where that is too well-behaved, by raw requests."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from bench import ERR, PIN, Bench, MakeBench, refused, with_finger
from fido2.ctap2 import ClientPin
from fido2.ctap2.pin import PinProtocol, PinProtocolV2

from authenticator.pin.stored import is_simple

P = ClientPin.PERMISSION
WRONG = "9876"


def wrong_pin(bench: Bench, code: int = ERR.PIN_INVALID, protocol: PinProtocol | None = None) -> None:
    with refused(code):
        bench.client_pin(protocol).get_pin_token(WRONG, P.GET_ASSERTION, "example.com")


# Setting and changing


def test_a_pin_is_set_and_changed(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    assert bench.ctap.info.options["clientPin"] is True
    client.change_pin(PIN, "56789")
    client.get_pin_token("56789", P.GET_ASSERTION, "example.com")
    wrong_pin(bench, protocol=pin_protocol)
    with refused(ERR.PIN_INVALID):
        client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")


def test_a_pin_that_is_set_is_not_set_again(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    bench.client_pin(pin_protocol).set_pin(PIN)
    with refused(ERR.PIN_AUTH_INVALID):
        bench.client_pin(pin_protocol).set_pin("56789")
    bench.client_pin(pin_protocol).get_pin_token(PIN, P.GET_ASSERTION, "example.com")


def test_without_a_pin_there_is_nothing_to_change_or_give(authenticator: MakeBench) -> None:
    bench = authenticator()
    with refused(ERR.PIN_NOT_SET):
        bench.client_pin().change_pin(PIN, "56789")
    with refused(ERR.PIN_NOT_SET):
        bench.client_pin().get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    assert bench.client_pin().get_pin_retries() == (8, False)


@pytest.mark.parametrize(
    ("pin", "accepted"),
    [
        ("123", False),
        ("1234", True),
        ("äöü", False),  # six bytes, yet three code points
        ("äöüß", True),
        ("🔑🔑🔑🔑", True),
        ("1" * 63, True),
        ("ä" * 31, True),
    ],
)
def test_a_pins_length_is_counted_in_code_points(authenticator: MakeBench, pin: str, accepted: bool) -> None:
    bench = authenticator()
    if accepted:
        bench.client_pin().set_pin(pin)
        bench.client_pin().get_pin_token(pin, P.GET_ASSERTION, "example.com")
        assert bench.state.pin_length == len(pin)
    else:
        with refused(ERR.PIN_POLICY_VIOLATION):
            set_padded(bench, pin.encode())
        assert bench.state.pin_hash is None


def set_padded(bench: Bench, pin: bytes, size: int = 64, **others: Any) -> None:
    """setPIN with what python-fido2 would not send."""
    client = bench.client_pin(PinProtocolV2())
    agreement, secret = client._get_shared_secret()
    encrypted = client.protocol.encrypt(secret, pin.ljust(size, b"\0"))
    request: dict[str, Any] = {
        "key_agreement": agreement,
        "new_pin_enc": encrypted,
        "pin_uv_param": client.protocol.authenticate(secret, encrypted),
    }
    bench.ctap.client_pin(2, ClientPin.CMD.SET_PIN, **(request | others))


@pytest.mark.parametrize(
    ("pin", "size", "code"),
    [
        (b"1" * 64, 64, ERR.PIN_POLICY_VIOLATION),
        ("ä".encode() * 32, 64, ERR.PIN_POLICY_VIOLATION),
        (b"1234\xff\xfe", 64, ERR.PIN_POLICY_VIOLATION),
        (b"1234", 32, ERR.INVALID_PARAMETER),
        (b"1234", 128, ERR.INVALID_PARAMETER),
    ],
    ids=["64 bytes", "64 bytes of 32 code points", "not UTF-8", "padded to 32", "padded to 128"],
)
def test_a_malformed_new_pin_is_refused(authenticator: MakeBench, pin: bytes, size: int, code: int) -> None:
    bench = authenticator()
    with refused(code):
        set_padded(bench, pin, size)
    assert bench.state.pin_hash is None


def test_a_tampered_new_pin_is_refused(authenticator: MakeBench) -> None:
    with refused(ERR.PIN_AUTH_INVALID):
        set_padded(authenticator(), b"1234", pin_uv_param=bytes(32))


def test_a_tampered_change_is_refused(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    agreement, secret = client._get_shared_secret()
    pin_hash_enc = pin_protocol.encrypt(secret, hashlib.sha256(PIN.encode()).digest()[:16])
    new_pin_enc = pin_protocol.encrypt(secret, b"56789".ljust(64, b"\0"))
    with refused(ERR.PIN_AUTH_INVALID):
        bench.ctap.client_pin(
            pin_protocol.VERSION,
            ClientPin.CMD.CHANGE_PIN,
            key_agreement=agreement,
            pin_hash_enc=pin_hash_enc,
            new_pin_enc=new_pin_enc,
            pin_uv_param=pin_protocol.authenticate(secret, new_pin_enc),
        )
    assert client.get_pin_retries() == (8, False)
    client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")


def test_a_longest_pin_of_the_device(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"max_pin_length": 8})
    with refused(ERR.PIN_POLICY_VIOLATION):
        bench.client_pin().set_pin("123456789")
    bench.client_pin().set_pin("12345678")


@pytest.mark.parametrize("simple", ["1111", "1234", "8765", "112233", "PASSWORD"])
def test_the_complexity_policy_refuses_simple_pins(authenticator: MakeBench, simple: str) -> None:
    assert is_simple(simple)
    bench = authenticator()
    bench.authenticator.change_state(pin_complexity_policy=True)
    with refused(ERR.PIN_POLICY_VIOLATION):
        bench.client_pin().set_pin(simple)
    bench.client_pin().set_pin("2741")


# Lockout


def test_wrong_pins_lead_to_a_power_cycle_and_in_the_end_to_a_reset(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    expected = [
        (7, ERR.PIN_INVALID), (6, ERR.PIN_INVALID), (5, ERR.PIN_AUTH_BLOCKED),
        (4, ERR.PIN_INVALID), (3, ERR.PIN_INVALID), (2, ERR.PIN_AUTH_BLOCKED),
        (1, ERR.PIN_INVALID), (0, ERR.PIN_BLOCKED),
    ]  # fmt: skip
    for left, code in expected:
        wrong_pin(bench, code, pin_protocol)
        needs_power = code == ERR.PIN_AUTH_BLOCKED
        assert client.get_pin_retries() == (left, needs_power)
        if needs_power:
            # The right PIN does not help, and costs nothing.
            for attempt in (PIN, WRONG):
                with refused(ERR.PIN_AUTH_BLOCKED):
                    client.get_pin_token(attempt, P.GET_ASSERTION, "example.com")
            with refused(ERR.PIN_AUTH_BLOCKED):
                client.change_pin(PIN, "56789")
            assert client.get_pin_retries() == (left, True)
            bench.authenticator.power_cycle()
    for _ in range(2):
        for call in (
            lambda: client.get_pin_token(PIN, P.GET_ASSERTION, "example.com"),
            lambda: client.get_pin_token(PIN),
            lambda: client.change_pin(PIN, "56789"),
        ):
            with refused(ERR.PIN_BLOCKED):
                call()
        bench.authenticator.power_cycle()
    bench.ctap.reset()
    assert client.get_pin_retries() == (8, False)
    client.set_pin("56789")


def test_the_right_pin_gives_all_retries_back(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    for _ in range(5):
        wrong_pin(bench)
        wrong_pin(bench)
        assert client.get_pin_retries() == (6, False)
        client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")
        assert client.get_pin_retries() == (8, False)


def test_wrong_pins_of_every_subcommand_count_alike(authenticator: MakeBench) -> None:
    bench = authenticator()
    client = bench.client_pin()
    client.set_pin(PIN)
    with refused(ERR.PIN_INVALID):
        client.change_pin(WRONG, "56789")
    with refused(ERR.PIN_INVALID):
        client.get_pin_token(WRONG)
    with refused(ERR.PIN_AUTH_BLOCKED):
        client.get_pin_token(WRONG, P.GET_ASSERTION, "example.com")


def test_the_retry_is_spent_before_the_pin_is_compared(authenticator: MakeBench) -> None:
    """What is in the store counts, should the plug be pulled while the key compares."""
    bench = authenticator()
    bench.client_pin().set_pin(PIN)
    seen: list[int] = []
    store, save = bench.authenticator.store, bench.authenticator.store.save_device

    def watch(state: Any) -> None:
        save(state)
        seen.append(state.pin_retries)

    store.save_device = watch  # type: ignore[method-assign]
    bench.client_pin().get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    assert seen == [7, 8]
    wrong_pin(bench)
    assert seen == [7, 8, 7]


def test_a_wrong_pin_changes_the_key_agreement_key(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    bench.client_pin().set_pin(PIN)

    def agreement(number: int) -> Any:
        return bench.ctap.client_pin(number, ClientPin.CMD.GET_KEY_AGREEMENT)[1]

    other = 3 - pin_protocol.VERSION
    before = {number: agreement(number) for number in (1, 2)}
    assert before[1] != before[2]
    bench.client_pin(pin_protocol).get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    assert {number: agreement(number) for number in (1, 2)} == before
    wrong_pin(bench, protocol=pin_protocol)
    assert agreement(pin_protocol.VERSION) != before[pin_protocol.VERSION]
    assert agreement(other) == before[other]
    bench.authenticator.power_cycle()
    assert agreement(other) != before[other]


def test_a_pin_hash_that_cannot_be_decrypted_is_a_wrong_pin(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    agreement, _ = client._get_shared_secret()
    with refused(ERR.PIN_INVALID):
        bench.ctap.client_pin(
            pin_protocol.VERSION,
            ClientPin.CMD.GET_TOKEN_USING_PIN_LEGACY,
            key_agreement=agreement,
            pin_hash_enc=bytes(15),
        )
    assert client.get_pin_retries() == (7, False)


# A forced change


def test_a_forced_change(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    client = bench.client_pin(pin_protocol)
    client.set_pin(PIN)
    bench.authenticator.change_state(force_pin_change=True)
    with refused(ERR.PIN_POLICY_VIOLATION):
        client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    with refused(ERR.PIN_INVALID):  # as §6.5.5.7.1 step 11 wants it of the superseded subcommand
        client.get_pin_token(PIN)
    assert client.get_pin_retries() == (8, False)
    with refused(ERR.PIN_POLICY_VIOLATION):
        client.change_pin(PIN, PIN)
    client.change_pin(PIN, "56789")
    assert bench.state.force_pin_change is False
    client.get_pin_token("56789", P.GET_ASSERTION, "example.com")


# Requests no client of python-fido2's would send


@pytest.mark.parametrize(
    ("sub_command", "request_", "code"),
    [
        (0x02, {}, ERR.MISSING_PARAMETER),
        (0x02, {"pin_uv_auth_protocol": 3}, ERR.INVALID_PARAMETER),
        (0x03, {"pin_uv_auth_protocol": 2}, ERR.MISSING_PARAMETER),
        (0x04, {"pin_uv_auth_protocol": 2}, ERR.MISSING_PARAMETER),
        (0x05, {"pin_uv_auth_protocol": 2}, ERR.MISSING_PARAMETER),
        (0x06, {"pin_uv_auth_protocol": 2}, ERR.MISSING_PARAMETER),
        (0x09, {"pin_uv_auth_protocol": 2}, ERR.MISSING_PARAMETER),
        (0x08, {}, ERR.INVALID_SUBCOMMAND),
        (0x00, {}, ERR.INVALID_SUBCOMMAND),
        (-1, {}, ERR.INVALID_SUBCOMMAND),
        ("1", {}, ERR.CBOR_UNEXPECTED_TYPE),
        (0x02, {"pin_uv_auth_protocol": -2}, ERR.CBOR_UNEXPECTED_TYPE),
    ],
)
def test_incomplete_requests(
    authenticator: MakeBench, sub_command: Any, request_: dict[str, Any], code: int
) -> None:
    bench = authenticator()
    bench.client_pin().set_pin(PIN)
    with refused(code):
        bench.ctap.client_pin(request_.get("pin_uv_auth_protocol"), sub_command)  # type: ignore[arg-type]


def test_a_request_without_subcommand(authenticator: MakeBench) -> None:
    assert authenticator().send(b"\x06\xa1\x01\x02") == bytes((ERR.MISSING_PARAMETER,))


@pytest.mark.parametrize(
    "spoilt",
    [{1: 3}, {3: -7}, {-1: 2}, {-2: bytes(31)}, {-3: b"\x01" * 32}],
    ids=["kty", "alg", "crv", "short x", "off the curve"],
)
def test_a_spoilt_key_agreement_key(authenticator: MakeBench, spoilt: dict[int, Any]) -> None:
    bench = authenticator()
    client = bench.client_pin(PinProtocolV2())
    client.set_pin(PIN)
    agreement, _ = client._get_shared_secret()
    with refused(ERR.INVALID_PARAMETER):
        bench.ctap.client_pin(
            2,
            ClientPin.CMD.GET_TOKEN_USING_PIN,
            key_agreement={**agreement, **spoilt},
            pin_hash_enc=bytes(32),
            permissions=P.CREDENTIAL_MGMT,
        )
    assert client.get_pin_retries() == (8, False)


def test_a_key_without_client_pin(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator(features={"client_pin": False}))
    for sub_command in (0x01, 0x03, 0x04, 0x05, 0x09):
        with refused(ERR.INVALID_SUBCOMMAND):
            bench.ctap.client_pin(2, sub_command)
    bench.client_pin().get_uv_token(P.GET_ASSERTION, "example.com")
    without_both = {"client_pin": False, "user_verification": None, "bio_enrollment": False}
    bench = authenticator(features=without_both, extensions=frozenset())
    assert bench.send(b"\x06\xa1\x02\x01") == bytes((ERR.INVALID_COMMAND,))


def test_a_key_with_neither_pin_nor_token_agrees_on_keys_for_hmac_secret(authenticator: MakeBench) -> None:
    bench = authenticator("trezor")
    assert bench.ctap.client_pin(1, ClientPin.CMD.GET_KEY_AGREEMENT)[1][3] == -25
    for sub_command in (0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x09):
        with refused(ERR.INVALID_SUBCOMMAND):
            bench.ctap.client_pin(1, sub_command)
