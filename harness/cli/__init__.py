"""The command line: `stuntkey`."""

from __future__ import annotations

import click

from harness import __version__
from harness.cli.framework import Root

COMMANDS = {
    "run": ("harness.cli.run:run", "Play passkey stories in real browsers."),
    "key": ("harness.cli.key:key", "Plug in virtual keys; list, show, reset, export and import them."),
    "profiles": ("harness.cli.profiles:profiles", "The devices a key can be: list, show, metadata."),
    "trace": ("harness.cli.trace:trace", "Look at what happened to a key: show, export to pcapng."),
    "fuzz": ("harness.cli.fuzz:fuzz", "Find what a relying party wrongly accepts."),
    "vm": ("harness.cli.vm:vm", "Run a command in a virtual machine that has /dev/uhid."),
    "phone": ("harness.cli.phone:phone", "A phone that reads passkey QR codes, or is called."),
    "hybrid": (
        "harness.cli.hybrid:hybrid",
        "Where phones and browsers meet: tunnels, and the air around them.",
    ),
    "exchange": (
        "harness.cli.exchange:exchange",
        "The relying party: an exchange with passkeys, to play against.",
    ),
    "doctor": ("harness.cli.doctor:doctor", "What this machine has and lacks, and how to get it."),
}
"""Name → where it is, and what it does. A module is imported when its command is used."""


@click.group(
    cls=Root,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="stuntkey %(version)s")
def main() -> None:
    """A stunt double for security keys.

    A software FIDO2 authenticator that hosts take for a real key, and a harness that plays passkey stories with it.

    \b
      stuntkey key attach -- fido2-token -L    a key for one program, without root
      stuntkey key attach --port udp           a key for a test suite, over UDP
      stuntkey profiles list                   which devices it can be
    """
