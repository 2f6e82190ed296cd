"""What an account has done, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.exchange.api.account import RecordView
from scenarios.exchange.ceremonies import NETWORK_NAMES
from scenarios.exchange.markets import CHAINS

Details = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    title: str
    text: str = ""


def grouped(number: str) -> str:
    """10000.5 as 10,000.5"""
    whole, dot, rest = number.partition(".")
    return f"{int(whole):,}{dot}{rest}"


def told(record: RecordView) -> Told:
    return _WORDS[record.kind](record.details)


def _coins(details: Details) -> str:
    return f"{grouped(details['amount'])} {details['asset']}"


def _chain(details: Details) -> str:
    return CHAINS[details["chain"]].title


def _withdrawal(details: Details) -> Told:
    fee = f"{details['fee']} {details['asset']}"
    return Told(
        title=f"Withdrew {_coins(details)}", text=f"To {details['address']} on {_chain(details)}, fee {fee}"
    )


def _order(details: Details) -> Told:
    deed, towards = ("Bought", "from") if details["side"] == "buy" else ("Sold", "to")
    price = grouped(details["price"])
    return Told(
        title=f"{deed} {_coins(details)}", text=f"{deed} {towards} {details['counterparty']} at {price} USDT"
    )


def _deposit(details: Details) -> Told:
    return Told(title=f"New {details['asset']} address", text=f"{details['address']} on {_chain(details)}")


def _payment(details: Details) -> Told:
    return Told(title=f"Paid {_coins(details)}", text=f"To {details['to']}")


def _transfer(details: Details) -> Told:
    return Told(title=f"Transferred {_coins(details)}", text=f"To {details['to']}")


def _log_in(details: Details) -> Told:
    return Told(title="Logged in", text=str(details["device"]))


def _passkey(title: str) -> Callable[[Details], Told]:
    def words(details: Details) -> Told:
        network = NETWORK_NAMES.get(details["network"], details["network"])
        return Told(title=title, text=f"{details['name']}, for {network}")

    return words


def _uses(details: Details) -> Told:
    uses = ", ".join(details["uses"]) or "nothing"
    return Told(title="Application scenarios chosen", text=f"Passkeys serve for: {uses}")


def _whitelist_only(details: Details) -> Told:
    return Told(title=f"Withdrawals to {'the whitelist only' if details['on'] else 'any address'}")


def _whitelisted(details: Details) -> Told:
    return Told(title="Address put on the whitelist", text=f"{details['address']} on {_chain(details)}")


def _api_key(details: Details) -> Told:
    rights = ", ".join(details["rights"]) or "nothing"
    return Told(title="API key made", text=f"{details['label']}, for: {rights}")


def _plain(title: str, member: str = "") -> Callable[[Details], Told]:
    return lambda details: Told(title=title, text=str(details[member]) if member else "")


_WORDS: Mapping[str, Callable[[Details], Told]] = {
    "withdrawal": _withdrawal,
    "order": _order,
    "deposit-address": _deposit,
    "payment": _payment,
    "dex-transfer": _transfer,
    "log-in": _log_in,
    "passkeys-enabled": _plain("Passkeys enabled"),
    "passkey-added": _passkey("Passkey added"),
    "passkey-removed": _passkey("Passkey removed"),
    "passkey-uses": _uses,
    "email-bound": _plain("E-mail address bound", "email"),
    "phone-bound": _plain("Phone number bound", "phone"),
    "totp-bound": _plain("Authenticator app set up"),
    "password-changed": _plain("Password changed"),
    "whitelist-address": _whitelisted,
    "whitelist-only": _whitelist_only,
    "api-key": _api_key,
}
