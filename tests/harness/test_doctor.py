"""`stuntkey doctor`, on machines that have and that lack things."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.doctor import CHECKS, examine, fix
from harness.doctor.fix import rules
from harness.errors import SetupError

ROOT = Path(__file__).parents[2]


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with these programs only (and those for root alone)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@contextmanager
def as_nobody() -> Iterator[None]:
    """An ordinary user, if this is not one already."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


LOOKED_AT = (
    "kernel mock pty uhid hidraw uinput chromium chrome firefox playwright sandbox xvfb xdotool dbus bluetooth qemu "
    "vm-kernel virtme-ng libfido2 ssh"
)


def test_everything_is_looked_at() -> None:
    findings = examine()
    assert list(findings) == list(CHECKS)
    assert set(LOOKED_AT.split()) <= set(findings)
    for name, finding in findings.items():
        assert finding.detail, name
        assert finding.ok or finding.remedy, f"{name} is missing, and nothing is said about how to get it"


def test_a_program_that_is_missing(programs: Path) -> None:
    result = doctor("--need", "xdotool")
    assert result.exit_code == 1
    assert "✗" in result.output
    assert "→ apt-get install xdotool" in result.output
    assert "missing: xdotool" in result.output


def test_a_program_that_is_there(programs: Path) -> None:
    put(programs, "xdotool", "echo xdotool version 3.20.1")
    result = doctor("--need", "xdotool", "--json")
    assert result.exit_code == 0
    said = json.loads(result.output)
    assert said["ok"] is True
    assert said["findings"]["xdotool"] == {
        "ok": True, "detail": f"3.20.1  {programs}/xdotool", "remedy": "", "needed": True
    }  # fmt: skip


def test_what_nobody_asked_for_may_be_missing(programs: Path) -> None:
    result = doctor()
    assert result.exit_code == 0
    assert "✗" not in result.output
    assert "–" in result.output


def test_a_browser_in_a_sandbox(programs: Path) -> None:
    put(programs, "firefox", 'exec /snap/bin/firefox "$@"')
    finding = examine(["firefox"])["firefox"]
    assert not finding.ok
    assert "snap" in finding.remedy


def test_a_browser_that_hangs_or_fails_is_there_still(programs: Path) -> None:
    put(programs, "chromium", "exit 1")
    assert examine(["chromium"])["chromium"].detail == f"{programs}/chromium"


def test_an_extra_has_what_is_said_to_come_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pip install 'stuntkey[browser]'` is no remedy if that brings something else."""

    def nothing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    monkeypatch.setattr(metadata, "version", nothing)
    missing = [each for each in examine(["playwright", "websockets"]).values() if not each.ok]
    assert len(missing) == 2
    for finding in missing:
        package = finding.detail.removeprefix("no Python package ")
        extra = finding.remedy.removeprefix("pip install 'stuntkey[").removesuffix("]'")
        assert any(re.match(rf"{package}\b", each) for each in extras[extra]), finding


def test_a_name_that_nearly_fits() -> None:
    result = doctor("--need", "mock,chromum")
    assert result.exit_code == 2
    assert "Did you mean 'chromium'?" in result.output


def test_the_rule(tmp_path: Path) -> None:
    """Each line: conditions and assignments, in the words udev knows."""
    lines = [line for line in rules("plugdev").splitlines() if not line.startswith("#")]
    word = re.compile(r'(KERNEL|SUBSYSTEM|DEVPATH)=="[^"]+"|(GROUP|MODE)="\w+"|(TAG|OPTIONS)\+="[\w=]+"')
    assert len(lines) == 3
    for line in lines:
        assert all(word.fullmatch(part) for part in line.split(", ")), line
        assert 'GROUP="plugdev", MODE="0660", TAG+="uaccess"' in line


def test_fix_needs_root(tmp_path: Path) -> None:
    with as_nobody(), pytest.raises(SetupError, match="run it as root"):
        list(fix(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may; the machine in tests/kernel is always root")
def test_fix_writes_what_is_not_there_yet(tmp_path: Path) -> None:
    rule, modules = (
        tmp_path / "etc/udev/rules.d/70-stuntkey.rules",
        tmp_path / "etc/modules-load.d/stuntkey.conf",
    )
    assert list(fix(tmp_path)) == [f"wrote {rule}", f"wrote {modules}"]
    assert modules.read_text() == "uhid\nuinput\n"
    assert list(fix(tmp_path)) == [f"{rule} is as it should be", f"{modules} is as it should be"]
    rule.write_text("# changed\n")
    assert next(fix(tmp_path)) == f"wrote {rule}"
