"""`stuntkey phone`: a phone for use by hand."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.framework import Group
from harness.errors import Failure, SetupError

if TYPE_CHECKING:
    from harness.hybrid.phone import PhoneEvent
    from harness.people import Habit


@click.group(cls=Group)
def phone() -> None:
    """A phone that reads passkey QR codes and answers as any profile with a screen lock does."""


@phone.command()
@click.option(
    "--screenshot", type=click.Path(path_type=Path), metavar="FILE", help="A picture with the QR code in it."
)
@click.option("--qr", metavar="TEXT", help="The QR code's text, FIDO:/…")
@click.option("--profile", default="google-password-manager", show_default=True, metavar="NAME|FILE")
@click.option("--store", metavar="FILE", help="Where the phone keeps its passkeys (default: nowhere).")
@click.option(
    "--tunnel", required=True, metavar="HOST:PORT", help="The tunnel server, see `stuntkey hybrid`."
)
@click.option(
    "--trust", type=click.Path(path_type=Path), metavar="FILE", help="Its authority's certificate (PEM)."
)
@click.option("--plain", is_flag=True, help="The tunnel server speaks no TLS.")
@click.option("--air", metavar="ADDRESS", help="The bus of `stuntkey hybrid serve`, where a mock adapter is.")
@click.option(
    "--adapter", metavar="NAME", help="A real Bluetooth adapter of this machine, for instance hci0."
)
@click.option(
    "--habit",
    type=click.Choice(["willing", "refusing", "ignoring", "prompted"]),
    default="willing",
    show_default=True,
    help="What the person does who is asked to unlock the phone.",
)
def scan(
    screenshot: Path | None,
    qr: str | None,
    profile: str,
    store: str | None,
    tunnel: str,
    trust: Path | None,
    plain: bool,
    air: str | None,
    adapter: str | None,
    habit: Habit,
) -> None:
    """Scan a QR code and see the ceremony through.

    \b
      stuntkey phone scan --screenshot screen.png --tunnel 127.0.0.1:8443 --trust ca.pem --air unix:path=…
      stuntkey phone scan --qr FIDO:/0254… --profile icloud-keychain --store phone.key …
    """
    from harness.hybrid.bluez import RemoteAir
    from harness.hybrid.bluez_advertising import BluezRadio
    from harness.hybrid.camera import read_screenshot
    from harness.hybrid.errors import HybridError
    from harness.hybrid.phone import Phone
    from harness.hybrid.tunnel import Tunnels
    from harness.virtual_key import VirtualKey

    if (screenshot is None) == (qr is None):
        raise SetupError("give either --screenshot FILE or --qr TEXT")
    if (air is None) == (adapter is None):
        raise SetupError(
            "give either --air ADDRESS (of `stuntkey hybrid serve`) or --adapter NAME, a real one"
        )
    text = qr if qr is not None else read_screenshot(screenshot or "")
    with VirtualKey(profile, store=store) as key:
        key.person.habit = habit
        made = Phone(
            key,
            radio=RemoteAir(air) if air is not None else BluezRadio(adapter=adapter or ""),
            tunnels=Tunnels(at=tunnel, tls=_trusting(trust, plain=plain)),
            on_event=_tell,
        )
        try:
            asyncio.run(made.scan(text))
        except HybridError as error:
            raise Failure(str(error)) from None


def _trusting(trust: Path | None, *, plain: bool) -> ssl.SSLContext | None:
    if plain:
        return None
    if trust is None:
        raise SetupError(
            "give --trust FILE, the authority's certificate that `stuntkey hybrid` wrote, or --plain"
        )
    try:
        return ssl.create_default_context(cafile=str(trust))
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"{trust}: no certificate can be read from it: {error}") from None


def _tell(event: PhoneEvent) -> None:
    subject = "" if event.stage.value.startswith("the ") else "the phone "
    detail = f": {event.detail}" if event.detail else ""
    click.echo(f"  {subject}{event.stage.value}{detail}")
