"""What a process started ends with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

OWNER = """
import subprocess, sys
from harness.caretaker import Caretaker
helper = subprocess.Popen(["/bin/sh", "-c", "sleep 1000 & echo $!; wait"], start_new_session=True,
                          stdout=subprocess.PIPE, text=True)
caretaker = Caretaker(helper.pid, sys.argv[1])
print(helper.pid, helper.stdout.readline(), flush=True)
sys.stdin.readline()
caretaker.dismiss()
caretaker.dismiss()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "a profile's folder"
    folder.mkdir()
    (folder / "file").write_text("")
    return folder


def own(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, [int(pid) for pid in owner.stdout.readline().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_who_is_killed_leaves_nothing(folder: Path) -> None:
    owner, pids = own(folder)
    with owner:
        assert all(map(is_running, pids))
        owner.kill()
        owner.communicate()
    patience = threading.Event()
    end = time.monotonic() + 60
    while any(map(is_running, pids)) or folder.exists():
        assert time.monotonic() < end, "the helper and its child are still there"
        patience.wait(0.05)


def test_who_tidies_up_itself_is_left_alone(folder: Path) -> None:
    owner, pids = own(folder)
    with owner:
        owner.communicate("\n")
    assert owner.returncode == 0
    assert all(map(is_running, pids)), "it was dismissed"
    assert folder.exists()
    os.killpg(pids[0], signal.SIGKILL)
