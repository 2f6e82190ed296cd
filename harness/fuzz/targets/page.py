"""A site in a real browser: its own scripts encode what they are handed, and the lie is what they are handed.

The page asks its navigator.credentials, which the page backend answers (harness/browsers/bridge.py); what a form of the
site says afterwards is the verdict. Only what a browser could hand to a page can be told.
"""

from __future__ import annotations

import json
import queue
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from harness.browsers import Browser, open_browser
from harness.browsers.bridge import Answering, PageBridge
from harness.browsers.bridge import Ceremony as Asking
from harness.browsers.browser import Context, NotShown
from harness.browsers.driver import PlaywrightPage, now
from harness.errors import Failure
from harness.fuzz.base import Demands
from harness.fuzz.capability import Capability
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.forge import CannotTell, base64url, from_base64url
from harness.fuzz.site.description import InBrowser, PageSite, Step
from harness.fuzz.targets import Answer, Begun, Outcome, Unavailable, User
from harness.virtual_key import VirtualKey
from harness.webauthn.errors import not_allowed

if TYPE_CHECKING:
    from playwright.async_api import Response

MOST_CONTEXTS = 6
"""Sessions that are kept open at a time: attacks use three at most."""
_PLACE = re.compile(r"\{([a-z_]+)\}")
_SEEN = """() => {
  const text = document.body?.innerText ?? "";
  for (const [word, what] of %s) if (new RegExp(what).test(text)) return word;
  return "";
}"""


@dataclass(slots=True, kw_only=True, eq=False)
class Asked:
    """A call of navigator.credentials that waits for its answer."""

    ceremony: Asking
    answers: queue.SimpleQueue[Mapping[str, Any] | None] = field(default_factory=queue.SimpleQueue)


class LyingBridge(PageBridge):
    """Hands every call of the page on to the fuzzer, and its answer to the page."""

    def __init__(self, key: VirtualKey, patience: float) -> None:
        super().__init__(key)
        self.asked: queue.SimpleQueue[Asked] = queue.SimpleQueue()
        self._patience = patience

    def _credential(
        self, ceremony: Asking, answering: Answering, top_origin: str, aborted: threading.Event
    ) -> dict[str, Any]:
        asked = Asked(ceremony=ceremony)
        self.asked.put(asked)
        try:
            answer = asked.answers.get(timeout=self._patience)
        except queue.Empty:
            answer = None
        if answer is None:
            raise not_allowed("the fuzzer has nothing to say")
        return dict(answer)


@dataclass(slots=True, kw_only=True, eq=False)
class Window:
    """A session: a context of the browser, and what its page asks."""

    bridge: LyingBridge
    context: Context | None = None
    person: dict[str, str] = field(default_factory=dict)
    pending: Asked | None = None
    statuses: list[tuple[int, str]] = field(default_factory=list)
    """Of the answers that its page got, with their URLs."""
    listener: Callable[[Response], None] | None = None


class InBrowserSite:
    def __init__(self, site: PageSite, name: str | None = None) -> None:
        parts = urlsplit(site.url)
        self.site = site
        self.name = name or site.name
        self.origin = site.origin or f"{parts.scheme}://{parts.netloc}"
        self.rp_id = site.rp_id or urlsplit(self.origin).hostname or ""
        self.patience = 12 * site.patience
        needed = {
            Capability.ACCOUNTS: True,
            Capability.KEEPS: True,
            Capability.USER_VERIFICATION: site.user_verification == "required",
            Capability.NO_USER_VERIFICATION: site.user_verification != "required",
        }
        self.capabilities = frozenset(each for each, there in needed.items() if there)
        self._key = VirtualKey()
        self._browser: Browser | None = None
        self._windows: list[Window] = []

    def close(self) -> None:
        for window in self._windows:
            self._shut(window)
        self._windows.clear()
        if self._browser is not None:
            self._browser.close()
        self._key.close()

    # Sessions

    def visit(self) -> Window:
        return Window(bridge=LyingBridge(self._key, self.site.patience))

    def sign_up(self, session: Window, user: User) -> None:
        session.person = self._person(user)
        try:
            self._play(session, self.site.sign_up, session.person)
        except NotShown as error:
            raise _unavailable(f"signing up: {error}") from None

    # Ceremonies

    def begin_registration(self, session: Window, demands: Demands) -> Begun:
        return self._begin(session, Ceremony.REGISTRATION, self.site.registration, session.person)

    def finish_registration(self, session: Window, begun: Begun, body: str) -> Answer:
        return self._finish(session, begun, body, self.site.registration)

    def begin_authentication(self, session: Window, user: User | None, demands: Demands) -> Begun:
        person = {} if user is None else self._person(user)
        session.person = person
        return self._begin(session, Ceremony.AUTHENTICATION, self.site.authentication, person)

    def finish_authentication(self, session: Window, begun: Begun, body: str) -> Answer:
        return self._finish(session, begun, body, self.site.authentication)

    # Inside

    def _person(self, user: User) -> dict[str, str]:
        email = self.site.user.replace("{user}", user.name)
        return {"user": user.name, "email": email, "password": user.password}

    def _begin(
        self, session: Window, kind: Ceremony, described: InBrowser, person: Mapping[str, str]
    ) -> Begun:
        self._withdraw(session)
        try:
            self._play(session, described.steps, person)
            asked = session.bridge.asked.get(timeout=self.site.patience)
        except NotShown as error:
            raise _unavailable(str(error)) from None
        except queue.Empty:
            shown = " ".join(self._page(session).text().split())[:300]
            raise _unavailable(f"the page asks for no passkey; it shows: {shown}") from None
        session.pending = asked
        options = asked.ceremony.options
        registers = kind is Ceremony.REGISTRATION
        wanted = "create" if registers else "get"
        if asked.ceremony.kind != wanted:
            raise _unavailable(f"the page calls navigator.credentials.{asked.ceremony.kind}, not {wanted}")
        return Begun(
            ceremony=kind,
            challenge=from_base64url(options["challenge"]),
            user_handle=from_base64url(options["user"]["id"]) if registers else b"",
            algorithms=tuple(int(each["alg"]) for each in options["pubKeyCredParams"]) if registers else (),
            options=options,
            token=asked,
        )

    def _finish(self, session: Window, begun: Begun, body: str, described: InBrowser) -> Answer:
        asked = session.pending
        if asked is None or asked is not begun.token:
            raise CannotTell("a page is answered once, and in its own session")
        credential = handed_over(body)
        session.pending = None
        session.statuses.clear()
        asked.answers.put(credential)
        return self._verdict(session, described)

    def _verdict(self, session: Window, described: InBrowser) -> Answer:
        page = self._page(session)
        words = [
            ["accepted", _filled(described.accepted, session.person, escape=True)],
            ["refused", _filled(described.refused, session.person, escape=True)],
        ]
        try:
            said = page.wait_until(_SEEN % json.dumps(words), not_="", timeout=self.site.patience)
        except Failure:
            said = "nothing"
        shown = " ".join(page.text().split())[:400]
        for status, url in session.statuses:
            if status >= 500:
                return Answer(
                    outcome=Outcome.CRASHED, reason=f"{url}: {shown}", kind=f"HTTP {status}", raw=shown
                )
            if status == 429:
                return Answer(outcome=Outcome.THROTTLED, reason=f"{url}: {shown}", kind="HTTP 429", raw=shown)
        outcomes = {"accepted": Outcome.ACCEPTED, "refused": Outcome.REFUSED}
        if said not in outcomes:
            reason = f"the page says neither yes nor no within {self.site.patience:g} s; it shows: {shown}"
            return Answer(outcome=Outcome.HUNG, reason=reason, kind="hang", raw=shown)
        return Answer(outcome=outcomes[said], reason=shown, kind="page", raw=shown)

    def _withdraw(self, session: Window) -> None:
        """What the page asked before, and nobody answered."""
        asked, session.pending = session.pending, None
        if asked is not None:
            asked.answers.put(None)

    def _play(self, session: Window, steps: tuple[Step, ...], person: Mapping[str, str]) -> None:
        page, patience = self._page(session), self.site.patience
        for step in steps:
            if step.goto is not None:
                page.goto(urljoin(self.site.url, _filled(step.goto, person)))
            for selector, text in step.fill.items():
                page.fill(selector, _filled(text, person), timeout=patience)
            if step.check is not None:
                page.check(step.check, timeout=patience)
            if step.click is not None:
                page.click(step.click, timeout=patience)
            if step.wait is not None:
                page.wait_for(step.wait, timeout=patience)

    def _page(self, session: Window) -> PlaywrightPage:
        if session.context is None:
            if self._browser is None:
                self._browser = open_browser("page")
            session.context = self._browser.new_context(bridge=session.bridge)
            page = session.context.page
            assert isinstance(page, PlaywrightPage)
            now(_listen(page, session))
            self._windows.append(session)
            if len(self._windows) > MOST_CONTEXTS:
                self._shut(self._windows.pop(0))
        page = session.context.page
        assert isinstance(page, PlaywrightPage)
        return page

    def _shut(self, session: Window) -> None:
        self._withdraw(session)
        context, session.context = session.context, None
        if context is not None:
            page = context.page
            assert isinstance(page, PlaywrightPage)
            now(_listen_no_more(page, session))
            context.close()


async def _listen(page: PlaywrightPage, session: Window) -> None:
    def note(response: Response) -> None:
        session.statuses.append((response.status, response.url))

    session.listener = note
    page.playwright.on("response", note)


async def _listen_no_more(page: PlaywrightPage, session: Window) -> None:
    assert session.listener is not None
    page.playwright.remove_listener("response", session.listener)


def handed_over(body: str) -> dict[str, Any]:
    """A credential such as a page can be handed: all that is binary decodes, for a page gets bytes and no text."""
    try:
        credential = json.loads(body)
        response = credential["response"]
        parts = [credential["id"], credential["rawId"], response["clientDataJSON"]]
        wanted = (
            ("attestationObject",) if "attestationObject" in response else ("authenticatorData", "signature")
        )
        parts += [response[name] for name in wanted]
        if response.get("userHandle") is not None:
            parts.append(response["userHandle"])
        told = base64url(from_base64url(credential["rawId"])) == credential["rawId"]
        if not told or any(re.fullmatch(r"[A-Za-z0-9_-]*", part) is None for part in parts):
            raise ValueError
        for part in parts:
            from_base64url(part)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise CannotTell("no browser hands such a credential to a page") from None
    made: dict[str, Any] = credential
    return made


def _filled(text: str, person: Mapping[str, str], *, escape: bool = False) -> str:
    def value(match: re.Match[str]) -> str:
        known = person.get(match[1], "")
        # Not re.escape: JavaScript reads these, and knows fewer escapes.
        return re.sub(r"[.*+?^${}()|\[\]\\/]", r"\\\g<0>", known) if escape else known

    return _PLACE.sub(value, text)


def _unavailable(reason: str) -> Unavailable:
    return Unavailable(Answer(outcome=Outcome.UNREACHABLE, reason=reason, kind="page"))
