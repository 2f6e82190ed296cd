"""`stuntkey key attach -- COMMAND`: what it is for, as its users type it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness.trace import StateEvent
from harness.trace.records import load

STUNTKEY = Path(sys.executable).with_name("stuntkey")


def attach(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(STUNTKEY), "key", "attach", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def test_keys_come_and_go_while_a_script_runs(tmp_path: Path) -> None:
    script = f"""
        fido2-token -L | sed 's/:.*//'; echo --
        {STUNTKEY} key do unplug; fido2-token -L | sed 's/:.*//'; echo --
        {STUNTKEY} key do plug-in; fido2-token -L | sed 's/:.*//' | sort; echo --
        {STUNTKEY} key do --key 2 habit=refusing
        ssh-keygen -q -t ecdsa-sk -N '' -O device=/dev/hidraw1 -f denied 2>&1
        {STUNTKEY} key do --key 2 habit=willing
        ssh-keygen -q -t ed25519-sk -N '' -O device=/dev/hidraw1 -f id && cut -d' ' -f1 id.pub
    """
    done = attach(
        *("--key", "solo2", "--key", "yubikey-5-nfc", "--trace", "run.ndjson", "--", "sh", "-c", script),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    listed, unplugged, plugged_in, made = done.stdout.split("--\n")
    assert listed.split() == ["/dev/hidraw0", "/dev/hidraw1"]
    assert unplugged.splitlines() == ["solo2: unplugged", "/dev/hidraw1"]
    assert plugged_in.splitlines() == ["solo2: plugged in", "/dev/hidraw0", "/dev/hidraw1"]
    assert "yubikey-5-nfc: its person is refusing from now on" in made
    assert made.endswith("sk-ssh-ed25519@openssh.com\n")
    assert not (tmp_path / "denied").exists()
    states = [
        (record.key, record.event.state, record.event.text)
        for record in load(tmp_path / "run.ndjson").records
        if isinstance(record.event, StateEvent)
    ]
    assert (0, "plugged in", "on mock /dev/hidraw0") in states
    assert (1, "plugged in", "on mock /dev/hidraw1") in states
    assert (0, "unplugged", "") in states


def test_a_test_suite(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from fido2.hid import CtapHidDevice\n"
        "from fido2.ctap2 import Ctap2\n\n\n"
        "def test_the_key():\n"
        "    [device] = CtapHidDevice.list_devices()\n"
        "    assert Ctap2(device).info.options['rk']\n"
    )
    done = attach(
        "--profile", "solo2", "--", sys.executable, "-m", "pytest", "-q", "test_mine.py", folder=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
