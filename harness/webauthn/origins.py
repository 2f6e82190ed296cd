"""Which origin may use which RP id (WebAuthn level 3 §5.1.3 steps 5 to 8, §5.11)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from fido2.rpid import verify_rp_id

from harness.webauthn.errors import ClientError

MAX_LABELS = 5
"""§5.11.1: how many registrable domains a list of related origins may name; a client may stop after five."""

RelatedOrigins = Callable[[str], Mapping[str, Any] | None]
"""RP id → the JSON at https://RP-id/.well-known/webauthn, or None where there is none."""


def effective_domain(origin: str) -> str:
    """The origin's host; SecurityError where WebAuthn is not to be had there."""
    return _effective_domain(origin)


@lru_cache(maxsize=1024)
def _effective_domain(origin: str) -> str:
    parts = urlsplit(origin)
    host = parts.hostname
    if not host or origin.rstrip("/") != f"{parts.scheme}://{parts.netloc}":
        raise ClientError("SecurityError", f"{origin!r} is no origin: give a scheme, a host and maybe a port")
    local = host == "localhost" or host.endswith(".localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ClientError(
            "SecurityError", f"{origin}: a secure context is needed: https, or http on localhost"
        )
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    raise ClientError("SecurityError", f"{origin}: this is an invalid domain: an IP address has no RP id")


def require_rp_id(rp_id: str, origin: str, related_origins: RelatedOrigins | None = None) -> None:
    """`rp_id` is the origin's host or a registrable suffix of it, or says itself that the origin is related."""
    if is_rp_id_for(rp_id, origin):
        return
    if related_origins is not None and origin in _listed(related_origins(rp_id)):
        return
    raise ClientError(
        "SecurityError",
        f"the relying party id {rp_id!r} is not a registrable domain suffix of, nor equal to, the domain of {origin}",
    )


@lru_cache(maxsize=1024)
def is_rp_id_for(rp_id: str, origin: str) -> bool:
    # The list's default rule, which python-fido2 does not know: a name of one label is a public suffix.
    if "." not in rp_id and rp_id != urlsplit(origin).hostname:
        return False
    return verify_rp_id(rp_id, origin)


def _listed(document: Mapping[str, Any] | None) -> list[str]:
    """§5.11.1: the origins of the first few registrable labels."""
    origins = document.get("origins") if document is not None else None
    if not isinstance(origins, list):
        return []
    labels: set[str] = set()
    listed = []
    for each in origins:
        try:
            domain = effective_domain(each)
        except (ClientError, AttributeError, ValueError):
            continue
        registrable = registrable_domain(domain)
        label = registrable and registrable.split(".")[0]
        if not label:
            continue
        if label not in labels:
            if len(labels) >= MAX_LABELS:
                continue
            labels.add(label)
        listed.append(each.rstrip("/"))
    return listed


@lru_cache(maxsize=1024)
def registrable_domain(domain: str) -> str | None:
    """example.co.uk of www.example.co.uk; None for a public suffix itself."""
    labels = domain.split(".")
    if len(labels) == 1:
        return domain
    for count in range(1, len(labels) + 1):
        suffix = ".".join(labels[-count:])
        if is_rp_id_for(suffix, f"https://x.{domain}"):
            return suffix
    return None
