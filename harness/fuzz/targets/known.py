"""Targets by name."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import SetupError
from harness.fuzz.targets import Target
from harness.fuzz.targets.site import APPLICATION, LIBRARY, Site

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
    if host is None or host in LOOPBACK or host.endswith(".localhost") or host in permitted:
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
    sessions."""
    library, _, around = name.partition("+")
    if library in LIBRARIES and around in ("", "site"):
        module, _, attribute = LIBRARIES[library][0].partition(":")
        try:
            verifier = getattr(importlib.import_module(module), attribute)()
        except ImportError as error:
            raise SetupError(
                f"the target {library} needs a package that is missing ({error.name}): pip install 'stuntkey[fuzz]'"
            ) from None
        return Site(verifier=verifier, capabilities=APPLICATION if around else LIBRARY)
    described = described_site(name)
    if described is not None:
        from harness.fuzz.site.loader import load_site
        from harness.fuzz.targets.http import HttpSite

        return HttpSite(load_site(*described), name)
    raise SetupError(
        f"there is no target {name!r}: known are {', '.join(LIBRARIES)}, and YAML files that describe a web site"
    )
