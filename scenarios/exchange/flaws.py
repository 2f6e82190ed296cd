"""An exchange that is broken on purpose, in one way for each flaw: to measure the tools that look for such flaws.

Each is what a real relying party or library got wrong. None is there unless it is asked for by name.
"""

from __future__ import annotations

import base64
import difflib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cbor2

from scenarios.exchange.errors import ConfigurationError

if TYPE_CHECKING:
    from scenarios.exchange.call import Call
    from scenarios.exchange.tables import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    about: str
    imitates: str
    """Where this was found."""
    leaves_out: frozenset[str] = frozenset()
    """Steps of the standard that verification leaves out, and weaknesses that it has by name."""


def _flaw(about: str, imitates: str, *leaves_out: str) -> Flaw:
    return Flaw(about=about, imitates=imitates, leaves_out=frozenset(leaves_out))


FLAWS: dict[str, Flaw] = {
    # Client data
    "type-unchecked": _flaw(
        "clientData.type is not compared", "dfinity/icp-js-core #341 (NCC-DITY002-004)", "7.1.7", "7.2.10"
    ),
    "challenge-unchecked": _flaw("any challenge will do", "phpMyFAQ, CVE-2026-76214", "7.1.8", "7.2.11"),
    "challenge-prefix": _flaw(
        "the beginning of the challenge will do", "FIDO conformance Resp-2 F-10", "challenge prefix"
    ),
    "challenge-in-body": _flaw(
        "a copy of the challenge beside the credential is compared",
        "OneUptime, CVE-2026-28787; BossConsole #35",
    ),
    "duplicate-members": _flaw(
        "of members named twice, the first counts",
        "parsers that differ about RFC 8259 §4",
        "first member",
    ),
    "origin-unchecked": _flaw(
        "any origin will do", "dfinity/icp-js-core #341 (NCC-DITY002-004)", "7.1.9", "7.2.12"
    ),
    "origin-host-only": _flaw("scheme and port are not compared", "CVE-2026-30964"),
    "origin-suffix": _flaw("an origin that ends like ours will do", "keepassxreboot/keepassxc #10287"),
    "origin-subdomains": _flaw("every sub-domain will do", "python-fido2's default verify_origin"),
    "origin-mirrored": _flaw("the Origin header says which origin is right", "privacyIDEA"),
    "cross-origin": _flaw(
        "frames of other sites will do", "lbuchs/WebAuthn #124, SimpleWebAuthn #815", "7.1.10", "7.2.13"
    ),
    # Authenticator data
    "rp-id-unchecked": _flaw("the RP ID's hash is not compared", "BossConsole #35", "7.1.14", "7.2.15"),
    "presence-unchecked": _flaw("UP is not looked at", "CVE-2021-38299", "7.1.15", "7.2.16"),
    "verification-unchecked": _flaw(
        "verification is asked for, and UV not looked at", "Delinea, CVE-2026-115828", "7.1.16", "7.2.17"
    ),
    "backup-unchecked": _flaw(
        "BS without BE will do", "libraries that ignore both flags", "7.1.17", "7.2.18"
    ),
    "trailing-bytes": _flaw(
        "authenticator data may have more bytes", "FIDO conformance Resp-3 F-12", "trailing bytes"
    ),
    "embedded-key": _flaw(
        "a key inside the assertion verifies it",
        "verifiers that prefer attested credential data",
        "embedded key",
    ),
    "counter-unchecked": _flaw(
        "the signature counter is not compared", "FIDO conformance assertion Resp-3 F-4", "7.2.22"
    ),
    "counter-not-kept": _flaw(
        "the signature counter is compared and not stored", "webauthn4j-spring-security, GHSA-v9hx-v6vf-g36j"
    ),
    # Keys and signatures
    "algorithm-unchecked": _flaw(
        "algorithms that were not asked for will do", "Keycloak, CVE-2026-8830", "7.1.20"
    ),
    "signature-unchecked": _flaw("the signature is not verified", "Zipline, CVE-2026-126952", "7.2.21"),
    "zero-signature": _flaw("r = s = 0 verifies", "Java, CVE-2022-21449", "zero signature"),
    "malformed-crashes": _flaw(
        "attestation objects are read without looking", "CVE-2024-21909: malformed CBOR stops the service"
    ),
    # Challenges and sessions
    "challenge-reused": _flaw(
        "a challenge may be answered again", "Keycloak #49921; duo-labs/webauthn.io #28"
    ),
    "challenge-of-anyone": _flaw("a challenge issued to anybody will do", "rails/rails #57100"),
    "challenge-of-session": _flaw(
        "a challenge issued for anything will do", "one session key for both ceremonies"
    ),
    "short-challenge": _flaw("challenges have 8 bytes", "FIDO conformance Req-1 P-1"),
    "constant-challenge": _flaw("all challenges are the same", "dfinity/icp-js-core #341 (NCC-DITY002-004)"),
    "session-kept": _flaw("the session id stays the same over the log-in", "keepass4web-rs #277"),
    "csrf-unchecked": _flaw("neither Origin nor CSRF token is looked at", "CWE-352"),
    # Whose credential
    "id-unchecked": _flaw("id and rawId may differ", "GitLab, CVE-2026-0723", "id"),
    "any-passkey": _flaw(
        "anybody's passkey is the second step of everybody",
        "w3c/webauthn #753; YSA-2026-02",
        "7.2.5",
        "7.2.6",
    ),
    "handle-names-user": _flaw(
        "the user handle says who logs in, the id which key verifies", "ferriskey #1408", "7.2.6"
    ),
    "step-up-by-anyone": _flaw("anybody's passkey confirms", "step-ups that verify a signature alone"),
    "other-payload": _flaw("an id and a challenge log in, too", "open-mercato #3852"),
    "prefix-look-up": _flaw("credentials are found by the beginning of their ids", "LIKE look-ups", "7.2.5"),
    "deleted-passkey": _flaw("deleted passkeys still log in", "credential caches", "7.2.5"),
    "failure-counts": _flaw("a failed log-in moves the counter", "GitLab, CVE-2026-0723"),
    "password-alone": _flaw(
        "a password logs in past the second factor", "nginx-ui, CVE-2026-107808; ZITADEL, CVE-2025-64103"
    ),
    # Registration and management
    "credential-overwritten": _flaw(
        "a credential id that is taken is given to the newcomer", "django-allauth, better-auth; §7.1 step 26"
    ),
    "finish-as-nobody": _flaw("a registration is finished without a session", "MyTube, CVE-2026-33890"),
    "finish-as-other": _flaw("a registration is finished in another session", "ZITADEL, CVE-2026-105209"),
    "body-names-user": _flaw("the body says whose account the key opens", "OpenReception, CVE-2026-48087"),
    "delete-anyones": _flaw("anybody's passkey can be deleted", "better-auth, CVE-2025-71400"),
    "rename-anyones": _flaw("anybody's passkey can be renamed", "better-auth, CVE-2025-71400"),
    "nothing-excluded": _flaw("excludeCredentials is empty", "FIDO conformance Resp-1 P-1"),
}


def require_known(names: Collection[str]) -> None:
    for name in names:
        if name not in FLAWS:
            near = difflib.get_close_matches(name, FLAWS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"there is no flaw {name!r}{hint}")


def left_out(flaws: Collection[str], purpose: str = "", credential: object = None) -> frozenset[str]:
    """What verification leaves out, of one ceremony."""
    steps = set[str]().union(*(FLAWS[name].leaves_out for name in flaws))
    if "step-up-by-anyone" in flaws and purpose.startswith("operation:"):
        steps |= {"7.2.5", "7.2.6"}
    if "challenge-in-body" in flaws and isinstance(credential, dict) and "challenge" in credential:
        steps.add("7.2.11")
    return frozenset(steps)


def loose_origins(flaws: Collection[str], origins: tuple[str, ...]) -> Callable[[str], bool] | None:
    ours = {urlsplit(each).hostname or "" for each in origins}

    def host_only(origin: str) -> bool:
        return _host(origin) in ours

    def suffix(origin: str) -> bool:
        return any(_host(origin).endswith(each) for each in ours)

    def subdomains(origin: str) -> bool:
        return any(_host(origin).endswith(f".{each}") for each in ours)

    for name, loosely in (
        ("origin-host-only", host_only),
        ("origin-suffix", suffix),
        ("origin-subdomains", subdomains),
    ):
        if name in flaws:
            return loosely
    return None


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def read_carelessly(credential: object) -> None:
    """As one reads who has never seen a malformed one."""
    response: Any = credential["response"]  # type: ignore[index]
    made = cbor2.loads(_bytes(response["attestationObject"]))
    data = made["authData"]
    cbor2.loads(data[55 + int.from_bytes(data[53:55], "big") :])


def counter_of(credential: object) -> int:
    data = _bytes(credential["response"]["authenticatorData"])  # type: ignore[index]
    return int.from_bytes(data[33:37], "big")


def challenge_of(credential: object) -> bytes:
    try:
        raw = _bytes(credential["response"]["clientDataJSON"])  # type: ignore[index]
        return _bytes(json.loads(raw)["challenge"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return b""


def user_of_handle(call: Call, credential: dict[str, Any]) -> User | None:
    from sqlalchemy import select

    from scenarios.exchange.tables import User

    handle = _bytes(credential["response"].get("userHandle") or "")
    return call.db.scalars(select(User).where(User.handle == handle)).one_or_none()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
