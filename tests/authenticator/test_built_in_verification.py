"""Built-in user verification (CTAP 2.3 §6.5.3.1): fingers, faces and pads, their retries, and the tokens they give."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from bench import ERR, PIN, Bench, MakeBench, is_token, refused, with_finger
from direct_device import CANCELS, NOTHING
from fido2 import cbor
from fido2.ctap2 import ClientPin
from fido2.ctap2.pin import PinProtocol, PinProtocolV2

from authenticator.person import DECLINED, NotRecognised, Pin, Verification, Verified
from authenticator.profiles.profile import UvMethod

P = ClientPin.PERMISSION
MC_GA = P.MAKE_CREDENTIAL | P.GET_ASSERTION
WRONG = "9876"


def test_a_recognised_finger_gives_a_token(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = with_finger(authenticator(), 3)
    bench.person.will(Verified(3))
    token = bench.client_pin(pin_protocol).get_uv_token(MC_GA, "example.com")
    assert is_token(bench, pin_protocol, token, P.MAKE_CREDENTIAL)
    [ask] = bench.person.asked
    assert isinstance(ask, Verification)
    assert (ask.method, ask.rp_id, ask.retries) == ("fingerprint", "example.com", 3)


def test_wrong_fingers_until_built_in_verification_is_blocked(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())  # its platform tries by itself: preferredPlatformUvAttempts is 3
    client = bench.client_pin()
    client.set_pin(PIN)
    for left, answer, code in (
        (2, NotRecognised(), ERR.UV_INVALID),
        (1, Verified(4), ERR.UV_INVALID),  # a finger, but not one that is enrolled
        (0, NotRecognised(), ERR.UV_BLOCKED),
    ):
        bench.person.will(answer)
        with refused(code):
            client.get_uv_token(P.GET_ASSERTION, "example.com")
        assert client.get_uv_retries() == left
    asked = len(bench.person.asked)
    with refused(ERR.UV_BLOCKED):
        client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert len(bench.person.asked) == asked  # nobody was asked
    bench.authenticator.power_cycle()
    assert client.get_uv_retries() == 0
    # The PIN opens it again.
    client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    assert client.get_uv_retries() == 3
    client.get_uv_token(P.GET_ASSERTION, "example.com")


def test_a_recognised_finger_gives_the_retries_back(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    client = bench.client_pin()
    for _ in range(3):
        bench.person.will(NotRecognised())
        with refused(ERR.UV_INVALID):
            client.get_uv_token(P.GET_ASSERTION, "example.com")
        client.get_uv_token(P.GET_ASSERTION, "example.com")
        assert client.get_uv_retries() == 3


def test_attempts_are_counted_until_the_pin_is_entered(authenticator: MakeBench) -> None:
    """uvCountSinceLastPinEntry, by which a platform may ask for the PIN lest it be forgotten."""
    bench = with_finger(authenticator())
    client = bench.client_pin()
    client.set_pin(PIN)
    client.get_uv_token(P.GET_ASSERTION, "example.com")
    bench.person.will(NotRecognised())
    with refused(ERR.UV_INVALID):
        client.get_uv_token(P.GET_ASSERTION, "example.com")
    bench.authenticator.power_cycle()
    assert bench.state.uv_count_since_pin == 2
    client.get_pin_token(PIN, P.GET_ASSERTION, "example.com")
    assert bench.state.uv_count_since_pin == 0


@pytest.mark.parametrize("attempts", [None, 1])
def test_internal_retries(authenticator: MakeBench, attempts: int | None) -> None:
    """A key whose platform does not retry asks again by itself, at most three times."""
    bench = with_finger(authenticator(limits={"preferred_platform_uv_attempts": attempts, "uv_retries": 8}))
    client = bench.client_pin()
    bench.person.will(NotRecognised(), NotRecognised())
    client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert client.get_uv_retries() == 8
    bench.person.will(*[NotRecognised()] * 3)
    with refused(ERR.UV_INVALID):
        client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert client.get_uv_retries() == 5
    assert len(bench.person.asked) == 6


@pytest.mark.parametrize(
    ("does", "code", "left"),
    [
        (NOTHING, ERR.USER_ACTION_TIMEOUT, 2),
        (CANCELS, ERR.KEEPALIVE_CANCEL, 3),
        (DECLINED, ERR.OPERATION_DENIED, 3),
    ],
    ids=["nothing", "cancels", "declines"],
)
def test_what_ends_built_in_verification(authenticator: MakeBench, does: Any, code: int, left: int) -> None:
    bench = with_finger(authenticator())
    client = bench.client_pin()
    bench.person.will(does)
    with refused(code):
        client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert client.get_uv_retries() == left


def test_a_plug_pulled_while_the_finger_is_read_saves_no_guess(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    client = bench.client_pin(PinProtocolV2())
    agreement, _ = client._get_shared_secret()
    bench.person.will(NOTHING)
    operation = bench.authenticator.begin(
        b"\x06" + cbor.encode({1: 2, 2: 6, 3: agreement, 9: 2, 10: "example.com"})
    )
    assert operation.ask is not None
    bench.authenticator.power_cycle()
    assert client.get_uv_retries() == 2


@pytest.mark.parametrize(
    ("permissions", "features", "code"),
    [
        (0, {}, ERR.INVALID_PARAMETER),
        (P.GET_ASSERTION, {}, ERR.MISSING_PARAMETER),
        (P.CREDENTIAL_MGMT, {"credential_management": False}, ERR.UNAUTHORIZED_PERMISSION),
        (P.BIO_ENROLL, {"uv_bio_enroll": False}, ERR.UNAUTHORIZED_PERMISSION),
        (P.LARGE_BLOB_WRITE, {"large_blobs": False}, ERR.UNAUTHORIZED_PERMISSION),
        (P.AUTHENTICATOR_CFG, {"uv_config": False}, ERR.UNAUTHORIZED_PERMISSION),
        (0x40, {"read_only_credential_management": False}, ERR.UNAUTHORIZED_PERMISSION),
        (0x41, {}, ERR.MISSING_PARAMETER),
        (0x44, {}, ERR.UNAUTHORIZED_PERMISSION),
    ],
)
def test_permissions_built_in_verification_does_not_give(
    authenticator: MakeBench, permissions: int, features: dict[str, Any], code: int
) -> None:
    bench = with_finger(authenticator(features=features))
    with refused(code):
        bench.client_pin().get_uv_token(P(permissions))
    assert not bench.person.asked


def test_built_in_verification_not_set_up_or_not_there(authenticator: MakeBench) -> None:
    bench = authenticator()
    with refused(ERR.NOT_ALLOWED):
        bench.client_pin().get_uv_token(P.GET_ASSERTION, "example.com")
    bench = authenticator(features={"user_verification": None, "bio_enrollment": False})
    with refused(ERR.INVALID_SUBCOMMAND):
        bench.client_pin().get_uv_token(P.GET_ASSERTION, "example.com")
    with refused(ERR.INVALID_SUBCOMMAND):
        bench.client_pin().get_uv_retries()


def test_a_blocked_pin_blocks_built_in_verification(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator(limits={"pin_retries": 1}))
    client = bench.client_pin()
    client.set_pin(PIN)
    with refused(ERR.PIN_BLOCKED):
        client.get_pin_token(WRONG, P.GET_ASSERTION, "example.com")
    with refused(ERR.UV_BLOCKED):
        client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert client.get_uv_retries() == 0
    assert not bench.person.asked


@pytest.mark.parametrize("method", [UvMethod.FACE, UvMethod.SCREEN_LOCK, UvMethod.FINGERPRINT])
def test_devices_that_were_set_up_elsewhere(authenticator: MakeBench, method: UvMethod) -> None:
    bench = authenticator(
        features={"user_verification": method, "bio_enrollment": False, "bio_enrollment_preview": False}
    )
    bench.person.will(Verified(7))
    bench.client_pin().get_uv_token(P.GET_ASSERTION, "example.com")
    bench.person.will(NotRecognised())
    with refused(ERR.UV_INVALID):
        bench.client_pin().get_uv_token(P.GET_ASSERTION, "example.com")


def pin_pad(authenticator: MakeBench, pin: str | None = PIN) -> Bench:
    bench = authenticator(
        features={
            "user_verification": UvMethod.PIN_PAD,
            "client_pin": False,
            "bio_enrollment": False,
            "bio_enrollment_preview": False,
        },
        limits={"pin_retries": 5, "preferred_platform_uv_attempts": 3},
    )
    if pin is not None:
        digest = hashlib.sha256(pin.encode()).digest()[:16]
        bench.authenticator.change_state(pin_hash=digest, pin_length=len(pin))
    return bench


def test_a_key_with_a_pad_of_its_own(authenticator: MakeBench) -> None:
    bench = pin_pad(authenticator)
    client = bench.client_pin()
    assert "clientPin" not in client.ctap.info.options
    bench.person.will(Pin(WRONG), Pin(PIN))
    with refused(ERR.UV_INVALID):
        client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert client.get_uv_retries() == 4
    client.get_uv_token(P.GET_ASSERTION, "example.com")
    assert client.get_uv_retries() == 5
    assert [ask.method for ask in bench.person.asked if isinstance(ask, Verification)] == ["pin-pad"] * 2


def test_a_pads_pin_is_blocked_by_wrong_ones(authenticator: MakeBench) -> None:
    bench = pin_pad(authenticator)
    client = bench.client_pin()
    bench.person.will(*[Pin(WRONG)] * 5)
    for left in (4, 3, 2, 1, 0):
        with refused(ERR.UV_INVALID if left else ERR.UV_BLOCKED):
            client.get_uv_token(P.GET_ASSERTION, "example.com")
        assert client.get_uv_retries() == bench.state.pin_retries == left
    with refused(ERR.UV_BLOCKED):
        client.get_uv_token(P.GET_ASSERTION, "example.com")


def test_a_pad_without_a_pin_verifies_nobody(authenticator: MakeBench) -> None:
    with refused(ERR.NOT_ALLOWED):
        pin_pad(authenticator, None).client_pin().get_uv_token(P.GET_ASSERTION, "example.com")
