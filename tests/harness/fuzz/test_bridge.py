"""A bridge that does not keep to docs/fuzz-bridge.md: told in one line, and no process of it is left."""

from __future__ import annotations

from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from harness.errors import SetupError
from harness.fuzz.base import Demands
from harness.fuzz.targets import User, bridge
from harness.fuzz.targets.bridge import Bridge, BridgeCrash
from harness.fuzz.targets.site import ORIGIN, RP_ID, Asked

GREETING = "echo '{\"algorithms\": [-7]}'; "
ASKED = Asked(
    challenge=bytes(16),
    rp_id=RP_ID,
    origin=ORIGIN,
    demands=Demands(),
    user=User(name="alice", handle=b"alice"),
)


def shell(script: str, pid: Path) -> Bridge:
    return Bridge("shell", ["/bin/sh", "-c", f"echo $$ > {pid}; {script}"])


def is_gone(pid: Path) -> bool:
    return not psutil.pid_exists(int(pid.read_text()))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("hello", "greets with what is no JSON"),
        ("[]", "does not greet with its algorithms"),
        ('{"bridge": 1}', "does not greet with its algorithms"),
        ('{"algorithms": ["ES256"]}', "does not greet with its algorithms"),
    ],
)
def test_a_greeting_that_is_none(said: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=words):
        shell(f"echo '{said}'; exec sleep 1000", tmp_path / "pid")
    assert is_gone(tmp_path / "pid")


def test_it_closes_its_output_and_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "GOODBYE", 0.1)
    opened = shell(f"{GREETING}read -r _; exec sleep 20 >&-", tmp_path / "pid")
    with pytest.raises(BridgeCrash, match="closed its output, and did not end"):
        opened.register("{}", ASKED)
    assert is_gone(tmp_path / "pid")


def test_after_an_answer_that_is_no_json_it_is_started_anew(tmp_path: Path) -> None:
    """What it says next may be the answer to the request before."""
    opened = shell(f"{GREETING}read -r _; echo chatter; exec sleep 1000", tmp_path / "pid")
    with pytest.raises(ValueError, match="Expecting value"):
        opened.register("{}", ASKED)
    assert is_gone(tmp_path / "pid")
