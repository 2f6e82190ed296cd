"""Withdrawals, deposits, orders between people, and what the other networks do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from sqlalchemy import func, select

from scenarios.exchange.call import Call
from scenarios.exchange.errors import Denied
from scenarios.exchange.markets import (
    CHAINS,
    amount,
    deposit_address,
    require_address,
    require_amount,
    require_asset,
    require_balance,
    spend,
    units,
)
from scenarios.exchange.operations import Kind, Plan, Prepared, step_up_plan, verified_with
from scenarios.exchange.policy import Action
from scenarios.exchange.schema import Amount, Text
from scenarios.exchange.tables import Operation, Record, User

AssetName = Annotated[str, Text(max=10)]
Address = Annotated[str, Text(max=100, what="an address")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Coins to an address on a chain."""

    asset: AssetName
    amount: Amount
    address: Address
    chain: Literal["TRC20", "ERC20", "BTC", "SOL"]
    method: Literal["on-chain"] = "on-chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Buying from or selling to a person (C2C, P2P)."""

    side: Literal["buy", "sell"]
    asset: AssetName
    amount: Amount
    counterparty: Annotated[str, Text(max=64, what="whom to trade with")] = "CoinTrader88"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositAddress:
    """A new address to receive coins at."""

    asset: AssetName
    chain: Literal["TRC20", "ERC20", "BTC", "SOL"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Coins to a person, by Pay or from the DEX wallet."""

    asset: AssetName
    amount: Amount
    to: Annotated[str, Text(max=100, what="whom to pay")]


def require_no_hold(call: Call, user: User) -> None:
    if user.held_until > call.now:
        raise Denied(
            403,
            "held",
            f"Withdrawals and P2P trading are held for {hours_left(user.held_until - call.now)}: {user.held_because}",
            until=user.held_until,
        )


def hours_left(seconds: float) -> str:
    hours = -int(-seconds // 3600)
    return f"{hours} hours" if hours != 1 else "an hour"


def _prepare_withdrawal(call: Call, user: User, sent: Withdrawal) -> Prepared:
    require_no_hold(call, user)
    asset = require_asset(sent.asset)
    if sent.chain not in asset.chains:
        raise Denied(
            400, "wrong-chain", f"{asset.name} does not travel on {CHAINS[sent.chain].title}.", field="chain"
        )
    require_address(sent.chain, sent.address)
    _require_listed(call, user, sent)
    wanted, fee = require_amount(sent.amount), asset.chains[sent.chain]
    require_balance(call, user, asset.name, units(wanted) + units(fee))
    return Prepared(
        details={
            "asset": asset.name,
            "amount": wanted,
            "address": sent.address,
            "chain": sent.chain,
            "method": sent.method,
            "fee": fee,
        }
    )


def _require_listed(call: Call, user: User, sent: Withdrawal) -> None:
    if not user.whitelist_only:
        return
    listed = call.db.scalars(
        select(Record).where(Record.user_id == user.id, Record.kind == "whitelist-address")
    ).all()
    if not any(each.details == {"chain": sent.chain, "address": sent.address} for each in listed):
        raise Denied(
            403, "not-whitelisted", "Withdrawals go to addresses of your whitelist only.", field="address"
        )


def _plan_withdrawal(call: Call, user: User, operation: Operation) -> Plan:
    rules = call.policy.withdrawals
    return step_up_plan(
        call, user, action=Action.WITHDRAW, codes=rules.needs, needs_bound=rules.passkey_needs_bound
    )


def _withdraw(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    require_no_hold(call, user)  # it may have begun since
    details = operation.details
    spend(call, user, details["asset"], units(details["amount"]) + units(details["fee"]))
    how = verified_with(operation)
    made = call.record(user, "withdrawal", details, how)
    short = f"{details['amount']} {details['asset']} to {details['address']}"
    call.tell(user, f"You have withdrawn {short}, verified with {how or 'nothing'}.")
    return {"withdrawal": made.id, "verified_with": how}


def _prepare_order(call: Call, user: User, sent: Order) -> Prepared:
    require_no_hold(call, user)
    asset = require_asset(sent.asset)
    wanted = require_amount(sent.amount)
    if sent.side == "sell":
        require_balance(call, user, asset.name, units(wanted))
    return Prepared(
        details={
            "side": sent.side,
            "asset": asset.name,
            "amount": wanted,
            "price": asset.price,
            "counterparty": sent.counterparty,
        }
    )


def _plan_order(call: Call, user: User, operation: Operation) -> Plan:
    return step_up_plan(call, user, action=Action.C2C, codes=call.policy.withdrawals.needs)


def _order(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    require_no_hold(call, user)
    if operation.details["side"] == "sell":
        spend(call, user, operation.details["asset"], units(operation.details["amount"]))
    how = verified_with(operation)
    made = call.record(user, "order", operation.details, how)
    return {"order": made.id, "verified_with": how}


def _prepare_deposit(call: Call, user: User, sent: DepositAddress) -> Prepared:
    asset = require_asset(sent.asset)
    if sent.chain not in asset.chains:
        raise Denied(
            400, "wrong-chain", f"{asset.name} does not travel on {CHAINS[sent.chain].title}.", field="chain"
        )
    return Prepared(details={"asset": asset.name, "chain": sent.chain})


def _plan_deposit(call: Call, user: User, operation: Operation) -> Plan:
    """Where the policy has passkeys serve for deposits, a new address asks for one, or for codes; else for nothing."""
    if Action.DEPOSIT not in call.policy.passkeys.uses:
        return Plan(free=True)
    return step_up_plan(call, user, action=Action.DEPOSIT, codes=call.policy.withdrawals.needs)


def _deposit(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    asset, chain = operation.details["asset"], operation.details["chain"]
    number = call.db.scalar(
        select(func.count()).where(Record.user_id == user.id, Record.kind == "deposit-address")
    )
    address = deposit_address(call, user, asset, chain, number or 0)
    call.record(
        user,
        "deposit-address",
        {"asset": asset, "chain": chain, "address": address},
        verified_with(operation),
    )
    return {"address": address, "verified_with": verified_with(operation)}


def _prepare_payment(call: Call, user: User, sent: Payment) -> Prepared:
    require_no_hold(call, user)
    asset, wanted = require_asset(sent.asset), require_amount(sent.amount)
    require_balance(call, user, asset.name, units(wanted))
    return Prepared(details={"asset": asset.name, "amount": amount(units(wanted)), "to": sent.to})


def _plan_payment(call: Call, user: User, operation: Operation) -> Plan:
    return step_up_plan(call, user, action=Action.WITHDRAW, codes=call.policy.withdrawals.needs)


def _payment(kind: str) -> Any:
    def pay(call: Call, user: User, operation: Operation) -> dict[str, Any]:
        require_no_hold(call, user)
        spend(call, user, operation.details["asset"], units(operation.details["amount"]))
        how = verified_with(operation)
        return {"payment": call.record(user, kind, operation.details, how).id, "verified_with": how}

    return pay


KINDS = {
    "withdraw": Kind(
        details=Withdrawal,
        prepare=_prepare_withdrawal,
        plan=_plan_withdrawal,
        perform=_withdraw,
        about="Withdraw coins",
        confirmations=lambda call: max(0, call.policy.withdrawals.confirmations - 1),
    ),
    "order": Kind(
        details=Order, prepare=_prepare_order, plan=_plan_order, perform=_order, about="Trade with a person"
    ),
    "deposit-address": Kind(
        details=DepositAddress,
        prepare=_prepare_deposit,
        plan=_plan_deposit,
        perform=_deposit,
        about="Get a deposit address",
    ),
    "dex-transfer": Kind(
        details=Payment,
        prepare=_prepare_payment,
        plan=_plan_payment,
        perform=_payment("dex-transfer"),
        about="Transfer from the DEX wallet",
        network="dex-wallet",
    ),
    "pay": Kind(
        details=Payment,
        prepare=_prepare_payment,
        plan=_plan_payment,
        perform=_payment("payment"),
        about="Pay somebody",
        network="pay",
    ),
}
