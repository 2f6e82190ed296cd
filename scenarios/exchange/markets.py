"""Assets, networks of chains, fees, and balances."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select, update

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import rows_changed
from scenarios.exchange.errors import Denied
from scenarios.exchange.tables import Balance, User

UNITS = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A network that coins travel on."""

    name: str
    title: str
    address: str
    """A pattern."""
    prefix: str
    """How made-up addresses begin."""


CHAINS = {
    each.name: each
    for each in (
        Chain(name="TRC20", title="Tron (TRC20)", address=r"T[1-9A-HJ-NP-Za-km-z]{33}", prefix="T"),
        Chain(name="ERC20", title="Ethereum (ERC20)", address=r"0x[0-9a-fA-F]{40}", prefix="0x"),
        Chain(
            name="BTC",
            title="Bitcoin",
            address=r"(bc1[02-9ac-hj-np-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34})",
            prefix="bc1q",
        ),
        Chain(name="SOL", title="Solana", address=r"[1-9A-HJ-NP-Za-km-z]{32,44}", prefix=""),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    name: str
    title: str
    chains: dict[str, str]
    """Chain → fee."""
    gift: str
    """What a new account is given to play with."""
    price: str
    """In USDT."""


ASSETS = {
    each.name: each
    for each in (
        Asset(
            name="USDT",
            title="Tether",
            chains={"TRC20": "1", "ERC20": "4", "SOL": "0.8"},
            gift="10000",
            price="1",
        ),
        Asset(name="BTC", title="Bitcoin", chains={"BTC": "0.0001"}, gift="0.5", price="64000"),
        Asset(name="ETH", title="Ether", chains={"ERC20": "0.002"}, gift="4", price="3200"),
        Asset(name="SOL", title="Solana", chains={"SOL": "0.01"}, gift="50", price="150"),
    )
}


def units(amount: str) -> int:
    return int(Decimal(amount) * UNITS)


def amount(count: int) -> str:
    text = f"{Decimal(count) / UNITS:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def require_asset(name: str) -> Asset:
    asset = ASSETS.get(name)
    if asset is None:
        raise Denied(400, "unknown-asset", f"There is no token {name!r} here.", field="asset")
    return asset


def require_amount(text: str) -> str:
    """In its one form, so that 1.50 and 1.5 are one amount."""
    count = units(text)
    if count <= 0:
        raise Denied(400, "bad-amount", "Enter an amount above zero.", field="amount")
    return amount(count)


def require_address(chain: str, address: str) -> None:
    if not re.fullmatch(CHAINS[chain].address, address):
        raise Denied(400, "bad-address", f"This is no {CHAINS[chain].title} address.", field="address")


def give_demo_money(call: Call, user: User) -> None:
    call.db.add_all(
        Balance(user_id=user.id, asset=each.name, units=units(each.gift)) for each in ASSETS.values()
    )


def balances(call: Call, user: User) -> dict[str, str]:
    rows = call.db.scalars(select(Balance).where(Balance.user_id == user.id)).all()
    return {
        each.asset: amount(each.units) for each in sorted(rows, key=lambda row: list(ASSETS).index(row.asset))
    }


def require_balance(call: Call, user: User, asset: str, total: int) -> None:
    row = call.db.scalars(
        select(Balance).where(Balance.user_id == user.id, Balance.asset == asset)
    ).one_or_none()
    if row is None or row.units < total:
        raise Denied(
            409, "insufficient-balance", f"Your balance of {asset} does not suffice.", field="amount"
        )


def spend(call: Call, user: User, asset: str, total: int) -> None:
    """One statement takes the money or does not: two withdrawals at once cannot have the same coins."""
    taken = call.db.execute(
        update(Balance)
        .where(Balance.user_id == user.id, Balance.asset == asset, Balance.units >= total)
        .values(units=Balance.units - total)
    )
    if rows_changed(taken) != 1:
        raise Denied(
            409, "insufficient-balance", f"Your balance of {asset} does not suffice.", field="amount"
        )


def deposit_address(call: Call, user: User, asset: str, chain: str, number: int) -> str:
    """Made up, well-formed, and the same every time."""
    seed = call.service.mac("deposit", f"{user.id}:{asset}:{chain}:{number}".encode())
    if chain == "ERC20":
        return "0x" + hashlib.sha256(seed).hexdigest()[:40]
    alphabet = (
        "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
        if chain == "BTC"
        else "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    )
    size = {"BTC": 38, "TRC20": 33, "SOL": 44}[chain]
    stream = b"".join(hashlib.sha256(seed + bytes([each])).digest() for each in range(2))
    return CHAINS[chain].prefix + "".join(alphabet[each % len(alphabet)] for each in stream[:size])
