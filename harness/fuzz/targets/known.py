"""Targets by name."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import SetupError
from harness.fuzz.capability import Capability
from harness.fuzz.targets import JudgesModels, Target
from harness.fuzz.targets.site import APPLICATION, LIBRARY, Site, Verifier

LIBRARIES = {
    "webauthn": ("harness.fuzz.targets.py_webauthn:PyWebauthn", "PyPI's webauthn (py_webauthn)"),
    "fido2": ("harness.fuzz.targets.python_fido2:PythonFido2", "PyPI's fido2: its Fido2Server"),
    "exchange": ("harness.fuzz.targets.exchange:Exchange", "the verifier of the exchange, strict"),
    "simplewebauthn": ("harness.fuzz.targets.bridge:simplewebauthn", "npm's @simplewebauthn/server"),
}
"""Name → where its verifier is, and what it is."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def require_permission(name: str, permitted: Collection[str]) -> None:
    """Only this machine is tested unasked. Libraries are in this process."""
    host = host_of(name)
    if host is not None:
        require_host(host, permitted)


def require_host(host: str, permitted: Collection[str]) -> None:
    if host in LOOPBACK or host.endswith(".localhost") or host in permitted:
        return
    raise SetupError(
        f"{host} is not this machine: test your own relying parties only, or those whose owners have agreed, "
        f"and say so with --i-may-test {host}"
    )


def host_of(name: str) -> str | None:
    """The host that a target's requests go to; None for libraries."""
    described = described_site(name)
    if described is None:
        return None
    from harness.fuzz.site.loader import load_site

    return urlsplit(load_site(*described).url).hostname


def described_site(name: str) -> tuple[Path, str | None] | None:
    """The YAML file of a web site, and the URL that is to be used instead of its own: `FILE` or `FILE@URL`."""
    path, separator, url = name.partition("@http")
    if not path.endswith((".yaml", ".yml")):
        return None
    return Path(path), f"http{url}" if separator else None


def open_target(name: str) -> Target:
    """`exchange`: the library alone. `exchange+site`: within a small application, which answers for accounts and
    sessions. `bridge:COMMAND`: a library in another language. `package.module:Name`: a verifier in Python."""
    command = name.removeprefix("bridge:")
    if command != name:
        from harness.fuzz.targets.bridge import Bridge

        return Site(verifier=Bridge(name, _words(command)))
    library, around = (name[:-5], True) if name.endswith("+site") else (name, False)
    capabilities = APPLICATION if around else LIBRARY
    if library in LIBRARIES:
        module, _, attribute = LIBRARIES[library][0].partition(":")
        try:
            verifier = getattr(importlib.import_module(module), attribute)()
        except ImportError as error:
            raise SetupError(
                f"the target {library} needs a package that is missing ({error.name}): pip install 'stuntkey[fuzz]'"
            ) from None
        judges = {Capability.METADATA} if isinstance(verifier, JudgesModels) else set()
        return Site(verifier=verifier, capabilities=capabilities | judges)
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", library):
        return Site(verifier=_own(*library.split(":")), capabilities=capabilities)
    described = described_site(name)
    if described is not None:
        from harness.fuzz.site.description import PageSite
        from harness.fuzz.site.loader import load_site

        site = load_site(*described)
        if isinstance(site, PageSite):
            from harness.fuzz.targets.page import InBrowserSite

            return InBrowserSite(site, name)
        from harness.fuzz.targets.http import HttpSite

        return HttpSite(site, name)
    raise SetupError(
        f"there is no target {name!r}: known are {', '.join(LIBRARIES)}, YAML files that describe a web site, "
        "bridge:COMMAND and package.module:Name"
    )


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SetupError(f"{command!r} is no command: {error}") from None
    if not words:
        raise SetupError(
            "bridge: is followed by the command that starts it, such as bridge:'node my-bridge.mjs'"
        )
    return words


def _own(module: str, attribute: str) -> Verifier:
    """A class with what `Verifier` in site.py has; its module may lie in this directory."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        made: Verifier = getattr(importlib.import_module(module), attribute)()
    except ImportError as error:
        raise SetupError(f"cannot import {module}: {error}") from None
    except AttributeError:
        raise SetupError(f"{module} has no {attribute}") from None
    for member in ("name", "algorithms", "refusals", "register", "authenticate", "close"):
        if not hasattr(made, member):
            raise SetupError(
                f"{module}:{attribute} has no `{member}`: harness.fuzz.targets.site:Verifier says what is needed"
            )
    return made
