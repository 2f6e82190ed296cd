"""The whole key under mutated packets and requests: `python -m tests.benchmarks.soak_ctaphid --packets 1000000`.

Everything arrives as a host's program would send it: packets of conversations with real requests in them, which are
changed, lost, repeated, swapped and made up, on a clock that jumps. No answer may say 0x7F, none may come on a
channel nobody was given, memory must not grow, and whatever came before, the next program is served.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping, Sequence

import psutil  # type: ignore[import-untyped,unused-ignore]

from authenticator import cbor
from authenticator.environment import HandTurnedClock
from harness import VirtualKey
from harness.people import Habit
from tests.ctaphid.host import CBOR, MSG
from tests.ctaphid.mutation import Bombardment, Traffic

BATCH = 2_000
HABITS: Sequence[Habit] = ("willing", "ignoring", "refusing")
GROWTH_ALLOWED = 16 * 1024 * 1024
"""Between the first fifth and the end: what allocators and caches need. A leak of 20 bytes a packet is more."""

HASH = bytes(32)
RP, USER = {"id": "example.com"}, {"id": b"\1", "name": "a", "displayName": "A"}
ES256 = [{"type": "public-key", "alg": -7}]
MAKE_CREDENTIAL = {1: HASH, 2: RP, 3: USER, 4: ES256}
LIST = [{"type": "public-key", "id": bytes(64)}]


def request(command: int, parameters: Mapping[int, object] | None = None) -> tuple[int, bytes]:
    return CBOR, bytes((command,)) + (b"" if parameters is None else cbor.encode(dict(parameters)))


REQUESTS = [
    request(0x01, MAKE_CREDENTIAL),
    request(0x01, MAKE_CREDENTIAL | {5: LIST, 6: {"credProtect": 2, "hmac-secret": True}, 7: {"rk": True}}),
    request(0x01, MAKE_CREDENTIAL | {8: bytes(16), 9: 2}),
    request(0x02, {1: "example.com", 2: HASH}),
    request(0x02, {1: "example.com", 2: HASH, 3: LIST, 5: {"up": False}}),
    request(0x04),
    request(0x06, {1: 2, 2: 1}),
    request(0x06, {1: 1, 2: 2}),
    request(0x06, {1: 2, 2: 5, 3: {1: 2, 3: -25, -1: 1, -2: HASH, -3: HASH}, 6: bytes(32)}),
    request(0x06, {1: 2, 2: 7}),
    request(0x07),
    request(0x08),
    request(0x09, {3: True}),
    request(0x09, {1: 1, 2: 7}),
    request(0x0A, {1: 1, 3: 2, 4: bytes(32)}),
    request(0x0B),
    request(0x0C, {1: 100, 3: 0}),
    request(0x0C, {2: bytes(40), 3: 0, 4: 40}),
    request(0x0D, {1: 2}),
    request(0x41, {1: 1}),
    (MSG, bytes.fromhex("0003000000")),
    (MSG, bytes.fromhex("00010000000040") + bytes(64) + b"\0\0"),
    (MSG, bytes.fromhex("00020700000081") + bytes(64) + b"\x40" + bytes(64) + b"\0\0"),
    (0x42, b"\0"),
    (0x43, b"\x03\x07\x01\x08"),
]


def soak_ctaphid(packets: int = 1_000_000, seed: int | None = None) -> str:
    """Send so many packets; AssertionError at the first wrong answer. What was done, in one line."""
    seed = random.randrange(1 << 32) if seed is None else seed
    started = time.perf_counter()
    answered, growth = zip(*(_soak(pin, packets // 2, seed) for pin in (None, "1234")), strict=True)
    speed = packets / (time.perf_counter() - started)
    return (
        f"ctaphid: {packets} mutated packets, {sum(answered)} requests answered, none with 0x7F, "
        f"{max(growth) >> 10} KB more memory, {speed:.0f} packets a second (seed {seed})"
    )


def _soak(pin: str | None, packets: int, seed: int) -> tuple[int, int]:
    """How many requests were answered, and by how many bytes memory grew after the first fifth."""
    clock = HandTurnedClock()
    traffic, process = Traffic(seed, REQUESTS), psutil.Process()
    settled = growth = sent = 0
    with VirtualKey(pin=pin, seed=seed, clock=clock, trace_size=100) as key:
        bombardment = Bombardment(key.engine.hub, clock, traffic)
        while sent < packets:
            try:
                key.person.habit = HABITS[sent // BATCH % len(HABITS)]
                count = min(BATCH, packets - sent)
                bombardment.send(count)
                bombardment.require_service()
                key.raise_bugs()
            except BaseException as error:
                error.add_note(f"packets {sent} to {sent + BATCH} of seed {seed}, PIN {pin}")
                raise
            sent += count
            memory = process.memory_info().rss
            if sent <= packets // 5:
                settled = memory
            else:
                growth = memory - settled
                assert growth < GROWTH_ALLOWED, f"memory grew by {growth >> 20} MB in {sent} packets"
    return bombardment.answers.get(CBOR, 0) + bombardment.answers.get(MSG, 0), growth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    print(soak_ctaphid(arguments.packets, arguments.seed))
