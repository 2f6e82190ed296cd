"""`stuntkey phone`: a phone for use by hand."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.framework import Group
from harness.errors import Failure, SetupError

if TYPE_CHECKING:
    from harness.hybrid.links import LinkStore
    from harness.hybrid.phone import Phone, PhoneEvent
    from harness.hybrid.tunnel import Tunnels
    from harness.people import Habit


@click.group(cls=Group)
def phone() -> None:
    """A phone that reads passkey QR codes, or is called by linked clients, and answers as its profile does."""


_TUNNEL = (
    click.option(
        "--tunnel", required=True, metavar="HOST:PORT", help="The tunnel server, see `stuntkey hybrid`."
    ),
    click.option(
        "--trust", type=click.Path(path_type=Path), metavar="FILE", help="Its authority's certificate (PEM)."
    ),
    click.option("--plain", is_flag=True, help="The tunnel server speaks no TLS."),
    click.option(
        "--domain",
        type=int,
        default=0,
        show_default=True,
        metavar="N",
        help="The number of the tunnel domain; the server is to be started with it, too.",
    ),
)
_DEVICE = (
    click.option("--profile", default="google-password-manager", show_default=True, metavar="NAME|FILE"),
    click.option("--store", metavar="FILE", help="Where the phone keeps its passkeys (default: nowhere)."),
    click.option("--air", metavar="ADDRESS", help="The bus of `stuntkey hybrid serve`, with a mock adapter."),
    click.option(
        "--adapter", metavar="NAME", help="A real Bluetooth adapter of this machine, for instance hci0."
    ),
    click.option(
        "--habit",
        type=click.Choice(["willing", "refusing", "ignoring", "prompted"]),
        default="willing",
        show_default=True,
        help="What the person does who is asked to verify.",
    ),
    click.option("--locked", is_flag=True, help="The phone is locked at first: press Enter to unlock it."),
    click.option("--no-screen-lock", is_flag=True, help="The phone has none, and so makes no passkeys."),
    click.option(
        "--bluetooth",
        type=click.Choice(["on", "off"]),
        default="on",
        show_default=True,
        help="Without it the phone cannot prove that it is near.",
    ),
    click.option(
        "--wallet",
        metavar="COMMAND",
        help="A program that shows documents (digital credentials): the request on its standard input, the answer "
        "on its standard output, both JSON.",
    ),
)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """The options of a phone, as they were written."""

    profile: str
    store: str | None
    air: str | None
    adapter: str | None
    habit: Habit
    locked: bool
    no_screen_lock: bool
    bluetooth: str
    wallet: str | None
    tunnel: str
    trust: Path | None
    plain: bool
    domain: int


@phone.command()
@click.option(
    "--screenshot", type=click.Path(path_type=Path), metavar="FILE", help="A picture with the QR code in it."
)
@click.option("--qr", metavar="TEXT", help="The QR code's text, FIDO:/…")
@click.option(
    "--links", metavar="FILE", help="Offer the client to call the phone later; `phone listen` answers."
)
@_options(*_DEVICE, *_TUNNEL)
def scan(screenshot: Path | None, qr: str | None, links: str | None, **given: Any) -> None:
    """Scan a QR code and see the ceremony through.

    \b
      stuntkey phone scan --screenshot screen.png --tunnel 127.0.0.1:8443 --trust ca.pem --air unix:path=…
      stuntkey phone scan --qr FIDO:/0254… --profile icloud-keychain --store phone.key …
    """
    from harness.hybrid.camera import read_screenshot

    if (screenshot is None) == (qr is None):
        raise SetupError("give either --screenshot FILE or --qr TEXT")
    _require_one_radio(given)
    text = qr.strip() if qr is not None else read_screenshot(screenshot or "")
    _run(_Given(**given), links, lambda made: made.scan(text))


@phone.command()
@click.option(
    "--links", required=True, metavar="FILE", help="Who may call, as `phone scan --links FILE` wrote it."
)
@_options(*_DEVICE, *_TUNNEL)
def listen(links: str, **given: Any) -> None:
    """Wait for the calls of linked clients and answer them, until Ctrl-C.

    \b
      stuntkey phone listen --links phone.links --store phone.key --tunnel 127.0.0.1:8443 --trust ca.pem --air …
    """
    _require_one_radio(given)

    async def until_interrupted(made: Phone) -> None:
        click.echo(f"  {len(made.links)} linked client(s) may call {made.contact}")
        with contextlib.suppress(asyncio.CancelledError):
            await made.listen()

    _require_links(links)
    _run(_Given(**given), links, until_interrupted)


@phone.command()
@click.option("--links", required=True, metavar="FILE", help="As of `phone scan`.")
@_options(*_TUNNEL)
def unlink(links: str, tunnel: str, trust: Path | None, plain: bool, domain: int) -> None:
    """Let no client call the phone any more; the tunnel server tells them so (410).

    \b
      stuntkey phone unlink --links phone.links --tunnel 127.0.0.1:8443 --trust ca.pem
    """
    from harness.hybrid.errors import HybridError

    store, count = _require_links(links)
    tunnels = _tunnels(tunnel, trust, plain=plain, domain=domain)
    try:
        asyncio.run(store.unlink(tunnels))
    except HybridError as error:
        raise Failure(str(error)) from None
    click.echo(f"  {count} client(s) unlinked")


def _run(given: _Given, links: str | None, work: Callable[[Phone], Any]) -> None:
    from harness.hybrid.bluez import RemoteAir
    from harness.hybrid.bluez_advertising import BluezRadio
    from harness.hybrid.errors import HybridError
    from harness.hybrid.links import LinkStore
    from harness.hybrid.phone import Phone
    from harness.hybrid.wallet import wallet_program
    from harness.platform import Device
    from harness.virtual_key import profile_of

    tunnels = _tunnels(given.tunnel, given.trust, plain=given.plain, domain=given.domain)
    store = LinkStore(links) if links is not None else None
    profile = profile_of(given.profile)
    if "hybrid" not in profile.transports:
        raise SetupError(f"--profile {given.profile}: this is no phone, it is not reached by QR code")
    with Device("phone", profile, store=given.store, screen_lock=not given.no_screen_lock) as device:
        device.person.habit = given.habit
        made = Phone(
            device,
            radio=RemoteAir(given.air) if given.air is not None else BluezRadio(adapter=given.adapter or ""),
            tunnels=tunnels,
            links=store if store is not None else False,
            locked=given.locked,
            bluetooth=given.bluetooth == "on",
            on_json=wallet_program(_words(given.wallet)) if given.wallet is not None else None,
            on_event=_tell,
        )

        async def main() -> None:
            with _enter_unlocks(made):
                await work(made)

        try:
            asyncio.run(main())
        except HybridError as error:
            raise Failure(str(error)) from None


@contextlib.contextmanager
def _enter_unlocks(made: Phone) -> Any:
    """Hear the Enter key beside whatever else goes on."""
    if not made.is_locked:
        yield
        return
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        loop.remove_reader(stdin)
        if sys.stdin.readline():
            made.unlock()

    try:
        stdin = sys.stdin.fileno()
        loop.add_reader(stdin, pressed)
    except (OSError, ValueError):
        raise SetupError(
            "--locked: Enter unlocks the phone, and there is no terminal to press it at"
        ) from None
    try:
        yield
    finally:
        loop.remove_reader(stdin)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SetupError(f"--wallet {command!r}: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise SetupError(f"--wallet {command!r}: there is no such program")
    return words


def _require_one_radio(given: dict[str, Any]) -> None:
    if (given["air"] is None) == (given["adapter"] is None):
        raise SetupError(
            "give either --air ADDRESS (of `stuntkey hybrid serve`) or --adapter NAME, a real one"
        )


def _require_links(path: str) -> tuple[LinkStore, int]:
    from harness.hybrid.links import LinkStore

    if not Path(path).exists():
        raise SetupError(f"{path}: there is no such file; `stuntkey phone scan --links {path}` makes it")
    store = LinkStore(path)
    return store, len(store.links)


def _tunnels(at: str, trust: Path | None, *, plain: bool, domain: int) -> Tunnels:
    from harness.hybrid.errors import HybridError
    from harness.hybrid.tunnel import Tunnels

    try:
        return Tunnels(at=at, tls=_trusting(trust, plain=plain), domain=domain)
    except HybridError as error:
        raise SetupError(f"--domain {domain}: {error}") from None


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
