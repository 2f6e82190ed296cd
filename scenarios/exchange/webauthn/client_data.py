"""clientDataJSON: steps 5 to 11 of §7.1, 7 to 14 of §7.2."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scenarios.exchange.webauthn.encoding import base64url, parse_json
from scenarios.exchange.webauthn.refusal import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Whose pages may run ceremonies, written exactly as browsers write them."""

    allowed: frozenset[str]
    top: frozenset[str] = frozenset()
    """Pages in whose frames ceremonies may run; empty: in none."""
    loosely: Callable[[str], bool] | None = None
    """A wrong way to compare, of an exchange that is broken on purpose."""

    def has(self, origin: str) -> bool:
        return origin in self.allowed or (self.loosely is not None and self.loosely(origin))


def _first(members: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(members))


def check_client_data(
    raw: bytes,
    *,
    kind: str,
    challenge: bytes,
    origins: Origins,
    section: str,
    first_step: int,
    leave_out: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The client data, if it is of this kind, answers this challenge and comes from an allowed page.

    `first_step` is the number of "run UTF-8 decode" in the section; the others follow in order.
    """

    def step(offset: int) -> str:
        return f"{section}.{first_step + offset}"

    try:
        text = raw.decode("utf-8-sig")  # "UTF-8 decode" takes a byte order mark away
    except UnicodeDecodeError:
        raise Refused(step(0), "clientDataJSON is not UTF-8") from None
    try:
        data = json.loads(text, object_pairs_hook=_first) if "first member" in leave_out else parse_json(text)
    except ValueError as error:
        raise Refused(step(1), f"clientDataJSON is no proper JSON: {error}") from None
    if not isinstance(data, dict):
        raise Refused(step(1), "clientDataJSON is no JSON object")
    if data.get("type") != kind and step(2) not in leave_out:
        raise Refused(step(2), f"clientData.type is not {kind}")
    sent = base64url(data.get("challenge"), "clientData.challenge", step(3))
    answers = hmac.compare_digest(sent, challenge)
    if "challenge prefix" in leave_out:
        answers = challenge.startswith(sent)
    if not answers and step(3) not in leave_out:
        raise Refused(step(3), "clientData.challenge is not the challenge of this ceremony")
    origin = data.get("origin")
    if not isinstance(origin, str) or not (origins.has(origin) or step(4) in leave_out):
        raise Refused(step(4), "clientData.origin is not one of ours")
    if step(5) in leave_out:
        return data
    cross_origin = data.get("crossOrigin", False)
    if not isinstance(cross_origin, bool):
        raise Refused(step(5), "clientData.crossOrigin is no boolean")
    if cross_origin and not origins.top:
        raise Refused(step(5), "the ceremony ran in a frame of another site")
    if "topOrigin" in data and (not cross_origin or data["topOrigin"] not in origins.top):
        raise Refused(step(6), "clientData.topOrigin is not a site whose frames we run in")
    return data
