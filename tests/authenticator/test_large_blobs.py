"""authenticatorLargeBlobs (CTAP 2.3 §6.10), driven by python-fido2's client and by hand."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from bench import ERR, Bench, MakeBench, refused
from ceremonies import P, log_in, register, token, with_pin
from fido2.ctap2 import LargeBlobs
from fido2.ctap2.pin import PinProtocol

from authenticator import cbor

INITIAL = bytes.fromhex("8076be8b528d0075f7aae98d6fa57a6d3c")


def send(bench: Bench, parameters: dict[int, Any], channel: int = 1) -> int:
    return bench.send(b"\x0c" + cbor.encode(parameters), channel)[0]


def stored(bench: Bench) -> bytes:
    response = bench.send(b"\x0c" + cbor.encode({1: 4000, 3: 0}))
    return bytes(cbor.decode(response[1:])[1])


def array(size: int) -> bytes:
    """A serialised array of this size whose checksum is right."""
    content = bytes(size - 16)
    return content + hashlib.sha256(content).digest()[:16]


def client(bench: Bench, protocol: PinProtocol) -> LargeBlobs:
    auth = token(bench, P.LARGE_BLOB_WRITE, None, protocol)
    return LargeBlobs(bench.ctap, protocol, auth.token)


def test_it_begins_empty(authenticator: MakeBench) -> None:
    bench = authenticator()
    assert stored(bench) == INITIAL
    assert LargeBlobs(bench.ctap).read_blob_array() == []


def test_blobs_of_two_credentials(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = with_pin(authenticator())
    keys = []
    for user in (b"alice", b"bob"):
        auth = token(bench, P.MAKE_CREDENTIAL)
        register(bench, user=user, resident=True, auth=auth, extensions={"largeBlobKey": True})
        keys.append(log_in(bench, extensions={"largeBlobKey": True}).large_blob_key)
    alice, bob = keys
    assert alice
    assert bob
    blobs = client(bench, pin_protocol)
    blobs.put_blob(alice, b"of alice")
    blobs.put_blob(bob, b"of bob")
    blobs.put_blob(alice, b"of alice, later")
    bench.authenticator.power_cycle()
    reader = LargeBlobs(bench.ctap)
    assert (reader.get_blob(alice), reader.get_blob(bob)) == (b"of alice, later", b"of bob")
    client(bench, pin_protocol).delete_blob(alice)
    assert LargeBlobs(bench.ctap).get_blob(alice) is None
    bench.authenticator.power_cycle()
    bench.ctap.reset()
    assert stored(bench) == INITIAL


def test_a_long_array_goes_in_fragments(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = with_pin(authenticator(limits={"max_message_size": 1024}))
    entries = [{1: bytes(900), 2: bytes(12), 3: n} for n in range(4)]
    client(bench, pin_protocol).write_blob_array(entries)
    assert LargeBlobs(bench.ctap).read_blob_array() == entries


# Reading


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({1: 10}, ERR.INVALID_PARAMETER),
        ({3: 0}, ERR.INVALID_PARAMETER),
        ({1: 10, 2: b"x", 3: 0}, ERR.INVALID_PARAMETER),
        ({1: 10, 3: 0, 4: 20}, ERR.INVALID_PARAMETER),
        ({1: 10, 3: 0, 5: bytes(16)}, ERR.INVALID_PARAMETER),
        ({1: 10, 3: 0, 6: 1}, ERR.INVALID_PARAMETER),
        ({1: 7609 - 63, 3: 0}, ERR.INVALID_LENGTH),
        ({1: 10, 3: 18}, ERR.INVALID_PARAMETER),
        ({1: -1, 3: 0}, ERR.CBOR_UNEXPECTED_TYPE),
        ({1: "10", 3: 0}, ERR.CBOR_UNEXPECTED_TYPE),
        ({1: 7609 - 64, 3: 0}, 0),
        ({1: 0, 3: 0}, 0),
        ({1: 10, 3: 17}, 0),
    ],
)
def test_what_is_read(authenticator: MakeBench, parameters: dict[int, Any], status: int) -> None:
    assert send(authenticator(), parameters) == status


def test_a_part_is_read(authenticator: MakeBench) -> None:
    response = authenticator().send(b"\x0c" + cbor.encode({1: 3, 3: 2}))
    assert cbor.decode(response[1:]) == {1: INITIAL[2:5]}


# Writing, where no PIN protects it


def test_a_write_is_seen_when_it_is_whole(authenticator: MakeBench) -> None:
    bench = authenticator()
    whole = array(50)
    assert send(bench, {2: whole[:20], 3: 0, 4: 50}) == 0
    assert stored(bench) == INITIAL  # reading does not disturb it
    assert send(bench, {2: whole[20:40], 3: 20}) == 0
    assert stored(bench) == INITIAL
    assert send(bench, {2: whole[40:], 3: 40}) == 0
    assert stored(bench) == whole


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({2: bytes(20), 3: 0}, ERR.INVALID_PARAMETER),
        ({2: bytes(16), 3: 0, 4: 16}, ERR.INVALID_PARAMETER),
        ({2: bytes(20), 3: 0, 4: 4097}, ERR.LARGE_BLOB_STORAGE_FULL),
        ({2: bytes(21), 3: 0, 4: 20}, ERR.INVALID_PARAMETER),
        ({2: bytes(20), 3: 20}, ERR.INVALID_SEQ),
        ({2: bytes(20), 3: 20, 4: 40}, ERR.INVALID_PARAMETER),
        ({2: bytes(17), 3: 0, 4: 17}, ERR.INTEGRITY_FAILURE),
        ({2: "text", 3: 0, 4: 17}, ERR.CBOR_UNEXPECTED_TYPE),
        ({2: bytes(7546), 3: 0, 4: 7546}, ERR.INVALID_LENGTH),
    ],
)
def test_what_is_written(authenticator: MakeBench, parameters: dict[int, Any], status: int) -> None:
    bench = authenticator()
    assert send(bench, parameters) == status
    assert stored(bench) == INITIAL


def test_the_full_capacity_can_be_used(authenticator: MakeBench) -> None:
    bench = authenticator()
    whole = array(4096)
    assert send(bench, {2: whole, 3: 0, 4: 4096}) == 0
    assert bench.authenticator.state.large_blob_array == whole


def test_fragments_come_in_order(authenticator: MakeBench) -> None:
    bench = authenticator()
    whole = array(50)
    send(bench, {2: whole[:20], 3: 0, 4: 50})
    assert send(bench, {2: whole[30:], 3: 30}) == ERR.INVALID_SEQ
    assert send(bench, {2: whole[10:], 3: 10}) == ERR.INVALID_SEQ
    assert send(bench, {2: bytes(31), 3: 20}) == ERR.INVALID_PARAMETER
    assert send(bench, {2: whole[20:], 3: 20}) == 0
    assert stored(bench) == whole


def test_a_write_begins_anew(authenticator: MakeBench) -> None:
    bench = authenticator()
    send(bench, {2: bytes(20), 3: 0, 4: 50})
    whole = array(30)
    assert send(bench, {2: whole[:20], 3: 0, 4: 30}) == 0
    assert send(bench, {2: whole[20:], 3: 20}) == 0
    assert stored(bench) == whole


def test_a_write_belongs_to_one_channel_and_has_a_deadline(authenticator: MakeBench) -> None:
    bench = authenticator()
    whole = array(50)
    for disturb in (
        lambda: send(bench, {1: 1, 3: 0}, channel=2),
        lambda: bench.send(b"\x04"),
        lambda: bench.clock.advance(30),
        bench.authenticator.power_cycle,
    ):
        send(bench, {2: whole[:20], 3: 0, 4: 50})
        disturb()
        assert send(bench, {2: whole[20:], 3: 20}) == ERR.INVALID_SEQ
    assert stored(bench) == INITIAL


def test_a_failed_checksum_ends_the_write(authenticator: MakeBench) -> None:
    bench = authenticator()
    send(bench, {2: bytes(20), 3: 0, 4: 50})
    assert send(bench, {2: bytes(30), 3: 20}) == ERR.INTEGRITY_FAILURE
    assert send(bench, {2: bytes(30), 3: 20}) == ERR.INVALID_SEQ


# Who may write


def test_a_pin_protects_it(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = with_pin(authenticator())
    whole = array(17)
    assert send(bench, {2: whole, 3: 0, 4: 17}) == ERR.PUAT_REQUIRED
    assert send(bench, {2: whole, 3: 0, 4: 17, 5: bytes(16)}) == ERR.MISSING_PARAMETER
    assert send(bench, {2: whole, 3: 0, 4: 17, 5: bytes(16), 6: 1}) == ERR.PIN_AUTH_INVALID
    auth = token(bench, P.CREDENTIAL_MGMT, None, pin_protocol)
    with refused(ERR.PIN_AUTH_INVALID):
        LargeBlobs(bench.ctap, pin_protocol, auth.token).write_blob_array([])
    client(bench, pin_protocol).write_blob_array([])
    assert stored(bench) == INITIAL


def test_the_permission_outlasts_a_ceremony(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    register(bench, resident=True, auth=token(bench, P.MAKE_CREDENTIAL), extensions={"largeBlobKey": True})
    auth = token(bench, P.GET_ASSERTION | P.LARGE_BLOB_WRITE)
    key = log_in(bench, auth=auth, extensions={"largeBlobKey": True}).large_blob_key
    assert key is not None
    LargeBlobs(bench.ctap, auth.protocol, auth.token).put_blob(key, b"blob")
    assert LargeBlobs(bench.ctap).get_blob(key) == b"blob"


def test_always_uv_protects_it_too(authenticator: MakeBench) -> None:
    bench = authenticator()
    bench.authenticator.change_state(always_uv=True)
    assert send(bench, {2: array(17), 3: 0, 4: 17}) == ERR.PUAT_REQUIRED


def test_a_key_without_large_blobs(authenticator: MakeBench) -> None:
    assert send(authenticator(features={"large_blobs": False}), {1: 1, 3: 0}) == ERR.INVALID_COMMAND
