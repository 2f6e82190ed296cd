"""A relying party in memory around a library's verification: accounts, sessions, challenges, credentials."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

from harness.fuzz.base import Demands
from harness.fuzz.capability import Capability
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.forge import base64url, from_base64url
from harness.fuzz.targets import Answer, Begun, JudgesModels, Outcome, Stored, Unavailable, User

RP_ID, ORIGIN = "login.example.com", "https://login.example.com"
CHALLENGE_SECONDS = 300.0
MOST_BODY = 100_000
PATIENCE = 10.0
"""Seconds that a library may think about one case."""

LIBRARY = frozenset(
    {
        Capability.USER_VERIFICATION,
        Capability.NO_USER_VERIFICATION,
        Capability.ATTESTATION,
        Capability.STORED_KEY,
    }
)
APPLICATION = LIBRARY | {
    Capability.ACCOUNTS,
    Capability.SESSIONS,
    Capability.DISCOVERABLE,
    Capability.MANAGE,
    Capability.DELETE_ACCOUNT,
    Capability.STEP_UP,
    Capability.TURN_CLOCK,
}


class Refusal(Unavailable):
    """The site's own no."""

    def __init__(self, reason: str) -> None:
        super().__init__(Answer(outcome=Outcome.REFUSED, reason=reason, kind="site"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a library is told to expect."""

    challenge: bytes
    rp_id: str
    origin: str
    demands: Demands
    user: User
    is_taken: Callable[[bytes], bool] = lambda credential_id: False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    stored: Stored
    native: Any = None
    """What the library wants to be given again."""
    notes: tuple[str, ...] = ()


class Verifier(Protocol):
    """A library, used as its documentation says."""

    name: str
    algorithms: tuple[int, ...]
    refusals: tuple[type[Exception], ...]
    """The exceptions by which it says no. Others are crashes."""

    def register(self, body: str, asked: Asked) -> Registered: ...
    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        """The new signature counter."""

    def close(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Credential:
    owner: str
    registered: Registered
    name: str = "passkey"


@dataclass(slots=True, kw_only=True)
class _Pending:
    ceremony: Ceremony
    challenge: bytes
    user: str | None
    demands: Demands
    expires: float
    allowed: tuple[bytes, ...] = ()
    step_up: bool = False


@dataclass(slots=True, kw_only=True)
class SiteSession:
    user: str | None = None
    stepped_up: bool = False
    pending: _Pending | None = None


@dataclass(slots=True, kw_only=True)
class Site:
    """With APPLICATION it answers for what an application answers for; with LIBRARY, for the library alone: its
    look-ups are lenient, so that the library sees every lie."""

    verifier: Verifier
    capabilities: frozenset[Capability] = LIBRARY
    rp_id: str = RP_ID
    origin: str = ORIGIN
    random: Random = field(default_factory=lambda: Random("site"))
    users: dict[str, User] = field(default_factory=dict)
    credentials_by_id: dict[bytes, Credential] = field(default_factory=dict)
    now: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.verifier.name}+site" if self.application else self.verifier.name

    @property
    def patience(self) -> float:
        """Seconds that the library may think about one case."""
        return float(getattr(self.verifier, "patience", PATIENCE))

    @property
    def application(self) -> bool:
        return Capability.ACCOUNTS in self.capabilities

    def reseed(self, seed: str) -> None:
        """Before each case: no account of an earlier one is left, and challenges repeat."""
        self.random = Random(seed)
        self.users.clear()
        self.credentials_by_id.clear()
        self.now = 0.0

    def close(self) -> None:
        self.verifier.close()

    # Sessions

    def visit(self) -> SiteSession:
        return SiteSession()

    def sign_up(self, session: SiteSession, user: User) -> None:
        if user.name in self.users:
            raise Unavailable(Answer(outcome=Outcome.REFUSED, reason="the name is taken"))
        self.users[user.name] = user
        session.user = user.name

    def who(self, session: SiteSession) -> str | None:
        return session.user if session.user in self.users else None

    def log_out(self, session: SiteSession) -> None:
        session.user, session.pending, session.stepped_up = None, None, False

    def turn_clock(self, seconds: float) -> None:
        self.now += seconds

    def report(self, aaguid: bytes, status: str) -> None:
        assert isinstance(self.verifier, JudgesModels)
        self.verifier.report(aaguid, status)

    def offer(self, blob: bytes) -> None:
        assert isinstance(self.verifier, JudgesModels)
        self.verifier.offer(blob)

    # Ceremonies

    def begin_registration(self, session: SiteSession, demands: Demands) -> Begun:
        user = self._logged_in(session)
        pending = self._issue(Ceremony.REGISTRATION, user.name, demands)
        session.pending = pending
        return Begun(
            ceremony=Ceremony.REGISTRATION,
            challenge=pending.challenge,
            user_handle=user.handle,
            algorithms=self.verifier.algorithms,
            options={
                "rp": {"id": self.rp_id},
                "user": {"id": base64url(user.handle), "name": user.name},
                "challenge": base64url(pending.challenge),
                "excludeCredentials": self._descriptors(user.name),
                "authenticatorSelection": {"userVerification": _word(demands)},
            },
        )

    def finish_registration(self, session: SiteSession, begun: Begun, body: str) -> Answer:
        return self._answer(lambda: self._register(session, self._limited(body)))

    def begin_authentication(self, session: SiteSession, user: User | None, demands: Demands) -> Begun:
        name = None if user is None else user.name
        pending = self._issue(Ceremony.AUTHENTICATION, name, demands)
        session.pending = pending
        return self._begun_authentication(pending)

    def finish_authentication(self, session: SiteSession, begun: Begun, body: str) -> Answer:
        return self._answer(lambda: self._authenticate(session, self._limited(body), step_up=False))

    def begin_step_up(self, session: SiteSession, demands: Demands) -> Begun:
        user = self._logged_in(session)
        pending = self._issue(Ceremony.AUTHENTICATION, user.name, demands)
        pending.step_up = True
        session.pending = pending
        return self._begun_authentication(pending)

    def finish_step_up(self, session: SiteSession, begun: Begun, body: str) -> Answer:
        return self._answer(lambda: self._authenticate(session, self._limited(body), step_up=True))

    # Management

    def credentials(self, session: SiteSession) -> tuple[bytes, ...]:
        user = self._logged_in(session)
        return tuple(
            each for each, credential in self.credentials_by_id.items() if credential.owner == user.name
        )

    def rename_credential(self, session: SiteSession, credential_id: bytes, name: str) -> Answer:
        return self._answer(lambda: self._rename(session, credential_id, name))

    def delete_credential(self, session: SiteSession, credential_id: bytes) -> Answer:
        return self._answer(lambda: self._delete(session, credential_id))

    def delete_account(self, session: SiteSession) -> Answer:
        return self._answer(lambda: self._delete_account(session))

    # Inside

    def _limited(self, body: str) -> str:
        if self.application and len(body) > MOST_BODY:
            raise Refusal(f"the body is larger than {MOST_BODY} characters")
        return body

    def _issue(self, ceremony: Ceremony, user: str | None, demands: Demands) -> _Pending:
        return _Pending(
            ceremony=ceremony,
            challenge=self.random.randbytes(32),
            user=user,
            demands=demands,
            expires=self.now + CHALLENGE_SECONDS,
            allowed=tuple(each for each, held in self.credentials_by_id.items() if held.owner == user),
        )

    def _take(self, session: SiteSession, ceremony: Ceremony) -> _Pending:
        """The session's challenge, which is used up by this."""
        pending, session.pending = session.pending, None
        if pending is None or pending.ceremony is not ceremony:
            raise Refusal("no challenge of such a ceremony was issued in this session")
        if self.now > pending.expires:
            raise Refusal("the challenge has expired")
        return pending

    def _begun_authentication(self, pending: _Pending) -> Begun:
        options: dict[str, Any] = {
            "rpId": self.rp_id,
            "challenge": base64url(pending.challenge),
            "userVerification": _word(pending.demands),
        }
        if pending.user is not None:
            options["allowCredentials"] = self._descriptors(pending.user)
        return Begun(
            ceremony=Ceremony.AUTHENTICATION, challenge=pending.challenge, user_handle=b"", options=options
        )

    def _descriptors(self, user: str) -> list[dict[str, str]]:
        return [
            {"type": "public-key", "id": base64url(each)}
            for each, credential in self.credentials_by_id.items()
            if credential.owner == user
        ]

    def _register(self, session: SiteSession, body: str) -> Answer:
        user = self._logged_in(session)
        pending = self._take(session, Ceremony.REGISTRATION)
        if pending.user != user.name:
            raise Refusal("the ceremony was begun by another user")
        asked = self._asked(pending, user)
        registered = self.verifier.register(
            body, replace(asked, is_taken=self.credentials_by_id.__contains__)
        )
        stored = registered.stored
        if stored.credential_id in self.credentials_by_id:
            raise Refusal("the credential is registered already")
        self.credentials_by_id[stored.credential_id] = Credential(owner=user.name, registered=registered)
        return Answer(outcome=Outcome.ACCEPTED, stored=stored, notes=registered.notes)

    def _authenticate(self, session: SiteSession, body: str, *, step_up: bool) -> Answer:
        pending = self._take(session, Ceremony.AUTHENTICATION)
        if pending.step_up is not step_up or (step_up and session.user != pending.user):
            raise Refusal("no challenge of such a ceremony was issued in this session")
        credential = self._find(body, pending)
        if credential is None or credential.owner not in self.users:
            raise Refusal("the credential is not known")
        user = self.users[credential.owner]
        if self.application:
            if pending.allowed and credential.registered.stored.credential_id not in pending.allowed:
                raise Refusal("the credential is not among those that were asked for")
            self._require_owner(body, pending, user)
        count = self.verifier.authenticate(body, self._asked(pending, user), credential.registered)
        registered = credential.registered
        credential.registered = replace(registered, stored=replace(registered.stored, sign_count=count))
        if step_up:
            session.stepped_up = True
        else:
            session.user = user.name
        return Answer(outcome=Outcome.ACCEPTED, stored=credential.registered.stored)

    def _find(self, body: str, pending: _Pending) -> Credential | None:
        sent = _parsed(body)
        for member in ("rawId", "id"):
            value = sent.get(member)
            if isinstance(value, str):
                try:
                    found = self.credentials_by_id.get(from_base64url(value))
                except ValueError:
                    found = None
                if found is not None or self.application:
                    return found
        if self.application:
            return None
        # For a library alone: it is given the user's credential, and must see for itself that another one is sent.
        return next((each for each in self.credentials_by_id.values() if each.owner == pending.user), None)

    def _require_owner(self, body: str, pending: _Pending, user: User) -> None:
        if pending.user is not None and pending.user != user.name:
            raise Refusal("the credential is somebody else's")
        response = _parsed(body).get("response")
        handle = response.get("userHandle") if isinstance(response, dict) else None
        if handle is None and pending.user is None:
            raise Refusal("the response does not say whose the credential is")
        if handle is not None and handle != base64url(user.handle):
            raise Refusal("the user handle is not that of the credential's owner")

    def _asked(self, pending: _Pending, user: User) -> Asked:
        return Asked(
            challenge=pending.challenge,
            rp_id=self.rp_id,
            origin=self.origin,
            demands=pending.demands,
            user=user,
        )

    def _owned(self, session: SiteSession, credential_id: bytes) -> Credential:
        user = self._logged_in(session)
        credential = self.credentials_by_id.get(credential_id)
        if credential is None or credential.owner != user.name:
            raise Refusal("there is no such credential")
        return credential

    def _rename(self, session: SiteSession, credential_id: bytes, name: str) -> Answer:
        self._owned(session, credential_id).name = name
        return Answer(outcome=Outcome.ACCEPTED)

    def _delete(self, session: SiteSession, credential_id: bytes) -> Answer:
        self._owned(session, credential_id)
        del self.credentials_by_id[credential_id]
        return Answer(outcome=Outcome.ACCEPTED)

    def _delete_account(self, session: SiteSession) -> Answer:
        user = self._logged_in(session)
        del self.users[user.name]
        for each in [each for each, held in self.credentials_by_id.items() if held.owner == user.name]:
            del self.credentials_by_id[each]
        session.user = None
        return Answer(outcome=Outcome.ACCEPTED)

    def _logged_in(self, session: SiteSession) -> User:
        if session.user is None or session.user not in self.users:
            raise Refusal("nobody is logged in")
        return self.users[session.user]

    def _answer(self, act: Callable[[], Answer]) -> Answer:
        try:
            return act()
        except Refusal as refusal:
            return refusal.answer
        except self.verifier.refusals as refusal:
            return _refused(refusal)
        except RecursionError as error:
            return _crashed(error)
        except Hung:
            return Answer(outcome=Outcome.HUNG, reason="no answer in time", kind="hang")
        except Exception as error:
            return _crashed(error)


class Hung(BaseException):
    """Thrown into a library that takes too long."""


def _refused(refusal: Exception) -> Answer:
    reason = str(refusal)
    if refusal.__cause__ is not None:
        reason = f"{reason} ({refusal.__cause__})"
    return Answer(
        outcome=Outcome.REFUSED,
        reason=reason[:400],
        kind=type(refusal).__name__,
        step=str(getattr(refusal, "step", "")),
        notes=tuple(getattr(refusal, "notes", ())),
    )


def _crashed(error: Exception) -> Answer:
    kind = str(getattr(error, "kind", "")) or type(error).__name__
    return Answer(outcome=Outcome.CRASHED, reason=str(error)[:400], kind=kind)


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _word(demands: Demands) -> str:
    return "required" if demands.user_verification else "discouraged"
