"""Which statement makeCredential answers with, and which AAGUID: asked of whole authenticators."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import cbor2
import pytest
from attestation_oracles import AAGUID, Attested, profile
from cryptography import x509

from authenticator import cbor
from authenticator.attestation.certificates import SERIAL_NUMBER
from authenticator.authenticator import Authenticator
from authenticator.cose import Algorithm
from authenticator.environment import Environment, SeededRandomness
from authenticator.person import TOUCHED
from authenticator.profiles.profile import Profile, Quirk
from authenticator.store import MemoryStore

CLIENT_DATA = b"{}"
MANY = ("packed", "fido-u2f", "compound", "tpm", "apple", "android-key", "none")


@dataclass(frozen=True, slots=True)
class Made:
    attested: Attested
    enterprise: bool | None

    @property
    def aaguid(self) -> bytes:
        return self.attested.data[37:53]


def device(profile: Profile, seed: int = 1) -> Authenticator:
    return Authenticator(Environment(profile=profile, store=MemoryStore(), random=SeededRandomness(seed)))


def register(
    auth: Authenticator,
    preference: list[str] | None = None,
    *,
    algorithm: int = -7,
    enterprise: int | None = None,
) -> Made:
    request: dict[int, Any] = {
        1: hashlib.sha256(CLIENT_DATA).digest(),
        2: {"id": "enterprise.example"},
        3: {"id": b"user", "name": "user"},
        4: [{"type": "public-key", "alg": algorithm}],
    }
    if enterprise is not None:
        request[0x0A] = enterprise
    if preference is not None:
        request[0x0B] = preference
    operation = auth.begin(b"\x01" + cbor.encode(request))
    while operation.ask is not None:
        operation.resume(TOUCHED)
    assert operation.response is not None
    assert operation.response[0] == 0
    response = cbor2.loads(operation.response[1:])
    attested = Attested(fmt=response[1], statement=response[3], data=response[2], client_data=CLIENT_DATA)
    return Made(attested, response.get(4))


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        (None, "packed"),
        ([], "packed"),
        (["none"], "none"),
        (["packed"], "packed"),
        (["none", "packed"], "none"),
        (["packed", "none"], "packed"),
        (["fido-u2f", "packed"], "fido-u2f"),
        (["compound"], "compound"),
        (["tpm", "packed"], "tpm"),
        (["apple"], "apple"),
        (["android-key"], "android-key"),
        (["unheard-of", "android-safetynet", "tpm"], "tpm"),
        (["unheard-of"], "packed"),
    ],
)
def test_preference(preference: list[str] | None, expected: str) -> None:
    made = register(device(profile(*MANY)), preference)
    assert made.attested.fmt == expected
    if expected not in ("android-key", "compound"):
        made.attested.fido2()


def test_none_is_had_by_every_device_that_knows_the_parameter() -> None:
    made = register(device(profile("packed", "fido-u2f")), ["none"])
    assert (made.attested.fmt, made.attested.statement) == ("none", {})
    # Among others it counts only where the device lists it.
    assert register(device(profile("packed", "fido-u2f")), ["none", "fido-u2f"]).attested.fmt == "fido-u2f"


def test_device_of_one_format_does_not_know_the_parameter() -> None:
    assert register(device(profile("packed")), ["none"]).attested.fmt == "packed"


def test_first_format_with_room_for_the_key() -> None:
    auth = device(profile("apple", "tpm", "packed"))
    assert register(auth, algorithm=Algorithm.ES256).attested.fmt == "apple"
    assert register(auth, algorithm=Algorithm.ES384).attested.fmt == "tpm"
    assert register(auth, algorithm=Algorithm.EDDSA).attested.fmt == "packed"
    assert register(auth, ["apple"], algorithm=Algorithm.EDDSA).attested.fmt == "packed"


class TestAaguid:
    def test_is_told(self) -> None:
        for fmt in (["packed"], ["none"], ["tpm"], ["compound"]):
            assert register(device(profile(*MANY)), fmt).aaguid == AAGUID

    def test_is_zero_where_it_looks_like_u2f(self) -> None:
        assert register(device(profile(*MANY)), ["fido-u2f"]).aaguid == bytes(16)

    def test_is_zero_without_attestation_by_quirk(self) -> None:
        auth = device(replace(profile("apple", "none"), quirks=frozenset({Quirk.ZERO_AAGUID})))
        assert register(auth, ["none"]).aaguid == bytes(16)
        assert register(auth, ["apple"]).aaguid == AAGUID


class TestEnterprise:
    def profile(self) -> Profile:
        plain = profile("packed", "fido-u2f", "none")
        features = replace(
            plain.features,
            enterprise_attestation=True,
            vendor_facilitated_enterprise_rp_ids=("enterprise.example",),
        )
        return replace(plain, features=features)

    def device(self, seed: int = 1) -> Authenticator:
        auth = device(self.profile(), seed)
        auth.change_state(enterprise_attestation=True)
        return auth

    def serial(self, made: Made) -> bytes:
        certificate = x509.load_der_x509_certificate(made.attested.statement["x5c"][0])
        extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(SERIAL_NUMBER))
        assert isinstance(extension.value, x509.UnrecognizedExtension)
        assert not extension.critical
        return extension.value.value

    @pytest.mark.parametrize("kind", [1, 2])
    @pytest.mark.parametrize("preference", [None, ["none"], ["fido-u2f"]])
    def test_tells_the_device(self, kind: int, preference: list[str] | None) -> None:
        auth = self.device()
        made = register(auth, preference, enterprise=kind)
        assert (made.attested.fmt, made.enterprise) == ("packed", True)
        made.attested.fido2()
        assert self.serial(made) == b"\x04\x08" + auth.state.serial_number.to_bytes(8, "big")

    def test_tells_nothing_unasked(self) -> None:
        made = register(self.device())
        assert made.enterprise is None
        with pytest.raises(x509.ExtensionNotFound):
            self.serial(made)

    def test_devices_differ(self) -> None:
        one, other = (register(self.device(seed), enterprise=2) for seed in (1, 2))
        assert self.serial(one) != self.serial(other)
        assert one.attested.statement["x5c"][0] != other.attested.statement["x5c"][0]

    def test_serial_number_outlives_a_reset(self) -> None:
        auth = self.device()
        before = register(auth, enterprise=2)
        secret = auth.state.master_secret
        auth.factory_reset()
        assert auth.state.master_secret != secret
        auth.change_state(enterprise_attestation=True)
        after = register(auth, enterprise=2)
        assert after.attested.statement["x5c"] == before.attested.statement["x5c"]
