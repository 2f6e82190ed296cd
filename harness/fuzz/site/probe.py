"""Finds out how a site's ceremonies are run: from the paths in its pages and scripts, and by genuine ceremonies.

Only what a person could do by clicking is done: options are asked for, one passkey is made, one log-in is made with it.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from random import Random
from typing import Any
from urllib.parse import urljoin, urlsplit

from harness.errors import SetupError
from harness.fuzz.arena import Arena, Person
from harness.fuzz.forge import from_base64url
from harness.fuzz.site.description import Site
from harness.fuzz.site.loader import parse_site
from harness.fuzz.targets import Answer, Unavailable
from harness.fuzz.targets.http import HttpSite
from harness.fuzz.targets.http_browser import Broken, Browser, Reply, Wire

PATIENCE = 10.0
MOST_SCRIPTS = 12
MOST_PATHS = 60
_PATH = re.compile(r"""["'`](/[A-Za-z0-9_\-./]{1,80})["'`?]""")
_SCRIPT = re.compile(r"""<script[^>]+src=["']([^"']+)["']""")
_REGISTERS = re.compile(r"regist|attestation|make|create|add|enrol|sign-?up", re.IGNORECASE)
_LOGS_IN = re.compile(r"authent|assert|log-?in|sign-?in|verify-?auth|get", re.IGNORECASE)
_BEGINS = re.compile(r"begin|start|options|challenge|initiali[sz]e|request|generate", re.IGNORECASE)
_ENDS = re.compile(r"finish|complete|verif|result|end|final|response", re.IGNORECASE)
_COMMON = (
    "/attestation/options",
    "/attestation/result",
    "/assertion/options",
    "/assertion/result",
    "/generate-registration-options",
    "/verify-registration",
    "/generate-authentication-options",
    "/verify-authentication",
    *(
        f"{root}/{ceremony}/{step}"
        for root in ("", "/webauthn", "/api/webauthn", "/api/passkeys")
        for ceremony, step in itertools.product(
            ("register", "authenticate", "login"), ("begin", "options", "finish", "complete", "verify")
        )
    ),
)
"""What demonstrations and frameworks call them: FIDO's conformance interface, SimpleWebAuthn's example, others."""
BEGIN_BODY = {"name": "{user}", "username": "{user}", "email": "{email}", "displayName": "{user}"}
_BODIES: tuple[dict[str, Any], ...] = (
    {"body": "{credential}"},
    {"json": {"credential": "{credential}"}},
    {"json": {"response": "{credential}", "username": "{user}"}},
    {"json": {"credential": "{credential}", "username": "{user}"}},
)
_YES = ("verified", "success", "ok", "authenticated")


class NotFound(Exception):
    """A part of the description that no probe has found."""

    def __init__(self, part: str, hint: str) -> None:
        super().__init__(f"{part}: {hint}")
        self.part = part


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One of the two ceremonies, as far as it is known."""

    begin: dict[str, Any]
    options: str
    finish: dict[str, Any]
    accepted: dict[str, Any] | None = None

    def described(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "begin": [self.begin],
            "options": {"pointer": self.options},
            "finish": [self.finish],
        }
        return made if self.accepted is None else {**made, "accepted": self.accepted}


@dataclass(slots=True, kw_only=True)
class Probe:
    url: str
    say: Callable[[str], None] = lambda line: None
    paths: list[str] = field(default_factory=list)
    wire: Wire = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        self.wire = Wire(self.url, origin=origin, patience=PATIENCE, headers={})

    def close(self) -> None:
        self.wire.close()

    # What there is

    def recipe(self) -> str | None:
        """The description of a site of a known kind."""
        answer = self._get("/accounts/2fa/webauthn/login/", {"X-Requested-With": "XMLHttpRequest"})
        if answer is not None and "request_options" in answer.text:
            self.say("django-allauth: its pages under /accounts/ are known")
            text = files("harness.fuzz.site").joinpath("recipes/django-allauth.yaml").read_text()
            return re.sub(r"^url: .*$", f"url: {self.url}", text, count=1, flags=re.MULTILINE)
        return None

    def look_around(self) -> None:
        """The paths that the front page and its scripts name, and those that are common."""
        page = self._get(urlsplit(self.url).path or "/")
        if page is None:
            raise SetupError(f"{self.url} does not answer")
        texts = [page.text]
        for source in _SCRIPT.findall(page.text)[:MOST_SCRIPTS]:
            where = urlsplit(urljoin(self.url, source))
            if where.netloc == urlsplit(self.url).netloc and (script := self._get(where.path)) is not None:
                texts.append(script.text)
        if (described := self._get("/openapi.json")) is not None and described.status == 200:
            texts.append(described.text)
        named = [path for text in texts for path in _PATH.findall(text)]
        interesting = [each for each in named if _BEGINS.search(each) or _ENDS.search(each)]
        self.paths = list(dict.fromkeys([*interesting, *_COMMON]))[:MOST_PATHS]
        self.say(f"{len(set(interesting))} paths in its pages look like ceremonies")

    def registration(self) -> Half:
        begin, options, stem = self._begin(_REGISTERS, "user")
        self.say(f"registrations begin with {begin['send']}")
        for finish in self._finishes(stem, _REGISTERS):
            half = Half(begin=begin, options=options, finish=finish)
            if (answer := self._try(half, None)) is not None and answer.accepted:
                self.say(f"and end with {finish['send']}")
                return _with_verdict(half, answer)
        raise NotFound("registration.finish", "no path takes a genuine registration")

    def authentication(self, registration: Half) -> Half:
        begin, options, stem = self._begin(_LOGS_IN, "allowCredentials", "rpId")
        self.say(f"log-ins begin with {begin['send']}")
        for finish in self._finishes(stem, _LOGS_IN):
            half = Half(begin=begin, options=options, finish=finish)
            if (answer := self._try(registration, half)) is not None and answer.accepted:
                self.say(f"and end with {finish['send']}")
                return _with_verdict(half, answer)
        raise NotFound("authentication.finish", "no path takes a genuine log-in")

    # How it is found

    def _begin(self, words: re.Pattern[str], *members: str) -> tuple[dict[str, Any], str, str]:
        """The request, where its answer has the options, and the path."""
        ranked = [each for each in self.paths if words.search(each) and _BEGINS.search(each)]
        for path in ranked:
            for method in ("POST", "GET"):
                request: dict[str, Any] = {"send": f"{method} {path}"}
                if method == "POST":
                    request["json"] = dict(BEGIN_BODY)
                found = self._options(method, path)
                if found is None:
                    continue
                pointer, options = found
                if any(each in options for each in members):
                    return request, pointer, path
        which = "registration" if words is _REGISTERS else "authentication"
        raise NotFound(f"{which}.begin", "no path answers with options of such a ceremony")

    def _options(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        body = {"name": "probe", "username": "probe", "email": "probe@example.com", "displayName": "probe"}
        content = json.dumps(body).encode() if method == "POST" else None
        try:
            reply = self.wire.send(
                Browser(), method, path, content=content, headers={"Content-Type": "application/json"}
            )
            value = json.loads(reply.text) if reply.status < 300 else None
        except (Broken, ValueError, RecursionError):
            return None
        return next(_with_challenge(value, ""), None)

    def _finishes(self, begun: str, words: re.Pattern[str]) -> Iterator[dict[str, Any]]:
        ends = [each for each in self.paths if _ENDS.search(each) and each != begun]
        ranked = sorted(
            (each for each in ends if words.search(each)),
            key=lambda each: -len(_common_beginning(each, begun)),
        )
        for path in ranked:
            for body in _BODIES:
                yield {"send": f"POST {path}", **body}

    def _try(self, registration: Half, authentication: Half | None) -> Answer | None:
        """A genuine registration, and a log-in after it if that is given; None if it cannot be begun."""
        described = describe(self.url, registration, authentication or registration)
        target = _opened(to_yaml(described), "the description")
        arena = Arena(target=target, random=Random("probe"))
        try:
            person = arena.person()
            answer = arena.register(person)
            if authentication is None or not answer.accepted:
                return answer
            return self._log_in(arena, person)
        except Unavailable:
            return None
        finally:
            target.close()

    @staticmethod
    def _log_in(arena: Arena, person: Person) -> Answer:
        return arena.authenticate(person)

    def _get(self, path: str, headers: dict[str, str] | None = None) -> Reply | None:
        try:
            return self.wire.send(Browser(), "GET", path, content=None, headers=headers or {})
        except Broken:
            return None


def _with_challenge(value: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        challenge = value.get("challenge")
        if isinstance(challenge, str) and len(_bytes(challenge)) >= 1:
            yield pointer, value
        for name, each in value.items():
            escaped = name.replace("~", "~0").replace("/", "~1")
            yield from _with_challenge(each, f"{pointer}/{escaped}")


def _bytes(text: str) -> bytes:
    try:
        return from_base64url(text.rstrip("="))
    except ValueError:
        return b""


def _with_verdict(half: Half, answer: Answer) -> Half:
    """Where the answer says yes in words as well as by its status, the words count."""
    try:
        said = json.loads(answer.raw.partition(" ")[2])
    except ValueError:
        return half
    for name in _YES:
        if isinstance(said, dict) and said.get(name) is True:
            verdict = {"pointer": f"/{name}", "equals": True}
            return Half(begin=half.begin, options=half.options, finish=half.finish, accepted=verdict)
    return half


def _common_beginning(one: str, other: str) -> str:
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(first for first, _ in pairs)


def _opened(text: str, path: str) -> HttpSite:
    site = parse_site(text, path)
    assert isinstance(site, Site)
    return HttpSite(site)


def describe(url: str, registration: Half, authentication: Half) -> dict[str, Any]:
    return {
        "name": urlsplit(url).netloc,
        "url": url,
        "sign_up": [],
        "registration": registration.described(),
        "authentication": authentication.described(),
    }


def to_yaml(described: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=110)
    return text


def check(text: str, path: str) -> Iterable[str]:
    """One genuine registration and one genuine log-in; what does not work, in words."""
    target = _opened(text, path)
    arena = Arena(target=target, random=Random("check"))
    try:
        person = arena.person()
        for what, ceremony in (("registration", arena.register), ("log-in", arena.authenticate)):
            answer = ceremony(person)
            if not answer.accepted:
                yield f"a genuine {what} is not accepted: {answer.reason or answer.kind}"
                return
    except Unavailable as error:
        yield error.answer.reason or error.answer.kind
    finally:
        target.close()
