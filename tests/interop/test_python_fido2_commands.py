"""python-fido2's classes for single commands, over CTAPHID's full framing, with both PIN/UV auth protocols."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fido2.cose import CoseKey
from fido2.ctap import CtapError
from fido2.ctap1 import APDU, ApduError, Ctap1
from fido2.ctap2 import Config, CredentialManagement, Ctap2, FPBioEnrollment, LargeBlobs
from fido2.ctap2.bio import CaptureError
from fido2.ctap2.pin import ClientPin, PinProtocolV1, PinProtocolV2
from fido2.hid import STATUS, CtapHidDevice

from authenticator.cose import Algorithm
from authenticator.profiles.loader import load_profile, profile_names
from harness import (
    HandTurnedClock,
    VirtualKey,
    deny,
    ignore,
    poor_sample,
    right_finger,
    touch,
    wrong_finger,
)

HASH = hashlib.sha256(b"client data").digest()
RP = {"id": "example.com", "name": "Example"}
PIN = "2468 ä"
ES256 = [{"type": "public-key", "alg": -7}]
ERR = CtapError.ERR
ALL = ClientPin.PERMISSION(0x3F)


@dataclass(slots=True)
class Session:
    """A key, a host in front of it, and the protocol they use."""

    key: VirtualKey
    device: CtapHidDevice
    protocol: PinProtocolV1

    @property
    def ctap(self) -> Ctap2:
        return Ctap2(self.device)

    @property
    def pin(self) -> ClientPin:
        return ClientPin(self.ctap, self.protocol)

    def token(self, permissions: ClientPin.PERMISSION = ALL, rp_id: str | None = "example.com") -> bytes:
        return self.pin.get_pin_token(PIN, permissions, rp_id)

    def make(
        self, user: str = "ann", *, rk: bool = True, token: bytes | None = None, **arguments: Any
    ) -> Any:
        if token is None and self.ctap.info.options.get("clientPin"):
            token = self.token()
        if token is not None:
            arguments |= {
                "pin_uv_param": self.protocol.authenticate(token, HASH),
                "pin_uv_protocol": self.protocol.VERSION,
            }
        return self.ctap.make_credential(
            HASH,
            RP,
            {"id": user.encode(), "name": user, "displayName": user.title()},
            arguments.pop("algorithms", ES256),
            options={"rk": True} if rk else None,
            **arguments,
        )

    def refused(self, call: Any, *arguments: Any, **keywords: Any) -> ERR:
        with pytest.raises(CtapError) as refusal:
            call(*arguments, **keywords)
        return refusal.value.code


@pytest.fixture(params=[PinProtocolV1, PinProtocolV2], ids=["protocol one", "protocol two"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    with VirtualKey(clock=HandTurnedClock()) as key:
        yield Session(key, key.ctap_device(), request.param())


@pytest.fixture
def protected(session: Session) -> Session:
    session.pin.set_pin(PIN)
    return session


# What the device says of itself


@pytest.mark.parametrize("profile", profile_names())
def test_every_profile_tells_what_it_is(profile: str) -> None:
    with VirtualKey(profile) as key:
        device, described = key.ctap_device(), load_profile(profile)
        assert device.ping(bytes(range(256)) * 20) == bytes(range(256)) * 20
        if not described.features.ctap2:
            assert Ctap1(device).get_version() == "U2F_V2"
            with pytest.raises(ValueError, match="not support CTAP2"):
                Ctap2(device)
            return
        info = Ctap2(device).info
        # §7.2.4: alwaysUv, which some have from the factory, leaves U2F out.
        u2f_off = info.options.get("alwaysUv", False)
        assert info.versions == [each for each in described.versions if not (u2f_off and each == "U2F_V2")]
        assert bytes(info.aaguid) == described.aaguid
        assert info.options["rk"] == described.features.resident_keys
        if info.algorithms:
            assert [each["alg"] for each in info.algorithms] == list(described.algorithms)
        if "U2F_V2" in info.versions:
            assert Ctap1(device).get_version() == "U2F_V2"


# clientPIN


def test_the_pin_is_set_changed_and_used(session: Session) -> None:
    assert session.ctap.info.options["clientPin"] is False
    session.pin.set_pin("1234")
    assert session.ctap.info.options["clientPin"] is True
    session.pin.change_pin("1234", PIN)
    assert session.pin.get_pin_retries() == (8, False)
    assert session.refused(session.pin.get_pin_token, "1234") == ERR.PIN_INVALID
    assert session.pin.get_pin_retries()[0] == 7
    assert len(session.token()) == 32
    assert session.pin.get_pin_retries()[0] == 8
    assert session.refused(session.pin.set_pin, "5678") == ERR.PIN_AUTH_INVALID


def test_a_token_for_one_thing_is_no_good_for_another(protected: Session) -> None:
    session = protected
    assert session.make(token=session.token(ClientPin.PERMISSION.MAKE_CREDENTIAL))
    for token in (
        session.token(ClientPin.PERMISSION.GET_ASSERTION),
        session.token(ClientPin.PERMISSION.MAKE_CREDENTIAL, "example.org"),
        session.token(ClientPin.PERMISSION.CREDENTIAL_MGMT),
        bytes(32),
    ):
        assert session.refused(session.make, token=token) == ERR.PIN_AUTH_INVALID


def test_three_wrong_pins_and_a_power_cycle_eight_and_never_again(protected: Session) -> None:
    session, key = protected, protected.key
    seen = []
    for _ in range(3):
        seen += [session.refused(session.pin.get_pin_token, "0000") for _ in range(3)]
        key.power_cycle()
    assert seen == [
        *(ERR.PIN_INVALID, ERR.PIN_INVALID, ERR.PIN_AUTH_BLOCKED) * 2,
        *(ERR.PIN_INVALID, ERR.PIN_BLOCKED, ERR.PIN_BLOCKED),
    ]
    assert session.refused(session.token) == ERR.PIN_BLOCKED
    assert session.pin.get_pin_retries()[0] == 0


def test_built_in_verification_gives_tokens(session: Session) -> None:
    with VirtualKey(pin=PIN, fingers=["index"], clock=HandTurnedClock()) as key:
        session = Session(key, key.ctap_device(), session.protocol)
        key.person.will(wrong_finger())
        assert session.refused(session.pin.get_uv_token, ALL, "example.com") == ERR.UV_INVALID
        assert session.pin.get_uv_retries() == 2
        token = session.pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, "example.com")
        assert session.make(token=token).auth_data.flags & 0x04
        key.person.will(wrong_finger(times=3))
        outcomes = [session.refused(session.pin.get_uv_token, ALL, "example.com") for _ in range(3)]
        assert outcomes[-1] == ERR.UV_BLOCKED
        session.token()  # the right PIN gives the finger its tries back
        assert session.pin.get_uv_retries() == 3


# makeCredential and getAssertion


@pytest.mark.parametrize("algorithm", list(Algorithm), ids=lambda each: each.name)
@pytest.mark.parametrize("rk", [True, False], ids=["resident", "not resident"])
def test_every_algorithm(protected: Session, algorithm: Algorithm, rk: bool) -> None:
    session = protected
    made = session.make(rk=rk, algorithms=[{"type": "public-key", "alg": int(algorithm)}])
    data = made.auth_data.credential_data
    assert data.public_key[3] == algorithm
    public_key = CoseKey.parse(data.public_key)
    allow = [{"type": "public-key", "id": data.credential_id}]
    token = session.token(ClientPin.PERMISSION.GET_ASSERTION)
    assertion = session.ctap.get_assertion(
        "example.com",
        HASH,
        allow,
        pin_uv_param=session.protocol.authenticate(token, HASH),
        pin_uv_protocol=session.protocol.VERSION,
    )
    assertion.verify(HASH, public_key)
    with pytest.raises(Exception):  # noqa: B017 - python-fido2 lets each algorithm's own error through
        assertion.verify(bytes(32), public_key)
    assert assertion.auth_data.counter == made.auth_data.counter + 1


def test_the_first_algorithm_the_key_has_wins(session: Session) -> None:
    order = [-65535, -257, -8, -7]
    made = session.make(algorithms=[{"type": "public-key", "alg": each} for each in order])
    assert made.auth_data.credential_data.public_key[3] == -257


def test_several_passkeys_newest_first(protected: Session) -> None:
    session = protected
    for user in ("ann", "bob", "eve"):
        session.make(user)
    token = session.token(ClientPin.PERMISSION.GET_ASSERTION)
    found = session.ctap.get_assertions(
        "example.com",
        HASH,
        pin_uv_param=session.protocol.authenticate(token, HASH),
        pin_uv_protocol=session.protocol.VERSION,
    )
    assert [each.user["name"] for each in found] == ["eve", "bob", "ann"]
    assert session.refused(session.ctap.get_next_assertion) == ERR.NOT_ALLOWED
    without_verification = session.ctap.get_assertions("example.com", HASH)
    assert [set(each.user) for each in without_verification] == [{"id"}] * 3


def test_excluded_denied_ignored_and_cancelled(session: Session) -> None:
    made = session.make().auth_data.credential_data
    exclude = [{"type": "public-key", "id": made.credential_id}]
    assert session.refused(session.make, exclude_list=exclude) == ERR.CREDENTIAL_EXCLUDED
    session.key.person.will(deny())
    assert session.refused(session.make) == ERR.OPERATION_DENIED
    session.key.person.will(ignore())
    assert session.refused(session.make) == ERR.USER_ACTION_TIMEOUT
    session.key.person.will(touch(after=3))
    seen: list[STATUS] = []
    session.make(on_keepalive=seen.append)
    assert seen == [STATUS.UPNEEDED]
    event = threading.Event()
    session.key.person.will(ignore())
    assert (
        session.refused(session.make, event=event, on_keepalive=lambda _: event.set()) == ERR.KEEPALIVE_CANCEL
    )


def test_selection(session: Session) -> None:
    session.ctap.selection()
    session.key.person.will(deny())
    assert session.refused(session.ctap.selection) == ERR.OPERATION_DENIED


# credentialManagement, large blobs, bioEnrollment, config, reset


def test_credential_management(protected: Session) -> None:
    session = protected
    made = {user: session.make(user).auth_data.credential_data for user in ("ann", "bob")}
    token = session.token(ClientPin.PERMISSION.CREDENTIAL_MGMT, None)
    management = CredentialManagement(session.ctap, session.protocol, token)
    key, result = CredentialManagement, CredentialManagement.RESULT
    room = session.key.profile.limits.resident_credentials
    assert dict(management.get_metadata()) == {
        result.EXISTING_CRED_COUNT: 2,
        result.MAX_REMAINING_COUNT: room - 2,
    }
    (rp,) = management.enumerate_rps()
    assert rp[result.RP]["id"] == "example.com"
    assert rp[result.RP_ID_HASH] == hashlib.sha256(b"example.com").digest()
    found = management.enumerate_creds(rp[result.RP_ID_HASH])
    assert {each[result.USER]["name"] for each in found} == {"ann", "bob"}
    assert {bytes(each[result.CREDENTIAL_ID]["id"]) for each in found} == {
        bytes(each.credential_id) for each in made.values()
    }
    for each in found:
        name = each[result.USER]["name"]
        assert dict(each[result.PUBLIC_KEY]) == dict(made[name].public_key)
    descriptor = {"type": "public-key", "id": made["ann"].credential_id}
    management.update_user_info(descriptor, {"id": b"ann", "name": "Ann", "displayName": "Queen Ann"})
    management.delete_cred({"type": "public-key", "id": made["bob"].credential_id})
    (left,) = management.enumerate_creds(rp[result.RP_ID_HASH])
    assert left[result.USER] == {"id": b"ann", "name": "Ann", "displayName": "Queen Ann"}
    assert key.is_readonly_supported(session.ctap.info)


def test_credentials_are_read_with_a_persistent_token(protected: Session) -> None:
    session = protected
    session.make()
    token = session.token(ClientPin.PERMISSION.PERSISTENT_CREDENTIAL_MGMT, None)
    session.key.power_cycle()
    management = CredentialManagement(session.ctap, session.protocol, token)
    (rp,) = management.enumerate_rps()
    (found,) = management.enumerate_creds(rp[CredentialManagement.RESULT.RP_ID_HASH])
    descriptor = found[CredentialManagement.RESULT.CREDENTIAL_ID]
    assert session.refused(management.delete_cred, descriptor) == ERR.PIN_AUTH_INVALID
    assert len(session.key.credentials) == 1


def test_large_blobs(protected: Session) -> None:
    session = protected
    made = session.make(extensions={"largeBlobKey": True})
    assert made.large_blob_key is not None
    token = session.token(ClientPin.PERMISSION.LARGE_BLOB_WRITE, None)
    blobs = LargeBlobs(session.ctap, session.protocol, token)
    data = b"a certificate, say " * 20
    blobs.put_blob(made.large_blob_key, data)
    blobs.put_blob(bytes(32), b"another's")
    assert LargeBlobs(session.ctap).get_blob(made.large_blob_key) == data
    blobs.delete_blob(made.large_blob_key)
    assert blobs.get_blob(made.large_blob_key) is None
    assert blobs.get_blob(bytes(32)) == b"another's"
    noise = bytes(b for n in range(200) for b in hashlib.sha256(bytes((n,))).digest())
    assert session.refused(blobs.put_blob, made.large_blob_key, noise) == ERR.LARGE_BLOB_STORAGE_FULL


def test_fingers_are_enrolled(protected: Session) -> None:
    session, person = protected, protected.key.person
    token = session.token(ClientPin.PERMISSION.BIO_ENROLL, None)
    fingers = FPBioEnrollment(session.ctap, session.protocol, token)
    limits = session.key.profile.limits
    assert (
        fingers.get_fingerprint_sensor_info()[FPBioEnrollment.RESULT.MAX_SAMPLES_REQUIRED]
        == limits.finger_samples
    )
    enrolment = fingers.enroll()
    person.will(right_finger(), poor_sample(0x03), right_finger(times=limits.finger_samples))
    captured, mishaps = None, []
    while captured is None:
        try:
            captured = enrolment.capture()
        except CaptureError as mishap:
            mishaps.append(mishap.code)
    assert mishaps == [FPBioEnrollment.FEEDBACK.FP_TOO_LEFT]
    assert session.ctap.info.options["uv"] is True
    fingers.set_name(captured, "Zeigefinger")
    assert fingers.enumerate_enrollments() == {captured: "Zeigefinger"}
    another = fingers.enroll()
    with pytest.raises(CaptureError, match="FP_EXISTS"):
        another.capture()
    another.cancel()
    another = fingers.enroll()
    person.will(right_finger(finger=1))
    another.capture()
    another.cancel()
    assert list(fingers.enumerate_enrollments()) == [captured]
    fingers.remove_enrollment(captured)
    assert session.ctap.info.options["uv"] is False


def test_configuration(protected: Session) -> None:
    session = protected

    def config() -> Config:
        token = session.token(ClientPin.PERMISSION.AUTHENTICATOR_CFG, None)
        return Config(session.ctap, session.protocol, token)

    assert session.ctap.info.options["ep"] is False
    config().enable_enterprise_attestation()
    assert session.ctap.info.options["ep"] is True
    config().toggle_always_uv()
    assert session.ctap.info.options["alwaysUv"] is True
    assert session.refused(session.ctap.get_assertion, "example.com", HASH) == ERR.PUAT_REQUIRED
    config().set_min_pin_length(min_pin_length=8, rp_ids=["example.com"], force_change_pin=True)
    info = session.ctap.info
    assert (info.min_pin_length, info.force_pin_change) == (8, True)
    assert session.refused(session.token) == ERR.PIN_POLICY_VIOLATION, "it has to be changed first"
    session.pin.change_pin(PIN, "12345679")
    token = session.pin.get_pin_token("12345679", ClientPin.PERMISSION.MAKE_CREDENTIAL, "example.com")
    made = session.make(token=token, extensions={"minPinLength": True})
    assert made.auth_data.extensions == {"minPinLength": 8}


def test_reset(protected: Session) -> None:
    session, key = protected, protected.key
    session.make()
    assert isinstance(key.clock, HandTurnedClock)
    key.clock.advance(11)
    assert session.refused(session.ctap.reset) == ERR.NOT_ALLOWED, "only right after it was plugged in"
    key.power_cycle()
    key.person.will(touch(after=6))
    session.ctap.reset()
    assert key.credentials == ()
    assert session.ctap.info.options["clientPin"] is False


# U2F


def test_u2f() -> None:
    app, challenge = hashlib.sha256(b"https://example.com").digest(), HASH
    with VirtualKey() as key:
        u2f = Ctap1(key.ctap_device())
        registered = u2f.register(challenge, app)
        registered.verify(app, challenge)
        signed = u2f.authenticate(challenge, app, registered.key_handle)
        signed.verify(app, challenge, registered.public_key)
        again = u2f.authenticate(challenge, app, registered.key_handle)
        assert again.counter == signed.counter + 1
        for application, handle, code in (
            (app, registered.key_handle, APDU.USE_NOT_SATISFIED),
            (bytes(32), registered.key_handle, APDU.WRONG_DATA),
            (app, bytes(64), APDU.WRONG_DATA),
        ):
            with pytest.raises(ApduError) as answer:
                u2f.authenticate(challenge, application, handle, check_only=True)
            assert answer.value.code == code


def test_lock_and_wink(session: Session) -> None:
    session.device.lock(5)
    other = session.key.ctap_device()
    with pytest.raises(CtapError) as refused:
        other.call(0x10, b"\x04", event=_set())
    assert refused.value.code == ERR.CHANNEL_BUSY
    session.device.wink()
    session.device.lock(0)
    assert Ctap2(other).info.versions
    assert session.key.engine.winks == 1


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event
