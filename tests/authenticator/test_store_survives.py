"""kill -9 at any moment: every acknowledged credential is there, no counter goes back, nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from killed_store import Killer


@pytest.mark.heavy
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    with Killer(tmp_path / "killed.key", seed=9) as killer:
        for _ in range(25):
            killer.round()
    assert killer.remembered.acknowledged > 100
    assert [each.name for each in tmp_path.iterdir()] == ["killed.key"]
