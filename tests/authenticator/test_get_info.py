"""authenticatorGetInfo (CTAP 2.3 §6.4): every member, and what the versions promise (§9)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from bench import ERR, Bench, MakeBench, make_bench, with_finger, with_overrides
from ceremonies import register, token, with_pin
from direct_device import NOTHING
from fido2.ctap2 import Info

from authenticator import cbor
from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Quirk, UvMethod
from authenticator.versions import missing_for


def members(bench: Bench) -> dict[int, Any]:
    response = bench.send(b"\x04")
    assert response[0] == 0
    return dict(cbor.decode(response[1:]))


def test_the_reference_has_every_member(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    token(bench, 0x40, None)  # encIdentifier and encCredStoreState are there for who can read them
    assert sorted(members(bench)) == list(range(0x01, 0x20))


def test_python_fido2_reads_every_member(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    token(bench, 0x40, None)
    got = members(bench)
    info = Info.from_dict(got)
    for key, field in enumerate(fields(Info), start=1):
        value = getattr(info, field.name)
        assert (bytes(value) if key == 3 else value) == got[key], field.name


def test_options_are_absent_false_or_true(authenticator: MakeBench) -> None:
    bench = authenticator()
    states = {name: value for name, value in members(bench)[4].items() if not value}
    assert set(states) == {"ep", "uv", "alwaysUv", "clientPin", "bioEnroll", "userVerificationMgmtPreview"}
    with_pin(with_finger(bench))
    bench.authenticator.change_state(enterprise_attestation=True, always_uv=True)
    options = members(bench)[4]
    assert {name for name, value in options.items() if not value} == {"makeCredUvNotRqd"}
    bare = members(authenticator("u2f-key", features={"ctap2": True}))[4]
    assert bare.keys() <= {"rk", "up", "plat"}
    assert bare["rk"] is False


def test_members_follow_the_state(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    register(bench)
    before = members(bench)
    bench.authenticator.change_state(
        min_pin_length=8, force_pin_change=True, pin_complexity_policy=True, long_touch_for_reset=True
    )
    after = members(bench)
    assert {key: after[key] for key in after if before[key] != after[key]} == {
        0x0C: True,
        0x0D: 8,
        0x18: True,
        0x1B: True,
    }


def test_room_for_passkeys_shrinks(authenticator: MakeBench) -> None:
    bench = authenticator()
    assert members(bench)[0x14] == 100
    register(bench, resident=True)
    register(bench)
    assert members(bench)[0x14] == 99


def test_verifications_are_counted_until_the_pin_is_entered(authenticator: MakeBench) -> None:
    bench = with_pin(with_finger(authenticator()))
    for expected in (1, 2):
        register(bench, options={"uv": True})
        assert members(bench)[0x17] == expected
    token(bench, 1)
    assert members(bench)[0x17] == 0


def test_old_firmware_leaves_members_out(authenticator: MakeBench) -> None:
    bench = authenticator(get_info_members=("extensions", "options", "maxMsgSize"))
    assert sorted(members(bench)) == [1, 2, 3, 4, 5]


def test_a_key_that_blinks_for_get_info(authenticator: MakeBench) -> None:
    bench = authenticator(quirks=frozenset({Quirk.TOUCH_FOR_GET_INFO}))
    members(bench)
    assert len(bench.person.asked) == 1
    bench.person.will(NOTHING)
    assert bench.send(b"\x04") == bytes((ERR.USER_ACTION_TIMEOUT,))


@pytest.mark.parametrize("method", list(UvMethod))
def test_every_method_of_verification_has_its_modality(authenticator: MakeBench, method: UvMethod) -> None:
    assert members(authenticator(features={"user_verification": method}))[0x12] > 0


# Versions


def missing(version: str, **overrides: Any) -> list[str]:
    return missing_for(version, with_overrides(load_profile("reference"), overrides))


@pytest.mark.parametrize("version", ["U2F_V2", "FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1", "FIDO_2_3"])
def test_the_reference_may_claim_every_version(version: str) -> None:
    assert missing(version) == []


def test_no_device_may_claim_a_version_that_was_never_defined() -> None:
    (phrase,) = missing("FIDO_2_2")
    assert "forbids FIDO_2_2" in phrase
    (phrase,) = missing("FIDO_3_0")
    assert "FIDO_2_3" in phrase


@pytest.mark.parametrize(
    ("version", "overrides", "phrase"),
    [
        ("U2F_V2", {"features": {"u2f": False}}, "u2f"),
        ("FIDO_2_0", {"features": {"ctap2": False}}, "ctap2"),
        (
            "FIDO_2_1_PRE",
            {"features": {"bio_enrollment_preview": False, "credential_management_preview": False}},
            "bio_enrollment_preview or credential_management_preview",
        ),
        ("FIDO_2_1", {"extensions": frozenset({"credProtect"})}, "the extension hmac-secret"),
        (
            "FIDO_2_1",
            {"extensions": frozenset({"hmac-secret"})},
            "the extension credProtect (as it verifies users)",
        ),
        (
            "FIDO_2_1",
            {"features": {"client_pin": False, "user_verification": None}},
            "client_pin or user_verification (as it has resident_keys)",
        ),
        (
            "FIDO_2_1",
            {"features": {"credential_management": False}},
            "credential_management (as it has resident_keys)",
        ),
        ("FIDO_2_1", {"features": {"pin_uv_auth_token": False}}, "pin_uv_auth_token (as it verifies users)"),
        ("FIDO_2_1", {"pin_protocols": (1,)}, "PIN protocol 2 (as it has pin_uv_auth_token)"),
        ("FIDO_2_1", {"features": {"selection": False}}, "selection"),
        (
            "FIDO_2_1",
            {"features": {"set_min_pin_length": False}},
            "set_min_pin_length (as it has the extension minPinLength)",
        ),
        ("FIDO_2_3", {"features": {"config": False}}, "config (as it has enterprise_attestation)"),
        ("FIDO_2_3", {"pin_protocols": (1,)}, "PIN protocol 2 (as it has pin_uv_auth_token)"),
    ],
)
def test_what_a_version_demands(version: str, overrides: dict[str, Any], phrase: str) -> None:
    assert phrase in missing(version, **overrides)


def test_always_uv_takes_u2f_from_the_versions() -> None:
    bench = make_bench()
    assert "U2F_V2" in members(bench)[1]
    bench.authenticator.change_state(always_uv=True)
    assert "U2F_V2" not in members(bench)[1]
