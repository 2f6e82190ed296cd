"""Proofs of who somebody is: codes that are sent and given, faces that are shown."""

from __future__ import annotations

from collections.abc import Mapping

from scenarios.exchange.call import Call
from scenarios.exchange.codes import is_code, is_totp, send_code, totp_step
from scenarios.exchange.errors import Denied
from scenarios.exchange.face import face_check
from scenarios.exchange.operations.course import add_proof, advance, require_open
from scenarios.exchange.operations.ways import owner, wanted_factors
from scenarios.exchange.passwords import is_password
from scenarios.exchange.tables import Operation


def addresses(call: Call, operation: Operation) -> dict[str, tuple[str, str]]:
    """Where codes go: factor → (channel, address)."""
    user, secret = owner(call, operation), operation.secret
    found: dict[str, tuple[str, str]] = {}
    for factor, channel, kept in (
        ("email", "email", (user.email if user else None) or secret.get("email")),
        ("phone", "sms", (user.phone if user else None) or secret.get("phone")),
        ("new-email", "email", secret.get("new-email")),
        ("new-phone", "sms", secret.get("new-phone")),
    ):
        if kept:
            found[factor] = (channel, kept)
    return found


def send(call: Call, operation: Operation, factor: str) -> None:
    require_open(call, operation, "verify")
    to = addresses(call, operation).get(factor)
    if to is None or factor not in wanted_factors(call, operation):
        raise Denied(409, "not-wanted", "No such code is needed here.")
    send_code(call, operation, factor, *to, real=_is_real(call, operation, factor, to[1]))


def _is_real(call: Call, operation: Operation, factor: str, to: str) -> bool:
    """False for addresses that were made up, and for those of somebody else: they get no code that works."""
    user = owner(call, operation)
    if factor.startswith("new-"):
        return not operation.secret.get("taken")
    if user is None:
        return bool(operation.secret.get("real"))
    return to in (user.email, user.phone)


def give_codes(call: Call, operation: Operation, given: Mapping[str, str]) -> None:
    """Codes as proofs. A wrong one costs an attempt; with the last of them the operation is over."""
    require_open(call, operation, "verify")
    if not given:
        raise Denied(400, "bad-request", "Enter the code.")
    wanted = wanted_factors(call, operation)
    for factor in given:
        if factor not in wanted:
            raise Denied(409, "not-wanted", "No such code is needed here.")
    # the authenticator's code comes last: it serves once, and should not be spent beside a wrong one
    for factor in sorted(given, key=lambda each: (each in ("totp", "new-totp"), each)):
        if factor in operation.proofs:
            continue
        if not _is_right(call, operation, factor, given[factor]):
            _count_wrong(call, operation, factor)
        add_proof(operation, factor)
    advance(call, operation)


def _is_right(call: Call, operation: Operation, factor: str, given: str) -> bool:
    user = owner(call, operation)
    if factor == "password":
        return is_password(
            given, None if user is None else user.password_hash, call.policy.limits.password_work
        )
    if factor == "totp":
        return user is not None and is_totp(call, user, given)
    if factor == "new-totp":
        return totp_step(operation.secret["totp_secret"], given, call.now) is not None
    return is_code(call, operation, factor, given)


def _count_wrong(call: Call, operation: Operation, factor: str) -> None:
    operation.wrong_codes += 1
    left = call.policy.limits.code_attempts - operation.wrong_codes
    what = "password" if factor == "password" else "code"
    if left <= 0:
        operation.state = "ended"
        raise Denied(429, "too-many-attempts", f"Too many wrong {what}s. Start again.", factor=factor)
    raise Denied(
        403, "wrong-code", f"That {what} is wrong or has expired.", factor=factor, attempts_left=left
    )


def show_face(call: Call, operation: Operation, scene: str) -> None:
    require_open(call, operation, "verify")
    if "face" not in wanted_factors(call, operation):
        raise Denied(409, "not-wanted", "No face check is needed here.")
    subject = operation.user_id or operation.secret.get("identifier", operation.id)
    face_check(call, str(subject), scene)
    add_proof(operation, "face")
    advance(call, operation)
