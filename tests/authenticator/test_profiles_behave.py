"""Where devices behave differently by their profile alone: quirks seen on real ones."""

from __future__ import annotations

from typing import Any

import pytest
from fido2.webauthn import AuthenticatorData

from authenticator import cbor
from authenticator.authenticator import Authenticator
from authenticator.environment import Environment, HandTurnedClock, SeededRandomness
from authenticator.operation import Operation
from authenticator.person import TOUCHED, VERIFIED, Presence, Purpose, Verification
from authenticator.profiles.loader import load_profile, profile_names
from authenticator.status import Status
from authenticator.store import MemoryStore

PLATFORMS = [name for name in profile_names() if load_profile(name).features.platform_device]


def device(name: str) -> Authenticator:
    return Authenticator(
        Environment(
            profile=load_profile(name),
            store=MemoryStore(),
            clock=HandTurnedClock(),
            random=SeededRandomness(name),
        )
    )


def make_credential(auth: Authenticator, **changes: Any) -> Operation:
    algorithms = [-7, -257]
    request: dict[int, Any] = {
        1: bytes(32),
        2: {"id": "example.com"},
        3: {"id": b"ann", "name": "ann"},
        4: [{"type": "public-key", "alg": algorithm} for algorithm in algorithms],
    }
    request |= {int(key[1:]): value for key, value in changes.items()}
    return auth.begin(b"\x01" + cbor.encode(request))


def finish(operation: Operation) -> bytes:
    while operation.ask is not None:
        operation.resume(VERIFIED if isinstance(operation.ask, Verification) else TOUCHED)
    assert operation.response is not None
    assert operation.bug is None
    return operation.response


def test_titan_refuses_to_blink_for_a_selection_without_protocol() -> None:
    refused = make_credential(device("titan"), _8=b"")
    assert refused.response == bytes([Status.MISSING_PARAMETER])
    asked = make_credential(device("titan"), _8=b"", _9=1)
    assert isinstance(asked.ask, Presence)
    assert asked.ask.purpose is Purpose.SELECT_KEY


UNSORTED = bytes.fromhex(
    "02a401716f6b782d6170702e6c6f63616c686f73740258203f8e5f6fb1fda242a5e88d6c4afca9e74c295dabdeff020555cb98e509309c87"
    "0381a262696458208cf1f357b15d56da249655005ea3a19832924172b81c9763e6c13bc7787eb83d64747970656a7075626c69632d6b6579"
    "05a2627576f5627570f5"
)
"""A getAssertion as Firefox 153 sends it to keys that verify by themselves and have no tokens: `uv` before `up`."""


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("feitian-biopass", Status.INVALID_OPTION),
        ("trezor", Status.INVALID_OPTION),
        ("reference", Status.INVALID_CBOR),
    ],
)
def test_some_keys_take_maps_that_are_not_sorted(name: str, status: Status) -> None:
    """Those who read it find that it asks for a finger or PIN, and that they have none yet."""
    assert finish(device(name).begin(UNSORTED)) == bytes([status])


@pytest.mark.parametrize("damaged", [UNSORTED + b"\0", UNSORTED.replace(b"buv", b"bup"), UNSORTED[:-1]])
def test_of_anything_else_they_are_as_strict_as_others(damaged: bytes) -> None:
    assert device("trezor").begin(damaged).response == bytes([Status.INVALID_CBOR])


@pytest.mark.parametrize("name", ["yubikey-5-nfc", "yubikey-5-nfc-5.4", "security-key-nfc", "nitrokey-3"])
def test_other_keys_blink_for_it(name: str) -> None:
    asked = make_credential(device(name), _8=b"")
    assert isinstance(asked.ask, Presence)
    assert asked.ask.purpose is Purpose.SELECT_KEY
    assert finish(asked) == bytes([Status.PIN_NOT_SET])


@pytest.mark.parametrize("name", PLATFORMS)
def test_platforms_and_providers_verify_their_user_and_tell_how_they_sync(name: str) -> None:
    auth = device(name)
    profile = auth.profile
    response = finish(make_credential(auth, _7={"uv": True}))
    assert response[0] == 0
    data = AuthenticatorData(cbor.decode(response[1:])[2])
    assert data.is_user_verified()
    flags = AuthenticatorData.FLAG(data.flags)
    assert bool(flags & AuthenticatorData.FLAG.BE) == profile.backup_eligible
    assert bool(flags & AuthenticatorData.FLAG.BS) == profile.backup_eligible
    assert (data.counter == 0) == (profile.counter.value == "zero")
    # Android's keystore alone keeps a credential it was not asked to keep out of its list.
    assert len(auth.store) == (name != "android-device-bound")


@pytest.mark.parametrize("name", [name for name in profile_names() if load_profile(name).features.ctap2])
def test_every_device_registers_with_the_first_algorithm_it_has(name: str) -> None:
    auth = device(name)
    verifies = "uv" in cbor.decode(auth.begin(b"\x04").response[1:])[4]  # type: ignore[index]
    options = {"uv": True} if verifies and auth.profile.features.platform_device else {}
    if auth.state.always_uv:
        assert finish(make_credential(auth)) == bytes([Status.PUAT_REQUIRED])
        return
    response = finish(make_credential(auth, _7=options))
    assert response[0] == 0
    answer = cbor.decode(response[1:])
    assert answer[1] == auth.profile.attestation.formats[0]
    data = AuthenticatorData(answer[2])
    assert data.credential_data is not None
    wanted = next(algorithm for algorithm in (-7, -257) if algorithm in auth.profile.algorithms)
    assert data.credential_data.public_key[3] == wanted
    limit = auth.profile.limits.max_credential_id_length
    assert limit is None or len(data.credential_data.credential_id) <= limit
