"""Extensions (CTAP 2.3 §12), asked for as python-fido2 asks, and as it would not."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from bench import ERR, Bench, MakeBench, refused, with_finger
from ceremonies import P, credential_id, log_in, register, token, with_pin
from fido2.ctap import CtapError
from fido2.ctap2.pin import PinProtocol, PinProtocolV1

from authenticator import cbor

SALTS = (bytes(range(32)), bytes(range(32, 64)))


def outputs(response: Any) -> dict[str, Any]:
    return dict(response.auth_data.extensions or {})


def test_an_extension_the_profile_lacks_is_ignored(authenticator: MakeBench) -> None:
    bench = authenticator(extensions=frozenset({"credProtect"}))
    wrong_for_all = dict.fromkeys(
        ("credBlob", "largeBlobKey", "hmac-secret", "hmac-secret-mc", "prf", "uvm"), 7
    )
    made = register(bench, extensions={**wrong_for_all, "credProtect": 2})
    assert outputs(made) == {"credProtect": 2}
    assert log_in(bench, allow=[credential_id(made)], extensions=wrong_for_all).auth_data.extensions is None


@pytest.mark.parametrize(
    "name", ["credBlob", "hmac-secret", "minPinLength", "pinComplexityPolicy", "thirdPartyPayment", "uvm"]
)
def test_an_input_of_another_type(authenticator: MakeBench, name: str) -> None:
    bench = authenticator()
    with refused(ERR.CBOR_UNEXPECTED_TYPE):
        register(bench, extensions={name: 1})
    assert bench.person.asked == []


# credProtect


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("resident", [False, True])
def test_cred_protect_is_confirmed(authenticator: MakeBench, level: int, resident: bool) -> None:
    made = register(authenticator(), resident=resident, extensions={"credProtect": level})
    assert outputs(made) == {"credProtect": level}


def test_cred_protect_has_three_levels(authenticator: MakeBench) -> None:
    bench = authenticator()
    for level in (0, 4, -1):
        with refused(ERR.INVALID_OPTION):
            register(bench, extensions={"credProtect": level})
    with refused(ERR.CBOR_UNEXPECTED_TYPE):
        register(bench, extensions={"credProtect": True})


def test_a_protected_credential_that_is_not_stored(authenticator: MakeBench) -> None:
    bench = with_pin(authenticator())
    made = credential_id(register(bench, extensions={"credProtect": 3}))
    with refused(ERR.NO_CREDENTIALS):
        log_in(bench, allow=[made])
    log_in(bench, allow=[made], auth=token(bench, P.GET_ASSERTION))


# credBlob


def test_cred_blob(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"cred_blob": 32})
    made = register(bench, resident=True, extensions={"credBlob": bytes(range(32))})
    assert outputs(made) == {"credBlob": True}
    assert outputs(log_in(bench, extensions={"credBlob": True})) == {"credBlob": bytes(range(32))}
    assert log_in(bench, extensions={"credBlob": False}).auth_data.extensions is None
    assert log_in(bench).auth_data.extensions is None


def test_a_cred_blob_that_is_not_stored(authenticator: MakeBench) -> None:
    bench = authenticator(limits={"cred_blob": 32})
    assert outputs(register(bench, resident=True, extensions={"credBlob": bytes(33)})) == {"credBlob": False}
    assert outputs(log_in(bench, extensions={"credBlob": True})) == {"credBlob": b""}
    assert outputs(register(bench, extensions={"credBlob": b"x"})) == {"credBlob": False}


# largeBlobKey


def test_large_blob_key(authenticator: MakeBench) -> None:
    bench = authenticator()
    made = register(bench, resident=True, extensions={"largeBlobKey": True})
    assert made.large_blob_key is not None
    assert len(made.large_blob_key) == 32
    assertion = log_in(bench, extensions={"largeBlobKey": True})
    assert assertion.large_blob_key == made.large_blob_key
    assert assertion.auth_data.extensions is None
    assert log_in(bench).large_blob_key is None
    other = register(bench, resident=True, user=b"bob", extensions={"largeBlobKey": True})
    assert other.large_blob_key != made.large_blob_key


def test_large_blob_key_is_for_passkeys_and_asked_for_by_true(authenticator: MakeBench) -> None:
    bench = authenticator()
    made = register(bench, resident=True)
    for extensions, resident in (
        ({"largeBlobKey": True}, False),
        ({"largeBlobKey": False}, True),
        ({"largeBlobKey": 1}, True),
    ):
        with refused(ERR.INVALID_OPTION):
            register(bench, resident=resident, extensions=extensions)
    with refused(ERR.INVALID_OPTION):
        log_in(bench, extensions={"largeBlobKey": False})
    assert (
        log_in(bench, allow=[credential_id(made)], extensions={"largeBlobKey": True}).large_blob_key is None
    )


# hmac-secret


class HmacSecret:
    """The platform's half of the extension."""

    def __init__(self, bench: Bench, protocol: PinProtocol) -> None:
        self.protocol = protocol
        self.key_agreement, self.secret = bench.client_pin(protocol)._get_shared_secret()

    def inputs(self, *salts: bytes) -> dict[int, Any]:
        encrypted = self.protocol.encrypt(self.secret, b"".join(salts))
        return {
            1: dict(self.key_agreement),
            2: encrypted,
            3: self.protocol.authenticate(self.secret, encrypted),
            4: self.protocol.VERSION,
        }

    def open(self, output: bytes) -> bytes:
        return self.protocol.decrypt(self.secret, output)


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_hmac_secret(authenticator: MakeBench, pin_protocol: PinProtocol, count: int, resident: bool) -> None:
    bench = with_pin(authenticator())
    made = register(
        bench,
        resident=resident,
        auth=token(bench, P.MAKE_CREDENTIAL),
        extensions={"hmac-secret": True},
    )
    assert outputs(made) == {"hmac-secret": True}
    allow = [credential_id(made)]
    platform = HmacSecret(bench, pin_protocol)

    def secrets(verified: bool) -> bytes:
        auth = token(bench, P.GET_ASSERTION) if verified else None
        again = HmacSecret(bench, pin_protocol)  # a power cycle or a wrong PIN would make a new key
        answer = log_in(
            bench, allow=allow, auth=auth, extensions={"hmac-secret": again.inputs(*SALTS[:count])}
        )
        return again.open(outputs(answer)["hmac-secret"])

    verified, unverified = secrets(True), secrets(False)
    assert len(verified) == len(unverified) == 32 * count
    assert verified[:32] != unverified[:32]
    assert secrets(True) == verified
    if count == 2:
        assert verified[:32] != verified[32:]
        answer = log_in(bench, allow=allow, extensions={"hmac-secret": platform.inputs(SALTS[1], SALTS[0])})
        swapped = platform.open(outputs(answer)["hmac-secret"])
        assert (swapped[:32], swapped[32:]) == (unverified[32:], unverified[:32])


def test_hmac_secret_is_an_hmac_of_the_salt(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    register(bench, resident=True, extensions={"hmac-secret": True})
    (credential,) = bench.authenticator.store.credentials()
    platform = HmacSecret(bench, pin_protocol)
    answer = log_in(bench, extensions={"hmac-secret": platform.inputs(SALTS[0])})
    without_uv = credential.hmac_secrets[32:]
    expected = hmac.digest(without_uv, SALTS[0], hashlib.sha256)
    assert platform.open(outputs(answer)["hmac-secret"]) == expected


def test_a_credential_without_hmac_secret_gives_none(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    assert outputs(register(bench, extensions={"hmac-secret": False})) == {}
    made = credential_id(register(bench))
    platform = HmacSecret(bench, pin_protocol)
    answer = log_in(bench, allow=[made], extensions={"hmac-secret": platform.inputs(SALTS[0])})
    assert answer.auth_data.extensions is None


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({1: None}, ERR.MISSING_PARAMETER),
        ({2: None}, ERR.MISSING_PARAMETER),
        ({3: None}, ERR.MISSING_PARAMETER),
        ({1: b"bytes"}, ERR.CBOR_UNEXPECTED_TYPE),
        ({1: {1: 2, 3: -25, -1: 1, -2: bytes(32), -3: bytes(32)}}, ERR.INVALID_PARAMETER),
        ({1: {}}, ERR.INVALID_PARAMETER),
        ({2: bytes(16)}, ERR.PIN_AUTH_INVALID),
        ({3: bytes(32)}, ERR.PIN_AUTH_INVALID),
        ({3: b""}, ERR.PIN_AUTH_INVALID),
        ({4: 3}, ERR.INVALID_PARAMETER),
        ({4: "two"}, ERR.CBOR_UNEXPECTED_TYPE),
    ],
)
def test_hmac_secret_is_asked_for_wrongly(
    authenticator: MakeBench, pin_protocol: PinProtocol, changes: dict[int, Any], status: int
) -> None:
    bench = authenticator()
    made = credential_id(register(bench, extensions={"hmac-secret": True}))
    inputs = {**HmacSecret(bench, pin_protocol).inputs(SALTS[0]), **changes}
    inputs = {key: value for key, value in inputs.items() if value is not None}
    with refused(status):
        log_in(bench, allow=[made], extensions={"hmac-secret": inputs})


@pytest.mark.parametrize("size", [0, 16, 48, 80, 96])
def test_salts_of_another_length(authenticator: MakeBench, pin_protocol: PinProtocol, size: int) -> None:
    bench = authenticator()
    made = credential_id(register(bench, extensions={"hmac-secret": True}))
    inputs = HmacSecret(bench, pin_protocol).inputs(bytes(size))
    with refused(ERR.INVALID_PARAMETER):
        log_in(bench, allow=[made], extensions={"hmac-secret": inputs})


def test_a_platform_that_names_no_protocol_means_the_first(authenticator: MakeBench) -> None:
    bench = authenticator()
    made = credential_id(register(bench, extensions={"hmac-secret": True}))
    platform = HmacSecret(bench, PinProtocolV1())
    inputs = platform.inputs(SALTS[0])
    del inputs[4]
    answer = log_in(bench, allow=[made], extensions={"hmac-secret": inputs})
    assert len(platform.open(outputs(answer)["hmac-secret"])) == 32


def test_hmac_secret_wants_a_touch(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    made = credential_id(register(bench, extensions={"hmac-secret": True}))
    inputs = HmacSecret(bench, pin_protocol).inputs(SALTS[0])
    with refused(ERR.UNSUPPORTED_OPTION):
        log_in(bench, allow=[made], extensions={"hmac-secret": inputs}, options={"up": False})


def test_each_account_of_several_has_its_own_secret(
    authenticator: MakeBench, pin_protocol: PinProtocol
) -> None:
    bench = authenticator()
    for name in (b"alice", b"bob"):
        register(bench, resident=True, user=name, extensions={"hmac-secret": True})
    platform = HmacSecret(bench, pin_protocol)
    first = log_in(bench, extensions={"hmac-secret": platform.inputs(SALTS[0])})
    following = cbor.decode(bench.send(b"\x08")[1:])[2]
    second = cbor.decode(following[37:])
    assert platform.open(outputs(first)["hmac-secret"]) != platform.open(second["hmac-secret"])


def test_a_reset_changes_every_secret(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    made = credential_id(register(bench, extensions={"hmac-secret": True}))
    bench.ctap.reset()
    with refused(ERR.NO_CREDENTIALS):
        log_in(bench, allow=[made])


def test_hmac_secret_mc_gives_what_a_login_gives(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    platform = HmacSecret(bench, pin_protocol)
    made = register(bench, extensions={"hmac-secret": True, "hmac-secret-mc": platform.inputs(*SALTS)})
    secrets = platform.open(outputs(made)["hmac-secret-mc"])
    platform = HmacSecret(bench, pin_protocol)
    answer = log_in(bench, allow=[credential_id(made)], extensions={"hmac-secret": platform.inputs(*SALTS)})
    assert platform.open(outputs(answer)["hmac-secret"]) == secrets


def test_hmac_secret_mc_alone_gives_nothing(authenticator: MakeBench, pin_protocol: PinProtocol) -> None:
    bench = authenticator()
    inputs = HmacSecret(bench, pin_protocol).inputs(SALTS[0])
    assert outputs(register(bench, extensions={"hmac-secret-mc": inputs})) == {}
    with refused(ERR.PIN_AUTH_INVALID):
        register(bench, extensions={"hmac-secret": True, "hmac-secret-mc": {**inputs, 3: bytes(32)}})


# What the relying party may know of PINs


def test_the_pin_policy_is_for_listed_relying_parties(authenticator: MakeBench) -> None:
    bench = authenticator()
    both = {"minPinLength": True, "pinComplexityPolicy": True}
    assert outputs(register(bench, extensions=both)) == {}
    bench.authenticator.change_state(
        min_pin_rp_ids=("example.com",), min_pin_length=6, pin_complexity_policy=True
    )
    assert outputs(register(bench, extensions=both)) == {"minPinLength": 6, "pinComplexityPolicy": True}
    assert outputs(register(bench, extensions={"minPinLength": False})) == {}
    assert outputs(register(bench, rp_id="other.example", extensions=both)) == {}


# thirdPartyPayment, uvm


@pytest.mark.parametrize("resident", [False, True])
def test_third_party_payment(authenticator: MakeBench, resident: bool) -> None:
    bench = authenticator()
    asked = {"thirdPartyPayment": True}
    paying, other = (
        credential_id(register(bench, resident=resident, user=user, extensions=extensions))
        for user, extensions in ((b"a", asked), (b"b", None))
    )
    assert outputs(log_in(bench, allow=[paying], extensions=asked)) == {"thirdPartyPayment": True}
    assert outputs(log_in(bench, allow=[other], extensions=asked)) == {"thirdPartyPayment": False}
    assert log_in(bench, allow=[paying]).auth_data.extensions is None


def test_uvm(authenticator: MakeBench) -> None:
    bench = authenticator()
    asked = {"uvm": True}
    assert outputs(register(bench, extensions=asked)) == {"uvm": [[1, 10, 4]]}
    with_pin(bench)
    made = register(bench, auth=token(bench, P.MAKE_CREDENTIAL), extensions=asked)
    assert outputs(made) == {"uvm": [[0x800, 10, 4]]}
    with_finger(bench)
    answer = log_in(bench, allow=[credential_id(made)], options={"uv": True}, extensions=asked)
    assert outputs(answer) == {"uvm": [[2, 10, 4]]}


# prf and largeBlob, as phones have them


def phone(authenticator: MakeBench) -> Bench:
    return authenticator("icloud-keychain", extensions=frozenset({"prf", "largeBlob"}))


def unsigned_outputs(bench: Bench, request: dict[int, Any]) -> dict[str, Any]:
    code, key = (1, 6) if 4 in request and isinstance(request[4], list) else (2, 8)
    response = bench.send(bytes((code,)) + cbor.encode(request))
    if response[0]:
        raise CtapError(response[0])
    return dict(cbor.decode(response[1:], max_depth=5).get(key, {}))


def creation(extensions: dict[str, Any]) -> dict[int, Any]:
    return {
        1: bytes(32),
        2: {"id": "example.com"},
        3: {"id": b"alice"},
        4: [{"type": "public-key", "alg": -7}],
        6: extensions,
        7: {"rk": True},
    }


def assertion(extensions: dict[str, Any], allow: list[bytes] | None = None) -> dict[int, Any]:
    request: dict[int, Any] = {1: "example.com", 2: bytes(32), 4: extensions}
    if allow is not None:
        request[3] = [{"type": "public-key", "id": each} for each in allow]
    return request


def test_plain_prf(authenticator: MakeBench) -> None:
    bench = phone(authenticator)
    assert unsigned_outputs(bench, creation({"prf": {}})) == {"prf": {"enabled": True}}
    first, second = SALTS
    at_creation = unsigned_outputs(bench, creation({"prf": {"eval": {"first": first, "second": second}}}))
    results = at_creation["prf"]["results"]
    assert at_creation["prf"]["enabled"] is True
    assert {name: len(value) for name, value in results.items()} == {"first": 32, "second": 32}
    (passkey,) = bench.authenticator.store.credentials()
    assert results["first"] == hmac.digest(passkey.hmac_secrets[:32], first, hashlib.sha256)
    both = {"prf": {"eval": {"first": first, "second": second}}}
    assert unsigned_outputs(bench, assertion(both)) == {"prf": {"results": results}}
    by_credential = {"prf": {"eval": {"first": second}, "evalByCredential": {passkey.id: {"first": first}}}}
    assert unsigned_outputs(bench, assertion(by_credential, [passkey.id])) == {
        "prf": {"results": {"first": results["first"]}}
    }
    another = {"prf": {"eval": {"first": second}, "evalByCredential": {b"another": {"first": first}}}}
    assert unsigned_outputs(bench, assertion(another, [passkey.id])) == {
        "prf": {"results": {"first": results["second"]}}
    }
    assert unsigned_outputs(bench, assertion({"prf": {}})) == {}


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        (True, ERR.CBOR_UNEXPECTED_TYPE),
        ({"eval": b""}, ERR.CBOR_UNEXPECTED_TYPE),
        ({"eval": {}}, ERR.MISSING_PARAMETER),
        ({"eval": {"first": b"short"}}, ERR.INVALID_PARAMETER),
        ({"eval": {"first": bytes(32), "second": bytes(31)}}, ERR.INVALID_PARAMETER),
        ({"evalByCredential": {"text": {"first": bytes(32)}}}, ERR.CBOR_UNEXPECTED_TYPE),
        ({"evalByCredential": {b"id": {}}}, ERR.MISSING_PARAMETER),
    ],
)
def test_plain_prf_is_asked_for_wrongly(authenticator: MakeBench, inputs: Any, status: int) -> None:
    bench = phone(authenticator)
    unsigned_outputs(bench, creation({"prf": {}}))
    for request in (creation({"prf": inputs}), assertion({"prf": inputs})):
        with refused(status):
            unsigned_outputs(bench, request)


def test_only_plain_prf_goes_deeper_than_ctap(authenticator: MakeBench) -> None:
    request = assertion({"prf": {"evalByCredential": {b"id": {"first": bytes(32)}}}})
    assert authenticator().send(b"\x02" + cbor.encode(request))[0] == ERR.INVALID_CBOR


def test_large_blobs_that_the_authenticator_keeps(authenticator: MakeBench) -> None:
    bench = phone(authenticator)
    for support in ("preferred", "required"):
        made = unsigned_outputs(bench, creation({"largeBlob": {"support": support}}))
        assert made == {"largeBlob": {"supported": True}}
    (passkey,) = bench.authenticator.store.credentials()
    allow, read = [passkey.id], {"largeBlob": {"read": True}}
    assert unsigned_outputs(bench, assertion(read)) == {}
    write = {"largeBlob": {"write": b"compressed", "originalSize": 17}}
    assert unsigned_outputs(bench, assertion(write, allow)) == {"largeBlob": {"written": True}}
    assert unsigned_outputs(bench, assertion(read)) == {
        "largeBlob": {"blob": b"compressed", "originalSize": 17}
    }
    limit = bench.authenticator.profile.limits.large_blob_array
    too_long = {"largeBlob": {"write": bytes(limit + 1), "originalSize": 17}}
    assert unsigned_outputs(bench, assertion(too_long, allow)) == {"largeBlob": {"written": False}}
    assert unsigned_outputs(bench, assertion(read))["largeBlob"]["blob"] == b"compressed"
    assert unsigned_outputs(bench, assertion({"largeBlob": {"read": False}})) == {}


def test_large_blobs_are_asked_for_wrongly(authenticator: MakeBench) -> None:
    bench = phone(authenticator)
    unsigned_outputs(bench, creation({"largeBlob": {"support": "preferred"}}))
    (passkey,) = bench.authenticator.store.credentials()
    wrong: list[tuple[dict[int, Any], int]] = [
        (creation({"largeBlob": {"support": "maybe"}}), ERR.INVALID_OPTION),
        (creation({"largeBlob": {}}), ERR.MISSING_PARAMETER),
        (creation({"largeBlob": True}), ERR.CBOR_UNEXPECTED_TYPE),
        (assertion({"largeBlob": {"write": b"x", "originalSize": 1}}), ERR.INVALID_OPTION),
        (assertion({"largeBlob": {"write": b"x"}}, [passkey.id]), ERR.MISSING_PARAMETER),
        (
            assertion({"largeBlob": {"write": b"x", "originalSize": -1}}, [passkey.id]),
            ERR.CBOR_UNEXPECTED_TYPE,
        ),
        (
            assertion({"largeBlob": {"read": True, "write": b"x", "originalSize": 1}}, [passkey.id]),
            ERR.INVALID_OPTION,
        ),
    ]
    for request, status in wrong:
        with refused(status):
            unsigned_outputs(bench, request)
