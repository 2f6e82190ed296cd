"""What the tests with foreign programs share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness import VirtualKey
from tests.interop.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Plugs in a key, which the programs of the bench see; any bug inside the key fails the test."""
    with ExitStack() as stack:

        def plug_in(profile: str = "yubikey-5-nfc", **options: Any) -> Bench:
            key = stack.enter_context(VirtualKey(profile, **options))
            port = stack.enter_context(key.plugged_in("mock"))
            return Bench(key, port.environment, port.path, tmp_path)

        yield plug_in


@pytest.fixture(scope="session")
def foreign() -> Callable[[str], str]:
    """Where a foreign program is. A machine without it fails the test, and says how to get it."""
    root = Path(__file__).parents[2]

    def find(name: str) -> str:
        own = root / ".setup" / name / "bin" / name
        if own.exists():
            return str(own)
        program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if program is None:
            pytest.fail(f"{name} is not installed: tools/setup host foreign")
        return program

    return find
