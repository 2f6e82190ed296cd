"""Hundreds of thousands of mutated QR codes, adverts, handshake messages, frames and messages."""

from __future__ import annotations

import argparse

import psutil

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
    grown = (process.memory_info().rss - before) / 1e6
    return (
        f"{count:,} mutated pieces, {taken:,} of them harmless, none crashed anything; memory {grown:+.1f} MB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(soak_hybrid(arguments.inputs, arguments.seed))
