"""Relying parties that are broken in one way each: the fuzzer must see it, and nothing else."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from harness.browsers.browser import PageError
from harness.fuzz.base import Demands
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.forge import from_base64url
from harness.fuzz.targets import Answer, Begun, Outcome, Unavailable, User
from harness.fuzz.targets.exchange import Exchange
from harness.fuzz.targets.site import (
    APPLICATION,
    Asked,
    Credential,
    Refusal,
    Registered,
    Site,
    SiteSession,
    _parsed,
    _Pending,
)
from scenarios.exchange.webauthn import Refused


@dataclass(slots=True, kw_only=True)
class Broken(Site):
    verifier: Any = field(default_factory=Exchange)
    capabilities: Any = APPLICATION


class KeepsChallenges(Broken):
    """A challenge may be answered again and again."""

    def _take(self, session: SiteSession, ceremony: Ceremony) -> _Pending:
        pending = session.pending
        taken = Site._take(self, session, ceremony)
        session.pending = pending
        return taken


class ReadsChallenges(Broken):
    """They are never taken out, so that answers at the same moment all find them."""

    def _take(self, session: SiteSession, ceremony: Ceremony) -> _Pending:
        return Site._take(self, replace(session), ceremony)


class AnswersAnyChallenge(Broken):
    """The challenge is taken from what was sent."""

    def _register(self, session: SiteSession, body: str) -> Answer:
        _adopt(session, body)
        return Site._register(self, session, body)

    def _authenticate(self, session: SiteSession, body: str, *, step_up: bool) -> Answer:
        _adopt(session, body)
        return Site._authenticate(self, session, body, step_up=step_up)


def _adopt(session: SiteSession, body: str) -> None:
    response = _parsed(body).get("response")
    if session.pending is not None and isinstance(response, dict):
        try:
            sent = json.loads(from_base64url(response["clientDataJSON"]))["challenge"]
            session.pending.challenge = from_base64url(sent)
        except (ValueError, KeyError, TypeError):
            return


class AnybodysPasskey(Broken):
    """Whose credential it is is not looked at: the named user is logged in."""

    def _require_owner(self, body: str, pending: _Pending, user: User) -> None:
        return

    def _authenticate(self, session: SiteSession, body: str, *, step_up: bool) -> Answer:
        if session.pending is not None:
            session.pending.allowed = ()
        return Site._authenticate(self, session, body, step_up=step_up)


class Upserts(Broken):
    """A credential id that is known already is written over."""

    def _register(self, session: SiteSession, body: str) -> Answer:
        sent = _parsed(body).get("rawId")
        if isinstance(sent, str):
            self.credentials_by_id.pop(from_base64url(sent), None)
        return Site._register(self, session, body)


class DeletesForAnybody(Broken):
    def _owned(self, session: SiteSession, credential_id: bytes) -> Credential:
        return self.credentials_by_id[credential_id]


class ShortChallenges(Broken):
    def _issue(self, ceremony: Ceremony, user: str | None, demands: Demands) -> _Pending:
        pending = Site._issue(self, ceremony, user, demands)
        pending.challenge = pending.challenge[:8]
        return pending


class NeverExpires(Broken):
    def turn_clock(self, seconds: float) -> None:
        return


class StoresCounterFirst(Broken):
    """The counter is moved before the signature was verified."""

    def _authenticate(self, session: SiteSession, body: str, *, step_up: bool) -> Answer:
        found = self._find(body, session.pending) if session.pending else None
        response = _parsed(body).get("response")
        before = found.registered if found else None
        try:
            return Site._authenticate(self, session, body, step_up=step_up)
        except Exception:
            if found is not None and before is not None and isinstance(response, dict):
                count = int.from_bytes(from_base64url(response["authenticatorData"])[33:37], "big")
                found.registered = replace(before, stored=replace(before.stored, sign_count=count))
            raise


class Throttles(Broken):
    def finish_authentication(self, session: SiteSession, begun: Begun, body: str) -> Answer:
        return Answer(outcome=Outcome.THROTTLED, reason="too many requests", kind="429")


class Dead(Broken):
    def sign_up(self, session: SiteSession, user: User) -> None:
        raise Unavailable(Answer(outcome=Outcome.UNREACHABLE, reason="connection refused"))


class ThinksForEver(Exchange):
    """About every log-in that it should refuse."""

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except Refused:
            while True:
                pass


class EndsProcess(Exchange):
    """As native code does that reads where it should not. Refuses nothing by halves."""

    name = "ends-process"

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except Refused as refused:
            if refused.step == "7.2.11":
                os.kill(os.getpid(), signal.SIGKILL)
            raise


class LosesItsPage(Exchange):
    """Fails as a page does whose script throws: an error that no process can send to another as it is."""

    @property
    def patience(self) -> float:
        if multiprocessing.parent_process() is not None:
            raise PageError("TypeError", "null is no object")
        return 1.0


class ReadsNoStatus(Exchange):
    def offer(self, blob: bytes) -> None:
        pass


class BelievesAnyBlob(Exchange):
    """Forgets what metadata said once it is offered others, whoever signed them."""

    def offer(self, blob: bytes) -> None:
        before = self._anchors
        super().offer(blob)
        if self._anchors is before:
            self._anchors = replace(before, is_revoked=lambda aaguid: False)


class StandsStill(Exchange):
    """As native code does that is caught in a loop: no signal reaches the interpreter."""

    name = "stands-still"
    patience = 0.5

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except Refused as refused:
            if refused.step == "7.2.11":
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
                threading.Event().wait()
            raise


class LooseWithExtensions(Exchange):
    """Two ways in: where there are extension results, the newer one forgets the origin."""

    name = "loose"

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except Refused as refused:
            if refused.step == "7.2.12" and json.loads(body)["clientExtensionResults"]:
                return registered.stored.sign_count
            raise


class RefusesAll(Exchange):
    def register(self, body: str, asked: Asked) -> Registered:
        raise Refusal("not today")


class ChangesItsMind(Exchange):
    """Every other signature by a stranger is fine."""

    def __init__(self) -> None:
        super().__init__()
        self.said_yes = False

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except self.refusals:
            self.said_yes = not self.said_yes
            if self.said_yes:
                return registered.stored.sign_count
            raise


class VerifiesNoSignature(Exchange):
    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except Refused as refused:
            if refused.step == "7.2.21":
                return registered.stored.sign_count
            raise


class Stumbles(Exchange):
    """A wrong origin is an accident."""

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except Refused as refused:
            raise ZeroDivisionError("origin") from refused
