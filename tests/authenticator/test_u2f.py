"""U2F over raw APDUs, driven by python-fido2's Ctap1 and by bytes it would not send."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from bench import Bench, MakeBench
from ceremonies import RP_ID, P, credential_id, log_in, public_key, register, token, verify, with_pin
from cryptography import x509
from direct_device import CANCELS, NOTHING
from fido2.cose import ES256
from fido2.ctap1 import ApduError, Ctap1, RegistrationData

from authenticator.person import DECLINED, Presence, Purpose

CHALLENGE = bytes(range(32))
APPLICATION = hashlib.sha256(RP_ID.encode()).digest()


def u2f(bench: Bench) -> Ctap1:
    return Ctap1(bench.device)


def raw(bench: Bench, apdu: bytes | str) -> tuple[bytes, int]:
    request = bytes.fromhex(apdu) if isinstance(apdu, str) else apdu
    response = bench.device.finish(bench.authenticator.begin_u2f(request))
    return response[:-2], int.from_bytes(response[-2:], "big")


def registered(bench: Bench) -> RegistrationData:
    return u2f(bench).register(CHALLENGE, APPLICATION)


def word(code: int) -> Any:
    return pytest.raises(ApduError, check=lambda error: error.code == code)


def test_the_version(authenticator: MakeBench) -> None:
    assert u2f(authenticator()).get_version() == "U2F_V2"


def test_register_and_authenticate(authenticator: MakeBench) -> None:
    bench = authenticator()
    registration = registered(bench)
    registration.verify(APPLICATION, CHALLENGE)
    certificate = x509.load_der_x509_certificate(registration.certificate)
    assert "stuntkey" in certificate.subject.rfc4514_string()
    for count in (1, 2):
        signed = u2f(bench).authenticate(CHALLENGE, APPLICATION, registration.key_handle)
        signed.verify(APPLICATION, CHALLENGE, registration.public_key)
        assert (signed.user_presence, signed.counter) == (1, count)
    assert [ask.purpose for ask in bench.person.asked if isinstance(ask, Presence)] == [
        Purpose.U2F_REGISTER,
        Purpose.U2F_LOG_IN,
        Purpose.U2F_LOG_IN,
    ]


def test_check_only_tells_whether_the_handle_is_known(authenticator: MakeBench) -> None:
    bench = authenticator()
    handle = registered(bench).key_handle
    bench.person.asked.clear()
    with word(0x6985):
        u2f(bench).authenticate(CHALLENGE, APPLICATION, handle, check_only=True)
    for application, key_handle in (
        (bytes(32), handle),
        (APPLICATION, handle[:-1] + bytes((handle[-1] ^ 1,))),
        (APPLICATION, b""),
    ):
        with word(0x6A80):
            u2f(bench).authenticate(CHALLENGE, application, key_handle, check_only=True)
    assert bench.person.asked == []


def test_presence_is_not_enforced_where_the_host_says_so(authenticator: MakeBench) -> None:
    bench = authenticator()
    registration = registered(bench)
    bench.person.asked.clear()
    handle = registration.key_handle
    data = CHALLENGE + APPLICATION + bytes((len(handle),)) + handle
    response, status = raw(bench, b"\x00\x02\x08\x00\x00" + len(data).to_bytes(2, "big") + data)
    assert (status, response[0]) == (0x9000, 0)
    message = APPLICATION + response[:5] + CHALLENGE
    ES256.from_ctap1(registration.public_key).verify(message, response[5:])
    assert bench.person.asked == []


@pytest.mark.parametrize("answer", [DECLINED, NOTHING, CANCELS])
def test_without_a_touch_the_host_is_told_to_come_back(authenticator: MakeBench, answer: Any) -> None:
    bench = authenticator()
    bench.person.will(answer)
    with word(0x6985):
        registered(bench)
    handle = registered(bench).key_handle
    bench.person.will(answer)
    with word(0x6985):
        u2f(bench).authenticate(CHALLENGE, APPLICATION, handle)


@pytest.mark.parametrize(
    ("apdu", "status"),
    [
        ("", 0x6700),
        ("000300", 0x6700),
        ("00030000", 0x9000),
        ("0003000000", 0x9000),  # a short Le
        ("00030000000000", 0x9000),  # an extended Le
        ("000300000000000000", 0x9000),  # an extended Lc of nothing, and Le, as python-fido2 sends it
        ("0003000001ff", 0x6700),  # VERSION has no data
        ("000300000000", 0x6700),
        ("0003000005ff", 0x6700),  # shorter than its Lc
        ("0003000001ff00ff", 0x6700),  # longer than its Lc and Le
        ("01030000", 0x6E00),
        ("80030000", 0x6E00),
        ("00040000", 0x6D00),
        ("00c00000", 0x6D00),
        ("00010000", 0x6700),
        ("0001000040" + "00" * 63, 0x6700),
        ("00010000000041" + "00" * 65, 0x6700),
        ("000203000001", 0x6700),
        ("0002030041" + "00" * 64 + "40", 0x6700),  # a handle longer than the data
        ("0002030041" + "00" * 65, 0x6A80),
        ("0002050041" + "00" * 65, 0x6A86),
    ],
)
def test_apdus(authenticator: MakeBench, apdu: str, status: int) -> None:
    data, got = raw(authenticator(), apdu)
    assert got == status
    assert data == (b"U2F_V2" if status == 0x9000 else b"")


@pytest.mark.parametrize("le", [b"", b"\x00"])
def test_register_by_a_short_apdu(authenticator: MakeBench, le: bytes) -> None:
    data, status = raw(authenticator(), b"\x00\x01\x03\x00\x40" + CHALLENGE + APPLICATION + le)
    assert status == 0x9000
    RegistrationData(data).verify(APPLICATION, CHALLENGE)


def test_always_uv_disables_u2f(authenticator: MakeBench) -> None:
    bench = authenticator()
    bench.authenticator.change_state(always_uv=True)
    assert raw(bench, "00030000") == (b"", 0x6986)
    assert "U2F_V2" not in bench.ctap.info.versions


def test_a_key_without_u2f(authenticator: MakeBench) -> None:
    assert raw(authenticator(features={"u2f": False}), "00030000") == (b"", 0x6D00)


# What U2F and CTAP2 share (CTAP 2.3 §10)


def test_a_u2f_credential_in_ctap2(authenticator: MakeBench) -> None:
    bench = authenticator()
    registration = registered(bench)
    assertion = log_in(bench, allow=[registration.key_handle])
    verify(assertion, ES256.from_ctap1(registration.public_key))
    with pytest.raises(Exception, match="CREDENTIAL_EXCLUDED"):
        register(bench, exclude=[registration.key_handle])


@pytest.mark.parametrize("resident", [False, True])
def test_a_ctap2_credential_in_u2f(authenticator: MakeBench, resident: bool) -> None:
    bench = authenticator()
    made = register(bench, resident=resident)
    signed = u2f(bench).authenticate(CHALLENGE, APPLICATION, credential_id(made))
    key = public_key(made)
    signed.verify(APPLICATION, CHALLENGE, b"\x04" + key[-2] + key[-3])


def test_a_ctap2_credential_that_u2f_cannot_have(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    protected = register(bench, auth=token(bench, P.MAKE_CREDENTIAL), extensions={"credProtect": 3})
    other_algorithm = register(bench, algorithms=[-8])
    for made in (protected, other_algorithm):
        with word(0x6A80):
            u2f(bench).authenticate(CHALLENGE, APPLICATION, credential_id(made))


def test_one_counter_for_both(authenticator: MakeBench) -> None:
    bench = authenticator()
    made = credential_id(register(bench))
    assert u2f(bench).authenticate(CHALLENGE, APPLICATION, made).counter == 2
    assert log_in(bench, allow=[made]).auth_data.counter == 3
