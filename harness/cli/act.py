"""`stuntkey key do`: act on keys that another process has plugged in."""

from __future__ import annotations

import os

import click

from harness.control import VARIABLE, ask
from harness.errors import SetupError


@click.command("do")
@click.option(
    "--key", "number", metavar="NUMBER", type=int, default=1, show_default=True, help="Which of them."
)
@click.option(
    "--control",
    metavar="PATH",
    help=f"The socket of `stuntkey key attach --control PATH`.  [default: ${VARIABLE}]",
)
@click.argument("acts", nargs=-1, required=True, metavar="ACT...")
def do(number: int, control: str | None, acts: tuple[str, ...]) -> None:
    """Touch, deny, unplug: act on a key that `key attach` has plugged in, one ACT after the other.

    Acts: touch, long-touch, deny, ignore, wrong-finger, pin=PIN, choose=NUMBER, unplug, plug-in, habit=HABIT. What the
    key has not asked for yet is done when it asks. A command under `key attach` finds its keys by itself.

    \b
      stuntkey key attach --key solo2 --key yubikey-5-nfc,habit=ignoring -- ./test.sh
      stuntkey key do touch --key 2                          # in test.sh
      stuntkey key attach --port uhid --habit ignoring --control /tmp/key
      stuntkey key do --control /tmp/key unplug plug-in
    """
    path = control or os.environ.get(VARIABLE)
    if not path:
        raise SetupError(
            f"which keys? --control PATH, or ${VARIABLE}, as in a command under `stuntkey key attach`"
        )
    for act in acts:
        click.echo(ask(path, number, act))
