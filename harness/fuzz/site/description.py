"""What a fuzzer must know of a web site: how to sign up, run ceremonies, see who is logged in, and manage passkeys.

Texts may hold `{user}`, `{email}`, `{password}` and `{handle}` of the person, `{name}` and `{id}` where a passkey is
managed, `{seconds}` where the clock is turned, `{credential}` (the credential's JSON) where a ceremony is finished, and
whatever an earlier request of the same story kept.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _request_line(value: str) -> str:
    method, _, path = value.partition(" ")
    if method not in _METHODS or not path.startswith("/"):
        raise ValueError(f"write a method ({', '.join(_METHODS)}) and a path, such as POST /api/passkeys")
    return value


def _pointer(value: str) -> str:
    if value and not value.startswith("/"):
        raise ValueError("a JSON pointer (RFC 6901) is empty or begins with /, such as /options/publicKey")
    return value


def _pattern(value: str) -> str:
    try:
        if re.compile(value).groups != 1:
            raise ValueError("a pattern has one group: what it is to find")
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return value


RequestLine = Annotated[str, AfterValidator(_request_line)]
Pointer = Annotated[str, AfterValidator(_pointer)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Find(Part):
    """Where an answer has something: one of these."""

    pointer: Pointer | None = None
    """In its JSON."""
    pattern: Pattern | None = None
    """In its text: a regular expression with one group."""
    header: str | None = None
    cookie: str | None = None


class Request(Part):
    send: RequestLine
    """`POST /api/passkeys`."""
    json_: Any = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    body: str | None = None
    """Text that is sent as it is: `{credential}`, where the credential is all of it."""
    headers: dict[str, str] = {}
    keep: dict[str, Find] = {}
    """Name → where the answer has what later requests need."""
    success: tuple[int, ...] = ()
    """Statuses that say yes; without any, 2xx."""
    optional: bool = False
    """Whether the story goes on if it is refused: something that is done once for each account."""


class Csrf(Part):
    """A token that every request but GET carries."""

    find: Find
    """Where each answer has it, if it has it."""
    first: RequestLine = "GET /"
    """What is asked for the first one."""
    header: str | None = None
    """Where it goes: a header, a form field, or a member of the JSON."""
    field: str | None = None


class Verdict(Part):
    """What an answer to a finished ceremony says besides its status: in its JSON, or in a header."""

    pointer: Pointer = ""
    equals: Any = True
    header: str | None = None
    """`Location`, where yes and no lead to different pages."""
    matches: Pattern | None = None
    """What the header is then, as a regular expression: `^(/)$`."""


class Ceremony(Part):
    begin: tuple[Request, ...]
    options: Find = Find(pointer="")
    """Where the answer has the options for navigator.credentials."""
    finish: tuple[Request, ...]
    """The answer to the last one decides."""
    accepted: Verdict | None = None
    """Where a status of success is not yet a yes: `{verified: false}`."""


class Authentication(Ceremony):
    begin_unnamed: tuple[Request, ...] = ()
    """Without saying who one is."""
    finish_unnamed: tuple[Request, ...] = ()
    """Where that is finished in another way."""


class Listing(Part):
    request: Request
    items: Pointer
    """Where the answer has the list."""
    credential_id: Pointer
    """Where each of its members has the credential id."""
    handle: Pointer | None = None
    """Where it has the site's own id, `{id}` below; the credential id, if not given."""


class Credentials(Part):
    list_: Listing = Field(alias="list")
    rename: tuple[Request, ...] = ()
    delete: tuple[Request, ...] = ()
    page: RequestLine | None = None
    """A page that shows their names."""


class Who(Part):
    request: Request
    name: Find
    """The user's name, as it stands for `{user}` or `{email}`; nothing if nobody is logged in."""


class Step(Part):
    """One thing that a person does on a page."""

    goto: str | None = None
    """A path."""
    fill: dict[str, str] = {}
    """Selector → text."""
    check: str | None = None
    click: str | None = None
    wait: str | None = None
    """Until something of this selector is shown."""


class InBrowser(Part):
    steps: tuple[Step, ...]
    """Until the page asks navigator.credentials."""
    accepted: str
    """A regular expression of what the page says then, and did not say before."""
    refused: str


class PageSite(Part):
    """A site that is driven in a real browser, through its own pages."""

    name: str
    url: str
    in_browser: Literal[True]
    origin: str | None = None
    rp_id: str | None = None
    user: str = "{user}@example.com"
    patience: float = Field(default=20.0, gt=0, le=600)
    """Seconds that a page may take for each thing it is asked."""
    user_verification: Literal["required", "preferred", "discouraged"] = "preferred"
    sign_up: tuple[Step, ...] = ()
    registration: InBrowser
    authentication: InBrowser


class Site(Part):
    name: str
    url: str
    """Of this machine, unless one says that one may: http://localhost:8800."""
    origin: str | None = None
    """Of the pages; that of the URL, if not given."""
    rp_id: str | None = None
    user: str = "{user}@example.com"
    """What people are called here, of a fresh `{user}`: then `{email}`."""
    headers: dict[str, str] = {}
    encoding: Literal["base64url", "base64"] = "base64url"
    """Of bytes in options."""
    patience: float = Field(default=10.0, gt=0, le=600)
    """Seconds that a request may take, all in all."""
    csrf: Csrf | None = None
    user_verification: Literal["required", "preferred", "discouraged"] = "preferred"
    """What it asks for; only `required` makes it answer for missing verification."""
    multi_factor: bool = False
    """Whether a passkey by itself counts as two factors."""
    sign_up: tuple[Request, ...]
    registration: Ceremony
    authentication: Authentication
    step_up: Ceremony | None = None
    password: tuple[Request, ...] = ()
    """Logging in with name and password alone."""
    who: Who | None = None
    log_out: tuple[Request, ...] = ()
    credentials: Credentials | None = None
    delete_account: tuple[Request, ...] = ()
    clock: tuple[Request, ...] = ()
    """How its clock is turned on by `{seconds}`, where tests can do that."""
