"""authenticatorCredentialManagement (CTAP 2.3 §6.8), driven by python-fido2's client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from bench import ERR, PIN, Bench, MakeBench, refused
from ceremonies import RP_ID, P, credential_id, descriptor, log_in, public_key, register, token, with_pin
from fido2.ctap2 import CredentialManagement
from fido2.ctap2.pin import PinProtocol, PinProtocolV2

from authenticator import cbor
from authenticator.credential import rp_id_hash
from authenticator.truncation import truncated_name, truncated_rp_id

R = CredentialManagement.RESULT
CM, PCMR = int(P.CREDENTIAL_MGMT), 0x40


def management(
    bench: Bench, protocol: PinProtocol | None = None, permission: int = CM, rp_id: str | None = None
) -> CredentialManagement:
    auth = token(bench, permission, rp_id, protocol)
    return CredentialManagement(bench.ctap, auth.protocol, auth.token)


def populated(authenticator: MakeBench, **overrides: Any) -> Bench:
    bench = with_pin(authenticator(**overrides))
    for rp_id, names in ((RP_ID, ("alice", "bob")), ("other.example", ("carol",))):
        for name in names:
            auth = token(bench, P.MAKE_CREDENTIAL, rp_id)
            register(bench, rp_id=rp_id, user=name.encode(), name=name, resident=True, auth=auth)
    return bench


def status(bench: Bench, sub_command: int, *, channel: int = 1, command: int = 0x0A) -> int:
    return bench.send(bytes((command,)) + cbor.encode({1: sub_command}), channel)[0]


def names(credentials: Sequence[Any]) -> list[str]:
    return [each[R.USER]["name"] for each in credentials]


# Reading


def test_metadata(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = populated(authenticator, limits={"resident_credentials": 5})
    assert management(bench, pin_protocol).get_metadata() == {
        R.EXISTING_CRED_COUNT: 3,
        R.MAX_REMAINING_COUNT: 2,
    }


@pytest.mark.parametrize("permission", [CM, PCMR], ids=["cm", "pcmr"])
def test_everything_is_enumerated(
    authenticator: MakeBench, pin_protocol: PinProtocol, permission: int
) -> None:
    bench = populated(authenticator)
    client = management(bench, pin_protocol, permission)
    rps = client.enumerate_rps()
    assert [(each[R.RP]["id"], each[R.RP_ID_HASH]) for each in rps] == [
        (rp_id, rp_id_hash(rp_id)) for rp_id in (RP_ID, "other.example")
    ]
    assert rps[0][R.TOTAL_RPS] == 2
    assert R.TOTAL_RPS not in rps[1]
    credentials = client.enumerate_creds(rp_id_hash(RP_ID))
    assert names(credentials) == ["bob", "alice"]
    assert credentials[0][R.TOTAL_CREDENTIALS] == 2
    assert names(client.enumerate_creds(rp_id_hash("other.example"))) == ["carol"]


def test_a_credential_is_told_with_all_it_has(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    made = register(
        bench,
        resident=True,
        auth=token(bench, P.MAKE_CREDENTIAL),
        extensions={"credProtect": 2, "largeBlobKey": True, "thirdPartyPayment": True},
    )
    (credential,) = management(bench).enumerate_creds(rp_id_hash(RP_ID))
    assert credential == {
        R.USER: {"id": b"alice", "name": "alice", "displayName": "Alice"},
        R.CREDENTIAL_ID: descriptor(credential_id(made)),
        R.PUBLIC_KEY: dict(public_key(made)),
        R.TOTAL_CREDENTIALS: 1,
        R.CRED_PROTECT: 2,
        R.LARGE_BLOB_KEY: made.large_blob_key,
        R.THIRD_PARTY_PAYMENT: True,
    }


def test_nothing_is_stored(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    client = management(bench)
    with refused(ERR.NO_CREDENTIALS):
        client.enumerate_rps_begin()
    with refused(ERR.NO_CREDENTIALS):
        client.enumerate_creds_begin(rp_id_hash(RP_ID))
    assert client.enumerate_rps() == []


# Changing


def test_a_credential_is_deleted(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    client = management(bench)
    first = client.enumerate_creds(rp_id_hash(RP_ID))[0]
    client.delete_cred(first[R.CREDENTIAL_ID])
    assert names(client.enumerate_creds(rp_id_hash(RP_ID))) == ["alice"]
    with refused(ERR.NO_CREDENTIALS):
        client.delete_cred(first[R.CREDENTIAL_ID])
    with refused(ERR.NO_CREDENTIALS):
        log_in(bench, allow=[first[R.CREDENTIAL_ID]["id"]])


def test_the_user_is_renamed(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    client = management(bench)
    credential = client.enumerate_creds(rp_id_hash("other.example"))[0][R.CREDENTIAL_ID]
    client.update_user_info(credential, {"id": b"carol", "name": "caroline"})
    (changed,) = client.enumerate_creds(rp_id_hash("other.example"))
    assert changed[R.USER] == {"id": b"carol", "name": "caroline"}
    with refused(ERR.INVALID_PARAMETER):
        client.update_user_info(credential, {"id": b"mallory", "name": "mallory"})
    with refused(ERR.NO_CREDENTIALS):
        client.update_user_info(descriptor(b"unknown"), {"id": b"carol", "name": "x"})


def test_renaming_keeps_counter_and_place(authenticator: MakeBench) -> None:
    bench = populated(authenticator, counter=authenticator().authenticator.profile.counter.PER_CREDENTIAL)
    client = management(bench)
    oldest = client.enumerate_creds(rp_id_hash(RP_ID))[1][R.CREDENTIAL_ID]
    before = log_in(bench, allow=[oldest["id"]]).auth_data.counter
    management(bench).update_user_info(oldest, {"id": b"alice", "name": "alicia"})
    assert names(management(bench).enumerate_creds(rp_id_hash(RP_ID))) == ["bob", "alicia"]
    assert log_in(bench, allow=[oldest["id"]]).auth_data.counter == before + 1


# Who may


@pytest.mark.parametrize("sub_command", [1, 2, 4, 6, 7])
def test_every_subcommand_wants_a_token(authenticator: MakeBench, sub_command: int) -> None:
    bench = populated(authenticator)
    assert status(bench, sub_command) == ERR.PUAT_REQUIRED


def test_another_permission_will_not_do(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = populated(authenticator)
    client = management(bench, pin_protocol, int(P.LARGE_BLOB_WRITE))
    with refused(ERR.PIN_AUTH_INVALID):
        client.get_metadata()


def test_reading_is_all_a_read_only_token_may(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    client = management(bench, permission=PCMR)
    credential = client.enumerate_creds(rp_id_hash("other.example"))[0][R.CREDENTIAL_ID]
    with refused(ERR.PIN_AUTH_INVALID):
        client.delete_cred(credential)
    with refused(ERR.PIN_AUTH_INVALID):
        client.update_user_info(credential, {"id": b"carol", "name": "x"})


def test_a_read_only_token_outlives_the_power_until_the_pin_changes(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    client = management(bench, permission=PCMR)
    bench.authenticator.power_cycle()
    assert client.get_metadata()[R.EXISTING_CRED_COUNT] == 3
    bench.client_pin().change_pin(PIN, "56789")
    with refused(ERR.PIN_AUTH_INVALID):
        client.get_metadata()


def test_a_token_bound_to_one_relying_party(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    client = management(bench, rp_id=RP_ID)
    assert names(client.enumerate_creds(rp_id_hash(RP_ID))) == ["bob", "alice"]
    for forbidden in (
        client.get_metadata,
        client.enumerate_rps_begin,
        lambda: client.enumerate_creds_begin(rp_id_hash("other.example")),
    ):
        with refused(ERR.PIN_AUTH_INVALID):
            forbidden()
    (of_another,) = management(bench).enumerate_creds(rp_id_hash("other.example"))
    bound = management(bench, rp_id=RP_ID)
    with refused(ERR.PIN_AUTH_INVALID):
        bound.delete_cred(of_another[R.CREDENTIAL_ID])
    with refused(ERR.PIN_AUTH_INVALID):
        bound.update_user_info(of_another[R.CREDENTIAL_ID], {"id": b"carol", "name": "x"})


def test_a_token_signs_the_parameters_too(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    auth = token(bench, CM, None)
    protocol = PinProtocolV2()
    parameters = {1: rp_id_hash(RP_ID)}
    param = protocol.authenticate(auth.token, b"\x04" + cbor.encode({1: rp_id_hash("other.example")}))
    request = {1: 4, 2: parameters, 3: 2, 4: param}
    assert bench.send(b"\x0a" + cbor.encode(request))[0] == ERR.PIN_AUTH_INVALID


# Enumerations under way


def test_next_without_a_beginning(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    assert status(bench, 3) == status(bench, 5) == ERR.NOT_ALLOWED


def test_next_after_the_last(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    management(bench).enumerate_rps()
    assert status(bench, 3) == ERR.NOT_ALLOWED


def test_next_of_another_kind(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    management(bench).enumerate_rps_begin()
    assert status(bench, 5) == ERR.NOT_ALLOWED


def test_an_enumeration_belongs_to_one_channel(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    management(bench).enumerate_rps_begin()
    assert status(bench, 3, channel=2) == ERR.NOT_ALLOWED
    assert status(bench, 3) == ERR.NOT_ALLOWED


def test_an_enumeration_is_dropped_by_another_command_and_by_time(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    management(bench).enumerate_rps_begin()
    bench.send(b"\x04")
    assert status(bench, 3) == ERR.NOT_ALLOWED
    management(bench).enumerate_rps_begin()
    bench.clock.advance(30)
    assert status(bench, 3) == ERR.NOT_ALLOWED


# Parameters and prototype


def test_parameters(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    assert bench.send(b"\x0a")[0] == ERR.MISSING_PARAMETER
    assert bench.send(b"\x0a" + cbor.encode({}))[0] == ERR.MISSING_PARAMETER
    assert bench.send(b"\x0a" + cbor.encode({1: "text"}))[0] == ERR.CBOR_UNEXPECTED_TYPE
    assert status(bench, 8) == ERR.INVALID_SUBCOMMAND
    client = management(bench)
    for call, code in (
        (lambda: client._call(4), ERR.MISSING_PARAMETER),
        (lambda: client._call(4, {1: "text"}), ERR.CBOR_UNEXPECTED_TYPE),
        (lambda: client._call(6, {}), ERR.MISSING_PARAMETER),
        (lambda: client._call(6, {2: {"type": "public-key"}}), ERR.MISSING_PARAMETER),
        (lambda: client._call(7, {2: descriptor(b"x")}), ERR.MISSING_PARAMETER),
        (lambda: client._call(7, {2: descriptor(b"x"), 3: {}}), ERR.MISSING_PARAMETER),
    ):
        with refused(code):
            call()


def test_the_prototype(authenticator: MakeBench) -> None:
    bench = populated(
        authenticator,
        versions=("FIDO_2_0", "FIDO_2_1_PRE"),
        features={
            "credential_management": False,
            "pin_uv_auth_token": False,
            "read_only_credential_management": False,
        },
    )
    assert status(bench, 1) == ERR.INVALID_COMMAND
    auth = bench.client_pin().get_pin_token(PIN)
    client = CredentialManagement(bench.ctap, PinProtocolV2(), auth)
    assert names(client.enumerate_creds(rp_id_hash(RP_ID))) == ["bob", "alice"]
    client.delete_cred(client.enumerate_creds(rp_id_hash("other.example"))[0][R.CREDENTIAL_ID])
    assert client.get_metadata()[R.EXISTING_CRED_COUNT] == 2
    assert status(bench, 7, command=0x41) == ERR.INVALID_SUBCOMMAND


# Truncation (§6.8.7)


@pytest.mark.parametrize(
    ("rp_id", "kept"),
    [
        ("example.com", "example.com"),
        ("a" * 32, "a" * 32),
        ("myfidousingwebsite.hostingprovider.net", "…ngwebsite.hostingprovider.net"[-30:]),
        ("mygreatsite.hostingprovider.info", "mygreatsite.hostingprovider.info"),
        ("otherprotocol://myfidousingwebsite.hostingprovider.net", "otherprotocol:…ingprovider.net"),
        ("veryexcessivelylargeprotocolname://example.com", "veryexcessivelylargeprotocolname"),
    ],
)
def test_long_rp_ids(rp_id: str, kept: str) -> None:
    assert truncated_rp_id(rp_id, 32) == kept
    assert len(kept.encode()) <= 32
    assert truncated_rp_id(rp_id, None) == rp_id


def test_rp_ids_are_told_shortened_where_the_device_has_little_room(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator(limits={"stored_rp_id": 32}))
    rp_id = "a.very.long.name.of.a.relying.party.example"
    register(bench, rp_id=rp_id, resident=True, auth=token(bench, P.MAKE_CREDENTIAL, rp_id))
    (rp,) = management(bench).enumerate_rps()
    assert rp[R.RP]["id"] == "…me.of.a.relying.party.example"
    assert rp[R.RP_ID_HASH] == rp_id_hash(rp_id)


def test_long_names_are_never_cut_within_a_character() -> None:
    assert truncated_name("ä" * 40, 63) == "ä" * 31
    assert truncated_name(None, 64) is None
    assert truncated_name("ä" * 40, None) == "ä" * 40


# encIdentifier and encCredStoreState (§6.4)


def test_who_holds_the_read_only_token_recognises_the_key_and_sees_changes(authenticator: MakeBench) -> None:
    bench = populated(authenticator)
    assert bench.ctap.info.enc_identifier is None
    persistent = token(bench, PCMR, None).token
    info = bench.ctap.info
    identifier, state = info.get_identifier(persistent), info.get_cred_store_state(persistent)
    again = bench.ctap.info
    assert again.enc_identifier != info.enc_identifier  # another IV each time
    assert again.get_identifier(persistent) == identifier
    assert again.get_cred_store_state(persistent) == state
    client = management(bench)
    states = {state}
    credential = client.enumerate_creds(rp_id_hash("other.example"))[0][R.CREDENTIAL_ID]
    client.update_user_info(credential, {"id": b"carol", "name": "caroline"})
    states.add(bench.ctap.info.get_cred_store_state(persistent))
    client.delete_cred(credential)
    states.add(bench.ctap.info.get_cred_store_state(persistent))
    register(bench, resident=True, user=b"dave", auth=token(bench, P.MAKE_CREDENTIAL))
    states.add(bench.ctap.info.get_cred_store_state(persistent))
    register(bench)  # not discoverable: nothing in the store has changed
    states.add(bench.ctap.info.get_cred_store_state(persistent))
    assert len(states) == 4
    assert bench.ctap.info.get_identifier(persistent) == identifier
