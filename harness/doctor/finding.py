"""What a look at the machine found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    ok: bool
    detail: str
    """What was found, or what is missing."""
    remedy: str = ""
    """What to do about it. Also where all is well, if there is a thing to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    """What `--need` calls it."""
    group: str
    about: str
    look: Callable[[], Finding]


def found(detail: str, remedy: str = "") -> Finding:
    return Finding(ok=True, detail=detail, remedy=remedy)


def missing(detail: str, remedy: str) -> Finding:
    return Finding(ok=False, detail=detail, remedy=remedy)


def which(*names: str) -> str | None:
    """The first of these programs there is: in $PATH, beside this Python, or where only root has them in $PATH."""
    places = [os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
    for name in names:
        if (program := shutil.which(name, path=os.pathsep.join(places))) is not None:
            return program
    return None


def first_line(command: Sequence[str]) -> str:
    """The first line a program says, for its version. Nothing where it fails or hangs."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return lines[0].strip() if lines else ""


def version(text: str) -> str:
    match = re.search(r"\d+(\.\d+)+\w*", text)
    return match[0] if match else ""


def program(*names: str, remedy: str, ask: str = "--version") -> Finding:
    """A program, with its version if it tells it."""
    path = which(*names)
    if path is None:
        return missing(f"no {' or '.join(names)}", remedy)
    number = version(first_line([path, ask])) if ask else ""
    return found(f"{number}  {path}" if number else path)
