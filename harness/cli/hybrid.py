"""`stuntkey hybrid`: a tunnel server, and the air around it, for browsers and phones of one's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.framework import Group
from harness.errors import SetupError

if TYPE_CHECKING:
    from harness.hybrid.tls import TunnelCertificate


@click.group(cls=Group)
def hybrid() -> None:
    """Cross-device log-ins without a radio and without the internet: serve what phone and browser meet at."""


def _address(text: str) -> tuple[str, int]:
    from harness.hybrid.address import parse_address

    host, port = parse_address(text, "--listen")
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise SetupError(f"--listen {text}: the tunnel server is for this machine only; listen on 127.0.0.1")
    return host, port


_domain = click.option(
    "--domain",
    "numbers",
    type=int,
    multiple=True,
    metavar="N",
    help="Also be the tunnel domain of this number, 256 to 65535, and not only the two assigned ones.",
)


@hybrid.command()
@click.option("--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT")
@click.option("--plain", is_flag=True, help="Without TLS, for clients of one's own; browsers want TLS.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the authority's certificate there, for `phone scan --trust FILE`.",
)
@_domain
def tunnel(listen: str, plain: bool, certificate: Path | None, numbers: tuple[int, ...]) -> None:
    """Serve tunnels alone, until Ctrl-C.

    \b
      stuntkey hybrid tunnel --listen 127.0.0.1:8443 --certificate ca.pem
    """
    asyncio.run(_serve(listen, plain=plain, certificate=certificate, bluetooth=False, numbers=numbers))


@hybrid.command()
@click.option("--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT")
@click.option("--certificate", type=click.Path(path_type=Path), metavar="FILE", help="As of `hybrid tunnel`.")
@click.option("--no-adapter", is_flag=True, help="A machine without Bluetooth.")
@click.option("--off", is_flag=True, help="Bluetooth is there and switched off.")
@_domain
def serve(
    listen: str, certificate: Path | None, no_adapter: bool, off: bool, numbers: tuple[int, ...]
) -> None:
    """Serve tunnels and a mock Bluetooth adapter on a D-Bus of its own, and say how to start a browser there.

    \b
      stuntkey hybrid serve --certificate ca.pem
    """
    asyncio.run(
        _serve(
            listen,
            plain=False,
            certificate=certificate,
            bluetooth=True,
            adapter=not no_adapter,
            powered=not off,
            numbers=numbers,
        )
    )


async def _serve(
    listen: str,
    *,
    plain: bool,
    certificate: Path | None,
    bluetooth: bool,
    adapter: bool = True,
    powered: bool = True,
    numbers: Sequence[int] = (),
) -> None:
    from harness.hybrid.bluez import MockBluez
    from harness.hybrid.domains import ASSIGNED
    from harness.hybrid.private_bus import PrivateBus
    from harness.hybrid.tls import TunnelCertificate
    from harness.hybrid.tunnel_server import TunnelServer

    host, port = _address(listen)
    made = None if plain else TunnelCertificate([*ASSIGNED, *map(_domain_name, numbers)])
    tls = made.server_context() if made is not None else None
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(TunnelServer(host=host, port=port, tls=tls))
        click.echo(f"tunnels at {server.url}")
        if made is not None and certificate is not None:
            made.write_authority(certificate)
            click.echo(f"authority in {certificate}")
        elif made is not None and not bluetooth:
            click.echo(
                "nobody can trust it: give --certificate FILE for `phone scan --trust FILE`, or --plain"
            )
        if bluetooth:
            bus = await stack.enter_async_context(PrivateBus())
            await stack.enter_async_context(MockBluez(bus.address, adapter=adapter, powered=powered))
            click.echo(f"Bluetooth at {bus.address}")
            assert made is not None
            click.echo(_browser_hint(made, server.port, bus.address, certificate))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


def _domain_name(number: int) -> str:
    from harness.hybrid.domains import tunnel_domain
    from harness.hybrid.errors import HybridError

    try:
        return tunnel_domain(number)
    except HybridError as error:
        raise SetupError(f"--domain {number}: {error}") from None


def _browser_hint(made: TunnelCertificate, port: int, bus: str, certificate: Path | None) -> str:
    trust = certificate or "ca.pem (give --certificate)"
    return (
        "\nStart a browser there:\n"
        f"  DBUS_SYSTEM_BUS_ADDRESS={bus} chromium --user-data-dir=/tmp/hybrid \\\n"
        f'    --host-resolver-rules="MAP *:443 127.0.0.1:{port}, EXCLUDE localhost" \\\n'
        f"    --ignore-certificate-errors-spki-list={made.spki_hash}\n"
        "and scan the QR code it shows:\n"
        f"  stuntkey phone scan --screenshot FILE --tunnel 127.0.0.1:{port} --trust {trust} --air {bus}\n"
    )
