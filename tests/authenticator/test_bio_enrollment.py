"""authenticatorBioEnrollment, driven by python-fido2's client, under its own code and the preview's."""

from __future__ import annotations

from typing import Any

import pytest
from bench import ERR, PIN, Bench, MakeBench, refused, with_finger
from direct_device import CANCELS, NOTHING
from fido2 import cbor
from fido2.ctap2 import ClientPin, FPBioEnrollment
from fido2.ctap2.bio import CaptureError
from fido2.ctap2.pin import PinProtocol, PinProtocolV1

from authenticator.person import DECLINED, TOUCHED, FingerSample, NotRecognised, Verified

P = ClientPin.PERMISSION
FEEDBACK = FPBioEnrollment.FEEDBACK


def enrollment(
    bench: Bench, protocol: PinProtocol | None = None, permission: int = P.BIO_ENROLL
) -> FPBioEnrollment:
    client = bench.client_pin(protocol)
    if bench.state.pin_hash is None:
        client.set_pin(PIN)
    token = client.get_pin_token(PIN, P(permission))
    return FPBioEnrollment(client.ctap, client.protocol, token)


def enroll(bench: Bench, finger: int = 0) -> bytes:
    context = enrollment(bench).enroll()
    template_id = None
    while template_id is None:
        bench.person.will(Verified(finger))
        template_id = context.capture()
    return template_id


@pytest.mark.parametrize("preview", [False, True], ids=["final", "preview"])
def test_a_finger_is_enrolled_and_recognised(
    authenticator: MakeBench, pin_protocol: PinProtocol, preview: bool
) -> None:
    features = {"bio_enrollment": not preview, "bio_enrollment_preview": preview}
    versions = ("FIDO_2_0", "FIDO_2_1_PRE") if preview else ("FIDO_2_0", "FIDO_2_1")
    bench = authenticator(features=features | {"pin_uv_auth_token": not preview}, versions=versions)
    bio = enrollment(bench, pin_protocol)
    assert bio.get_fingerprint_sensor_info() == {2: 1, 3: 4, 8: 64}
    assert bench.ctap.info.options["uv"] is False
    context = bio.enroll()
    bench.person.will(*[Verified(2)] * 4)
    assert [context.capture() for _ in range(3)] == [None] * 3
    assert not bench.state.fingerprints
    template_id = context.capture()
    assert template_id is not None
    assert [ask.remaining for ask in bench.person.asked if isinstance(ask, FingerSample)] == [4, 3, 2, 1]
    assert bench.ctap.info.options["uv"] is True
    assert bio.enumerate_enrollments() == {template_id: ""}
    bio.set_name(template_id, "right thumb")
    assert bio.enumerate_enrollments() == {template_id: "right thumb"}
    [finger] = bench.state.fingerprints
    assert (finger.template_id, finger.name, finger.finger) == (template_id, "right thumb", 2)
    bio.remove_enrollment(template_id)
    assert bio.enumerate_enrollments() == {}
    assert bench.ctap.info.options["uv"] is False
    for gone in (bio.remove_enrollment, lambda id_: bio.set_name(id_, "left thumb")):
        with refused(ERR.INVALID_OPTION):
            gone(template_id)


def test_an_enrolled_finger_verifies_and_another_does_not(authenticator: MakeBench) -> None:
    bench = authenticator()
    enroll(bench, finger=1)
    enroll(bench, finger=4)
    client = bench.client_pin()
    for finger in (1, 4):
        bench.person.will(Verified(finger))
        client.get_uv_token(P.GET_ASSERTION, "example.com")
    bench.person.will(Verified(0))
    with refused(ERR.UV_INVALID):
        client.get_uv_token(P.GET_ASSERTION, "example.com")


def test_a_finger_may_enroll_another_by_uv(authenticator: MakeBench) -> None:
    bench = with_finger(authenticator())
    client = bench.client_pin()
    token = client.get_uv_token(P.BIO_ENROLL)
    context = FPBioEnrollment(client.ctap, client.protocol, token).enroll()
    bench.person.will(*[Verified(1)] * 4)
    while context.capture() is None:
        pass
    assert [each.finger for each in bench.state.fingerprints] == [0, 1]


def test_poor_samples_are_told_and_do_not_count(authenticator: MakeBench) -> None:
    bench = authenticator()
    context = enrollment(bench).enroll()
    bench.person.will(NotRecognised(FEEDBACK.FP_TOO_FAST))
    with pytest.raises(CaptureError) as caught:
        context.capture()
    assert caught.value.code == FEEDBACK.FP_TOO_FAST
    assert context.remaining == 4
    bench.person.will(Verified(3))
    assert context.capture() is None
    for answer, feedback in (
        (NotRecognised(), FEEDBACK.FP_POOR_QUALITY),
        (Verified(2), FEEDBACK.FP_MERGE_FAILURE),  # another finger than before
        (NOTHING, FEEDBACK.NO_USER_ACTIVITY),
    ):
        bench.person.will(answer)
        with pytest.raises(CaptureError) as caught:
            context.capture()
        assert caught.value.code == feedback
        assert context.remaining == 3
    bench.person.will(*[Verified(3)] * 3)
    while context.capture() is None:
        pass
    [enrolled] = bench.state.fingerprints
    assert enrolled.finger == 3


def test_an_enrolled_finger_is_not_enrolled_twice(authenticator: MakeBench) -> None:
    bench = authenticator()
    enroll(bench, finger=2)
    bench.person.will(Verified(2))
    with pytest.raises(CaptureError) as caught:
        enrollment(bench).enroll().capture()
    assert caught.value.code == FEEDBACK.FP_EXISTS


def test_a_plain_touch_is_a_sample_of_the_first_finger(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"finger_samples": 2})
    context = enrollment(bench).enroll()
    bench.person.will(TOUCHED, TOUCHED)
    assert context.capture() is None
    assert context.capture()
    assert [each.finger for each in bench.state.fingerprints] == [0]


def test_the_platforms_timeout(authenticator: MakeBench) -> None:
    bench = authenticator()
    before = bench.clock.now
    bench.person.will(NOTHING)
    with pytest.raises(CaptureError) as caught:
        enrollment(bench).enroll(timeout=2500).capture()
    assert caught.value.code == FEEDBACK.NO_USER_ACTIVITY
    assert bench.clock.now == before + 2.5


@pytest.mark.parametrize(
    ("does", "code"),
    [(DECLINED, ERR.OPERATION_DENIED), (CANCELS, ERR.KEEPALIVE_CANCEL)],
    ids=["declines", "cancels"],
)
def test_a_sample_refused(authenticator: MakeBench, does: Any, code: int) -> None:
    bench = authenticator()
    context = enrollment(bench).enroll()
    context.capture()
    bench.person.will(does)
    with refused(code):
        context.capture()
    assert context.capture() is None  # the enrolment goes on where it stood
    assert context.remaining == 2


def test_the_database_is_full(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"fingers": 2})
    enroll(bench, 0)
    template_id = enroll(bench, 1)
    bio = enrollment(bench)
    with refused(ERR.FP_DATABASE_FULL):
        bio.enroll().capture()
    bio.remove_enrollment(template_id)
    enroll(bench, 2)


# What ends an enrolment


@pytest.mark.parametrize(
    "how", ["cancelled", "begun anew", "another command", "time", "power cycle", "channel"]
)
def test_an_enrolment_ends(authenticator: MakeBench, how: str) -> None:
    bench = authenticator()
    bio = enrollment(bench)
    template_id, _, _ = bio.enroll_begin()
    bio.enroll_capture_next(template_id)
    if how == "cancelled":
        bio.enroll_cancel()
    elif how == "begun anew":
        bio.enroll_begin()
    elif how == "another command":
        bench.ctap.get_info()
    elif how == "time":
        bench.clock.advance(30)
    elif how == "power cycle":
        bench.authenticator.power_cycle()
        bio = enrollment(bench)
    else:
        bench.send(b"\x04", channel=2)
    with refused(ERR.INVALID_OPTION):
        bio.enroll_capture_next(template_id)
    assert not bench.state.fingerprints


def test_an_enrolment_makes_way_for_one_that_comes_to_nothing(authenticator: MakeBench) -> None:
    bench = authenticator()
    bio = enrollment(bench)
    template_id, _, _ = bio.enroll_begin()
    bench.person.will(DECLINED)
    with refused(ERR.OPERATION_DENIED):
        bio.enroll_begin()
    with refused(ERR.INVALID_OPTION):
        bio.enroll_capture_next(template_id)


def test_cancelling_nothing_is_fine(authenticator: MakeBench) -> None:
    enrollment(authenticator()).enroll_cancel()


def test_another_template_than_the_one_under_way(authenticator: MakeBench) -> None:
    bio = enrollment(authenticator())
    template_id, _, _ = bio.enroll_begin()
    with refused(ERR.INVALID_OPTION):
        bio.enroll_capture_next(bytes(16))
    bio.enroll_capture_next(template_id)


# Refusals


def test_names_have_a_longest_length_in_bytes(authenticator: MakeBench) -> None:
    bench = authenticator()
    template_id = enroll(bench)
    bio = enrollment(bench)
    bio.set_name(template_id, "ä" * 32)
    with refused(ERR.INVALID_LENGTH):
        bio.set_name(template_id, "ä" * 32 + "x")
    assert bio.enumerate_enrollments() == {template_id: "ä" * 32}


def test_a_token_without_the_permission(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    bio = enrollment(bench, pin_protocol, P.CREDENTIAL_MGMT)
    for call in (bio.enroll_begin, bio.enumerate_enrollments):
        with refused(ERR.PIN_AUTH_INVALID):
            call()
    bio.pin_uv_token = bytes(32)
    with refused(ERR.PIN_AUTH_INVALID):
        bio.enumerate_enrollments()
    assert not bench.person.asked


SUB_COMMANDS_WITH_TOKEN: list[tuple[int, dict[int, Any]]] = [
    (1, {}),
    (2, {1: bytes(16)}),
    (4, {}),
    (5, {1: bytes(16), 2: "thumb"}),
    (6, {1: bytes(16)}),
]


@pytest.mark.parametrize(("sub_command", "params"), SUB_COMMANDS_WITH_TOKEN)
@pytest.mark.parametrize("code", [0x09, 0x40])
def test_no_token(authenticator: MakeBench, code: int, sub_command: int, params: dict[int, Any]) -> None:
    request = bytes((code,)) + cbor.encode({1: 1, 2: sub_command, 3: params})
    assert authenticator().send(request) == bytes((ERR.PUAT_REQUIRED,))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, ERR.MISSING_PARAMETER),
        ({6: False}, ERR.MISSING_PARAMETER),
        ({1: 1, 2: 0}, ERR.INVALID_SUBCOMMAND),
        ({1: 1, 2: 8}, ERR.INVALID_SUBCOMMAND),
        ({2: 7}, ERR.MISSING_PARAMETER),
        ({1: 2, 2: 7}, ERR.INVALID_PARAMETER),
        ({2: 1, 4: 2, 5: bytes(32)}, ERR.MISSING_PARAMETER),
        ({1: 2, 2: 1, 4: 2, 5: bytes(32)}, ERR.INVALID_PARAMETER),
        ({1: 1, 2: 1, 5: bytes(32)}, ERR.MISSING_PARAMETER),
        ({1: 1, 2: 1, 4: 9, 5: bytes(32)}, ERR.INVALID_PARAMETER),
        ({1: 1, 2: 2, 4: 2, 5: bytes(32)}, ERR.MISSING_PARAMETER),
        ({1: 1, 2: 5, 3: {1: bytes(16)}, 4: 2, 5: bytes(32)}, ERR.MISSING_PARAMETER),
        ({1: 1, 2: 6, 3: {1: "template"}, 4: 2, 5: bytes(32)}, ERR.CBOR_UNEXPECTED_TYPE),
        ({1: 1, 2: 4, 4: 2, 5: bytes(32)}, ERR.PIN_AUTH_INVALID),
    ],
)
def test_malformed_requests(authenticator: MakeBench, request_: dict[int, Any], code: int) -> None:
    assert authenticator().send(b"\x09" + cbor.encode(request_)) == bytes((code,))


def test_the_modality_is_told_before_anything_else(authenticator: MakeBench) -> None:
    assert authenticator().send(b"\x09" + cbor.encode({1: 1, 2: 1, 6: True})) == b"\0" + cbor.encode({1: 1})


def test_a_key_without_a_sensor(authenticator: MakeBench) -> None:
    bench = authenticator(features={"bio_enrollment": False, "bio_enrollment_preview": False})
    for code in (b"\x09", b"\x40"):
        assert bench.send(code + cbor.encode({6: True})) == bytes((ERR.INVALID_COMMAND,))


def test_the_pin_token_of_an_old_key_enrolls_too(authenticator: MakeBench) -> None:
    """A FIDO_2_1_PRE key has no permissions; its pinToken is enough for the preview commands."""
    bench = authenticator(
        features={"pin_uv_auth_token": False, "bio_enrollment": False},
        versions=("FIDO_2_0", "FIDO_2_1_PRE"),
        pin_protocols=(1,),
    )
    client = bench.client_pin(PinProtocolV1())
    client.set_pin(PIN)
    context = FPBioEnrollment(client.ctap, client.protocol, client.get_pin_token(PIN)).enroll()
    while context.capture() is None:
        pass
    assert len(bench.state.fingerprints) == 1
