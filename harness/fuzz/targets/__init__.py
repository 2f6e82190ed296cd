"""Relying parties, as the fuzzer sees them.

`Target` is the seam: in-process libraries (`site.py`), programs in other languages (`bridge.py`) and web sites are
driven through it alike. Everything a target answers is an `Answer`; only bugs of ours are exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from harness.fuzz.base import Demands
from harness.fuzz.capability import Capability
from harness.fuzz.ceremony import Ceremony


class Outcome(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """By an error that the target means to give: its own exception, 4xx, or an answer that says no."""
    CRASHED = "crashed"
    """By an error it does not mean to give: another exception, 5xx, a connection cut off."""
    HUNG = "hung"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    """It does not answer, or what it answers cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a target keeps of a registered credential, where it can be read."""

    credential_id: bytes
    public_key: bytes
    """The COSE key."""
    sign_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    outcome: Outcome
    reason: str = ""
    """In the target's own words."""
    kind: str = ""
    """Name of the exception, or HTTP status."""
    step: str = ""
    """Of the standard, where the target tells it."""
    raw: str = ""
    """The response, as far as there is one."""
    stored: Stored | None = None
    notes: tuple[str, ...] = ()
    """What should be told beside the verdict: `verified: false` that a caller could overlook, …"""

    @property
    def accepted(self) -> bool:
        return self.outcome is Outcome.ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who has no account yet. Fresh for each case, so that one accepted lie does not taint the next."""

    name: str
    handle: bytes
    """Suggested; what begin_registration's options say counts."""
    password: str = "correct horse battery staple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A ceremony that the target has begun."""

    ceremony: Ceremony
    challenge: bytes
    user_handle: bytes
    """Of registrations: which the credential will carry."""
    algorithms: tuple[int, ...] = ()
    """pubKeyCredParams."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """As the target sent them."""
    token: Any = None
    """The target's own: how it knows the ceremony again, beside the session."""


class Unavailable(Exception):
    """begin_… or an account could not be had: the answer says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class Session(Protocol):
    """A browser's: cookies, or what a target has instead."""


class Target(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def rp_id(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def capabilities(self) -> frozenset[Capability]: ...

    def visit(self) -> Any:
        """A new session, in which nobody is logged in."""

    def sign_up(self, session: Any, user: User) -> None:
        """Afterwards the user is logged in and may register a passkey. Unavailable if it does not work."""

    def begin_registration(self, session: Any, demands: Demands) -> Begun: ...
    def finish_registration(self, session: Any, begun: Begun, body: str) -> Answer: ...
    def begin_authentication(self, session: Any, user: User | None, demands: Demands) -> Begun:
        """`user` None: without saying who (DISCOVERABLE)."""

    def finish_authentication(self, session: Any, begun: Begun, body: str) -> Answer: ...
    def close(self) -> None: ...


@runtime_checkable
class HasSessions(Protocol):
    """SESSIONS: who is logged in, and logging out."""

    def who(self, session: Any) -> str | None:
        """The name of the user who is logged in."""

    def log_out(self, session: Any) -> None: ...


@runtime_checkable
class ManagesCredentials(Protocol):
    """MANAGE: each is done by whoever is logged in in the session."""

    def credentials(self, session: Any) -> tuple[bytes, ...]:
        """The ids of the credentials that this session is shown."""

    def rename_credential(self, session: Any, credential_id: bytes, name: str) -> Answer: ...
    def delete_credential(self, session: Any, credential_id: bytes) -> Answer: ...


@runtime_checkable
class DeletesAccounts(Protocol):
    """DELETE_ACCOUNT."""

    def delete_account(self, session: Any) -> Answer: ...


@runtime_checkable
class StepsUp(Protocol):
    """STEP_UP: the logged-in user confirms with a passkey; the ceremony is that of an authentication."""

    def begin_step_up(self, session: Any, demands: Demands) -> Begun: ...
    def finish_step_up(self, session: Any, begun: Begun, body: str) -> Answer: ...


@runtime_checkable
class TurnsClock(Protocol):
    """TURN_CLOCK."""

    def turn_clock(self, seconds: float) -> None: ...


@runtime_checkable
class Remote(Protocol):
    """REMOTE: what is sent beside the body. Changes hold for the session's later requests."""

    def headers(self, session: Any) -> dict[str, str]:
        """Sent with every request, in place of those of the same names."""

    def cookies(self, session: Any) -> dict[str, str]: ...
    def fetch(self, session: Any, path: str) -> tuple[int, str, str]:
        """Status, type and text of what a GET of the path gives."""

    def leave_out_csrf(self, session: Any) -> bool:
        """From now on without the CSRF token; False if the target is described as having none."""


@runtime_checkable
class JudgesModels(Protocol):
    """METADATA."""

    def report(self, aaguid: bytes, status: str) -> None:
        """From now on this model's status in the metadata is this AuthenticatorStatus of MDS3."""

    def offer(self, blob: bytes) -> None:
        """Newer metadata, as they are fetched: it takes them, or keeps those that it has."""


@runtime_checkable
class HasPasswords(Protocol):
    """PASSWORD."""

    def log_in_with_password(self, session: Any, user: User) -> Answer:
        """Accepted, if the user is logged in by that alone."""


@runtime_checkable
class ShowsCredentials(Protocol):
    """A page on which the names of one's credentials are shown."""

    def credentials_page(self, session: Any) -> str:
        """Its HTML."""
