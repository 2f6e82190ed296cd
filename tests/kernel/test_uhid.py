"""A virtual machine is booted for each check_*.py beside this, and runs it.

It takes some minutes without KVM, most of them Chromium's.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness.vm import run_in_vm

HERE = Path(__file__).parent
CHECKS = sorted(path.name for path in HERE.glob("check_*.py"))
MINUTES = 60


@pytest.mark.parametrize("name", CHECKS)
def test_in_a_machine_with_a_kernel_of_its_own(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    # What the machine writes below the current directory is what is seen of it here.
    report = Path(f"artifacts/kernel-{os.getpid()}.xml").absolute()
    report.parent.mkdir(exist_ok=True)
    try:
        code = run_in_vm(
            [
                *(
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "-p",
                    "no:cacheprovider",
                    "-p",
                    "no:xdist",
                    "--color=no",
                ),
                *("--basetemp=/tmp/checks", f"--junitxml={report}", str(HERE / name)),
            ],
            timeout=30 * MINUTES,
        )
        said = capfd.readouterr()
        assert code == 0, said.out + said.err
        suite = next(ElementTree.parse(report).iter("testsuite")).attrib
    finally:
        report.unlink(missing_ok=True)
    assert (suite["failures"], suite["errors"], suite["skipped"]) == ("0", "0", "0")
    assert int(suite["tests"]) > 0
