"""The store, killed for as long as wanted: `python -m tests.benchmarks.soak_store [ROUNDS] [SEED]`."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from tests.authenticator.killed_store import Killer


def soak_store(rounds: int = 2000, seed: int | None = None) -> str:
    """Kill a key `rounds` times; AssertionError if its file ever forgot anything. What was done, in one line."""
    seed = random.randrange(1 << 32) if seed is None else seed
    with tempfile.TemporaryDirectory() as folder, Killer(Path(folder) / "killed.key", seed) as killer:
        for number in range(1, rounds + 1):
            try:
                killer.round()
            except BaseException as error:
                error.add_note(f"round {number} of seed {seed}")
                raise
        acknowledged = killer.remembered.acknowledged
    return f"store: killed {rounds} times, {acknowledged} acknowledged changes, none lost (seed {seed})"


if __name__ == "__main__":
    print(soak_store(*map(int, sys.argv[1:])))
