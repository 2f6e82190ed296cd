"""Any relying party on the web, as its YAML file describes it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from harness.fuzz.base import Demands
from harness.fuzz.capability import Capability
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.forge import base64url, from_base64url
from harness.fuzz.site import description
from harness.fuzz.site.description import Find, Request, Site, Verdict
from harness.fuzz.targets import Answer, Begun, Outcome, Unavailable, User
from harness.fuzz.targets.http_browser import Broken, Browser, Reply, Wire, classify

_CREDENTIAL = "@@the credential@@"
_UNNAMED = "@@unnamed@@"
"""Kept of ceremonies that were begun without a name."""
_PLACE = re.compile(r"\{([a-z_]+)\}")


class HttpSite:
    """All it can do follows from what its description has."""

    def __init__(self, site: Site, name: str | None = None) -> None:
        self._handles: dict[bytes, str] = {}
        self._owners: dict[str, Browser] = {}
        """Who registered what: attacks on others' passkeys need the site's own ids of them, which may leak anywhere."""
        self.site = site
        parts = urlsplit(site.url)
        self.name = name or site.name
        self.origin = site.origin or f"{parts.scheme}://{parts.netloc}"
        self.rp_id = site.rp_id or urlsplit(self.origin).hostname or ""
        self.wire = Wire(site.url, origin=self.origin, patience=site.patience, headers=site.headers)
        self.patience = 12 * site.patience
        """Seconds that one case may take."""
        self.capabilities = _capabilities(site)

    def close(self) -> None:
        self.wire.close()

    # Sessions

    def visit(self) -> Browser:
        return Browser()

    def sign_up(self, session: Browser, user: User) -> None:
        session.person = self._person(user)
        self._story(session, self.site.sign_up, dict(session.person))

    def who(self, session: Browser) -> str | None:
        who = self.site.who
        if who is None:
            return None
        try:
            reply = self._request(session, who.request, {})
        except Broken as broken:
            raise Unavailable(broken.answer) from None
        found = _found(who.name, reply) if reply.status < 400 else None
        return str(found) if found else None

    def log_out(self, session: Browser) -> None:
        self._story(session, self.site.log_out, dict(session.person))

    def log_in_with_password(self, session: Browser, user: User) -> Answer:
        person = self._person(user)
        answer = self._finish(session, self.site.password, person, None)
        return self._require_logged_in(session, answer, person) if answer.accepted else answer

    # Ceremonies

    def begin_registration(self, session: Browser, demands: Demands) -> Begun:
        ceremony = self.site.registration
        return self._begin(session, Ceremony.REGISTRATION, ceremony, ceremony.begin, session.person)

    def finish_registration(self, session: Browser, begun: Begun, body: str) -> Answer:
        answer = self._end(session, self.site.registration, begun, body)
        if answer.accepted:
            sent = _at(_parsed(body), "/rawId")
            if isinstance(sent, str):
                self._owners[sent] = session
        return answer

    def begin_authentication(self, session: Browser, user: User | None, demands: Demands) -> Begun:
        ceremony = self.site.authentication
        if user is not None:
            return self._begin(session, Ceremony.AUTHENTICATION, ceremony, ceremony.begin, self._person(user))
        begun = self._begin(session, Ceremony.AUTHENTICATION, ceremony, ceremony.begin_unnamed, {})
        begun.token[_UNNAMED] = "yes"
        return begun

    def finish_authentication(self, session: Browser, begun: Begun, body: str) -> Answer:
        answer = self._end(session, self.site.authentication, begun, body)
        if answer.accepted and self.site.who is not None:
            return self._require_logged_in(session, answer, begun.token)
        return answer

    def begin_step_up(self, session: Browser, demands: Demands) -> Begun:
        ceremony = self.site.step_up
        assert ceremony is not None
        return self._begin(session, Ceremony.AUTHENTICATION, ceremony, ceremony.begin, session.person)

    def finish_step_up(self, session: Browser, begun: Begun, body: str) -> Answer:
        assert self.site.step_up is not None
        return self._end(session, self.site.step_up, begun, body)

    # Management

    def credentials(self, session: Browser) -> tuple[bytes, ...]:
        return tuple(self._listed(session))

    def rename_credential(self, session: Browser, credential_id: bytes, name: str) -> Answer:
        assert self.site.credentials is not None
        return self._manage(session, self.site.credentials.rename, credential_id, {"name": name})

    def delete_credential(self, session: Browser, credential_id: bytes) -> Answer:
        assert self.site.credentials is not None
        return self._manage(session, self.site.credentials.delete, credential_id, {})

    def credentials_page(self, session: Browser) -> str:
        assert self.site.credentials is not None
        page = self.site.credentials.page
        if page is None:
            return ""
        try:
            reply = self._request(session, Request(send=page), {})
        except Broken as broken:
            raise Unavailable(broken.answer) from None
        if not (answer := classify(reply)).accepted:
            raise Unavailable(answer)
        return reply.text

    def delete_account(self, session: Browser) -> Answer:
        return self._finish(session, self.site.delete_account, dict(session.person), None)

    # What is sent beside the body

    def turn_clock(self, seconds: float) -> None:
        self._story(self.visit(), self.site.clock, {"seconds": f"{seconds:.0f}"})

    def headers(self, session: Browser) -> dict[str, str]:
        return session.headers

    def cookies(self, session: Browser) -> dict[str, str]:
        return session.cookies

    def fetch(self, session: Browser, path: str) -> tuple[int, str, str]:
        try:
            reply = self._request(session, Request(send=f"GET {path}"), {})
        except Broken as broken:
            raise Unavailable(broken.answer) from None
        return reply.status, reply.headers.get("content-type", ""), reply.text

    def leave_out_csrf(self, session: Browser) -> bool:
        session.without_csrf = True
        return self.site.csrf is not None

    # Inside

    def _person(self, user: User) -> dict[str, str]:
        email = self.site.user.replace("{user}", user.name)
        handle = base64url(user.handle)
        return {"user": user.name, "email": email, "password": user.password, "handle": handle}

    def _begin(
        self,
        session: Browser,
        kind: Ceremony,
        ceremony: description.Ceremony,
        requests: tuple[Request, ...],
        person: Mapping[str, str],
    ) -> Begun:
        kept = dict(person)
        reply = self._story(session, requests, kept)
        options = _found(ceremony.options, reply)
        if isinstance(options, str):
            options = _parsed(options)
        if isinstance(options, dict) and isinstance(options.get("publicKey"), dict):
            options = options["publicKey"]
        try:
            challenge = self._bytes(options["challenge"])
            registration = kind is Ceremony.REGISTRATION
            handle = self._bytes(options["user"]["id"]) if registration else b""
            algorithms = (
                tuple(int(each["alg"]) for each in options["pubKeyCredParams"]) if registration else ()
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Unavailable(
                Answer(
                    outcome=Outcome.UNREACHABLE,
                    reason=f"the answer to {requests[-1].send} holds no options where the description says",
                    kind=f"HTTP {reply.status}",
                    raw=reply.shown,
                )
            ) from None
        return Begun(
            ceremony=kind,
            challenge=challenge,
            user_handle=handle,
            algorithms=algorithms,
            options=options,
            token=kept,
        )

    def _bytes(self, text: str) -> bytes:
        if self.site.encoding == "base64":
            return base64.b64decode(text, validate=True)
        if not re.fullmatch(r"[A-Za-z0-9_-]*=*", text):
            raise ValueError(text)
        return from_base64url(text.rstrip("="))

    def _end(self, session: Browser, ceremony: description.Ceremony, begun: Begun, body: str) -> Answer:
        kept = dict(begun.token or {})
        requests = ceremony.finish
        if _UNNAMED in kept and isinstance(ceremony, description.Authentication):
            requests = ceremony.finish_unnamed or requests
        return self._finish(session, requests, kept, body, ceremony.accepted)

    def _require_logged_in(self, session: Browser, answer: Answer, person: Mapping[str, str]) -> Answer:
        """A yes after which nobody is logged in is none; one after which somebody else is, is a grave one."""
        if self.site.who is None:
            return answer
        who = self.who(session)
        if who is None:
            note = f"{answer.kind}, though nobody is logged in afterwards: a caller could overlook that"
            return Answer(
                outcome=Outcome.REFUSED,
                reason="nobody is logged in",
                kind=answer.kind,
                raw=answer.raw,
                notes=(note,),
            )
        names = {person[name] for name in ("user", "email") if name in person}
        if names and who not in names:
            note = f"afterwards {who} is logged in, not {' or '.join(sorted(names))}"
            return Answer(
                outcome=Outcome.ACCEPTED,
                reason=answer.reason,
                kind=answer.kind,
                raw=answer.raw,
                notes=(note,),
            )
        return answer

    def _manage(
        self, session: Browser, requests: tuple[Request, ...], credential_id: bytes, more: dict[str, str]
    ) -> Answer:
        if credential_id not in self._handles:
            self._listed(self._owners.get(base64url(credential_id), session))
        handle = self._handles.get(credential_id)
        return self._finish(session, requests, {"id": handle or base64url(credential_id), **more}, None)

    def _listed(self, session: Browser) -> dict[bytes, str]:
        """Credential id → the site's own id. What was seen is remembered: others' ids are guessed by attackers."""
        assert self.site.credentials is not None
        listing = self.site.credentials.list_
        reply = self._story(session, (listing.request,), dict(session.person))
        found: dict[bytes, str] = {}
        for each in _at(_parsed(reply.text), listing.items) or ():
            try:
                raw = self._bytes(_at(each, listing.credential_id))
            except (ValueError, TypeError, AttributeError):
                continue
            handle = _at(each, listing.handle) if listing.handle else None
            found[raw] = base64url(raw) if handle is None else str(handle)
        self._handles.update(found)
        return found

    def _story(self, session: Browser, requests: tuple[Request, ...], kept: dict[str, str]) -> Reply:
        """Requests one after the other; Unavailable where one is refused."""
        reply = Reply(status=0, headers=_NO_HEADERS, text="")
        for request in requests:
            try:
                reply = self._request(session, request, kept)
            except Broken as broken:
                raise Unavailable(broken.answer) from None
            answer = classify(reply, request.success)
            if not answer.accepted and not (request.optional and answer.outcome is Outcome.REFUSED):
                raise Unavailable(replace(answer, reason=f"{request.send}: {answer.reason or answer.kind}"))
            if (missing := _keep(request, reply, kept, answer)) is not None:
                raise Unavailable(missing)
        return reply

    def _finish(
        self,
        session: Browser,
        requests: tuple[Request, ...],
        kept: dict[str, str],
        credential: str | None,
        verdict: Verdict | None = None,
    ) -> Answer:
        """The last answer decides."""
        answer = Answer(outcome=Outcome.UNREACHABLE, reason="the description does not say how")
        for request in requests:
            try:
                reply = self._request(session, request, kept, credential)
            except Broken as broken:
                return broken.answer
            answer = classify(reply, request.success)
            if not answer.accepted:
                return answer
            if (missing := _keep(request, reply, kept, answer)) is not None:
                return missing
        return answer if verdict is None or not requests else _judged(answer, reply, verdict)

    def _request(
        self,
        session: Browser,
        request: Request,
        kept: Mapping[str, str],
        credential: str | None = None,
    ) -> Reply:
        try:
            return self._filled_request(session, request, kept, credential)
        except KeyError as name:
            reason = f"nothing before {request.send} has kept {name}"
            raise Broken(Outcome.UNREACHABLE, reason, "description") from None

    def _filled_request(
        self, session: Browser, request: Request, kept: Mapping[str, str], credential: str | None
    ) -> Reply:
        method, _, path = request.send.partition(" ")
        csrf, token = self.site.csrf, None
        if csrf is not None and method != "GET" and not session.without_csrf:
            if session.csrf is None:
                self._note_csrf(
                    session, self.wire.send(session, "GET", csrf.first[4:], content=None, headers={})
                )
            token = session.csrf
        headers = {name: _filled(value, kept) for name, value in request.headers.items()}
        if csrf is not None and csrf.header and token is not None:
            headers[csrf.header] = token
        extra = {csrf.field: token} if csrf is not None and csrf.field and token is not None else {}
        content, kind = _content(request, kept, credential, extra)
        if kind:
            headers.setdefault("Content-Type", kind)
        reply = self.wire.send(
            session,
            method,
            _filled(path, kept, lambda text: quote(text, safe="")),
            content=content,
            headers=headers,
        )
        self._note_csrf(session, reply)
        return reply

    def _note_csrf(self, session: Browser, reply: Reply) -> None:
        if self.site.csrf is None:
            return
        find = self.site.csrf.find
        found = session.cookies.get(find.cookie) if find.cookie else _found(find, reply)
        if found:
            session.csrf = str(found)


def _judged(answer: Answer, reply: Reply, verdict: Verdict) -> Answer:
    """A status of success may still be a no."""
    if verdict.header is not None:
        told = reply.headers.get(verdict.header, "")
        if verdict.matches is not None and re.search(verdict.matches, told):
            return answer
        reason = answer.reason or f"{verdict.header} is {told or 'not there'}"
        return replace(answer, outcome=Outcome.REFUSED, reason=reason)
    said = _at(_parsed(reply.text), verdict.pointer)
    if said == verdict.equals:
        return answer
    note = f"{answer.kind} and {verdict.pointer} {said!r}: a caller could overlook that it is a no"
    return replace(answer, outcome=Outcome.REFUSED, notes=(*answer.notes, note))


def _keep(request: Request, reply: Reply, kept: dict[str, str], answer: Answer) -> Answer | None:
    """What later requests need; an answer that says what is missing, where something is."""
    for name, find in request.keep.items():
        value = _found(find, reply)
        if value is None:
            return Answer(
                outcome=Outcome.UNREACHABLE,
                reason=f"the answer to {request.send} has no {name} where the description says",
                kind=answer.kind,
                raw=answer.raw,
            )
        kept[name] = str(value)
    return None


def _content(
    request: Request, kept: Mapping[str, str], credential: str | None, extra: Mapping[str, str]
) -> tuple[bytes | None, str]:
    """The body. The credential's JSON goes in as it is, whatever it is: it may be a lie about JSON itself."""
    known = {**kept, "credential": _CREDENTIAL}
    sent = "" if credential is None else credential
    if request.form is not None:
        members = {
            name: _filled(value, known).replace(_CREDENTIAL, sent) for name, value in request.form.items()
        }
        text = urlencode({**members, **extra}, errors="surrogatepass")
        return text.encode(), "application/x-www-form-urlencoded"
    if request.body is not None:
        text = _filled(request.body, known).replace(_CREDENTIAL, sent)
        return text.encode("utf-8", "surrogatepass"), "application/json"
    if request.json_ is not None:
        value = _filled_json(request.json_, known)
        if extra and isinstance(value, dict):
            value = {**value, **extra}
        text = (
            json.dumps(value).replace(f'"{_CREDENTIAL}"', sent).replace(_CREDENTIAL, json.dumps(sent)[1:-1])
        )
        return text.encode("utf-8", "surrogatepass"), "application/json"
    return None, ""


def _filled_json(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled_json(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled_json(each, known) for each in value]
    if value == "{seconds}":
        return int(known["seconds"])
    return _filled(value, known) if isinstance(value, str) else value


def _filled(text: str, known: Mapping[str, str], written: Callable[[str], str] = str) -> str:
    return _PLACE.sub(lambda match: written(known[match[1]]), text)


def _found(find: Find, reply: Reply) -> Any:
    if find.header is not None:
        return reply.headers.get(find.header)
    if find.pattern is not None:
        match = re.search(find.pattern, reply.text)
        return None if match is None else match[1]
    if find.cookie is not None:
        return reply.cookies.get(find.cookie)
    if find.pointer is not None:
        return _at(_parsed(reply.text), find.pointer)
    return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _at(value: Any, pointer: str) -> Any:
    """RFC 6901; None where there is nothing."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and re.fullmatch(r"\d+", name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _capabilities(site: Site) -> frozenset[Capability]:
    managed = site.credentials is not None and site.credentials.delete and site.credentials.rename
    has = {
        Capability.ACCOUNTS: True,
        Capability.REMOTE: True,
        Capability.KEEPS: True,
        Capability.SESSIONS: site.who is not None and bool(site.log_out),
        Capability.DISCOVERABLE: bool(site.authentication.begin_unnamed),
        Capability.MANAGE: bool(managed),
        Capability.DELETE_ACCOUNT: bool(site.delete_account),
        Capability.STEP_UP: site.step_up is not None,
        Capability.PASSWORD: bool(site.password),
        Capability.TURN_CLOCK: bool(site.clock),
        Capability.USER_VERIFICATION: site.user_verification == "required",
        Capability.NO_USER_VERIFICATION: site.user_verification != "required",
        Capability.MULTI_FACTOR: site.multi_factor,
    }
    return frozenset(each for each, there in has.items() if there)


_NO_HEADERS = httpx.Headers()
