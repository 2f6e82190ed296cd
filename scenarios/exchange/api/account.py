"""The session, the account, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select

from scenarios.exchange.api.routing import Done, Nothing, Route, done, get, post
from scenarios.exchange.call import Call
from scenarios.exchange.errors import not_found
from scenarios.exchange.markets import balances
from scenarios.exchange.recoveries import recovery_of
from scenarios.exchange.schema import JsonObject
from scenarios.exchange.tables import Ceremony, Record, Session, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Withdrawals and P2P trading wait."""

    until: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: int
    email: str
    phone: str
    totp: bool
    region: str
    whitelist_only: bool
    created: float
    holds: list[Hold]
    recovery: float | None = None
    """When the recovery that somebody asked for can be completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """`csrf` goes into the header X-CSRF-Token of every POST."""

    csrf: str
    policy: str
    brand: str
    rp_id: str
    now: float
    account: Account | None = None
    signed_in_with: str | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    balances: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """Something that was done."""

    id: str
    kind: str
    details: JsonObject
    at: float
    verified_with: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    records: list[RecordView]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSession:
    id: int
    device: str
    created: float
    signed_in_with: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    sessions: list[OtherSession]


def session(call: Call, body: Nothing) -> SessionView:
    user = call.user_or_none
    return SessionView(
        csrf=call.csrf,
        policy=call.policy.name,
        brand=call.policy.look.brand,
        rp_id=call.service.rp_id,
        now=call.now,
        account=None if user is None else account_view(call, user),
        signed_in_with=call.session.signed_in_with or None,
        network=call.session.network or None,
    )


def account_view(call: Call, user: User) -> Account:
    held = user.held_until > call.now
    recovery = recovery_of(call, user)
    return Account(
        id=user.id,
        email=user.email or "",
        phone=user.phone or "",
        totp=user.totp_secret is not None,
        region=user.region,
        whitelist_only=user.whitelist_only,
        created=user.created,
        holds=[Hold(until=user.held_until, because=user.held_because)] if held else [],
        recovery=recovery.ready if recovery else None,
    )


def show_balances(call: Call, body: Nothing) -> Balances:
    return Balances(balances=balances(call, call.user))


def history(call: Call, body: Nothing) -> History:
    return History(records=recent(call, call.user))


def recent(call: Call, user: User, kinds: tuple[str, ...] = (), limit: int = 100) -> list[RecordView]:
    query = select(Record).where(Record.user_id == user.id).order_by(Record.at.desc()).limit(limit)
    if kinds:
        query = query.where(Record.kind.in_(kinds))
    return [
        RecordView(
            id=each.id, kind=each.kind, details=each.details, at=each.at, verified_with=each.verified_with
        )
        for each in call.db.scalars(query).all()
    ]


def sessions(call: Call, body: Nothing) -> Sessions:
    return Sessions(sessions=sessions_of(call, call.user))


def sessions_of(call: Call, user: User) -> list[OtherSession]:
    rows = call.db.scalars(
        select(Session)
        .where(Session.user_id == user.id, Session.expires > call.now)
        .order_by(Session.created.desc())
    ).all()
    return [
        OtherSession(
            id=each.id,
            device=each.device,
            created=each.created,
            signed_in_with=each.signed_in_with,
            current=each.id == call.session.id,
        )
        for each in rows
    ]


def end_session(call: Call, body: Nothing) -> Done:
    user, wanted = call.user, call.path["session"]
    other = (
        call.db.get(Session, int(wanted))
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 10
        else None
    )
    if other is None or other.user_id != user.id or other.id == call.session.id:
        raise not_found("other session")
    call.db.execute(delete(Ceremony).where(Ceremony.session_id == other.id))
    call.db.delete(other)
    return done(call)


ROUTES: tuple[Route, ...] = (
    get("/api/session", session, SessionView, "The session, its CSRF token, and who is logged in"),
    get("/api/balances", show_balances, Balances, "The account's balances", logged_in=True),
    get("/api/history", history, History, "What the account has done, latest first", logged_in=True),
    get("/api/sessions", sessions, Sessions, "Where the account is logged in", logged_in=True),
    post(
        "/api/sessions/{session}/end", end_session, Nothing, Done, "Log another session out", logged_in=True
    ),
)
