"""An adapter for an app that is not ours: django-allauth's accounts, security keys and passkeys.

    scenario: A passkey logs in at a site with django-allauth
    relying party: harness.relying_parties.allauth:Allauth
    devices: {phone: icloud-keychain}
    steps: [log in, add passkey: phone, log out, log in: {with: passkey}]

It is the example to begin an adapter of one's own with: `protocol.py` says what one must have, and the verbs below
are all there is to one. A passkey is what allauth calls a passwordless security key.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from harness.errors import SetupError
from harness.patience import patient
from harness.play.play import AccountSpec
from harness.play.verbs import AddPasskey, ListPasskeys, LogIn, LogOut, RemovePasskey, SignUp, Verb
from harness.relying_parties.allauth.site import PASSWORD, USER
from harness.relying_parties.protocol import Outcome, PasskeyRow, Visit

HOME, LANDING = '[data-page="home"]', '[data-page="landing"]'
SECOND_FACTOR = "#mfa_webauthn_authenticate"
OVERVIEW = 'a[href="/accounts/2fa/webauthn/"], a[href="/accounts/2fa/webauthn/add/"]'
KEYS = 'a[href="/accounts/2fa/webauthn/add/"]'
AGAIN = "form[action*=reauthenticate] #id_password"
"""Asked before anything about security keys, unless a log-in was a moment ago."""
REMOVAL_OF = """(name) => [...document.querySelectorAll("tr")].find((row) => row.innerText.includes(name))
  ?.querySelector("a[href*=remove]").getAttribute("href")"""
REMOVE = "form[action*=remove] button[type=submit]"
ERRORS = ".errorlist"
REFUSED = "body[data-refused]"
"""allauth tells of a ceremony that failed by an event, and shows nothing: the adapter makes it seen."""
BEGIN = """() => {
    document.body.dataset.ceremony = "begun";
    document.addEventListener("allauth.error", (event) => {
        event.preventDefault();
        document.body.dataset.refused = `${event.detail.exception.name}: ${event.detail.exception.message}`;
    });
}"""
MESSAGE = "body > div:first-child li"
STARTUP = patient(60.0)
"""Seconds that the site may take to say where it listens."""
GOODBYE = 5.0
"""Seconds that it has to end by itself."""


class Allauth:
    name = "django-allauth"

    def __init__(self) -> None:
        self.url = ""
        self._stack = ExitStack()
        self._rows: dict[str, str] = {}
        """Device → what its passkey is called at the site."""
        self.verbs: Mapping[type[Verb], Callable[[Visit, Any], Outcome]] = {
            SignUp: self.sign_up,
            LogIn: self.log_in,
            LogOut: self.log_out,
            AddPasskey: self.add_passkey,
            ListPasskeys: self.list_passkeys,
            RemovePasskey: self.remove_passkey,
        }

    # The site

    def open(self, account: AccountSpec, seed: str) -> None:
        """A site of its own for each play, with one user: nothing is left of the play before."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="stuntkey-allauth-"))
        log = self._stack.enter_context((Path(folder) / "log").open("wb"))
        site = subprocess.Popen(
            [sys.executable, "-m", "harness.relying_parties.allauth.site", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._stack.callback(self._end, site)
        assert site.stdout is not None
        is_heard = bool(wait([site.stdout.fileno()], STARTUP))
        self.url = site.stdout.readline().strip() if is_heard else ""
        if not self.url:
            lines = (Path(folder) / "log").read_text().strip().splitlines()
            if lines and "No module named" in lines[-1]:
                raise SetupError("this adapter needs django-allauth: pip install 'django-allauth[mfa]'")
            words = lines[-1] if lines else "no reason told"
            late = "" if is_heard else f" in {STARTUP:g} s"
            raise SetupError(f"the site with django-allauth does not start{late}: {words}")

    @staticmethod
    def _end(site: subprocess.Popen[str]) -> None:
        assert site.stdin is not None
        assert site.stdout is not None
        site.stdin.close()
        try:
            site.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            site.kill()
            site.wait()
        site.stdout.close()

    def advance(self, time: timedelta) -> None:
        raise SetupError("django-allauth has no clock that a play could turn")

    def close(self) -> None:
        self._stack.close()

    # The verbs

    def sign_up(self, visit: Visit, verb: SignUp) -> Outcome:
        window = visit.window
        window.goto(f"{self.url}/accounts/signup/")
        window.fill("#id_username", "ben")
        window.fill("#id_email", "ben@example.com")
        window.fill("#id_password1", PASSWORD)
        window.fill("#id_password2", PASSWORD)
        window.click("form[action='/accounts/signup/'] button[type=submit]")
        return self._outcome(visit, HOME, asks=("password",))

    def log_in(self, visit: Visit, verb: LogIn) -> Outcome:
        window = visit.window
        window.goto(f"{self.url}/accounts/login/")
        if verb.with_ == "passkey":
            with visit.hand(verb.on):
                return self._ceremony(visit, "#passkey_login", HOME, ("passkey",))
        if verb.with_ == "autofill":
            return Outcome(refused="the site offers no passkeys by autofill", text=window.text())
        window.fill("#id_login", USER)
        window.fill("#id_password", PASSWORD if verb.password == "right" else "wrong")
        window.click("form[action='/accounts/login/'] button[type=submit]")
        if window.wait_for(HOME, SECOND_FACTOR, ERRORS) != SECOND_FACTOR:
            return self._outcome(visit, HOME, asks=("password",))
        with visit.hand(verb.on):
            return self._ceremony(visit, SECOND_FACTOR, HOME, ("password", "passkey"))

    def log_out(self, visit: Visit, verb: LogOut) -> Outcome:
        visit.window.goto(f"{self.url}/accounts/logout/")
        visit.window.click("form button[type=submit]")
        return self._outcome(visit, LANDING)

    def add_passkey(self, visit: Visit, verb: AddPasskey) -> Outcome:
        window = visit.window
        asks = self._open(visit, "add/", "#id_name")
        window.fill("#id_name", f"passkey of {verb.on}")
        window.check("#id_passwordless", True)
        with visit.hand(verb.on):
            outcome = self._ceremony(visit, "#mfa_webauthn_add", OVERVIEW, (*asks, "passkey"))
        if outcome.refused is not None:
            return outcome
        self._rows[verb.on] = f"passkey of {verb.on}"
        self._open(visit, "", KEYS)
        return self._outcome(visit, KEYS, asks=outcome.asks)

    def list_passkeys(self, visit: Visit, verb: ListPasskeys) -> Outcome:
        return self._outcome(visit, KEYS, asks=self._open(visit, "", KEYS))

    def remove_passkey(self, visit: Visit, verb: RemovePasskey) -> Outcome:
        window = visit.window
        asks = self._open(visit, "", KEYS)
        window.click(f"a[href='{window.evaluate(REMOVAL_OF, self._rows[verb.of])}']")
        asks += self._confirm_access(visit, REMOVE)
        window.click(REMOVE)
        window.wait_for(OVERVIEW, f"main:not(:has({REMOVE})) h1")
        self._open(visit, "", KEYS)
        return self._outcome(visit, KEYS, asks=asks)

    # What came of it

    def _open(self, visit: Visit, page: str, wanted: str) -> tuple[str, ...]:
        """A page about security keys, and what the site asked for before it."""
        visit.window.goto(f"{self.url}/accounts/2fa/webauthn/{page}")
        return self._confirm_access(visit, wanted)

    def _confirm_access(self, visit: Visit, wanted: str) -> tuple[str, ...]:
        window = visit.window
        if window.wait_for(AGAIN, wanted) != AGAIN:
            return ()
        window.fill(AGAIN, PASSWORD)
        window.click("form[action*=reauthenticate] button[type=submit]")
        window.wait_for(wanted)
        return ("password",)

    def _ceremony(self, visit: Visit, button: str, done: str, asks: tuple[str, ...]) -> Outcome:
        visit.window.evaluate(BEGIN)
        visit.window.click(button)
        # A response that the site refuses leads back to the same page, loaded anew.
        return self._outcome(visit, done, asks=asks, back=f"body:not([data-ceremony]) {button}")

    def _outcome(
        self, visit: Visit, done: str, *, asks: tuple[str, ...] = (), back: str = REFUSED
    ) -> Outcome:
        window = visit.window
        seen = window.wait_for(done, ERRORS, REFUSED, back)
        refused = None
        if seen == ERRORS:
            refused = window.text(ERRORS)
        elif seen == REFUSED:
            refused = window.attribute("body", "data-refused")
        elif seen == back:
            refused = window.text(MESSAGE)
        return Outcome(refused=refused, asks=asks, text=window.text(), passkeys=self._listed(visit))

    def _listed(self, visit: Visit) -> tuple[PasskeyRow, ...]:
        """`passkey of phone Passkey`, `Added on 11/21/2026. Not used.` Security keys are no passkeys."""
        rows = [text.split("\t") for text in visit.window.texts("tbody tr")]
        return tuple(
            PasskeyRow(
                name=cells[0].removesuffix("Passkey").strip(),
                created=cells[1].partition(".")[0].removeprefix("Added on "),
                last_used=None if "Not used" in cells[1] else cells[1].partition("Last used ")[2].strip(),
            )
            for cells in rows
            if cells[0].strip().endswith("Passkey")
        )
