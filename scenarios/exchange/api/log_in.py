"""Signing up, logging in and recovery."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import delete, select, update

from scenarios.exchange import flaws, operations
from scenarios.exchange.api.routing import Done, Nothing, Route, done, post
from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import (
    EXCHANGE,
    NETWORK_NAMES,
    finish_authentication,
    passkeys_of,
    request_options,
    rows_changed,
    uses_of,
)
from scenarios.exchange.errors import Denied
from scenarios.exchange.operations import OperationView, Prepared
from scenarios.exchange.passwords import hash_password, is_password
from scenarios.exchange.policy import Action
from scenarios.exchange.requirements import Device, judge
from scenarios.exchange.schema import Email, Identifier, JsonObject, Name, Password, Phone, Range, Text, Token
from scenarios.exchange.service import sha256
from scenarios.exchange.tables import Passkey, Recovery, Session, User
from scenarios.exchange.webauthn.encoding import to_base64url

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
    password: Annotated[str, Text(max=512)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordAnswer:
    """The operation to verify next; none where the person is logged in already."""

    logged_in: bool
    csrf: str
    operation: OperationView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    identifier: Identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRecovery:
    """After the waiting period: the token of the recovery, and a new password."""

    token: Token
    password: Password


# Signing up


def sign_up(call: Call, body: SignUp) -> OperationView:
    if body.email is None and body.phone is None:
        raise Denied(400, "bad-request", "Enter an e-mail address or a phone number.")
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
    # accounts without passkeys and addresses without accounts get decoys, the same every time
    ceremony, options = request_options(
        call,
        purpose="log-in",
        user=user,
        network=network,
        passkeys=kept or None,
        decoys=() if kept else _decoys(call, identifier, network),
    )
    return RequestCeremony(ceremony=ceremony.id, options=options)


def _decoys(call: Call, identifier: str, network: str) -> list[dict[str, Any]]:
    seed = call.service.mac("decoy", f"{network}:{identifier}".encode())
    size = (16, 20, 32, 32)[seed[0] & 3]
    transports = [["hybrid", "internal"], ["internal"], ["usb"], ["nfc", "usb"]][seed[1] & 3]
    credential_id = to_base64url(call.service.mac("decoy id", seed)[:size])
    return [{"type": "public-key", "id": credential_id, "transports": transports}]


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
    call.log_in(owner, "passkey" if passkey.network == EXCHANGE else f"passkey ({name})", passkey.network)
    return done(call)


def _is_conditional(call: Call, ceremony_id: str) -> bool:
    from scenarios.exchange.tables import Ceremony

    ceremony = call.db.get(Ceremony, ceremony_id)
    return ceremony is not None and ceremony.user_id is None and ceremony.allowed is None


def password_log_in(call: Call, body: PasswordLogIn) -> PasswordAnswer:
    identifier = _identified(call)
    limits = call.policy.limits
    key = f"password:{identifier}"
    wrong = Denied(403, "wrong-password", "The account or the password is wrong.")
    if call.is_over(key, limits.password_attempts):
        raise Denied(
            429, "too-many-attempts", f"Too many wrong passwords. Try again in {limits.lock_minutes} minutes."
        )
    user = find_user(call, identifier)
    kept = user.password_hash if user else None
    if not is_password(body.password, kept, limits.password_work) or user is None:
        call.count(key, limits.password_attempts, limits.lock_minutes * 60)
        raise wrong
    call.forget(key)
    operation = operations.begin(call, "log-in", Prepared(details={}), user)
    operations.advance(call, operation)
    if operation.state == "done":
        return PasswordAnswer(logged_in=True, csrf=call.csrf)
    return PasswordAnswer(logged_in=False, csrf=call.csrf, operation=operations.view(call, operation))


def log_out(call: Call, body: Nothing) -> Done:
    call.log_out()
    return done(call)


# Recovery


def recover(call: Call, body: Recover) -> OperationView:
    """The same answer whether there is such an account or not."""
    identifier = normalised(body.identifier)
    user = find_user(call, identifier)
    secret = _made_up_addresses(call, identifier)
    operation = operations.begin(call, "recover", Prepared(details={}, secret=secret), user)
    return operations.view(call, operation)


def _made_up_addresses(call: Call, identifier: str) -> dict[str, Any]:
    seed = call.service.mac("addresses", identifier.encode())
    email = identifier if "@" in identifier else f"{'abcdefghijklmnop'[seed[0] & 15]}@example.com"
    phone = identifier if identifier.startswith("+") else f"+49{int.from_bytes(seed[:4], 'big') % 10**9:09d}"
    return {"email": email, "phone": phone, "identifier": identifier, "real": False}


def complete_recovery(call: Call, body: CompleteRecovery) -> Done:
    token_hash = sha256(body.token.encode())
    recovery = call.db.get(Recovery, token_hash)
    if recovery is None or recovery.used:
        raise Denied(404, "not-found", "There is no such recovery.")
    if recovery.ready > call.now:
        from scenarios.exchange.kinds.assets import hours_left

        raise Denied(
            409,
            "recovery-waiting",
            f"Your account is being reviewed. Come back in {hours_left(recovery.ready - call.now)}.",
            until=recovery.ready,
        )
    taken = call.db.execute(
        update(Recovery).where(Recovery.token_hash == token_hash, Recovery.used.is_(False)).values(used=True)
    )
    if rows_changed(taken) != 1:
        raise Denied(404, "not-found", "There is no such recovery.")
    user = call.db.get_one(User, recovery.user_id, with_for_update=True)
    user.password_hash = hash_password(body.password, call.policy.limits.password_work)
    user.held_until = max(user.held_until, call.now + 24 * 3600)
    user.held_because = "the account was recovered."
    call.db.execute(delete(Session).where(Session.user_id == user.id))
    call.tell(user, "Your account has been recovered. Remove the passkeys of the device that you have lost.")
    call.log_in(user, "recovery", EXCHANGE)
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
    post("/api/recovery", recover, Recover, OperationView, "Begin the recovery of an account"),
    post(
        "/api/recovery/complete",
        complete_recovery,
        CompleteRecovery,
        Done,
        "Set a new password after the waiting period",
    ),
)
