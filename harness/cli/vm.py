"""`stuntkey vm`: a virtual machine that has what this one lacks."""

from __future__ import annotations

import signal

import click

from harness.cli.framework import Group


@click.group(cls=Group)
def vm() -> None:
    """Run commands in a virtual machine with this machine's files and a kernel of its own.

    It has /dev/uhid and /dev/uinput, and you are root in it, on any machine that has QEMU: neither root nor KVM is
    needed here.
    """


@vm.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND…")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Switch it off after so long; exit code 124.",
)
@click.option("--memory", default="4G", show_default=True, metavar="SIZE", help="The machine's memory.")
@click.option(
    "--cpus",
    type=click.IntRange(min=1),
    metavar="N",
    help="Its processors (default: as many as here, up to 4).",
)
@click.option(
    "--kvm", is_flag=True, help="Use hardware virtualization. Ten times as fast, where /dev/kvm works."
)
@click.pass_context
def run(
    context: click.Context,
    command: tuple[str, ...],
    timeout: float | None,
    memory: str,
    cpus: int | None,
    kvm: bool,
) -> None:
    """Boot the machine, run COMMAND in it, and return its exit code.

    What COMMAND writes below the current directory stays; everything else it changes is gone with the machine. It has
    no network but its own loopback, and no terminal. The machine boots in 20 s to two minutes without KVM, and is slow
    then: STUNTKEY_PATIENCE in it has browsers and dialogs waited for longer.

    \b
      stuntkey vm run -- stuntkey key attach --port uhid -- fido2-token -L
      stuntkey vm run --timeout 600 -- python -m pytest tests/kernel/check_uhid.py
    """
    from harness.vm import run_in_vm

    try:
        code = run_in_vm(command, timeout=timeout, memory=memory, cpus=cpus, kvm=kvm)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    context.exit(code)
