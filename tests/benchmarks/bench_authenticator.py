"""What the key adds to the cryptography it cannot do without, as ratios within one run; and how it scales.

Run as `python tests/benchmarks/bench_authenticator.py`. Exits with 1 where a ratio misses its target.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from authenticator import cbor
from authenticator.authenticator import Authenticator
from authenticator.environment import Environment
from authenticator.person import TOUCHED
from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Profile
from authenticator.store import MemoryStore

ROUNDS = 801
BATCH = 5
"""Few calls at a time, so that most rounds fit between two interruptions of a busy machine."""
FEW, MANY = 10, 10_000
RPS = 1_000
HASH = b"h" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    name: str
    measured: list[float]
    reference: list[float]
    """Seconds, round by round."""
    target: float

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: what slows the machine down slows both halves of a round."""
        return statistics.median(
            measured / reference for measured, reference in zip(self.measured, self.reference, strict=True)
        )

    def __str__(self) -> str:
        verdict = "" if self.ratio <= self.target else "   MISSED"
        measured, reference = (statistics.median(times) * 1e6 for times in (self.measured, self.reference))
        return f"{self.name:<72}{measured:8.1f} µs{reference:8.1f} µs{self.ratio:7.2f}   ≤ {self.target:.2f}{verdict}"


def interleaved(*contenders: Callable[[], object]) -> list[list[float]]:
    """The time of one call of each, round by round. They take turns."""
    times: list[list[float]] = [[] for _ in contenders]
    for contender in contenders:
        contender()
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for contender, mine in zip(contenders, times, strict=True):
                start = time.perf_counter()
                for _ in range(BATCH):
                    contender()
                mine.append((time.perf_counter() - start) / BATCH)
    finally:
        gc.enable()
    return times


def roomy_profile() -> Profile:
    profile = load_profile("reference")
    return replace(profile, limits=replace(profile.limits, resident_credentials=1_000_000))


def new_key(profile: Profile) -> Authenticator:
    return Authenticator(Environment(profile=profile, store=MemoryStore()))


def run(key: Authenticator, request: bytes) -> bytes:
    operation = key.begin(request)
    while operation.ask is not None:
        operation.resume(TOUCHED)
    response = operation.response
    if response is None or response[0]:
        raise RuntimeError(f"the key answered {response!r}")
    return response


def make_credential(rp_id: str, user_id: bytes, *, resident: bool) -> bytes:
    return b"\x01" + cbor.encode(
        {
            1: HASH,
            2: {"id": rp_id, "name": "Example"},
            3: {"id": user_id, "name": "alice", "displayName": "Alice"},
            4: [{"alg": -7, "type": "public-key"}, {"alg": -257, "type": "public-key"}],
            7: {"rk": resident},
        }
    )


def get_assertion(rp_id: str, credential_id: bytes | None = None) -> bytes:
    request: dict[int, object] = {1: rp_id, 2: HASH}
    if credential_id is not None:
        request[3] = [{"id": credential_id, "type": "public-key"}]
    return b"\x02" + cbor.encode(request)


def credential_id_in(response: bytes) -> bytes:
    data = cbor.decode(response[1:])[2]
    return bytes(data[55 : 55 + int.from_bytes(data[53:55], "big")])


def filled(profile: Profile, count: int, rps: int) -> Authenticator:
    """A key with that many resident credentials, spread over that many relying parties."""
    key = new_key(profile)
    for n in range(count):
        run(key, make_credential(f"rp{n % rps}.example", n.to_bytes(8, "big"), resident=True))
    return key


def overhead(profile: Profile) -> Iterable[Comparison]:
    """The key beside bare cryptography."""
    key = new_key(profile)
    curve, scheme, message = ec.SECP256R1(), ec.ECDSA(hashes.SHA256()), b"m" * 69
    bare_key = ec.generate_private_key(curve)
    listed = get_assertion(
        "example.com", credential_id_in(run(key, make_credential("example.com", b"1", resident=False)))
    )
    run(key, make_credential("passkey.example", b"1", resident=True))
    discovered = get_assertion("passkey.example")
    unlisted, resident = (
        make_credential("new.example", b"1", resident=resident) for resident in (False, True)
    )
    sign, create, by_list, by_rp, sealed, stored = interleaved(
        lambda: bare_key.sign(message, scheme),
        lambda: ec.generate_private_key(curve).sign(message, scheme),
        lambda: run(key, listed),
        lambda: run(key, discovered),
        lambda: run(key, unlisted),
        lambda: run(key, resident),
    )
    yield Comparison(name="getAssertion, listed : signature", measured=by_list, reference=sign, target=2.5)
    yield Comparison(name="getAssertion, discovered : signature", measured=by_rp, reference=sign, target=2.5)
    yield Comparison(
        name="makeCredential, sealed : key generation + signature",
        measured=sealed,
        reference=create,
        target=2.5,
    )
    yield Comparison(
        name="makeCredential, resident : key generation + signature",
        measured=stored,
        reference=create,
        target=2.5,
    )


def scale(profile: Profile, rps: int, where: str) -> Iterable[Comparison]:
    """10,000 resident credentials beside 10."""
    few, many = filled(profile, FEW, min(rps, FEW)), filled(profile, MANY, rps)

    def compare(name: str, small: bytes, big: bytes) -> Comparison:
        reference, measured = interleaved(lambda: run(few, small), lambda: run(many, big))
        return Comparison(
            name=f"{name}: {MANY:,} credentials, {where} : {FEW}",
            measured=measured,
            reference=reference,
            target=1.2,
        )

    rp_id = "rp0.example"
    small, big = (get_assertion(rp_id, next(key.store.credentials()).id) for key in (few, many))
    yield compare("getAssertion, listed", small, big)
    yield compare("getAssertion, discovered", get_assertion(rp_id), get_assertion(rp_id))
    create = make_credential(rp_id, bytes(8), resident=True)
    yield compare("makeCredential, resident", create, create)


def memory_per_key(profile: Profile, count: int = 500) -> float:
    new_key(profile)
    gc.collect()
    tracemalloc.start()
    keys = [new_key(profile) for _ in range(count)]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used / len(keys)


def keys_per_second(profile: Profile, count: int = 2_000) -> float:
    start = time.perf_counter()
    for _ in range(count):
        new_key(profile)
    return count / (time.perf_counter() - start)


def main(argv: list[str] | None = None) -> int:
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    profile = roomy_profile()
    comparisons = [
        *overhead(profile),
        *scale(profile, RPS, f"{RPS:,} relying parties"),
        *scale(profile, 1, "all of one relying party"),
    ]
    print(f"{'':<72}{'measured':>11}{'reference':>11}{'ratio':>7}   target")
    for comparison in comparisons:
        print(comparison)
    print(f"memory per idle key: {memory_per_key(profile) / 1024:.1f} KiB")
    print(f"keys created per second: {keys_per_second(profile):,.0f}")
    return any(comparison.ratio > comparison.target for comparison in comparisons)


if __name__ == "__main__":
    sys.exit(main())
