"""A million mutated requests: no crash, no 0x7F, no growth of memory, later requests still served.

`python -m tests.benchmarks.soak_authenticator [--inputs N] [--seed S]`. A finding names its seed and number.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys

from tests.authenticator.fuzzing import Finding, Fuzzer

SERVICE_EVERY = 1_000
FIRST_MEASURE = 50_000
"""By then the bounded memories (of opened ids, shapes of maps, hashes of RP ids) are full."""
ALLOWED_GROWTH = 20_000
"""Blocks of memory: what a full store of credentials may need more than a half-full one."""


def soak_authenticator(inputs: int = 1_000_000, seed: int | None = None) -> str:
    """Send `inputs` requests; Finding where something is amiss. What was done, in one line."""
    seed = random.randrange(1 << 32) if seed is None else seed
    fuzzer = Fuzzer(seed)
    before = None
    while fuzzer.count < inputs:
        fuzzer.step()
        if fuzzer.count % SERVICE_EVERY == 0:
            fuzzer.require_service()
        if fuzzer.count == FIRST_MEASURE:
            before = _allocated_blocks()
    growth = 0 if before is None else _allocated_blocks() - before
    if growth > ALLOWED_GROWTH:
        raise Finding(f"seed {seed}: {growth:,} blocks of memory more than after {FIRST_MEASURE:,} requests")
    kinds = len({status for _, status in fuzzer.statuses})
    return (
        f"authenticator: {fuzzer.count:,} requests, {kinds} kinds of answers, "
        f"{growth:+,} blocks of memory, nothing found (seed {seed})"
    )


def _allocated_blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=1_000_000, help="how many requests (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="default: another one each time")
    arguments = parser.parse_args(argv)
    try:
        print(soak_authenticator(arguments.inputs, arguments.seed))
    except Finding as finding:
        print(f"FOUND: {finding}\n{finding.__cause__ or ''}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
