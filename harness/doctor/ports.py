"""The kernel, and what the ports need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ctaphid.hid_description import HidDescription
from ctaphid.ports import PortError
from ctaphid.ports.mock import MockBus
from ctaphid.rights import RULES, fix_command, has_module
from ctaphid.signal_pty import SignalPty
from harness.doctor.finding import Finding, found, missing

OR_ELSE = "without it: the mock port, or `stuntkey vm run`"


def kernel() -> Finding:
    about = os.uname()
    return found(f"{about.sysname} {about.release} {about.machine}")


def mock() -> Finding:
    """Not only whether the library is there: a program is started that looks."""
    try:
        with MockBus() as bus:
            pty = bus.ptys.take()
            device = bus.reserve(_DESCRIPTION)
            device.appear(pty.path)
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", "import os; print(*os.listdir('/sys/class/hidraw'))"],
                env={**os.environ, **bus.environment()},
                capture_output=True,
                text=True,
                timeout=30,
            )
            seen = done.stdout.split() == ["hidraw0"]
    except PortError as error:
        return missing(*_in_two(str(error)))
    except subprocess.TimeoutExpired:
        seen = False
    if not seen:
        return missing(
            "a program under umockdev does not see the key", "report it, with `stuntkey doctor --json`"
        )
    return found(f"{bus.environment()['LD_PRELOAD'].split(':')[0]}, and a program that sees a key by it")


_DESCRIPTION = HidDescription(vendor_id=0x1209, product_id=0xF1D0, manufacturer="stuntkey", product="doctor")


def _in_two(line: str) -> tuple[str, str]:
    what, _, remedy = line.partition(": ")
    return what, remedy


def uhid() -> Finding:
    return _device_node(Path("/dev/uhid"), "uhid")


def uinput() -> Finding:
    return _device_node(Path("/dev/uinput"), "uinput")


def _device_node(node: Path, module: str) -> Finding:
    if not node.exists():
        if not has_module(module):
            return missing(f"no {node}, and this kernel has no module {module}", f"{OR_ELSE}")
        return missing(f"no {node}: the module {module} is not loaded", fix_command())
    if not os.access(node, os.R_OK | os.W_OK):
        return missing(
            f"{node} is there, but this user may not open it", f"{fix_command()}, which writes {RULES}"
        )
    return found(f"{node}, and this user may open it")


def hidraw() -> Finding:
    """Whether programs of this user can open what the uhid port makes."""
    if not Path("/sys/class/hidraw").is_dir() and not has_module("hid"):
        return missing("this kernel makes no hidraw nodes", OR_ELSE)
    if os.geteuid() == 0:
        return found("this user is root, and may open every node")
    if not RULES.exists():
        return missing(f"no {RULES}: programs may not open the nodes of virtual keys", fix_command())
    return found(f"{RULES}")


def pty() -> Finding:
    try:
        SignalPty().close()
    except PortError as error:
        return missing(*_in_two(str(error)))
    return found("/dev/pts")
