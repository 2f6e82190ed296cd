"""`stuntkey profiles`: the devices a key can be."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from authenticator import cbor
from authenticator.authenticator import Authenticator
from authenticator.commands.get_info import info
from authenticator.environment import Environment, SeededRandomness
from authenticator.profiles.loader import ProfileError, load_profile, profile_names
from authenticator.profiles.profile import INFO_MEMBERS, Kind, Profile
from authenticator.profiles.reading import algorithm_name
from authenticator.store import MemoryStore
from harness.cli.framework import Group
from harness.cli.output import facts, heading, json_option, show, show_json, table, yes
from harness.errors import SetupError
from harness.trace import jsonable

_MEMBERS = {0x01: "versions", 0x03: "aaguid"} | {number: name for name, number in INFO_MEMBERS.items()}
_CTAP = {
    "FIDO_2_0": "2.0",
    "FIDO_2_1_PRE": "",
    "FIDO_2_1": "2.1",
    "FIDO_2_2": "2.2",
    "FIDO_2_3": "2.3",
    "U2F_V2": "U2F",
}
_KINDS = {
    Kind.SECURITY_KEY: "Security keys",
    Kind.PLATFORM: "Platform authenticators",
    Kind.PROVIDER: "Passkey providers",
}


@click.group(cls=Group)
def profiles() -> None:
    """The devices a key can be.

    A profile says in what a device differs from others: what it can do, its limits, its look, its quirks, and where
    each fact comes from. One of your own is a TOML file: give its path instead of a name.
    """


@profiles.command("list", short_help="List the devices.")
@json_option
def list_profiles(as_json: bool) -> None:
    """List the devices.

    \b
      stuntkey profiles list
      stuntkey profiles list --json | jq -r '.[] | select(.client_pin).name'
    """
    found = [load_profile(name) for name in profile_names()]
    if as_json:
        show_json([_summary(profile) for profile in found])
        return
    made = table("profile", "device", "CTAP", "verifies by", "passkeys")
    made.columns[0].no_wrap = True
    made.columns[4].justify = "right"
    for kind, title in _KINDS.items():
        members = [profile for profile in found if profile.kind is kind]
        if members:
            made.add_section()
            made.add_row(Text(title, style="bold magenta"))
        for profile in members:
            made.add_row(profile.name, profile.title, _newest(profile), _verifies_by(profile), _room(profile))
    show(made)


def _summary(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "title": profile.title,
        "kind": profile.kind.value,
        "aaguid": str(UUID(bytes=profile.aaguid)),
        "versions": list(profile.versions),
        "transports": list(profile.transports),
        "client_pin": profile.features.client_pin,
        "user_verification": profile.features.user_verification.value
        if profile.features.user_verification
        else None,
        "resident_credentials": profile.limits.resident_credentials if profile.features.resident_keys else 0,
        "algorithms": [algorithm_name(each) for each in profile.algorithms],
        "attestation": list(profile.attestation.formats),
        "backup_eligible": profile.backup_eligible,
    }


def _newest(profile: Profile) -> str:
    return max(
        (_CTAP.get(version, version) for version in profile.versions if version != "U2F_V2"), default="U2F"
    )


def _verifies_by(profile: Profile) -> str:
    method = profile.features.user_verification
    ways = [method.value.replace("-", " ")] if method else []
    if profile.features.client_pin:
        ways.append("PIN")
    return ", ".join(ways) or "—"


def _room(profile: Profile) -> str:
    return str(profile.limits.resident_credentials) if profile.features.resident_keys else "—"


@profiles.command("show", short_help="Show one device: what it answers to getInfo, limits, quirks, sources.")
@click.argument("name", metavar="PROFILE")
@json_option
def show_profile(name: str, as_json: bool) -> None:
    """Show one device: what it answers to getInfo, its limits, its quirks, and where each fact comes from.

    PROFILE is a name, or the path of a TOML file of your own, which is checked on the way.

    \b
      stuntkey profiles show yubikey-5-nfc
      stuntkey profiles show ./our-token.toml --json
    """
    profile = _load(name)
    members = get_info(profile)
    if as_json:
        show_json(_as_json(profile, members))
        return
    about = Padding(Text(" ".join(profile.about.split())), (0, 0, 1, 0)) if profile.about else Text("")
    show(heading(profile.title, profile.name), about, _device(profile))
    if members:
        show(
            _section("What it answers to getInfo"),
            facts((key, _info_value(key, value)) for key, value in members.items()),
        )
        limits = {
            _spaced(key): str(value) for key, value in asdict(profile.limits).items() if value is not None
        }
        show(_section("Limits"), facts(limits.items()))
    if profile.quirks:
        quirks = sorted(profile.quirks, key=lambda quirk: quirk.value)
        show(_section("Quirks"), *(Text(f"• {_spaced(quirk.value)}") for quirk in quirks))
    if profile.sources:
        show(_section("Where this comes from"), facts(profile.sources.items()))


def get_info(profile: Profile) -> dict[str, Any]:
    """authenticatorGetInfo of a key fresh from the factory, by the members' names; empty for a U2F-only key."""
    if not profile.features.ctap2:
        return {}
    environment = Environment(profile=profile, store=MemoryStore(), random=SeededRandomness("getInfo"))
    answered = cbor.decode(cbor.encode(info(Authenticator(environment))))
    return {_MEMBERS.get(number, f"0x{number:02x}"): value for number, value in sorted(answered.items())}


def _load(name: str) -> Profile:
    try:
        return load_profile(name)
    except ProfileError as error:
        raise SetupError(str(error)) from None


def _as_json(profile: Profile, members: dict[str, Any]) -> dict[str, Any]:
    return {
        **_summary(profile),
        "about": " ".join(profile.about.split()),
        "getInfo": jsonable(members),
        "usb": asdict(profile.usb),
        "limits": asdict(profile.limits),
        "features": {key: _plain(value) for key, value in asdict(profile.features).items()},
        "counter": profile.counter.value,
        "quirks": sorted(quirk.value for quirk in profile.quirks),
        "sources": dict(profile.sources),
    }


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _device(profile: Profile) -> RenderableType:
    usb = profile.usb
    return facts(
        [
            ("kind", profile.kind.value.replace("-", " ")),
            ("reached by", ", ".join(profile.transports)),
            (
                "USB",
                f"{usb.vendor_id:04x}:{usb.product_id:04x} {usb.product}"
                if "usb" in profile.transports
                else None,
            ),
            ("verifies by", _verifies_by(profile)),
            ("attestation", ", ".join(profile.attestation.formats)),
            ("counter", profile.counter.value.replace("-", " ")),
            ("passkeys sync", yes(True) if profile.backup_eligible else None),
        ]
    )


def _info_value(name: str, value: Any) -> RenderableType:
    if name == "aaguid":
        return Text(str(UUID(bytes=value)))
    if name == "options":
        states = [
            (yes(state), [key for key in sorted(value) if value[key] is state]) for state in (True, False)
        ]
        return facts((state.plain, Text(", ".join(keys))) for state, keys in states if keys)
    if name == "algorithms":
        return Text(", ".join(_algorithm(each["alg"]) for each in value))
    if name == "firmwareVersion":
        return Text(f"{value}  ({value:#x})")
    if isinstance(value, bool):
        return yes(value)
    if isinstance(value, bytes):
        return Text(textwrap.shorten(value.hex(), 40, placeholder="…"))
    if isinstance(value, list):
        return Text(", ".join(map(str, value)))
    if isinstance(value, dict):
        return Text(", ".join(f"{key}: {item}" for key, item in value.items()))
    return Text(str(value))


def _algorithm(number: int) -> str:
    from authenticator.cose import Algorithm

    try:
        return algorithm_name(Algorithm(number))
    except ValueError:
        return str(number)


def _section(title: str) -> RenderableType:
    return Padding(Text(title, style="bold cyan"), (1, 0, 0, 0))


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


@profiles.command(short_help="Write the metadata (MDS3) that belongs to the devices.")
@click.argument("names", metavar="[PROFILE...]", nargs=-1)
@click.option(
    "-o", "--out", metavar="FILE", default="stuntkey-mds3.jwt", show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the BLOB goes; the root certificate goes beside it, as FILE.root.pem.",
)  # fmt: skip
@click.option("-f", "--force", is_flag=True, help="Write over existing files.")
def metadata(names: tuple[str, ...], out: Path, force: bool) -> None:
    """Write the metadata (MDS3) that belongs to the devices: a signed BLOB, and the root it chains to.

    A relying party under test that is given both trusts these keys' attestation, as it trusts real ones by the real
    metadata. PROFILEs are names or paths; none means all built-in ones. The root is for tests and nothing else.

    \b
      stuntkey profiles metadata
      stuntkey profiles metadata -o mds.jwt yubikey-5-nfc ./our-token.toml
    """
    from harness.metadata import build_blob, is_listed, root_certificate

    chosen = [_load(name) for name in names or profile_names()]
    unlisted = [profile.name for profile in chosen if not is_listed(profile)]
    if names and unlisted:
        raise SetupError(f"profile {unlisted[0]} has no AAGUID (zeros), so metadata cannot speak of it")
    blob, root = build_blob(chosen), _pem(root_certificate())
    root_file = out.with_name(out.name + ".root.pem")
    for path, data in ((out, blob), (root_file, root)):
        _write(path, data, force)
    click.echo(f"{out}: {_entries(len(chosen) - len(unlisted))}, signed under {root_file}")
    if unlisted:
        click.echo(f"left out, as they have no AAGUID: {', '.join(unlisted)}", err=True)


def _entries(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"


def _pem(certificate: bytes) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def _write(path: Path, data: bytes, force: bool) -> None:
    try:
        with open(path, "wb" if force else "xb") as file:
            file.write(data)
    except FileExistsError:
        raise SetupError(f"{path} exists already: give another file, or --force to write over it") from None
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from None
