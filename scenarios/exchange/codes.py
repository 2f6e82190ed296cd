"""Codes by e-mail and SMS, and those of an authenticator app."""

from __future__ import annotations

import hmac
import secrets

import pyotp
from sqlalchemy import select, update

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import rows_changed
from scenarios.exchange.errors import Denied
from scenarios.exchange.tables import OneTimeCode, Operation, User

TOTP_STEP = 30


def send_code(call: Call, operation: Operation, factor: str, channel: str, to: str, *, real: bool) -> None:
    """`real` false: everything but a code that works, for an account that does not exist."""
    if not call.count(f"send:{channel}:{to}", call.policy.limits.codes_per_hour, 3600):
        raise Denied(429, "too-many-codes", "Too many codes were sent here. Try again in an hour.")
    code = f"{secrets.randbelow(10**6):06d}"
    call.db.execute(
        update(OneTimeCode)
        .where(OneTimeCode.operation_id == operation.id, OneTimeCode.factor == factor)
        .values(used=True)
    )
    call.db.add(
        OneTimeCode(
            operation_id=operation.id,
            factor=factor,
            code=code,
            expires=call.now + call.policy.limits.code_minutes * 60,
            used=not real,
        )
    )
    if real:
        minutes = call.policy.limits.code_minutes
        text = f"Your code is {code}. It is for: {operation.kind.replace('-', ' ')}. Valid for {minutes} minutes."
        call.send(channel, to, text, code)


def is_code(call: Call, operation: Operation, factor: str, sent: str) -> bool:
    """Whether it is the last code that was sent, still valid; it is used up by that."""
    kept = call.db.scalars(
        select(OneTimeCode)
        .where(
            OneTimeCode.operation_id == operation.id,
            OneTimeCode.factor == factor,
            OneTimeCode.used.is_(False),
            OneTimeCode.expires > call.now,
        )
        .order_by(OneTimeCode.id.desc())
    ).first()
    if kept is None or not hmac.compare_digest(kept.code.encode(), sent.encode()):
        return False
    taken = call.db.execute(
        update(OneTimeCode).where(OneTimeCode.id == kept.id, OneTimeCode.used.is_(False)).values(used=True)
    )
    return rows_changed(taken) == 1


def totp_step(secret: str, code: str, now: float) -> int | None:
    """The time step whose code this is: the present one, or a neighbour of it (RFC 6238 §5.2)."""
    totp = pyotp.TOTP(secret)
    present = int(now) // TOTP_STEP
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            return step
    return None


def is_totp(call: Call, user: User, code: str) -> bool:
    """Codes of a step serve once, and none serves after a later one (RFC 6238 §5.2)."""
    key, attempts = f"totp:{user.id}", call.policy.limits.totp_attempts
    if call.is_over(key, attempts):
        raise Denied(429, "too-many-attempts", "Too many wrong codes. Try again later.")
    step = None if user.totp_secret is None else totp_step(user.totp_secret, code, call.now)
    if step is None:
        call.count(key, attempts, call.policy.limits.lock_minutes * 60)
        return False
    taken = call.db.execute(
        update(User).where(User.id == user.id, User.totp_step < step).values(totp_step=step)
    )
    if rows_changed(taken) != 1:
        raise Denied(403, "code-used", "This authenticator code has been used. Wait for the next one.")
    call.forget(key)
    return True
