"""`stuntkey exchange`: the relying party that plays are played against."""

from __future__ import annotations

import click

from harness.cli.framework import Group, Word
from harness.cli.output import json_option, show, show_json, table
from harness.errors import SetupError


def _flaw_names() -> tuple[str, ...]:
    from scenarios.exchange.flaws import FLAWS

    return tuple(FLAWS)


@click.group(cls=Group)
def exchange() -> None:
    """A crypto exchange with passkeys, as strict a relying party as there is.

    A policy says which of five exchanges it behaves like, down to its limits, codes and holds.
    """


@exchange.command()
@click.option(
    "--policy",
    default="okx-web",
    show_default=True,
    metavar="NAME|FILE",
    help="Which exchange it is (`stuntkey exchange policies`), or a TOML file of your own.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port to listen at.  [default: a free one]"
)
@click.option(
    "--database",
    metavar="URL",
    help="sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.  [default: in a temporary file]",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="The origin that browsers see, such as https://exchange.test; more may be given.  [default: its own URL]",
)
@click.option("--rp-id", metavar="DOMAIN", help="The relying party id.  [default: the first origin's host]")
@click.option("--tls-cert", metavar="FILE", help="Speak HTTPS with this certificate (PEM).")
@click.option("--tls-key", metavar="FILE", help="Its private key (PEM).")
@click.option(
    "--test-clock", is_flag=True, help='Let tests move the clock: POST /test/clock {"advance": SECONDS}.'
)
@click.option(
    "--outbox/--no-outbox",
    default=True,
    show_default=True,
    help="Show what is sent by e-mail and SMS at /outbox and /test/outbox.",
)
@click.option(
    "--flaw",
    "flaws",
    type=Word("flaw", _flaw_names, "NAME"),
    multiple=True,
    help="Break it on purpose (`stuntkey exchange flaws`). May be repeated.",
)
def serve(
    policy: str,
    host: str,
    port: int,
    database: str | None,
    origins: tuple[str, ...],
    rp_id: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    test_clock: bool,
    outbox: bool,
    flaws: tuple[str, ...],
) -> None:
    """Run the exchange until Ctrl-C.

    \b
      stuntkey exchange serve --policy mexc --port 8800
      stuntkey exchange serve --database postgresql+psycopg://me@localhost/exchange
    """
    try:
        from scenarios.exchange.errors import ConfigurationError
        from scenarios.exchange.policy import PolicyError
        from scenarios.exchange.server import Exchange
    except ModuleNotFoundError as error:
        raise SetupError(f"the exchange needs {error.name}: pip install 'stuntkey[exchange]'") from None
    try:
        running = Exchange(
            policy,
            host=host,
            port=port,
            database=database,
            origins=origins,
            rp_id=rp_id,
            outbox=outbox,
            test_clock=test_clock,
            certificate=tls_cert,
            key=tls_key,
            flaws=frozenset(flaws),
        )
    except (ConfigurationError, PolicyError) as error:
        raise SetupError(str(error)) from None
    look = running.service.policy.look
    click.echo(f"{look.brand} ({running.service.policy.name}) is at {running.url}")
    click.echo(f"Sign up at {running.url}/sign-up; the API is described at {running.url}/openapi.json")
    if outbox:
        click.echo(f"Codes that it sends can be read at {running.url}/outbox (leave it out with --no-outbox)")
    if test_clock:
        click.echo('Anybody can move its clock: POST /test/clock {"advance": SECONDS}')
    if flaws:
        click.echo(f"It is broken on purpose: {', '.join(sorted(flaws))}")
    running.serve()


@exchange.command("flaws")
@json_option
def flaws_(as_json: bool) -> None:
    """The ways in which it can be broken on purpose (serve --flaw NAME), to try tools on."""
    from scenarios.exchange.flaws import FLAWS

    if as_json:
        told = {name: {"about": each.about, "imitates": each.imitates} for name, each in FLAWS.items()}
        show_json([{"name": name, **each} for name, each in told.items()])
        return
    made = table("flaw", "about", "imitates")
    for name, each in FLAWS.items():
        made.add_row(name, each.about, each.imitates)
    show(made)


@exchange.command()
@json_option
def policies(as_json: bool) -> None:
    """The exchanges that it can be."""
    from scenarios.exchange.policy import load_policy, policy_names

    loaded = [load_policy(name) for name in policy_names()]
    if as_json:
        show_json([{"name": each.name, "about": each.about} for each in loaded])
        return
    made = table("policy", "about")
    for each in loaded:
        made.add_row(each.name, each.about)
    show(made)


@exchange.group(cls=Group)
def policy() -> None:
    """What the exchanges are like."""


@policy.command("show")
@click.argument("name", metavar="NAME|FILE")
def show_policy(name: str) -> None:
    """Print a policy whole, as TOML: what its file says, and the defaults of the rest.

    \b
      stuntkey exchange policy show okx-web > mine.toml
      stuntkey exchange serve --policy mine.toml
    """
    from scenarios.exchange.policy import PolicyError, load_policy
    from scenarios.exchange.policy_text import policy_text

    try:
        click.echo(policy_text(load_policy(name)), nl=False)
    except PolicyError as error:
        raise SetupError(str(error)) from None


@exchange.command()
@click.option(
    "--policy", type=Word("policy", lambda: _policy_names()), default="okx-web", help="For which exchange."
)
def openapi(policy: str) -> None:
    """Print the JSON API's OpenAPI document."""
    from scenarios.exchange.openapi import openapi as document
    from scenarios.exchange.service import Configuration, make_service

    service = make_service(Configuration(policy=policy))
    try:
        show_json(document(service))
    finally:
        service.database.close()


def _policy_names() -> list[str]:
    from scenarios.exchange.policy import policy_names

    return policy_names()
