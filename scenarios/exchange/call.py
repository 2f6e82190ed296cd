"""One request under way: who asks, in which session and transaction."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session as DatabaseSession

from scenarios.exchange.errors import Denied
from scenarios.exchange.policy import Policy
from scenarios.exchange.service import Service, sha256
from scenarios.exchange.tables import Ceremony, Counter, Message, Operation, Record, Session, User
from scenarios.exchange.webauthn.encoding import to_base64url


@dataclass(slots=True, kw_only=True)
class Call:
    service: Service
    db: DatabaseSession
    headers: Mapping[str, str]
    address: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    session: Session
    token: str
    """The session's secret, as it will stand in the cookie."""
    now: float
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        return self.service.policy

    # The session

    @property
    def csrf(self) -> str:
        return csrf_token(self.service, self.token)

    @property
    def user(self) -> User:
        """The account that is logged in; Denied without one. Locked, so that its requests come one after another."""
        user = self.user_or_none
        if user is None:
            raise Denied(401, "not-logged-in", "Log in first.")
        return user

    @property
    def user_or_none(self) -> User | None:
        if self.session.user_id is None:
            return None
        return self.db.scalars(
            select(User).where(User.id == self.session.user_id).with_for_update()
        ).one_or_none()

    def log_in(self, user: User, how: str, network: str, passkey: str | None = None) -> None:
        """A new session, so that whoever knew the old one's cookie has nothing (session fixation)."""
        if self.service.has_flaw("session-kept"):
            self.session.user_id, self.session.network = user.id, network
            self.session.expires = self.now + self.policy.limits.session_hours * 3600
            return
        self._end_session()
        self.session = Session(
            user_id=user.id,
            token_hash=b"",
            created=self.now,
            expires=self.now + self.policy.limits.session_hours * 3600,
            device=describe_device(self.headers.get("user-agent", "")),
            signed_in_with=how,
            network=network,
            passkey_id=passkey,
        )
        self.rotate()
        self.db.add(self.session)
        self.db.flush()
        self.record(user, "log-in", {"with": how, "device": self.session.device}, how)

    def log_out(self) -> None:
        self._end_session()
        self.session = new_session(self.now)
        self.rotate()
        self.db.add(self.session)
        self.db.flush()

    def rotate(self) -> None:
        """The same session under another secret."""
        self.token = secrets.token_urlsafe(32)
        self.session.token_hash = sha256(self.token.encode())

    def _end_session(self) -> None:
        if not self.service.has_flaw("challenge-reused"):
            self.db.execute(delete(Ceremony).where(Ceremony.session_id == self.session.id))
        self.db.execute(
            update(Operation)
            .where(Operation.session_id == self.session.id, Operation.state.in_(("draft", "verify", "ready")))
            .values(state="ended")
        )
        self.db.delete(self.session)
        self.db.flush()

    # What is kept

    def record(self, user: User, kind: str, details: dict[str, object], verified_with: str = "") -> Record:
        made = Record(
            id=secrets.token_urlsafe(12),
            user_id=user.id,
            kind=kind,
            details=details,
            verified_with=verified_with,
            at=self.now,
        )
        self.db.add(made)
        return made

    def send(self, channel: str, to: str, text: str, code: str | None = None) -> None:
        brand = self.policy.look.brand
        self.db.add(Message(channel=channel, to=to, text=f"[{brand}] {text}", code=code, at=self.now))

    def tell(self, user: User, text: str) -> None:
        """Something has happened to an account: its owner hears of it wherever they can."""
        if user.email:
            self.send("email", user.email, text)
        elif user.phone:
            self.send("sms", user.phone, text)

    # Limits

    def count(self, key: str, limit: int, seconds: float) -> bool:
        """Counts one attempt; False where there were too many."""
        counter = self._counter(key)
        if counter is None:
            counter = Counter(key=key, count=0, resets=self.now + seconds)
            self.db.add(counter)
        elif counter.resets <= self.now:
            counter.count, counter.resets = 0, self.now + seconds
        counter.count += 1
        self.db.flush()
        return counter.count <= limit

    def is_over(self, key: str, limit: int) -> float:
        """The seconds until more attempts are allowed; 0 where they are now."""
        counter = self._counter(key)
        if counter is None or counter.resets <= self.now or counter.count < limit:
            return 0.0
        return counter.resets - self.now

    def counted(self, key: str) -> int:
        counter = self._counter(key)
        return 0 if counter is None else counter.count

    def forget(self, key: str) -> None:
        self.db.execute(delete(Counter).where(Counter.key == key))

    def _counter(self, key: str) -> Counter | None:
        return self.db.scalars(select(Counter).where(Counter.key == key).with_for_update()).one_or_none()


def new_session(now: float) -> Session:
    return Session(user_id=None, token_hash=b"", created=now, expires=now + 3600)


def csrf_token(service: Service, token: str) -> str:
    return to_base64url(service.mac("csrf", token.encode()))


def is_csrf_token(service: Service, token: str, sent: str) -> bool:
    return hmac.compare_digest(csrf_token(service, token).encode(), sent.encode("utf-8", "replace"))


def describe_device(user_agent: str) -> str:
    from scenarios.exchange.requirements import read_user_agent

    seen = read_user_agent({"user-agent": user_agent})
    parts = [part for part in (seen.browser.title(), seen.platform_name) if part]
    return " on ".join(parts)[:200] or "an unknown device"
