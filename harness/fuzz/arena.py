"""Where lies are told: fresh people, genuine ceremonies around each lie, and attacks that span several."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

from harness.fuzz.base import HONEST_BASE, NO_DEMANDS, Base, Demands
from harness.fuzz.capability import Capability
from harness.fuzz.edit import Edit
from harness.fuzz.forge import Forge, Passkey, forge
from harness.fuzz.targets import Answer, Begun, Outcome, Target, Unavailable, User

Attack: TypeAlias = "Callable[[Arena], Answer]"
"""Gives the answer that decides: accepted, if the attack went through."""


class ControlFailed(Exception):
    """A genuine ceremony was not accepted, so nothing can be said of a lie."""

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(f"{what}: {answer.outcome.value}{f' ({answer.reason})' if answer.reason else ''}")
        self.answer = answer


@dataclass(slots=True, kw_only=True)
class Person:
    user: User
    session: Any
    """One in which the person is logged in."""
    passkeys: list[Passkey] = field(default_factory=list)

    @property
    def passkey(self) -> Passkey:
        return self.passkeys[-1]


@dataclass(slots=True, kw_only=True)
class Arena:
    target: Target
    random: Random
    demands: Demands = NO_DEMANDS
    base: Base = HONEST_BASE
    last: Forge | None = None
    """The last ceremony that was built."""
    body: str = ""
    """What was posted last."""

    @property
    def _keeps(self) -> bool:
        """What was registered there before is still there."""
        return Capability.KEEPS in self.target.capabilities

    # People

    def person(self) -> Person:
        """Somebody new, signed up and logged in."""
        suffix = self.random.randbytes(6).hex()
        if self._keeps:
            suffix = os.urandom(6).hex()  # a replay must not meet its own accounts
        user = User(name=f"fuzz-{suffix}", handle=self.random.randbytes(16))
        session = self.target.visit()
        self.target.sign_up(session, user)
        return Person(user=user, session=session)

    def enrolled(self, base: Base | None = None) -> Person:
        """Somebody new with a passkey, genuinely registered."""
        person = self.person()
        answer = self.register(person, base=base)
        if not answer.accepted:
            raise ControlFailed("a genuine registration is not accepted", answer)
        return person

    # Ceremonies

    def forge(self, begun: Begun, passkey: Passkey, *edits: Edit) -> str:
        self.last = forge(
            rp_id=self.target.rp_id,
            origin=self.target.origin,
            begun=begun,
            passkey=passkey,
            random=self.random,
            edits=edits,
        )
        self.body = self.last.build()
        return self.body

    def begin_registration(self, session: Any) -> Begun:
        return self.target.begin_registration(session, self.demands)

    def begin_authentication(self, session: Any, user: User | None) -> Begun:
        return self.target.begin_authentication(session, user, self.demands)

    def new_passkey(self, begun: Begun, base: Base | None = None) -> Passkey:
        made = Passkey.new(self.random, base or self.base)
        return Passkey(
            key=made.key,
            credential_id=os.urandom(32) if self._keeps else made.credential_id,
            base=made.base,
            user_handle=begun.user_handle,
            sign_count=made.sign_count,
        )

    def register(self, person: Person, *edits: Edit, base: Base | None = None) -> Answer:
        """A whole registration; the passkey is kept if it is accepted."""
        begun = self.begin_registration(person.session)
        passkey = self.new_passkey(begun, base)
        answer = self.target.finish_registration(person.session, begun, self.forge(begun, passkey, *edits))
        if answer.accepted:
            person.passkeys.append(passkey)
        return answer

    def authenticate(
        self, person: Person, *edits: Edit, session: Any = None, passkey: Passkey | None = None
    ) -> Answer:
        """A whole log-in with the person's newest passkey, in a new session unless one is given."""
        session = self.target.visit() if session is None else session
        begun = self.begin_authentication(session, person.user)
        body = self.forge(begun, self.use(person) if passkey is None else passkey, *edits)
        return self.target.finish_authentication(session, begun, body)

    def use(self, person: Person) -> Passkey:
        """The person's newest passkey, its counter gone up."""
        person.passkeys[-1] = person.passkey.used()
        return person.passkey

    # Controls

    def require(self, answer: Answer, what: str) -> None:
        if not answer.accepted:
            raise ControlFailed(what, answer)

    def require_genuine(self) -> None:
        """A new person can still register and log in."""
        person = self.enrolled()
        self.require(self.authenticate(person), "a genuine log-in is not accepted")


def unavailable(error: Unavailable) -> Answer:
    answer = error.answer
    if answer.outcome is Outcome.REFUSED:
        return Answer(outcome=Outcome.UNREACHABLE, reason=answer.reason, kind=answer.kind, raw=answer.raw)
    return answer
