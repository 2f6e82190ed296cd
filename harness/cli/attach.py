"""`stuntkey key attach`: a virtual key on a port, until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from typing import Any, get_args

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from authenticator.profiles.loader import ProfileError, load_profile, profile_names
from authenticator.sqlite_store import SqliteStore
from ctaphid.keyboard import Keyboard
from ctaphid.ports import Port, PortError
from harness.cli.activity import Activity
from harness.cli.framework import Word
from harness.cli.panel import BLINK, KeyPanel
from harness.cli.terminal import key_presses
from harness.control import VARIABLE, Control
from harness.errors import SetupError
from harness.key_store import open_key
from harness.otp import configuration_of
from harness.people import Habit, Person
from harness.ports import PORTS, make_port
from harness.trace import Event
from harness.trace.records import writing
from harness.virtual_key import VirtualKey
from harness.wrap import run_with_keys

DEFAULT_LISTEN = "127.0.0.1:8111"


class _Attach(click.Command):
    """A word that is no option may be the command's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = f"{error.format_message()} If it is the COMMAND's, put -- before the command."
            raise click.UsageError(hint, ctx) from None


@click.command(cls=_Attach)
@click.option("--port", type=Word("port", lambda: PORTS), default="mock", show_default=True,
              help="mock: for the COMMAND and what it starts, without root. uhid: for the whole machine. "
                   "udp: for test suites that speak CTAPHID over UDP.")  # fmt: skip
@click.option(
    "--listen", metavar="HOST:PORT", help=f"Where the udp port listens.  [default: {DEFAULT_LISTEN}]"
)
@click.option("--allow-remote", is_flag=True, help="Let --listen name an address that other machines reach.")
@click.option(
    "--profile",
    metavar="NAME|FILE",
    help="Which device it is (`stuntkey profiles list`).  [default: reference]",
)
@click.option("--store", metavar="KEY", help="Keep it under this name or path, and go on with what is there.")
@click.option("--pin", metavar="PIN", help="The PIN it has; the person knows it.")
@click.option(
    "--finger", "fingers", metavar="NAME", multiple=True, help="A finger that is enrolled; may be repeated."
)
@click.option(
    "--otp",
    "otps",
    metavar="SLOT=OTP",
    multiple=True,
    help="What a short (1) or long (2) touch types when nobody waits for it, on a keyboard of the kernel's (uinput): "
    "PUBLIC_ID:PRIVATE_ID:AES_KEY or static:PASSWORD.",
)
@click.option("--seed", metavar="TEXT", help="The same seed gives the same keys and ids.")
@click.option("--auto-touch", is_flag=True, help="Touch whenever the key asks: the same as --habit willing.")
@click.option("--habit", type=Word("habit", lambda: get_args(Habit), "HABIT"),
              help="What the person does: willing, ignoring, refusing or prompted.  "
                   "[default: prompted; with a COMMAND: willing]")  # fmt: skip
@click.option(
    "--key",
    "specs",
    metavar="PROFILE[,NAME=VALUE]",
    multiple=True,
    help="With a COMMAND, instead of --profile: a key; may be repeated. Names: pin, finger, seed, serial, habit.",
)
@click.option(
    "--control",
    metavar="PATH",
    help="Listen on this socket for `stuntkey key do`.  [default: with a COMMAND, one it finds by itself]",
)
@click.option("--trace", "trace_file", metavar="FILE", type=click.Path(dir_okay=False),
              help="Write all that happens to the key there (`stuntkey trace show FILE`).")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="With a COMMAND: tell on stderr what the key is asked.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def attach(
    port: str,
    listen: str | None,
    allow_remote: bool,
    profile: str | None,
    store: str | None,
    pin: str | None,
    fingers: tuple[str, ...],
    otps: tuple[str, ...],
    seed: str | None,
    auto_touch: bool,
    habit: Habit | None,
    specs: tuple[str, ...],
    control: str | None,
    trace_file: str | None,
    verbose: bool,
    command: tuple[str, ...],
) -> None:
    """Plug a virtual key in, until Ctrl-C or until COMMAND ends.

    With a COMMAND, the key is there for as long as it runs, and its exit code is the command's.
    The command finds STUNTKEY_PATH in its environment: the device node, or HOST:PORT.
    While it runs, `stuntkey key do touch` and the like act on the key (STUNTKEY_CONTROL).
    Without one, at a terminal, a panel shows what the key asks, and keys answer.

    \b
      stuntkey key attach -- fido2-token -L
      stuntkey key attach --pin 1234 -v -- ssh-keygen -t ed25519-sk
      stuntkey key attach --key solo2 --key titan,pin=1234 -- pytest
      stuntkey key attach --port udp --listen 127.0.0.1:8111 --auto-touch
      stuntkey key attach --port uhid --store work
      stuntkey key attach --port uhid --profile yubikey-5-nfc --otp 2=static:hi
      stuntkey key attach --trace run.ndjson -- ./mytests.sh
    """
    if auto_touch and habit not in (None, "willing"):
        raise SetupError(f"--auto-touch and --habit {habit} contradict each other: give one of them")
    habit = "willing" if auto_touch else habit or ("willing" if command else "prompted")
    if habit == "prompted":
        _require_terminal(command)
    options = _port_options(port, listen, allow_remote)
    if specs:
        if profile or store or pin or fingers or seed or otps:
            raise SetupError(
                "--key says all of a key: leave out --profile, --store, --pin, --finger, --otp, --seed"
            )
        if not command:
            raise SetupError("--key needs a COMMAND: attach one key in a terminal of its own, with --profile")
        keys = [key_of(spec, habit) for spec in specs]
        sys.exit(_serve_keys(keys, port, options, command, control, trace_file, verbose))
    key_store, profile = _store_and_profile(store, profile)
    # At a terminal, the panel takes the person's place once there is a key to show.
    person = Person(habit="ignoring" if habit == "prompted" else habit)
    with (
        closing(key_store) if key_store is not None else nullcontext(),
        VirtualKey(
            profile, pin=pin, fingers=fingers, seed=seed, person=person, store=key_store, trace_size=1000
        ) as key,
        key.trace.writing(trace_file) if trace_file is not None else nullcontext(),
        _otp_keyboard(key, otps) if otps else nullcontext(),
    ):
        if command:
            code = _serve_command([key], port, options, command, control, verbose)
        else:
            with Control([key], control) if control is not None else nullcontext():
                code = asyncio.run(_Attachment(key, habit, port, options).run())
    sys.exit(code)


def _otp_keyboard(key: VirtualKey, otps: tuple[str, ...]) -> AbstractContextManager[Keyboard]:
    for otp in otps:
        slot, equals, what = otp.partition("=")
        if not equals or not slot.isdecimal():
            raise SetupError("--otp: must be SLOT=OTP, such as 2=static:PASSWORD")
        key.otp.configure(int(slot), configuration_of(what))
    return key.otp.plugged_in("uinput")


def key_of(spec: str, habit: Habit) -> VirtualKey:
    """`yubikey-5-nfc,pin=1234,habit=ignoring`"""
    profile, *others = spec.split(",")
    given: dict[str, Any] = {"fingers": []}
    for other in others:
        name, _, value = other.partition("=")
        if name not in ("pin", "finger", "seed", "serial", "habit") or not value:
            raise SetupError(f"--key {spec}: {other!r} is none of pin=, finger=, seed=, serial=, habit=")
        if name == "finger":
            given["fingers"].append(value)
        else:
            given[name] = value
    wanted = given.pop("habit", habit)
    if wanted == "prompted":
        raise SetupError(f"--key {spec}: habit=prompted needs the terminal that the command has")
    return VirtualKey(profile, person=Person(habit=wanted), trace_size=1000, **given)


def _serve_keys(
    keys: list[VirtualKey],
    port: str,
    options: dict[str, Any],
    command: tuple[str, ...],
    control: str | None,
    trace_file: str | None,
    verbose: bool,
) -> int:
    with ExitStack() as stack:
        for key in keys:
            stack.enter_context(key)
        if trace_file is not None:
            stack.enter_context(writing(trace_file, *(key.trace for key in keys)))
        return _serve_command(keys, port, options, command, control, verbose)


def _serve_command(
    keys: list[VirtualKey],
    port: str,
    options: dict[str, Any],
    command: tuple[str, ...],
    control: str | None,
    verbose: bool,
) -> int:
    if verbose:
        console = Console(stderr=True, highlight=False)
        for key in keys:
            key.trace.listener = _Lines(console, Activity())
    try:
        with Control(keys, control) as control_of_them:
            environment = {**os.environ, VARIABLE: control_of_them.path}
            return run_with_keys(keys, command, port, environment=environment, **options)
    finally:
        for key in keys:
            key.trace.listener = None


def _require_terminal(command: tuple[str, ...]) -> None:
    if command:
        raise SetupError(
            "--habit prompted needs the terminal that the command has: attach the key in one of its own"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SetupError(
            "nobody can be asked here, this is no terminal: pass --auto-touch, or --habit ignoring or refusing"
        )


def _port_options(port: str, listen: str | None, allow_remote: bool) -> dict[str, Any]:
    if port != "udp":
        if listen is not None or allow_remote:
            raise SetupError(
                f"--listen and --allow-remote are for --port udp; the {port} port has no address"
            )
        return {}
    host, colon, number = (listen or DEFAULT_LISTEN).rpartition(":")
    if not colon or not host or not number.isdecimal():
        raise SetupError(
            f"--listen {listen}: must be HOST:PORT, such as {DEFAULT_LISTEN} (port 0: any free one)"
        )
    return {
        "host": host.removeprefix("[").removesuffix("]"),
        "port": int(number),
        "allow_remote": allow_remote,
    }


def _store_and_profile(store: str | None, profile: str | None) -> tuple[SqliteStore | None, str]:
    """A kept key goes on as the device it was made as."""
    wanted = profile or "reference"
    try:
        name = load_profile(wanted).name
        if store is None:
            return None, wanted
        # A path must mean the same file from another folder too.
        recorded = wanted if wanted in profile_names() else os.path.abspath(wanted)
        kept = open_key(store, profile=recorded, create=True)
        try:
            made_as = kept.profile or recorded
            if profile is not None and load_profile(made_as).name != name:
                raise SetupError(
                    f"{kept.path} was made as {made_as}: leave out --profile, or keep the new key elsewhere"
                )
        except BaseException:
            kept.close()
            raise
        return kept, made_as
    except ProfileError as error:
        raise SetupError(str(error)) from None


class _Attachment:
    """A key on a port, and the person at the terminal or none."""

    def __init__(self, key: VirtualKey, habit: Habit, port: str, options: dict[str, Any]) -> None:
        self._key = key
        self._habit = habit
        self._port_name = port
        self._options = options
        self._ended = asyncio.Event()
        self._activity = Activity()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        try:
            async with make_port(self._key, self._port_name, **self._options) as port:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, self._ended.set)
                serve = self._serve_person if self._habit == "prompted" else self._serve_quietly
                self._key.port_opened(self._port_name, port)
                try:
                    await serve(port)
                finally:
                    self._key.trace.listener = None
                    self._key.port_closed(port)
        except PortError as error:
            raise SetupError(str(error)) from None
        return 0

    async def _serve_quietly(self, port: Port) -> None:
        console = Console(highlight=False)
        console.print(f"{self._key.profile.name} on {self._port_name} {port.path}", soft_wrap=True)
        _tell_environment(console, port)
        self._key.trace.listener = _Lines(console, self._activity)
        await self._ended.wait()

    async def _serve_person(self, port: Port) -> None:
        console = Console(highlight=False)
        panel = KeyPanel(self._key, f"{self._port_name} {port.path}", self._ended.set)
        self._key.person = self._key.engine.person = Person(
            habit="prompted", prompter=panel, pin=self._key.person.pin
        )
        _tell_environment(console, port)
        with Live(panel.render(), console=console, auto_refresh=False, transient=True) as live:

            def refresh() -> None:
                live.update(panel.render(), refresh=True)

            lines = _Lines(live.console, self._activity)
            loop = asyncio.get_running_loop()

            def hear(event: Event) -> None:
                lines(event)
                loop.call_soon_threadsafe(refresh)

            self._key.trace.listener = hear

            def press(pressed: str) -> None:
                panel.press(pressed)
                refresh()

            async with _blinking(panel, refresh):
                with key_presses(press):
                    await self._ended.wait()


class _Lines:
    def __init__(self, console: Console, activity: Activity) -> None:
        self._console = console
        self._activity = activity

    def __call__(self, event: Event) -> None:
        line = self._activity.line(event)
        if line is not None:
            self._console.print(line)


@contextlib.asynccontextmanager
async def _blinking(panel: KeyPanel, refresh: Any) -> AsyncIterator[None]:
    """While something is asked, the light blinks and the seconds run down."""

    async def blink() -> None:
        while True:
            await asyncio.sleep(BLINK)
            if panel.question is not None:
                refresh()

    task = asyncio.create_task(blink())
    try:
        yield
    finally:
        task.cancel()


def _tell_environment(console: Console, port: Port) -> None:
    if port.environment:
        assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in port.environment.items())
        console.print(
            Text.assemble(("Programs see it with:  ", "dim"), f"env {assignments} PROGRAM"), soft_wrap=True
        )
