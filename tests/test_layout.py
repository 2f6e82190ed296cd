"""Test modules are imported by their names alone, so no two may have the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def test_no_two_test_modules_have_the_same_name() -> None:
    names = Counter(
        path.name for path in Path(__file__).parent.rglob("*.py") if "benchmarks" not in path.parts
    )
    # What only its own folder's modules import through their package may repeat
    repeated = {name for name, count in names.items() if count > 1} - {"conftest.py", "bench.py"}
    assert not repeated
