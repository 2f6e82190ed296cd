"""Browsers and their drivers, foreign FIDO programs, what a phone needs, and what a virtual machine needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from harness import vm
from harness.doctor.finding import Finding, first_line, found, missing, program, version, which
from harness.errors import SetupError
from harness.wrap import hidden_from


def browser(*names: str, remedy: str) -> Finding:
    """A browser, and whether its sandbox lets it see a key on the mock port."""
    path = which(*names)
    if path is None:
        return missing(f"no {' or '.join(names)}", remedy)
    if why := hidden_from(path):
        return missing(f"{path} does not see the mock port", why)
    number = version(first_line([path, "--version"]))
    return found(f"{number}  {path}" if number else path)


def package(name: str, extra: str) -> Finding:
    try:
        return found(metadata.version(name))
    except metadata.PackageNotFoundError:
        return missing(f"no Python package {name}", f"pip install 'stuntkey[{extra}]'")


def chromium() -> Finding:
    return browser("chromium", "chromium-browser", remedy="apt-get install chromium")


def chrome() -> Finding:
    names = ("google-chrome-stable", "google-chrome", "google-chrome-beta", "microsoft-edge-stable")
    return browser(*names, remedy="optional: https://www.google.com/chrome; Chromium does as well")


def firefox() -> Finding:
    return browser("firefox-esr", "firefox", remedy="apt-get install firefox-esr")


def sandbox() -> Finding:
    """Chromium confines its pages by user namespaces, which containers often forbid."""
    if os.geteuid() == 0:
        return found("none for root: Chromium is started without it")
    if can_make_user_namespaces():
        return found("this user may make user namespaces")
    return missing(
        "this user may not make user namespaces", "none is needed: Chromium is started without its sandbox"
    )


def can_make_user_namespaces() -> bool:
    """Tried in a process of its own, as it cannot be undone."""
    clone_newuser = 0x10000000
    attempt = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({clone_newuser}) != 0)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", attempt], stderr=subprocess.DEVNULL, timeout=30)
    return done.returncode == 0


def xvfb() -> Finding:
    return program("Xvfb", ask="", remedy="apt-get install xvfb")


def xdotool() -> Finding:
    return program("xdotool", remedy="apt-get install xdotool")


def libfido2() -> Finding:
    return program("fido2-token", ask="-V", remedy="apt-get install fido2-tools")


def ssh() -> Finding:
    """OpenSSH, and its helper for security keys, which distributions put into different places."""
    path = which("ssh-keygen")
    if path is None:
        return missing("no ssh-keygen", "apt-get install openssh-client")
    about = first_line([which("ssh") or path, "-V"]).split(",")[0]
    helpers = ("/usr/lib/openssh", "/usr/libexec", "/usr/libexec/openssh", "/usr/lib/ssh")
    if not any(os.access(f"{folder}/ssh-sk-helper", os.X_OK) for folder in helpers):
        return missing(
            f"{about} has no ssh-sk-helper", "apt-get install openssh-client, or openssh-sk-helper"
        )
    return found(f"{about}, with ssh-sk-helper")


def pamu2fcfg() -> Finding:
    return program("pamu2fcfg", remedy="apt-get install pamu2fcfg")


def tshark() -> Finding:
    return program("tshark", remedy="apt-get install tshark")


def dbus() -> Finding:
    return program("dbus-daemon", remedy="apt-get install dbus")


def bluetooth() -> Finding:
    """A phone's advert needs no radio: it is for trying real ones."""
    adapters = sorted(adapter.name for adapter in Path("/sys/class/bluetooth").glob("hci*"))
    daemon = next(
        (
            at
            for at in ("/usr/libexec/bluetooth/bluetoothd", "/usr/lib/bluetooth/bluetoothd")
            if os.path.exists(at)
        ),
        None,
    )
    if not adapters:
        return missing(
            "no Bluetooth adapter", "none is needed: phones are advertised through a mock of BlueZ"
        )
    if daemon is None:
        return missing(f"{', '.join(adapters)}, but no BlueZ", "apt-get install bluez")
    return found(
        f"{', '.join(adapters)}, BlueZ {version(first_line([daemon, '--version'])) or first_line([daemon, '-v'])}"
    )


def part(find: Callable[[], object]) -> Callable[[], Finding]:
    """A part of the virtual machine, as the machine itself looks for it."""

    def look() -> Finding:
        try:
            return found(str(find()))
        except SetupError as error:
            what, _, remedy = str(error).partition(": ")
            return missing(what, remedy)

    return look


qemu = part(vm.find_qemu)
vm_kernel = part(vm.find_kernel)
virtme = part(vm.find_vng)
