"""Both roles against each other, and every refusal of a stage."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.hybrid import advert, keys, noise, qr
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames, MessageType, parse_typed, typed


@given(st.binary(max_size=200))
def test_digits_come_back_as_the_same_bytes(data: bytes) -> None:
    assert qr.from_digits(qr.to_digits(data)) == data


@given(st.text(max_size=300))
def test_any_text_is_a_qr_code_or_refused(text: str) -> None:
    for candidate in (text, qr.PREFIX + text):
        with contextlib.suppress(HybridError):  # and nothing else
            qr.QrCode.decode(candidate)


def test_a_qr_code_comes_back() -> None:
    code = qr.QrCode.of_client(
        noise.new_key(), os.urandom(16), time=1_700_000_000, can_link=True, operation="mc"
    )
    assert qr.QrCode.decode(code.encode().lower()) == code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://example.com", "begins with FIDO:/"),
        ("FIDO:/12a", "other characters"),
        ("FIDO:/٣٣٣", "other characters"),
        ("FIDO:/1234", "4 digits"),
        ("FIDO:/999", "do not fit"),
        ("FIDO:/" + qr.to_digits(b"\xa0\x00"), "canonical CBOR"),
        ("FIDO:/" + qr.to_digits(b"\x80"), "no CBOR map"),
        ("FIDO:/" + qr.to_digits(b"\xa0"), r"public key \(key 0\)"),
        ("FIDO:/" + "0" * 5000, "characters, more than"),
    ],
)
def test_what_is_no_qr_code_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(HybridError, match=reason):
        qr.QrCode.decode(text)


def test_an_advert_of_another_session_is_not_ours() -> None:
    eid = advert.Eid(nonce=os.urandom(10), routing_id=b"\x01\x02\x03", domain=0)
    key = keys.eid_key(os.urandom(16))
    sealed = eid.seal(key)
    assert advert.trial_decrypt(sealed, key) == eid
    assert advert.trial_decrypt(sealed, keys.eid_key(os.urandom(16))) is None
    assert advert.trial_decrypt(sealed + b"\x00", key) is None
    assert advert.trial_decrypt(bytes([sealed[0] ^ 1]) + sealed[1:], key) is None


def test_an_advert_of_an_unassigned_domain_is_dropped() -> None:
    key = keys.eid_key(os.urandom(16))
    assert (
        advert.trial_decrypt(advert.Eid(nonce=bytes(10), routing_id=bytes(3), domain=7).seal(key), key)
        is None
    )


def handshake(*, linked: bool) -> tuple[Frames, Frames]:
    psk, identity = os.urandom(32), noise.new_key()
    point = keys.uncompressed(identity.public_key())
    if linked:
        client = noise.Initiator(psk, phone_identity=point)
        answer, phone_keys = noise.respond(psk, client.first_message(), identity=identity)
    else:
        client = noise.Initiator(psk, identity=identity)
        answer, phone_keys = noise.respond(psk, client.first_message(), client_identity=point)
    client_keys = client.finish(answer)
    assert client_keys == phone_keys
    return Frames.of_client(client_keys), Frames.of_phone(phone_keys)


@pytest.mark.parametrize("linked", [False, True], ids=["KN", "NK"])
def test_both_roles_agree_and_talk(linked: bool) -> None:
    client, phone = handshake(linked=linked)
    for size in (0, 1, 30, 31, 32, 33, 5000):
        message = typed(MessageType.CTAP, os.urandom(size))
        assert phone.open(client.seal(message)) == message
        assert client.open(phone.seal(message)) == message
        assert parse_typed(message) == (MessageType.CTAP, message[1:])


@pytest.mark.parametrize("linked", [False, True], ids=["KN", "NK"])
@pytest.mark.parametrize("what", ["psk", "identity", "flipped bit", "length", "point", "compressed"])
def test_the_phone_refuses_a_wrong_first_message(linked: bool, what: str) -> None:
    psk, identity = os.urandom(32), noise.new_key()
    point = keys.uncompressed(identity.public_key())
    client = noise.Initiator(psk, phone_identity=point) if linked else noise.Initiator(psk, identity=identity)
    message = client.first_message()
    other = noise.new_key() if what == "identity" else identity
    if what == "psk":
        psk = os.urandom(32)
    elif what == "flipped bit":
        message = message[:-1] + bytes([message[-1] ^ 1])
    elif what == "length":
        message += b"\x00"
    elif what == "point":
        message = b"\x04" + bytes(64) + message[65:]
    elif what == "compressed":
        message = b"\x02" + message[1:]
    known = {"identity": other} if linked else {"client_identity": keys.uncompressed(other.public_key())}
    with pytest.raises(HybridError):
        noise.respond(psk, message, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("linked", [False, True], ids=["KN", "NK"])
def test_the_client_refuses_another_phones_answer(linked: bool) -> None:
    psk, identity = os.urandom(32), noise.new_key()
    point = keys.uncompressed(identity.public_key())
    messages = []
    for _ in range(2):
        client = (
            noise.Initiator(psk, phone_identity=point) if linked else noise.Initiator(psk, identity=identity)
        )
        if linked:
            answer, _keys = noise.respond(psk, client.first_message(), identity=identity)
        else:
            answer, _keys = noise.respond(psk, client.first_message(), client_identity=point)
        messages.append(answer)
    with pytest.raises(HybridError, match="other keys"):
        client.finish(messages[0])


def test_frames_are_refused_when_altered_repeated_or_reordered() -> None:
    client, phone = handshake(linked=False)
    first, second = client.seal(b"one"), client.seal(b"two")
    with pytest.raises(HybridError, match="frame 0"):
        phone.open(second)
    assert phone.open(first) == b"one"
    with pytest.raises(HybridError, match="frame 1"):
        phone.open(first)
    with pytest.raises(HybridError, match="frame 1"):
        phone.open(second[:-1] + bytes([second[-1] ^ 1]))
    with pytest.raises(HybridError, match="frame 1"):
        phone.open(b"")
    assert phone.open(second) == b"two"
    with pytest.raises(HybridError, match="larger"):
        phone.open(bytes((1 << 20) + 1))


@pytest.mark.parametrize("message", [b"", b"\x04", b"\xff"])
def test_unknown_messages_are_refused(message: bytes) -> None:
    with pytest.raises(HybridError):
        parse_typed(message)
