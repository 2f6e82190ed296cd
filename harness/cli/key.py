"""`stuntkey key`: keys and the files they are kept in."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from authenticator.profiles.loader import ProfileError, load_profile
from authenticator.sqlite_store import SqliteStore
from harness.cli.framework import Group
from harness.cli.output import date, facts, heading, json_option, show, show_json, table, yes
from harness.errors import SetupError
from harness.key_file import read_key_file, write_key_file
from harness.key_store import (
    export_key,
    import_key,
    key_names,
    key_path,
    keys_folder,
    open_key,
    read_file,
    write_secret,
)

ATTACH = ("harness.cli.attach:attach", "Plug a virtual key in, until Ctrl-C or until a command ends.")


DO = ("harness.cli.act:do", "Touch, deny, unplug: act on a key that is attached.")


@click.group(cls=Group, modules={"attach": ATTACH, "do": DO})
def key() -> None:
    """Plug in virtual keys, and look after the ones that are kept.

    A KEY is a name, such as `work`, or the path of a file. Names are kept in $XDG_DATA_HOME/stuntkey/keys
    (~/.local/share/stuntkey/keys). `stuntkey key attach --store work` makes one.
    """


@key.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys that are kept.

    \b
      stuntkey key list
      stuntkey key list --json | jq -r '.[].name'
    """
    rows = [_summary(name) for name in key_names()]
    if as_json:
        show_json(rows)
        return
    if not rows:
        show(f"No keys in {keys_folder()}.", Text("Make one: stuntkey key attach --store work", style="dim"))
        return
    made = table("key", "profile", "passkeys", "PIN", "last change", "")
    made.columns[2].justify = "right"
    for row in rows:
        problem = row.get("problem")
        if problem:
            made.add_row(row["name"], "", "", "", row["changed"], Text(problem, style="red"))
        else:
            pin = Text("set", style="green") if row["pin"] else Text("none", style="dim")
            made.add_row(row["name"], row["profile"], str(row["credentials"]), pin, row["changed"], "")
    show(made)


def _summary(name: str) -> dict[str, Any]:
    path = key_path(name)
    row: dict[str, Any] = {"name": name, "path": str(path), "changed": date(path.stat().st_mtime)}
    try:
        store = open_key(name)
    except SetupError as error:
        problem, _, _ = str(error).removeprefix(f"{path.resolve()} is ").partition(". ")
        return row | {"problem": problem}
    with closing(store):
        device = store.device()
        pin = device is not None and device.pin_hash is not None
        return row | {
            "profile": store.profile,
            "credentials": len(store),
            "pin": pin,
            "counter": store.counter(None),
        }


@key.command("show", short_help="Show what a key remembers, never its secrets.")
@click.argument("name", metavar="KEY")
@json_option
def show_key(name: str, as_json: bool) -> None:
    """Show what a key remembers: its state and its passkeys, never their secrets.

    \b
      stuntkey key show work
      stuntkey key show ./fixtures/alice.key --json
    """
    with closing(open_key(name)) as store:
        state, credentials = _state(store), _credentials(store)
        path = store.path
    if as_json:
        show_json({"name": name, "path": str(path), **state, "credentials": credentials})
        return
    show(heading(name, str(path)), "", _state_table(state), "", _credentials_table(credentials))


def _state(store: SqliteStore) -> dict[str, Any]:
    device, counters = store.device(), store.contents().counters
    state: dict[str, Any] = {"profile": store.profile, "counter": counters.get(None, 0)}
    if device is None:
        return state | {"used": False}
    return state | {
        "used": True,
        "pin": device.pin_hash is not None,
        "pin_retries": device.pin_retries,
        "uv_retries": device.uv_retries,
        "min_pin_length": device.min_pin_length,
        "force_pin_change": device.force_pin_change,
        "always_uv": device.always_uv,
        "enterprise_attestation": device.enterprise_attestation,
        "fingerprints": [finger.name or finger.template_id.hex() for finger in device.fingerprints],
        "large_blob_bytes": len(device.large_blob_array or b""),
    }


def _credentials(store: SqliteStore) -> list[dict[str, Any]]:
    counters = store.contents().counters
    return [
        {
            "id": each.id.hex(),
            "rp_id": each.rp_id,
            "user_id": each.user.id.hex(),
            "user_name": each.user.name,
            "user_display_name": each.user.display_name,
            "algorithm": each.key.algorithm.name,
            "created": each.created,
            "protection": int(each.protection),
            "counter": counters.get(each.id),
            "hmac_secret": bool(each.hmac_secrets),
            "cred_blob": each.cred_blob is not None,
            "large_blob_key": each.large_blob_key is not None,
            "backed_up": each.backed_up,
        }
        for each in store.credentials()
    ]


def _state_table(state: dict[str, Any]) -> Any:
    if not state["used"]:
        return facts([("profile", state["profile"]), ("state", "never plugged in")])
    pin = f"set, {state['pin_retries']} tries left" if state["pin"] else "none"
    return facts(
        [
            ("profile", state["profile"] or Text("not recorded", style="dim")),
            ("PIN", pin + (", must be changed" if state["force_pin_change"] else "")),
            ("shortest PIN", str(state["min_pin_length"])),
            ("fingers", ", ".join(state["fingerprints"]) or None),
            ("always verify", yes(True) if state["always_uv"] else None),
            ("enterprise attestation", yes(True) if state["enterprise_attestation"] else None),
            ("large blobs", f"{state['large_blob_bytes']} bytes" if state["large_blob_bytes"] else None),
            ("signature counter", str(state["counter"])),
        ]
    )


def _credentials_table(credentials: list[dict[str, Any]]) -> Any:
    if not credentials:
        return Text("No passkeys.", style="dim")
    made = table("relying party", "user", "algorithm", "made", "extras")
    for each in credentials:
        extras = [
            f"credProtect {each['protection']}" if each["protection"] > 1 else "",
            "hmac-secret" if each["hmac_secret"] else "",
            "credBlob" if each["cred_blob"] else "",
            "largeBlobKey" if each["large_blob_key"] else "",
            f"counter {each['counter']}" if each["counter"] is not None else "",
            "synced" if each["backed_up"] else "",
        ]
        user = each["user_name"] or each["user_display_name"] or each["user_id"]
        made.add_row(
            each["rp_id"], user, each["algorithm"], date(each["created"]), ", ".join(filter(None, extras))
        )
    return made


@key.command(short_help="Forget all, as the reset of a real key does.")
@click.argument("name", metavar="KEY")
@click.option("-y", "--yes", "sure", is_flag=True, help="Do not ask.")
def reset(name: str, sure: bool) -> None:
    """Forget every passkey, the PIN and all else, as the reset of a real key does.

    \b
      stuntkey key reset work
    """
    from authenticator.authenticator import Authenticator
    from authenticator.environment import Environment

    with closing(open_key(name)) as store:
        try:
            profile = load_profile(store.profile)
        except ProfileError as error:
            raise SetupError(str(error)) from None
        if not sure:
            if not sys.stdin.isatty():
                raise SetupError("nobody can be asked, standard input is no terminal: pass --yes")
            click.confirm(f"Forget {_passkeys(len(store))} of {name} for good?", abort=True)
        gone = len(store)
        Authenticator(Environment(profile=profile, store=store)).factory_reset()
    click.echo(f"{name} is as from the factory; {_passkeys(gone)} gone.")


@key.command()
@click.argument("name", metavar="KEY")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=False)
@click.option("-f", "--force", is_flag=True, help="Write over an existing FILE.")
def export(name: str, file: Path | None, force: bool) -> None:
    """Write a whole key to FILE as JSON (default: KEY.json).

    The file holds the private keys in the clear and can be read by you alone (mode 0600). docs/key-file.md describes
    its form. FILE may be `-` where standard output is a pipe.

    \b
      stuntkey key export work
      stuntkey key export work - | age -p > work.age
    """
    key_file = export_key(name)
    data = write_key_file(key_file)
    if file == Path("-"):
        if sys.stdout.isatty():
            raise SetupError("private keys are not printed to a terminal: give a file")
        sys.stdout.buffer.write(data)
        return
    path = file or Path(f"{Path(name).stem}.json")
    write_secret(path, data, force=force)
    click.echo(
        f"{path} holds {name} with {_passkeys(len(key_file.contents.credentials))}, private keys included (mode 0600)."
    )


@key.command("import", short_help="Keep the key in FILE, which `export` wrote.")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("name", metavar="[KEY]", required=False)
@click.option("-f", "--force", is_flag=True, help="Replace an existing KEY for good.")
def import_(file: Path, name: str | None, force: bool) -> None:
    """Keep the key in FILE, which `export` wrote, under the name KEY (default: FILE's name).

    It is imported whole or not at all: a mistake in FILE is told with its place.

    \b
      stuntkey key import work.json
      stuntkey key import work.json clone-of-work
    """
    if file == Path("-"):
        if name is None:
            raise SetupError("give the key a name: stuntkey key import - NAME")
        data, source = sys.stdin.buffer.read(), "standard input"
    else:
        data, source = read_file(file), str(file)
    key_file = read_key_file(data, source)
    try:
        load_profile(key_file.profile)
    except ProfileError as error:
        raise SetupError(f"{source}: profile: {error}") from None
    path = import_key(name or file.stem, key_file, force=force)
    click.echo(
        f"{name or file.stem} is kept, with {_passkeys(len(key_file.contents.credentials))}, in {path}."
    )


def _passkeys(count: int) -> str:
    return "1 passkey" if count == 1 else f"{count or 'no'} passkeys"
