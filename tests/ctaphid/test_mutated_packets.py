"""Mutated packets: against the wire alone, and a sample of what the soak test sends to a whole key."""

from __future__ import annotations

import random

import pytest

from authenticator.environment import HandTurnedClock
from ctaphid.hid_device import HidDevice
from ctaphid.hub import Hub
from tests.benchmarks.soak_ctaphid import soak_ctaphid
from tests.ctaphid.backend import EchoBackend
from tests.ctaphid.host import CBOR, ERROR, INIT, KEEPALIVE, LOCK, MSG, PING, WINK
from tests.ctaphid.mutation import Bombardment, Traffic

REQUESTS = [
    (CBOR, b"\x04"),
    (CBOR, bytes(range(1, 200))),
    (MSG, b"\x00\x03"),
    (CBOR, b"Slow"),
    (MSG, b"Slow"),
]

COMMANDS = (INIT, PING, CBOR, MSG, WINK, LOCK, KEEPALIVE, ERROR)


@pytest.mark.parametrize("seed", range(4))
def test_the_wire_bears_anything(seed: int) -> None:
    clock = HandTurnedClock()
    device = HidDevice(EchoBackend(), random_bytes=random.Random(seed).randbytes, max_channels=4)
    bombardment = Bombardment(Hub(device, clock=clock), clock, Traffic(seed, REQUESTS))
    for _ in range(10):
        bombardment.send(2_500)
        bombardment.require_service()
    heard = {command: bombardment.answers.get(command, 0) for command in COMMANDS}
    assert min(heard.values()) > 10, f"this traffic tests little: {heard}"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_key_bears_anything(seed: int) -> None:
    assert "20000 mutated packets" in soak_ctaphid(20_000, seed)
