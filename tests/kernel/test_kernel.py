"""A virtual machine is booted, and runs each check_*.py beside this that was chosen.

It takes some minutes without KVM, most of them Chromium's.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.vm import run_in_vm

HERE = Path(__file__).parent
CHECKS = sorted(path.name for path in HERE.glob("check_*.py"))
MINUTES = 60
OPTIONS = "-v -p no:cacheprovider -p no:xdist --color=no --basetemp=/tmp/checks"


@pytest.fixture(scope="module")
def cases(request: pytest.FixtureRequest) -> Iterator[list[ElementTree.Element]]:
    """What all checks of this run came to, in one machine: booting takes as long as most of them."""
    chosen = [item.callspec.params["name"] for item in request.session.items if item.path == Path(__file__)]
    # What the machine writes below the current directory is what is seen of it here.
    report = Path(f"artifacts/kernel-{os.getpid()}.xml").absolute()
    report.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pytest", *OPTIONS.split(), f"--junitxml={report}"]
    try:
        run_in_vm([*command, *(str(HERE / name) for name in CHECKS if name in chosen)], timeout=60 * MINUTES)
        yield list(ElementTree.parse(report).iter("testcase"))
    finally:
        report.unlink(missing_ok=True)


@pytest.mark.parametrize("name", CHECKS)
def test_in_a_machine_with_a_kernel_of_its_own(name: str, cases: list[ElementTree.Element]) -> None:
    its = [case for case in cases if case.attrib["classname"].endswith(name.removesuffix(".py"))]
    assert its
    wrong = [f"{case.attrib['name']}: {end.tag} {end.text}" for case in its for end in case]
    assert not wrong, "\n".join(wrong)
