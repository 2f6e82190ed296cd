"""Recoveries under way: one for each account, and its owner can end it."""

from __future__ import annotations

import secrets

from sqlalchemy import select, update

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import rows_changed
from scenarios.exchange.service import sha256
from scenarios.exchange.tables import Recovery, User


def open_recovery(call: Call, user: User) -> tuple[str, float]:
    """Its token, and when it may be completed. One that was open before serves no more."""
    _close(call, user)
    token = secrets.token_urlsafe(24)
    ready = call.now + call.policy.recovery.wait_hours * 3600
    call.db.add(Recovery(token_hash=sha256(token.encode()), user_id=user.id, ready=ready))
    call.tell(
        user,
        "Somebody who could show your identity has asked for your account to be recovered. If it was not you, log in "
        "and cancel the recovery: a log-in with a passkey or a new password does that, too.",
    )
    return token, ready


def recovery_of(call: Call, user: User) -> Recovery | None:
    query = select(Recovery).where(Recovery.user_id == user.id, Recovery.used.is_(False))
    return call.db.scalars(query).first()


def close_recoveries(call: Call, user: User, because: str) -> bool:
    """The owner has shown that they need none. Whether there was one."""
    had = _close(call, user)
    if had:
        call.tell(user, f"The recovery of your account was cancelled, because {because}.")
    return had


def _close(call: Call, user: User) -> bool:
    closed = call.db.execute(
        update(Recovery).where(Recovery.user_id == user.id, Recovery.used.is_(False)).values(used=True)
    )
    return rows_changed(closed) > 0
