"""`stuntkey fuzz init`: a description of a site, found by probing and by asking."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.text import Text

from harness.cli.output import show
from harness.errors import SetupError
from harness.fuzz.site.probe import BEGIN_BODY, Half, NotFound, Probe, check, describe, to_yaml
from harness.fuzz.targets.known import require_host

_HEAD = "# What `stuntkey fuzz run` must know of this site, as `stuntkey fuzz init` found it.\n"
_MORE = """
# More that can be told (docs/fuzz-site.md): csrf, who, log_out, password, step_up, credentials, delete_account.
# The more is told, the more can be tried: `who` and `log_out` alone let it attack sessions.
"""


@click.command("init", short_help="Describe a site: probes it, asks, and writes the YAML.")
@click.argument("url")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    default=None,
    help="Write it here. [default: HOST.fuzz.yaml]",
)
@click.option("--ask/--no-ask", default=True, show_default=True, help="Ask for what probing does not find.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option(
    "--i-may-test",
    "permitted",
    multiple=True,
    metavar="HOST",
    help="This host is yours, or its owner has agreed.",
)
def init_(url: str, out: Path | None, ask: bool, force: bool, permitted: tuple[str, ...]) -> None:
    """Find out how the site at URL runs its ceremonies, and write the YAML that `fuzz run` takes.

    It reads the paths in the site's pages, tries those that look right, and makes passkeys and log-ins with them.
    Sites with django-allauth are known by their pages.

    \b
      stuntkey fuzz init http://localhost:8000
      stuntkey fuzz run localhost.fuzz.yaml
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SetupError(f"{url!r} is no URL such as http://localhost:8000")
    require_host(parts.hostname, permitted)
    path = out or Path(f"{parts.hostname}.fuzz.yaml")
    if path.exists() and not force:
        raise SetupError(f"{path} is there already: --force writes over it, --out writes another file")
    text = _described(f"{parts.scheme}://{parts.netloc}", ask=ask)
    problems = list(check(text, str(path)))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from None
    show(Text(f"written to {path}", style="bold"))
    if problems:
        raise SetupError(f"{path} does not work yet: {'; '.join(problems)}")
    show(Text(f"a genuine registration and a genuine log-in work: stuntkey fuzz run {path}", style="green"))


def _described(url: str, *, ask: bool) -> str:
    probe = Probe(url=url, say=lambda line: show(Text(f"· {line}", style="dim")))
    try:
        if (known := probe.recipe()) is not None:
            return known
        probe.look_around()
        registration = _found_or_asked(probe.registration, "registration", ask=ask)
        authentication = _found_or_asked(
            lambda: probe.authentication(registration), "authentication", ask=ask
        )
    finally:
        probe.close()
    return _HEAD + to_yaml(describe(url, registration, authentication)) + _MORE


def _found_or_asked(find: Any, ceremony: str, *, ask: bool) -> Half:
    try:
        half: Half = find()
    except NotFound as missing:
        if not ask:
            raise SetupError(
                f"{missing}; without --no-ask you are asked, and docs/fuzz-site.md shows how to write it by hand"
            ) from None
        show(Text(f"{missing}", style="yellow"))
    else:
        return half
    begin = click.prompt(f"How does a {ceremony} begin", default=f"POST /{ceremony}/options")
    pointer = click.prompt(
        "Where does the answer have the options (a JSON pointer)", default="", show_default=False
    )
    finish = click.prompt(f"How does a {ceremony} end", default=f"POST /{ceremony}/verify")
    member = click.prompt(
        "Which member of what is posted is the credential (none: it is all of it)",
        default="",
        show_default=False,
    )
    return Half(
        begin={"send": begin, "json": dict(BEGIN_BODY)} if begin.startswith("POST") else {"send": begin},
        options=pointer,
        finish={
            "send": finish,
            **({"json": {member: "{credential}"}} if member else {"body": "{credential}"}),
        },
    )
