"""A sample of what the soak test does at length."""

from __future__ import annotations

import pytest
from fuzzing import Finding, Fuzzer

COMMANDS = {0x01, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x40, 0x41}


def steps(fuzzer: Fuzzer, count: int) -> None:
    for _ in range(count):
        fuzzer.step()


@pytest.mark.heavy
def test_mutated_requests() -> None:
    fuzzer = Fuzzer(1)
    steps(fuzzer, 8_000)
    fuzzer.require_service()
    # The mutations reach behind the first checks: every command is served, and refused in many ways.
    assert {command for command, status in fuzzer.statuses if status == 0} >= COMMANDS
    assert len({status for _, status in fuzzer.statuses}) > 30


def test_a_seed_gives_the_same_requests() -> None:
    one, two = Fuzzer(5), Fuzzer(5)
    for _ in range(300):
        one.step()
        two.step()
    assert one.statuses == two.statuses


def test_a_bug_is_a_finding() -> None:
    fuzzer = Fuzzer(3)
    fuzzer.key.store.for_rp = None  # type: ignore[assignment,method-assign]
    with pytest.raises(Finding, match="seed 3, input"):
        steps(fuzzer, 1_000)
