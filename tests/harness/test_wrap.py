"""Commands with keys plugged in, and programs that would not see them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness import VirtualKey
from harness.errors import SetupError
from harness.wrap import hidden_from, mock_bus, run_with_keys

ROOT = Path(__file__).parents[2]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(script)]


def test_a_command_sees_its_keys_and_its_exit_code_is_returned() -> None:
    keys = [VirtualKey("yubikey-5-nfc", seed=1), VirtualKey("solo2", seed=2)]
    script = """
        import os, sys
        from fido2.hid import CtapHidDevice
        answers = [device.ping(b"x") for device in CtapHidDevice.list_devices()]
        sys.exit(answers.count(b"x") * 10 + len(os.listdir("/sys/class/hidraw")))
    """
    assert run_with_keys(keys, python(script)) == 22


def test_nothing_stays_plugged_in() -> None:
    key = VirtualKey(seed=1)
    run_with_keys([key], python("pass"))
    with mock_bus() as bus, key.plugged_in("mock", bus=bus) as port:
        assert port.path == "/dev/hidraw0"


def test_a_command_that_is_killed() -> None:
    assert run_with_keys([], python("import os; os.kill(os.getpid(), 15)")) == 128 + signal.SIGTERM


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"^no-such-program: is not in \$PATH$"):
        run_with_keys([], ["no-such-program"])
    with pytest.raises(SetupError, match=r"no such program$"):
        run_with_keys([], [str(tmp_path / "nothing")])


def test_signals_reach_the_command() -> None:
    """It is what was told to stop; the keys are there until it did."""
    inner = """
        import os, signal, sys
        def stop(number, frame):
            print(os.path.exists("/dev/hidraw0"), flush=True)
            sys.exit(7)
        signal.signal(signal.SIGTERM, stop)
        print("ready", flush=True)
        signal.pause()
    """
    outer = f"""
        import sys
        from harness import VirtualKey
        from harness.wrap import run_with_keys
        sys.exit(run_with_keys([VirtualKey(seed=1)], {python(inner)!r}))
    """
    with subprocess.Popen(python(outer), stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "True\n"
        assert process.wait(30) == 7


def test_programs_that_see_the_mock() -> None:
    assert hidden_from(sys.executable) is None
    assert hidden_from("/bin/sh") is None


def test_static_programs_do_not(tmp_path: Path) -> None:
    """As Go's linker makes them: a program header without a loader."""
    program = bytearray(Path(sys.executable).resolve().read_bytes()[:4096])
    header, size, count = (
        int.from_bytes(program[32:40], "little"),
        *(int.from_bytes(program[at : at + 2], "little") for at in (54, 56)),
    )
    for at in range(header, header + size * count, size):
        if program[at] == 3:
            program[at] = 4  # PT_INTERP becomes PT_NOTE
    path = tmp_path / "static"
    path.write_bytes(program)
    assert "linked statically" in (hidden_from(str(path)) or "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('#!/bin/sh\nexec /snap/bin/firefox "$@"\n', "starts a snap"),
        ("#!/bin/sh\nexec flatpak run org.mozilla.firefox\n", "starts a flatpak"),
        ('#!/bin/sh\nexec /usr/lib/firefox-esr/firefox-esr "$@"\n', None),
    ],
)
def test_scripts(tmp_path: Path, text: str, why: str | None) -> None:
    path = tmp_path / "firefox"
    path.write_text(text)
    found = hidden_from(str(path))
    assert found is None if why is None else why in (found or "")


def test_programs_that_change_their_user(tmp_path: Path) -> None:
    path = tmp_path / "su"
    path.write_bytes(b"#!/bin/sh\n")
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        path = Path("/usr/bin/su")
    if os.geteuid() == 0:
        path.chmod(0o755 | stat.S_ISUID)
    assert "changes its user" in (hidden_from(str(path)) or "")


def test_one_that_would_see_nothing_is_not_started(tmp_path: Path) -> None:
    path = tmp_path / "firefox"
    path.write_text("#!/bin/sh\nexec /snap/bin/firefox\n")
    path.chmod(0o755)
    with pytest.raises(SetupError, match="would not see a key on the mock port: it starts a snap"):
        run_with_keys([], [str(path)])


def test_a_browser_that_runs_already_looks_at_no_key(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The second one hands over to the first, which sees nothing of the key, and ends."""
    for name in ("firefox", "my-tests"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 0\n")
        (tmp_path / name).chmod(0o755)
    assert run_with_keys([VirtualKey(seed=1)], [str(tmp_path / "firefox")]) == 0
    assert "firefox ended at once and looked at no key: if it is running already" in capfd.readouterr().err
    assert run_with_keys([VirtualKey(seed=1)], [str(tmp_path / "my-tests")]) == 0
    assert capfd.readouterr().err == ""
