"""origin: whose page it was, and what may pass for it."""

from __future__ import annotations

from typing import Any

from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge, base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import drop, put, told

_ORIGIN = "Compare clientData.origin, whole and character by character, with a list of the origins you serve."


def _origin(make: Any) -> Change:
    """From the relying party's host (and port)."""

    def change(members: Any, forge: Forge) -> Any:
        scheme, _, host = forge.origin.partition("://")
        return {**members, "origin": make(scheme, host, forge)}

    return change


def origins(**makers: Any) -> dict[str, Change]:
    """A change for each; the underscores of their names are spaces."""
    return {name.replace("_", " "): _origin(maker) for name, maker in makers.items()}


def _parent(host: str) -> str:
    name = host.partition(":")[0]
    return name.partition(".")[2] or "localdomain"


def _top(host: str) -> str:
    """The public suffix, or something like it."""
    name = host.partition(":")[0]
    return name.rpartition(".")[2] if "." in name else "com"


def _default_port(scheme: str, host: str) -> str:
    return f"{scheme}://{host.partition(':')[0]}:{443 if scheme == 'https' else 80}"


def _ideographic(scheme: str, host: str) -> str:
    return f"{scheme}://{host.replace('.', '。', 1)}" if "." in host else f"{scheme}://{host}。"


def _with_port(host: str) -> str:
    return f"{host.partition(':')[0]}:{8444 if host.endswith(':8443') else 8443}"


OPERATORS = (
    Operator(
        id="B27",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The origin of another site",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="This is all that keeps phishing out where the client does not.",
        fix=_ORIGIN,
        cause=r"origin",
        reference="FIDO conformance Resp-2 F-14",
        variants=told(Stage.CLIENT_DATA, {"other": put("origin", to="https://evil.example")}),
    ),
    Operator(
        id="B28",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The origin is missing or no origin",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Opaque origins are those of sandboxed frames and local files: anybody's.",
        fix=_ORIGIN,
        cause=r"origin|missing",
        reference="FIDO conformance Resp-2 F-11 to F-13",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "missing": drop("origin"),
                "empty": put("origin", to=""),
                "null": put("origin", to=None),
                "the word null": put("origin", to="null"),
                "number": put("origin", to=443),
                "array": put("origin", to=lambda old: [old]),
                "object": put("origin", to=lambda old: {"origin": old}),
            },
        ),
    ),
    Operator(
        id="B29",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site's name at the beginning of another's",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="startsWith() is satisfied by a domain that anyone can buy.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                sub_domain_of_evil=lambda scheme, host, forge: (
                    f"{scheme}://{host.partition(':')[0]}.evil.example"
                ),
                longer_name=lambda scheme, host, forge: f"{scheme}://{host.partition(':')[0]}evil.example",
            ),
        ),
    ),
    Operator(
        id="B30",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site's name at the end of another's, without a dot between",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="endsWith() is satisfied by a domain that anyone can buy.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                evil_dash=lambda scheme, host, forge: f"{scheme}://evil-{host}",
                evil=lambda scheme, host, forge: f"{scheme}://evil{host}",
            ),
        ),
    ),
    Operator(
        id="B31",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="An origin that URL parsers read differently",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="User names, backslashes and percent signs hide whose host it is.",
        fix=_ORIGIN + " Do not parse it.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                as_a_user_name=lambda scheme, host, forge: f"{scheme}://{host}@evil.example",
                user_name_in_front=lambda scheme, host, forge: f"{scheme}://evil@{host}",
                backslash=lambda scheme, host, forge: f"{scheme}://{host}\\@evil.example",
                percent_sign=lambda scheme, host, forge: (
                    f"{scheme}://{host.replace('.', '%2e', 1)}"
                    if "." in host
                    else f"{scheme}://%6c{host[1:]}"
                ),
                path=lambda scheme, host, forge: f"{scheme}://{host}/login",
                fragment=lambda scheme, host, forge: f"{scheme}://evil.example#{host}",
                line_break=lambda scheme, host, forge: f"{scheme}://{host}\n",
                null=lambda scheme, host, forge: f"{scheme}://{host}\x00.evil.example",
            ),
        ),
    ),
    Operator(
        id="B32",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site over plain HTTP",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Whoever sits in the network writes such pages.",
        fix=_ORIGIN + " The scheme belongs to it.",
        cause=r"origin",
        reference="CVE-2026-30964",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                other_scheme=lambda scheme, host, forge: (
                    f"{'http' if scheme == 'https' else 'https'}://{host}"
                ),
                no_scheme=lambda scheme, host, forge: host,
                ftp=lambda scheme, host, forge: f"ftp://{host}",
            ),
        ),
    ),
    Operator(
        id="B33",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site on another port",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="On shared hosts another port is another person's.",
        fix=_ORIGIN + " The port belongs to it.",
        cause=r"origin",
        reference="CVE-2026-30964; the default of python-fido2",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                other=lambda scheme, host, forge: f"{scheme}://{_with_port(host)}",
                zero=lambda scheme, host, forge: f"{scheme}://{host.partition(':')[0]}:0",
            ),
        ),
    ),
    Operator(
        id="B34",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="A sub-domain that is not on the list",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="One forgotten or user-written sub-domain becomes a place to phish from.",
        fix=_ORIGIN,
        cause=r"origin",
        reference="the default of python-fido2",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                one=lambda scheme, host, forge: f"{scheme}://users.{host}",
                deep=lambda scheme, host, forge: f"{scheme}://a.b.c.{host}",
            ),
        ),
    ),
    Operator(
        id="B35",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The parent domain, a public suffix, a sibling",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="They belong to other people, or to other teams.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                parent=lambda scheme, host, forge: f"{scheme}://{_parent(host)}",
                public_suffix=lambda scheme, host, forge: f"{scheme}://{_top(host)}",
                sibling=lambda scheme, host, forge: f"{scheme}://sibling.{_parent(host)}",
            ),
        ),
    ),
    Operator(
        id="B36",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The right origin in another spelling",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Browsers write origins in one way only; others are harmless, and strange.",
        fix=_ORIGIN,
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                upper_case=lambda scheme, host, forge: f"{scheme}://{host.upper()}",
                trailing_dot=lambda scheme, host, forge: f"{scheme}://{host}.",
                trailing_slash=lambda scheme, host, forge: f"{scheme}://{host}/",
                default_port=lambda scheme, host, forge: _default_port(scheme, host),
                upper_case_scheme=lambda scheme, host, forge: f"{scheme.upper()}://{host}",
            ),
        ),
    ),
    Operator(
        id="B37",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="Names that look alike",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Normalising Unicode before comparing makes another's name one's own.",
        fix=_ORIGIN + " Do not normalise.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            origins(
                Cyrillic=lambda scheme, host, forge: f"{scheme}://{host.replace('o', 'о', 1)}",
                full_width=lambda scheme, host, forge: f"{scheme}://{host.replace('l', 'ｌ', 1)}",
                ideographic_stop=lambda scheme, host, forge: _ideographic(scheme, host),
                punycode=lambda scheme, host, forge: f"{scheme}://xn--{host}",
            ),
        ),
    ),
    Operator(
        id="B38",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="Addresses and localhost",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="A rule for developers that was left in trusts whatever runs on the victim's machine.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            {
                name: put("origin", to=name)
                for name in (
                    "http://127.0.0.2",
                    "https://[::1]:1",
                    "http://0.0.0.0",
                    "http://evil.localhost",
                    "https://localhost:1",
                    "https://192.0.2.1",
                )
            },
        ),
    ),
    Operator(
        id="B39",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The origin of an app that is not configured",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Any app could sign in the name of the site's.",
        fix="List the key hashes and bundle ids of your own apps, and no prefixes.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "Android": put("origin", to="android:apk-key-hash:" + base64url(bytes(32))),
                "iOS": put("origin", to="ios:bundle-id:example.evil.app"),
            },
        ),
    ),
)
