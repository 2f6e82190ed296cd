"""How many files a process may have open: a tunnel takes two, and Debian's soft limit of 1024 is soon reached."""

from __future__ import annotations

import resource

from harness.errors import SetupError


def allow_open_files(wanted: int, *, least: int = 0) -> int:
    """Raise the soft limit towards `wanted`, and say what it is now; SetupError if that is below `least`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    possible = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < possible:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
        soft = possible
    now = wanted if soft == unlimited else soft
    if now < least:
        raise SetupError(
            f"{least} files have to be open at once, and this process may have {now}: raise the hard limit, "
            "ulimit -Hn"
        )
    return now
