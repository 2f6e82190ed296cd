"""What this machine has and lacks for stuntkey, and how to get it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from harness.doctor import ports, programs
from harness.doctor.finding import Check, Finding
from harness.doctor.fix import fix

__all__ = ["CHECKS", "Check", "Finding", "examine", "fix"]


def _group(group: str, *checks: tuple[str, str, Callable[[], Finding]]) -> list[Check]:
    return [Check(name=name, group=group, about=about, look=look) for name, about, look in checks]


CHECKS: dict[str, Check] = {
    check.name: check
    for check in [
        *_group(
            "Ports",
            ("kernel", "the kernel", ports.kernel),
            ("mock", "mock: keys for one program, without root", ports.mock),
            ("pty", "a PTY, for the mock port", ports.pty),
            ("uhid", "uhid: keys for the whole machine", ports.uhid),
            ("hidraw", "rights to the nodes of uhid's keys", ports.hidraw),
            ("uinput", "uinput: typing into real dialogs", ports.uinput),
        ),
        *_group(
            "Browsers",
            ("chromium", "Chromium", programs.chromium),
            ("chrome", "Google Chrome, Edge", programs.chrome),
            ("firefox", "Firefox", programs.firefox),
            (
                "playwright",
                "Playwright, which drives Chromium",
                partial(programs.package, "playwright", "browser"),
            ),
            (
                "websockets",
                "websockets, over which Firefox is driven",
                partial(programs.package, "websockets", "browser"),
            ),
            ("sandbox", "user namespaces, for Chromium's sandbox", programs.sandbox),
            ("xvfb", "Xvfb, a screen for native dialogs", programs.xvfb),
            ("xdotool", "xdotool, hands for native dialogs", programs.xdotool),
        ),
        *_group(
            "Phones",
            ("dbus", "D-Bus, for the mock of BlueZ", programs.dbus),
            ("bluetooth", "Bluetooth, for real phones", programs.bluetooth),
        ),
        *_group(
            "Virtual machine",
            ("qemu", "QEMU", programs.qemu),
            ("vm-kernel", "a kernel with its modules", programs.vm_kernel),
            ("virtme-ng", "virtme-ng, which boots it", programs.virtme),
        ),
        *_group(
            "Other programs",
            ("libfido2", "libfido2's tools", programs.libfido2),
            ("ssh", "OpenSSH with security keys", programs.ssh),
            ("pamu2fcfg", "pam-u2f's pamu2fcfg", programs.pamu2fcfg),
            ("tshark", "tshark, for traces", programs.tshark),
        ),
    ]
}


def examine(names: Sequence[str] | None = None) -> dict[str, Finding]:
    """Look at everything, or at these things only, side by side."""
    chosen = [CHECKS[name] for name in (CHECKS if names is None else names)]
    with ThreadPoolExecutor() as pool:
        return dict(
            zip([check.name for check in chosen], pool.map(lambda check: check.look(), chosen), strict=True)
        )
