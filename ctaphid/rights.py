"""Who may open the kernel's uhid, uinput and hidraw nodes, and how a user gets to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

RULES = Path("/etc/udev/rules.d/70-stuntkey.rules")
ACCESS = 'MODE="0660", TAG+="uaccess"'


def fix_command() -> str:
    """By its whole path, where it is in a virtual environment: sudo looks into the system's folders only."""
    beside = Path(sys.executable).with_name("stuntkey")
    return f"sudo {beside if os.access(beside, os.X_OK) else 'stuntkey'} doctor --fix"


def rule_for(module: str) -> str:
    """The rule, for whoever would rather write it themselves."""
    return f'KERNEL=="{module}", SUBSYSTEM=="misc", {ACCESS}'


def how_to_get(module: str) -> str:
    return f"`{fix_command()}` writes the udev rule that lets it ({RULES}: {rule_for(module)})"


def has_module(module: str) -> bool:
    """Whether the running kernel has it, loaded or not."""
    folder = Path("/lib/modules", os.uname().release)
    if any(folder.rglob(f"{module}.ko*")):
        return True
    try:
        return f"/{module}.ko" in (folder / "modules.builtin").read_text()
    except OSError:
        return False
