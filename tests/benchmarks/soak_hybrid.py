"""A million mutated QR codes, adverts, handshake messages, frames and messages, before and after they are sealed."""

from __future__ import annotations

import argparse
import asyncio

import psutil

from tests.harness.hybrid.inner import attack
from tests.harness.hybrid.live import attack_live
from tests.harness.hybrid.mutated import Peer, inputs


def soak_hybrid(count: int = 400_000, seed: int = 1) -> str:
    process = psutil.Process()
    taken = 0
    before = 0
    last: Peer | None = None
    for number, (peer, kind, data) in enumerate(inputs(seed, count)):
        taken += peer.receive(kind, data)
        last = peer
        if number == count // 10:
            before = process.memory_info().rss
    assert last is not None
    assert last.receive("first message", last.first), "a genuine handshake is refused after the mutated ones"
    inner = 2 * count
    attack(seed, inner)
    sessions = count // 100
    messages = asyncio.run(attack_live(seed, sessions))
    grown = (process.memory_info().rss - before) / 1e6
    return (
        f"{count:,} mutated pieces, {taken:,} of them harmless, {inner:,} from insiders, {messages:,} in {sessions:,} "
        f"live sessions, none crashed anything; memory {grown:+.1f} MB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(soak_hybrid(arguments.inputs, arguments.seed))
