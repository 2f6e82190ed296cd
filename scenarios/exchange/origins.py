"""At which origins there are passkeys, and with which RP ID: told at the start, not at every ceremony."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from scenarios.exchange.errors import ConfigurationError


def require_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or origin != f"{parts.scheme}://{parts.netloc}"
    ):
        raise ConfigurationError(f"{origin!r} is no origin: write scheme://host or scheme://host:port")
    if _is_address(parts.hostname):
        raise ConfigurationError(
            f"{origin!r} is an address, and passkeys need a name: write localhost or a domain"
        )
    if parts.scheme == "http" and not _is_local(parts.hostname):
        raise ConfigurationError(
            f"{origin!r} has no passkeys: browsers have them at https://, and at http://localhost and below it"
        )


def related_origins(rp_id: str, origins: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are not of the RP ID's domain. The first, the exchange's own, must be of it (§5.1.3 step 8)."""
    own = urlsplit(origins[0]).hostname or ""
    if not _is_within(own, rp_id):
        raise ConfigurationError(
            f"the RP ID {rp_id!r} is not {own!r} or a domain above it, so {origins[0]} has no passkeys with it"
        )
    if "." not in rp_id and rp_id != "localhost":
        raise ConfigurationError(f"the RP ID {rp_id!r} is a top-level domain, which browsers refuse")
    related = tuple(each for each in origins[1:] if not _is_within(urlsplit(each).hostname or "", rp_id))
    for each in related:
        if not each.startswith("https:"):
            raise ConfigurationError(
                f"{each!r} is outside {rp_id!r}: origins that are related to it use https://"
            )
    return related


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _is_local(host: str) -> bool:
    return _is_within(host, "localhost")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
