"""Relying parties that go wrong in what they ask for or publish, in one way each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from broken_sites import Broken

from harness.fuzz.base import Demands
from harness.fuzz.capability import Capability
from harness.fuzz.forge import base64url
from harness.fuzz.targets import Begun, User
from harness.fuzz.targets.site import APPLICATION, Site, SiteSession


class Published(Broken):
    """All that a site on the web has and that is only looked at; nothing is wrong with it."""

    well_known: tuple[int, str, str] = (404, "text/html", "")
    """What is at /.well-known/webauthn."""

    def __init__(self) -> None:
        asks_for_none = APPLICATION - {Capability.USER_VERIFICATION}
        super().__init__(capabilities=asks_for_none | {Capability.KEEPS, Capability.REMOTE})

    def begin_authentication(self, session: SiteSession, user: User | None, demands: Demands) -> Begun:
        begun = Site.begin_authentication(self, session, user, demands)
        if user is None or user.name in self.users:
            return begun
        made_up = base64url(hashlib.sha256(user.name.encode()).digest())
        listed = [{"type": "public-key", "id": made_up}]
        return _with(begun, allowCredentials=listed)

    def headers(self, session: SiteSession) -> dict[str, str]:
        return {}

    def cookies(self, session: SiteSession) -> dict[str, str]:
        return {}

    def fetch(self, session: SiteSession, path: str) -> tuple[int, str, str]:
        return self.well_known

    def leave_out_csrf(self, session: SiteSession) -> bool:
        return False


class NamesAsHandles(Published):
    def sign_up(self, session: SiteSession, user: User) -> None:
        Site.sign_up(self, session, replace(user, handle=user.name.encode()))


class HandlesThatChange(Published):
    def begin_registration(self, session: SiteSession, demands: Demands) -> Begun:
        user = self._logged_in(session)
        self.users[user.name] = replace(user, handle=self.random.randbytes(16))
        return Site.begin_registration(self, session, demands)


class OneHandleForAll(Published):
    def sign_up(self, session: SiteSession, user: User) -> None:
        Site.sign_up(self, session, replace(user, handle=bytes(16)))


class VerificationMisspelt(Published):
    """Where passkeys are made."""

    def begin_registration(self, session: SiteSession, demands: Demands) -> Begun:
        begun = Site.begin_registration(self, session, demands)
        return _with(begun, authenticatorSelection={"userVerification": "require"})


class VerificationForgottenAtLogIn(Published):
    """A passkey counts as two factors; it is only when it is made that both are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.capabilities |= {Capability.MULTI_FACTOR}

    def begin_registration(self, session: SiteSession, demands: Demands) -> Begun:
        begun = Site.begin_registration(self, session, demands)
        return _with(begun, authenticatorSelection={"userVerification": "required"})


class WeakAlgorithms(Published):
    def begin_registration(self, session: SiteSession, demands: Demands) -> Begun:
        return replace(Site.begin_registration(self, session, demands), algorithms=(-7, -65535))


class RareAlgorithms(Published):
    def begin_registration(self, session: SiteSession, demands: Demands) -> Begun:
        return replace(Site.begin_registration(self, session, demands), algorithms=(-8, -35))


class TellsStrangers(Published):
    """Names without an account have no credentials."""

    def begin_authentication(self, session: SiteSession, user: User | None, demands: Demands) -> Begun:
        return Site.begin_authentication(self, session, user, demands)


class MakesUpOthers(Published):
    """Names without an account have other credentials each time."""

    def begin_authentication(self, session: SiteSession, user: User | None, demands: Demands) -> Begun:
        begun = Published.begin_authentication(self, session, user, demands)
        if user is None or user.name in self.users:
            return begun
        listed = [{"type": "public-key", "id": base64url(self.random.randbytes(32))}]
        return _with(begun, allowCredentials=listed)


class RelatedToAnybody(Published):
    well_known = (200, "application/json", json.dumps({"origins": ["https://*.example.com"]}))


class TwoRpIds(Published):
    """Passkeys are made for one, and asked for by another."""

    def begin_authentication(self, session: SiteSession, user: User | None, demands: Demands) -> Begun:
        return _with(Published.begin_authentication(self, session, user, demands), rpId="example.com")


def _with(begun: Begun, **options: Any) -> Begun:
    return replace(begun, options={**begun.options, **options})
