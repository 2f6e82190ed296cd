"""`stuntkey doctor --fix`: the kernel's modules, and the rights to their devices, now and after the next start."""

from __future__ import annotations

import grp
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ctaphid.rights import ACCESS, RULES, fix_command
from harness.doctor.finding import which
from harness.errors import SetupError

GROUPS = ("plugdev", "input")
MODULES = ("uhid", "uinput")


def group() -> str:
    """Whose members are given the devices, wherever they sit. (Who sits at the machine is given them anyway.)"""
    names = {entry.gr_name for entry in grp.getgrall()}
    return next((name for name in GROUPS if name in names), "root")


def rules(group: str) -> str:
    """Ends before 73-seat-late.rules, which acts on the tag uaccess."""
    give = f'GROUP="{group}", {ACCESS}'
    return (
        f"# Written by `stuntkey doctor --fix`: virtual security keys for whoever sits here, and for group {group}.\n"
        "# Mind that a program that may open uhid or uinput can type, too.\n"
        f'KERNEL=="uhid", SUBSYSTEM=="misc", {give}, OPTIONS+="static_node=uhid"\n'
        f'KERNEL=="uinput", SUBSYSTEM=="misc", {give}, OPTIONS+="static_node=uinput"\n'
        f'KERNEL=="hidraw*", SUBSYSTEM=="hidraw", DEVPATH=="/devices/virtual/misc/uhid/*", {give}\n'
    )


def fix(root: Path = Path("/")) -> Iterator[str]:
    """Does it, and says each thing it did. `root` is where /etc is."""
    if os.geteuid() != 0:
        raise SetupError(f"--fix writes to /etc and loads kernel modules: run it as root ({fix_command()})")
    chosen = group()
    yield from _write(root / RULES.relative_to("/"), rules(chosen))
    yield from _write(root / "etc/modules-load.d/stuntkey.conf", "".join(f"{module}\n" for module in MODULES))
    if root != Path("/"):
        return
    for module in MODULES:
        yield from _run(f"loaded the kernel's {module}", "modprobe", module)
    yield from _run("udev knows the rule", "udevadm", "control", "--reload")
    trigger = ("udevadm", "trigger", "--settle")
    misc = ("--subsystem-match=misc", *(f"--sysname-match={module}" for module in MODULES))
    yield from _run("udev applied it to uhid and uinput", *trigger, *misc)
    yield from _run("udev applied it to the keys there are", *trigger, "--subsystem-match=hidraw")
    user = os.environ.get("SUDO_USER")
    if user and user not in grp.getgrnam(chosen).gr_mem:
        yield f"without a desktop, {user} has to be in group {chosen}: usermod -aG {chosen} {user}, then log in again"


def _write(path: Path, content: str) -> Iterator[str]:
    if path.exists() and path.read_text() == content:
        yield f"{path} is as it should be"
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}") from None
    yield f"wrote {path}"


def _run(done: str, name: str, *arguments: str) -> Iterator[str]:
    program = which(name)
    if program is None:
        yield f"not done, there is no {name} (apt-get install {'kmod' if name == 'modprobe' else 'udev'}): {done}"
        return
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    if result.returncode == 0:
        yield done
    else:
        why = (
            result.stderr.strip() or result.stdout.strip() or f"exit code {result.returncode}"
        ).splitlines()[-1]
        yield f"not done ({why}): {done}"
