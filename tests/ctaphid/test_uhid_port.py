"""What a uhid port says where the kernel makes no node of it. With a kernel that does: tests/kernel/check_uhid.py."""

from __future__ import annotations

import pytest

from ctaphid.ports import uhid
from harness import SetupError, VirtualKey


def test_a_device_that_becomes_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uhid, "NODE_PATIENCE", 0.2)
    with VirtualKey() as key:
        before = list(key.engine.hub.listeners)
        with pytest.raises(SetupError, match="made no hidraw node of it"):
            key.plugged_in("uhid", device="/dev/null").__enter__()
        assert key.engine.hub.listeners == before
