"""Signing up and logging in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import select

from scenarios.exchange import flaws, operations
from scenarios.exchange.api.routing import Done, Nothing, Route, done, post
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import (
    EXCHANGE,
    NETWORK_NAMES,
    finish_authentication,
    passkeys_of,
    request_options,
    uses_of,
)
from scenarios.exchange.decoys import decoys
from scenarios.exchange.errors import Denied, bad_field
from scenarios.exchange.operations import OperationView, Prepared
from scenarios.exchange.passwords import hash_password, is_password
from scenarios.exchange.policy import Action
from scenarios.exchange.recoveries import close_recoveries
from scenarios.exchange.requirements import Device, judge
from scenarios.exchange.schema import Email, Identifier, JsonObject, Name, Password, Phone, Range, Text, Token
from scenarios.exchange.tables import Passkey, User

SLIDER_WIDTH = 320
SLIDER_PIECE = 44
SLIDER_TOLERANCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """A new account: an e-mail address or a phone number, or both."""

    password: Password
    email: Email | None = None
    phone: Phone | None = None
    region: Annotated[str, Text(min=0, max=2, pattern="([A-Z]{2})?", what="a country such as DE")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identify:
    """Who wants to log in: an e-mail address or a phone number."""

    identifier: Identifier
    network: Name = EXCHANGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """A puzzle: the piece belongs where the gap is, so many pixels from the left."""

    width: int
    piece: int
    gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInStep:
    """What comes next: slider, passkey or password. `other` names what may be used instead."""

    next: str
    other: list[str]
    csrf: str
    slider: Slider | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliderPosition:
    """Where the piece was let go."""

    position: Annotated[int, Range(min=0, max=1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyLogIn:
    """With `conditional`, for the autofill: no account is named, the passkey tells it."""

    conditional: bool = False
    network: Name = EXCHANGE
    device: Device | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCeremony:
    """Options for navigator.credentials.get(), and the ceremony to answer."""

    ceremony: str
    options: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """PublicKeyCredential.toJSON() of the ceremony's passkey."""

    ceremony: Token
    credential: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordLogIn:
    password: Annotated[str, Text(max=512, what="your password")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordAnswer:
    """The operation to verify next; none where the person is logged in already."""

    logged_in: bool
    csrf: str
    operation: OperationView | None = None


# Signing up


def sign_up(call: Call, body: SignUp) -> OperationView:
    if body.email is None and body.phone is None:
        raise bad_field("email", "Enter an e-mail address or a phone number.")
    if not call.count(f"sign-up:{call.address}", call.policy.limits.sign_ups_per_hour, 3600):
        raise Denied(429, "too-many-attempts", "Too many sign-ups from here. Try again in an hour.")
    email = body.email.lower() if body.email else None
    takers = [
        user for user in (find_user(call, each) for each in (email, body.phone) if each) if user is not None
    ]
    secret: dict[str, Any] = {
        "password_hash": hash_password(body.password, call.policy.limits.password_work),
        "region": body.region,
    }
    secret |= {"email": email} if email else {}
    secret |= {"phone": body.phone} if body.phone else {}
    secret["real"] = not takers
    for taker in takers:
        # the page says the same as to anybody; only the owner learns that the address is taken
        call.tell(taker, "Somebody tried to sign up with your address. You have an account: log in instead.")
    details = {"email": email or "", "phone": body.phone or ""}
    operation = operations.begin(call, "sign-up", Prepared(details=details, secret=secret), None)
    return operations.view(call, operation)


# Logging in


def identify(call: Call, body: Identify) -> LogInStep:
    identifier = normalised(body.identifier)
    if body.network not in call.policy.passkeys.networks:
        raise Denied(400, "unknown-network", "There is no such network here.")
    call.session.identifier, call.session.network = identifier, body.network
    call.session.slider_passed = False
    if call.policy.log_in.slider:
        return _new_slider(call)
    return _next_step(call)


def _new_slider(call: Call) -> LogInStep:
    gap = SLIDER_PIECE + 20 + secrets.randbelow(SLIDER_WIDTH - 2 * SLIDER_PIECE - 20)
    call.session.slider_target = gap
    slider = Slider(width=SLIDER_WIDTH, piece=SLIDER_PIECE, gap=gap)
    return LogInStep(next="slider", other=[], slider=slider, csrf=call.csrf)


def slide(call: Call, body: SliderPosition) -> LogInStep:
    target = call.session.slider_target
    if target is None:
        raise Denied(409, "no-slider", "There is no slider to move. Start again.")
    call.session.slider_target = None  # one attempt each
    if abs(body.position - target) > SLIDER_TOLERANCE:
        return _new_slider(call)
    call.session.slider_passed = True
    return _next_step(call)


def _next_step(call: Call) -> LogInStep:
    prefers = call.policy.log_in.prefers_passkey and _offered(call)
    order = ["passkey", "password"] if prefers else ["password", "passkey"]
    return LogInStep(next=order[0], other=order[1:], csrf=call.csrf)


def _identified(call: Call) -> str:
    if not call.session.identifier:
        raise Denied(409, "not-identified", "Enter your e-mail address or phone number first.")
    if call.policy.log_in.slider and not call.session.slider_passed:
        raise Denied(409, "slider-first", "Complete the slide verification first.")
    return call.session.identifier


def _offered(call: Call) -> bool:
    """Whether a passkey is asked for first. Half of those that nobody has are, too: the answer tells nothing."""
    identifier = call.session.identifier
    user = find_user(call, identifier)
    if user is None:
        return bool(call.service.mac("offered", identifier.encode())[0] & 1)
    return bool(_log_in_passkeys(call, user, call.session.network))


def _log_in_passkeys(call: Call, user: User, network: str) -> list[Passkey]:
    return list(passkeys_of(call, user, network)) if Action.LOG_IN in uses_of(call, user) else []


def passkey_options(call: Call, body: PasskeyLogIn) -> RequestCeremony:
    judge(call.policy, call.headers, body.device, "").require()
    if body.network not in call.policy.passkeys.networks:
        raise Denied(400, "unknown-network", "There is no such network here.")
    if body.conditional:
        if not call.policy.log_in.autofill:
            raise Denied(403, "no-autofill", "Passkeys are not offered by autofill here.")
        ceremony, options = request_options(
            call, purpose="log-in", user=None, network=body.network, passkeys=None
        )
        return RequestCeremony(ceremony=ceremony.id, options=options)
    identifier = _identified(call)
    network = call.session.network or EXCHANGE
    user = find_user(call, identifier)
    kept = _log_in_passkeys(call, user, network) if user else []
    ceremony, options = request_options(
        call,
        purpose="log-in",
        user=user,
        network=network,
        passkeys=kept,
        decoys=decoys(call, identifier, network, kept),
    )
    return RequestCeremony(ceremony=ceremony.id, options=options)


def passkey_log_in(call: Call, body: Assertion) -> Done:
    """The ceremony knows whether an account was named; a passkey that is not its own is refused."""
    user = find_user(call, call.session.identifier) if call.session.identifier else None
    if call.service.has_flaw("other-payload") and user is not None and "credentialId" in body.credential:
        call.log_in(user, "passkey", EXCHANGE)
        return done(call)
    conditional = _is_conditional(call, body.ceremony)
    passkey = finish_authentication(
        call,
        ceremony_id=body.ceremony,
        purpose="log-in",
        user=None if conditional else user,
        credential=body.credential,
    )
    owner = call.db.get_one(User, passkey.user_id)
    if call.service.has_flaw("any-passkey") and user is not None:
        owner = user
    if call.service.has_flaw("handle-names-user"):
        owner = flaws.user_of_handle(call, body.credential) or owner
    if Action.LOG_IN not in uses_of(call, owner):
        raise Denied(403, "not-for-this", "You have chosen not to use passkeys for logging in.")
    name = NETWORK_NAMES.get(passkey.network, passkey.network)
    close_recoveries(call, owner, "you have logged in with a passkey")
    call.log_in(
        owner, "passkey" if passkey.network == EXCHANGE else f"passkey ({name})", passkey.network, passkey.id
    )
    return done(call)


def _is_conditional(call: Call, ceremony_id: str) -> bool:
    from scenarios.exchange.tables import Ceremony

    ceremony = call.db.get(Ceremony, ceremony_id)
    return ceremony is not None and ceremony.user_id is None and ceremony.allowed is None


def password_log_in(call: Call, body: PasswordLogIn) -> PasswordAnswer:
    identifier = _identified(call)
    user = find_user(call, identifier)
    _require_password(call, identifier, user, body.password)
    assert user is not None
    operation = operations.begin(call, "log-in", Prepared(details={}), user)
    operations.advance(call, operation)
    if operation.state == "done":
        return PasswordAnswer(logged_in=True, csrf=call.csrf)
    return PasswordAnswer(logged_in=False, csrf=call.csrf, operation=operations.view(call, operation))


def _require_password(call: Call, identifier: str, user: User | None, password: str) -> None:
    """Wrong ones are counted by the address that was entered, and by the account.

    A person with an e-mail address and a phone number has no more tries than others. A lock that was reached by the
    one is not told to who asks by the other: it would say that both are one account's. To them every password is wrong.
    """
    limits = call.policy.limits
    keys = [f"password:{identifier}", *([f"password of:{user.id}"] if user else [])]
    if call.is_over(keys[0], limits.password_attempts):
        raise Denied(
            429, "too-many-attempts", f"Too many wrong passwords. Try again in {limits.lock_minutes} minutes."
        )
    is_locked = bool(call.is_over(keys[-1], limits.password_attempts))
    is_right = is_password(password, user.password_hash if user else None, limits.password_work)
    if is_right and not is_locked:
        for key in keys:
            call.forget(key)
        return
    for key in keys:
        call.count(key, limits.password_attempts, limits.lock_minutes * 60)
    if user and not is_locked and call.is_over(keys[-1], limits.password_attempts):
        call.tell(
            user,
            f"Too many wrong passwords were entered for your account. It can be logged in to by password again in "
            f"{limits.lock_minutes} minutes.",
        )
    raise Denied(403, "wrong-password", "The account or the password is wrong.", field="password")


def log_out(call: Call, body: Nothing) -> Done:
    call.log_out()
    return done(call)


# Both


def normalised(identifier: str) -> str:
    return identifier.strip().lower()


def find_user(call: Call, identifier: str) -> User | None:
    column = User.email if "@" in identifier else User.phone
    return call.db.scalars(select(User).where(column == identifier).with_for_update()).one_or_none()


ROUTES: tuple[Route, ...] = (
    post("/api/sign-up", sign_up, SignUp, OperationView, "Begin an account; verify the operation to finish"),
    post("/api/log-in", identify, Identify, LogInStep, "Say who wants to log in"),
    post("/api/log-in/slider", slide, SliderPosition, LogInStep, "Let the slider's piece go"),
    post(
        "/api/log-in/passkey/options",
        passkey_options,
        PasskeyLogIn,
        RequestCeremony,
        "Options to log in with a passkey",
    ),
    post("/api/log-in/passkey", passkey_log_in, Assertion, Done, "Log in with a passkey"),
    post(
        "/api/log-in/password",
        password_log_in,
        PasswordLogIn,
        PasswordAnswer,
        "Log in with a password; verify the operation to finish",
    ),
    post("/api/log-out", log_out, Nothing, Done, "Log out"),
)
