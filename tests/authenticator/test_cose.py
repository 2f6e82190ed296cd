"""Every algorithm: its COSE key as its RFC has it, signatures others accept, private bytes that load again."""

from __future__ import annotations

from typing import Any

import pytest
from bench import MakeBench
from ceremonies import credential_id, log_in, public_key, register, verify
from cryptography.hazmat.primitives import serialization
from fido2.cose import UnsupportedKey

from authenticator.cose import ALGORITHMS, Algorithm, generate_private_key, load_private_key
from authenticator.environment import SeededRandomness, SystemRandomness

EVERY = pytest.mark.parametrize("algorithm", list(Algorithm), ids=lambda each: each.name)

SHAPES: dict[Algorithm, dict[int, Any]] = {
    # kty, crv; then the lengths of what else is there (RFC 9053 §7.1, RFC 8812 §3.1, RFC 8230 §4, RFC 9964)
    Algorithm.ES256: {1: 2, -1: 1, -2: 32, -3: 32},
    Algorithm.ESP256: {1: 2, -1: 1, -2: 32, -3: 32},
    Algorithm.ES384: {1: 2, -1: 2, -2: 48, -3: 48},
    Algorithm.ES512: {1: 2, -1: 3, -2: 66, -3: 66},
    Algorithm.ES256K: {1: 2, -1: 8, -2: 32, -3: 32},
    Algorithm.EDDSA: {1: 1, -1: 6, -2: 32},
    Algorithm.ED25519: {1: 1, -1: 6, -2: 32},
    Algorithm.RS256: {1: 3, -1: 256, -2: 3},
    Algorithm.PS256: {1: 3, -1: 256, -2: 3},
    Algorithm.ML_DSA_44: {1: 7, -1: 1312},
    Algorithm.ML_DSA_65: {1: 7, -1: 1952},
    Algorithm.ML_DSA_87: {1: 7, -1: 2592},
}


def test_every_algorithm_has_its_class() -> None:
    assert set(ALGORITHMS) == set(Algorithm) == set(SHAPES)


@EVERY
def test_registrations_and_logins_verify(authenticator: MakeBench, algorithm: Algorithm) -> None:
    bench = authenticator()
    registration = register(bench, algorithms=[algorithm])
    key = public_key(registration)
    assert not isinstance(key, UnsupportedKey)
    shape = SHAPES[algorithm]
    assert {k: len(v) if isinstance(v, bytes) else v for k, v in key.items()} == {3: int(algorithm), **shape}
    verify(log_in(bench, allow=[credential_id(registration)]), key)


@EVERY
@pytest.mark.parametrize("random", [SystemRandomness(), SeededRandomness(3)], ids=["system", "seeded"])
def test_private_bytes_load_again(algorithm: Algorithm, random: Any) -> None:
    key = generate_private_key(algorithm, random)
    again = load_private_key(algorithm, key.to_bytes())
    assert again.public_cose_key() == key.public_cose_key()
    assert again.to_bytes() == key.to_bytes()


@EVERY
def test_the_private_bytes_are_those_of_the_handle(algorithm: Algorithm) -> None:
    key = generate_private_key(algorithm, SystemRandomness())
    match key.public_cose_key()[1]:
        case 2:
            assert int.from_bytes(key.to_bytes(), "big") == key.handle.private_numbers().private_value
            numbers = key.handle.public_key().public_numbers()
            cose = key.public_cose_key()
            assert (int.from_bytes(cose[-2], "big"), int.from_bytes(cose[-3], "big")) == (
                numbers.x,
                numbers.y,
            )
        case 3:
            numbers = key.handle.private_numbers()
            half = len(key.to_bytes()) // 2
            assert int.from_bytes(key.to_bytes()[:half], "big") == numbers.p
            assert int.from_bytes(key.to_bytes()[half:], "big") == numbers.q
        case 1:
            raw = key.handle.private_bytes(
                serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
            )
            assert raw == key.to_bytes()
        case _:
            assert len(key.to_bytes()) == 32


@EVERY
def test_the_same_seed_gives_the_same_key(algorithm: Algorithm) -> None:
    first, second = (generate_private_key(algorithm, SeededRandomness(9)).to_bytes() for _ in range(2))
    other = generate_private_key(algorithm, SeededRandomness(10)).to_bytes()
    assert first == second != other


def test_short_scalars_and_coordinates_keep_their_zeros() -> None:
    # A scalar of 1 gives the curve's generator; leading zero bytes must not get lost.
    for algorithm, size in ((-7, 32), (-35, 48), (-36, 66), (-47, 32)):
        key = load_private_key(algorithm, (1).to_bytes(size, "big"))
        assert key.to_bytes() == (1).to_bytes(size, "big")
        assert [len(key.public_cose_key()[each]) for each in (-2, -3)] == [size, size]


def test_an_unknown_algorithm_is_told() -> None:
    with pytest.raises(ValueError, match="-999"):
        load_private_key(-999, b"")


@pytest.mark.parametrize("algorithm", [-7, -9, -35, -36, -47, -8, -19, -257])
def test_repeatable_signatures_are_the_same_for_the_same_message(algorithm: int) -> None:
    key = generate_private_key(algorithm, SystemRandomness())
    assert key.sign(b"message") == key.sign(b"message") == key.sign(b"message", repeatable=True)


@pytest.mark.parametrize("algorithm", [-7, -9, -35, -36, -47])
def test_quicker_signatures_have_a_nonce_of_their_own(algorithm: int) -> None:
    key = generate_private_key(algorithm, SystemRandomness())
    assert len({key.sign(b"message", repeatable=False) for _ in range(3)}) == 3


def test_a_seeded_run_repeats_to_the_byte(authenticator: MakeBench) -> None:
    def run() -> tuple[bytes, bytes]:
        bench = authenticator()
        registration = register(bench)
        return bytes(registration), bytes(log_in(bench, allow=[credential_id(registration)]))

    assert run() == run()
