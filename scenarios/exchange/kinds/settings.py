"""What an account's owner can change about how it is guarded."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pyotp
import segno
from sqlalchemy import delete, select

from scenarios.exchange.call import Call
from scenarios.exchange.errors import bad_field
from scenarios.exchange.kinds.assets import Address
from scenarios.exchange.markets import require_address
from scenarios.exchange.operations import Kind, Plan, Prepared, factor_values, verified_with
from scenarios.exchange.passwords import hash_password
from scenarios.exchange.recoveries import close_recoveries
from scenarios.exchange.schema import Email, Items, Password, Phone, Text
from scenarios.exchange.tables import Operation, Session, User


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmail:
    """The address to bind to the account."""

    email: Email


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPhone:
    """The number to bind to the account."""

    phone: Phone


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAuthenticatorApp:
    """An authenticator app to set up; the answer's details hold its secret, the URI of that, and its QR code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """The password to log in with from now on."""

    password: Password


@dataclass(frozen=True, slots=True, kw_only=True)
class WhitelistAddress:
    """An address that may be withdrawn to."""

    chain: Literal["TRC20", "ERC20", "BTC", "SOL"]
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class WhitelistOnly:
    """Whether withdrawals go to the whitelist's addresses only."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key for programs."""

    label: Annotated[str, Text(max=64, what="a label")]
    rights: Annotated[list[Literal["read", "trade", "withdraw"]], Items(max=3)]


def sensitive_plan(call: Call, user: User, always: tuple[str, ...] = ()) -> Plan:
    """Settings for which a passkey may not be enough."""
    rules = call.policy.sensitive
    return Plan(
        codes=factor_values(rules.needs),
        passkey=True,
        besides=factor_values(rules.needs_besides_passkey),
        always=always,
    )


def _plan_plain(call: Call, user: User, operation: Operation) -> Plan:
    return sensitive_plan(call, user)


def _prepare_email(call: Call, user: User, sent: NewEmail) -> Prepared:
    return _prepare_contact(call, User.email, "new-email", "email", sent.email.lower())


def _prepare_phone(call: Call, user: User, sent: NewPhone) -> Prepared:
    return _prepare_contact(call, User.phone, "new-phone", "phone", sent.phone)


def _prepare_contact(call: Call, column: Any, factor: str, name: str, to: str) -> Prepared:
    taken = call.db.scalars(select(User.id).where(column == to)).first() is not None
    # nobody learns whether it is somebody's: the code of a taken one is never sent
    return Prepared(details={name: to}, secret={factor: to, "taken": taken})


def _plan_email(call: Call, user: User, operation: Operation) -> Plan:
    always = ("new-email",)
    return Plan(always=always) if user.email is None else sensitive_plan(call, user, always)


def _plan_phone(call: Call, user: User, operation: Operation) -> Plan:
    always = ("new-phone",)
    return Plan(always=always) if user.phone is None else sensitive_plan(call, user, always)


def _set_email(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    call.tell(user, "The e-mail address of your account has been set anew.")
    user.email = operation.details["email"]
    return _recorded(call, user, operation, "email-bound")


def _set_phone(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    call.tell(user, "The phone number of your account has been set anew.")
    user.phone = operation.details["phone"]
    return _recorded(call, user, operation, "phone-bound")


def _prepare_app(call: Call, user: User, sent: NewAuthenticatorApp) -> Prepared:
    secret = pyotp.random_base32()
    brand = call.policy.look.brand
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email or user.phone or "", issuer_name=brand)
    qr = segno.make(uri, error="m", micro=False).svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
    return Prepared(details={"secret": secret, "uri": uri, "qr": qr}, secret={"totp_secret": secret})


def _plan_app(call: Call, user: User, operation: Operation) -> Plan:
    always = ("new-totp",)
    return Plan(always=always) if user.totp_secret is None else sensitive_plan(call, user, always)


def _set_app(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    user.totp_secret, user.totp_step = operation.secret["totp_secret"], 0
    call.tell(user, "An authenticator app has been set up for your account.")
    operation.details = {}
    call.record(user, "totp-bound", {}, verified_with(operation))
    return {"done": True}


def _prepare_password(call: Call, user: User, sent: NewPassword) -> Prepared:
    secret = {"password_hash": hash_password(sent.password, call.policy.limits.password_work)}
    return Prepared(details={"password": "•" * 8}, secret=secret)


def _set_password(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    user.password_hash = operation.secret["password_hash"]
    call.db.execute(delete(Session).where(Session.user_id == user.id, Session.id != call.session.id))
    close_recoveries(call, user, "you have changed your password")
    call.tell(user, "Your password has been changed, and your other sessions are logged out.")
    return _recorded(call, user, operation, "password-changed")


def _prepare_address(call: Call, user: User, sent: WhitelistAddress) -> Prepared:
    require_address(sent.chain, sent.address)
    return Prepared(details={"chain": sent.chain, "address": sent.address})


def _add_address(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    return _recorded(call, user, operation, "whitelist-address")


def _prepare_whitelist(call: Call, user: User, sent: WhitelistOnly) -> Prepared:
    return Prepared(details={"on": sent.on})


def _set_whitelist(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    user.whitelist_only = operation.details["on"]
    return _recorded(call, user, operation, "whitelist-only")


def _prepare_key(call: Call, user: User, sent: ApiKey) -> Prepared:
    if not re.fullmatch(r"[\w .-]+", sent.label):
        raise bad_field("label", "A label is of letters, digits, spaces, dots and dashes.")
    return Prepared(details={"label": sent.label, "rights": sorted(set(sent.rights))})


def _make_key(call: Call, user: User, operation: Operation) -> dict[str, Any]:
    _recorded(call, user, operation, "api-key")
    return {"key": secrets.token_urlsafe(32)}


def _recorded(call: Call, user: User, operation: Operation, kind: str) -> dict[str, Any]:
    call.record(user, kind, operation.details, verified_with(operation))
    return {"done": True, "verified_with": verified_with(operation)}


KINDS = {
    "bind-email": Kind(
        details=NewEmail,
        prepare=_prepare_email,
        plan=_plan_email,
        perform=_set_email,
        about="Bind an e-mail address",
    ),
    "bind-phone": Kind(
        details=NewPhone,
        prepare=_prepare_phone,
        plan=_plan_phone,
        perform=_set_phone,
        about="Bind a phone number",
    ),
    "bind-totp": Kind(
        details=NewAuthenticatorApp,
        prepare=_prepare_app,
        plan=_plan_app,
        perform=_set_app,
        about="Set up an authenticator app",
    ),
    "change-password": Kind(
        details=NewPassword,
        prepare=_prepare_password,
        plan=_plan_plain,
        perform=_set_password,
        about="Change the password",
    ),
    "whitelist-address": Kind(
        details=WhitelistAddress,
        prepare=_prepare_address,
        plan=_plan_plain,
        perform=_add_address,
        about="Add an address to the whitelist",
    ),
    "whitelist-only": Kind(
        details=WhitelistOnly,
        prepare=_prepare_whitelist,
        plan=_plan_plain,
        perform=_set_whitelist,
        about="Withdraw to the whitelist only",
    ),
    "api-key": Kind(
        details=ApiKey, prepare=_prepare_key, plan=_plan_plain, perform=_make_key, about="Make an API key"
    ),
}
