"""What a virtual machine is made of, and what is said where a part is missing. tests/kernel boots one."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest
from click.testing import CliRunner

from harness import vm
from harness.cli import main
from harness.errors import SetupError


@pytest.fixture
def boot(tmp_path: Path) -> tuple[Path, Path]:
    folders = tmp_path / "boot", tmp_path / "modules"
    for folder in folders:
        folder.mkdir()
    return folders


def install(boot: tuple[Path, Path], release: str, *, modules: bool = True) -> Path:
    image = boot[0] / f"vmlinuz-{release}"
    image.write_bytes(b"kernel")
    if modules:
        (boot[1] / release).mkdir()
    return image


def test_the_newest_kernel_is_taken(boot: tuple[Path, Path]) -> None:
    install(boot, "6.1.0-9-amd64")
    newest = install(boot, "6.1.0-56-amd64")
    install(boot, "5.10.0-99-amd64")
    install(boot, "6.12.1-1-amd64", modules=False)
    assert vm.find_kernel(*boot) == newest


def test_no_kernel(boot: tuple[Path, Path]) -> None:
    install(boot, "6.1.0-9-amd64", modules=False)
    with pytest.raises(SetupError, match="apt-get install linux-image-amd64"):
        vm.find_kernel(*boot)


def test_a_kernel_that_is_not_readable(boot: tuple[Path, Path]) -> None:
    """As Ubuntu installs them, to anyone but root. (A link to nowhere is not readable for root either.)"""
    image = install(boot, "6.8.0-31-generic")
    image.unlink()
    image.symlink_to("nowhere")
    with pytest.raises(SetupError, match=f"sudo chmod [+]r {image}"):
        vm.find_kernel(*boot)


def test_no_qemu_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"^no qemu-system-\S+: apt-get install qemu-system"):
        vm.find_qemu()
    result = CliRunner().invoke(main, ["vm", "run", "--", "true"])
    assert result.exit_code == 2
    assert result.output.startswith("stuntkey: no ")
    assert len(result.output.splitlines()) == 1


def test_a_machine_that_does_not_come_up(tmp_path: Path) -> None:
    """Its last words are told, not a traceback."""
    vng = tmp_path / "vng"
    vng.write_text("#!/bin/sh\necho 'Could not access KVM kernel module' >&2\nexit 1\n")
    vng.chmod(0o755)
    parts = vm.Parts(kernel=tmp_path / "vmlinuz-6.1", qemu="qemu", vng=str(vng))
    told: list[str] = []
    with pytest.raises(SetupError, match="did not come up: Could not access KVM kernel module"):
        vm.run_in_vm(["true"], parts=parts, tell=told.append)
    assert told[0] == "booting Linux 6.1, emulated …"


def test_the_command_and_its_environment_arrive_unharmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With a vng that runs the script here, up to where the kernel would matter."""
    vng = tmp_path / "vng"
    vng.write_text(
        "#!/bin/sh\necho 'boot messages'\nfor last; do :; done\n"
        'sed -i -e /^modprobe/d -e \'/^ip link/d\' "$last"\nexec env -i sh "$last"\n'
    )
    vng.chmod(0o755)
    parts = vm.Parts(kernel=tmp_path / "vmlinuz-6.1", qemu="qemu", vng=str(vng))
    awkward = 'it\'s $HOME; "quoted"\nand `two` lines'
    monkeypatch.setenv("AWKWARD", awkward)
    monkeypatch.setenv("LD_PRELOAD", "")
    told: list[str] = []
    code = vm.run_in_vm(
        [
            "sh",
            "-c",
            'printf "%s|%s|%s" "$AWKWARD" "$1" "${LD_PRELOAD-none}"; echo error >&2; exit 9',
            "-",
            awkward,
        ],
        parts=parts,
        tell=told.append,
    )
    said = capfd.readouterr()
    assert code == 9
    assert said.out == f"{awkward}|{awkward}|none"
    assert said.err == "error\n"
    assert told[-1].startswith("up after ")


def test_a_machine_whose_master_is_killed(tmp_path: Path) -> None:
    """QEMU would go on, with nobody to switch it off, and its folder would stay."""
    vng = tmp_path / "vng"
    vng.write_text("#!/bin/sh\necho $$ >&2\nexec sleep 1000\n")
    vng.chmod(0o755)
    script = f"""
        import os, sys
        from pathlib import Path
        from harness import vm
        here = Path({str(tmp_path)!r})
        class Said(vm._Relay):
            def run(self):
                with self._source:
                    line = self._source.readline()
                    if line:
                        print(line.decode(), flush=True)
                        os.kill(os.getpid(), 9)
        vm._Relay = Said
        vm.run_in_vm(["true"], parts=vm.Parts(kernel=here / "vmlinuz-6.1", qemu="qemu", vng=str(here / "vng")))
    """
    folders = tmp_path / "folders"
    folders.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(folders)},
    )
    assert done.returncode == -9, done.stderr
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(30)
    assert not psutil.pid_exists(int(done.stdout))
    deadline = time.monotonic() + 30
    while list(folders.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(folders.iterdir())


def test_a_command_that_does_not_end(tmp_path: Path) -> None:
    """The machine is switched off, whatever goes on in it."""
    vng = tmp_path / "vng"
    up = shlex.quote(vm._UP.decode().strip())
    vng.write_text(f"#!/bin/sh\necho {up}\nsleep 1000 &\necho $! > {tmp_path}/pid\nwait\n")
    vng.chmod(0o755)
    parts = vm.Parts(kernel=tmp_path / "vmlinuz-6.1", qemu="qemu", vng=str(vng))
    told: list[str] = []
    assert vm.run_in_vm(["true"], parts=parts, timeout=0.2, tell=told.append) == vm.TIMED_OUT
    assert told[-1] == "the command did not end in 0.2 s: the machine is switched off"
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text().strip()], capture_output=True
    )
    assert state.stdout.strip()[:1] in (b"", b"Z")


def test_a_process_that_keeps_the_output_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of the machine's session, so that it is not ended with it: nobody waits for what it may say."""
    vng = tmp_path / "vng"
    up = shlex.quote(vm._UP.decode().strip())
    vng.write_text(
        f"#!/bin/sh\necho {up}\nsetsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 20' &\n"
        f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done\nexit 3\n"
    )
    vng.chmod(0o755)
    parts = vm.Parts(kernel=tmp_path / "vmlinuz-6.1", qemu="qemu", vng=str(vng))
    monkeypatch.setattr(vm, "LAST_WORDS", 0.1)
    assert vm.run_in_vm(["true"], parts=parts, tell=lambda text: None) == 3
    holder = psutil.Process(int((tmp_path / "pid").read_text()))
    assert holder.status() != psutil.STATUS_ZOMBIE
    holder.kill()
