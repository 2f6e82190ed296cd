"""Requests as a browser would send them, with cookies; every one ends in time, whatever the server does."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from harness.fuzz.targets import Answer, Outcome

MAX_ANSWER = 4 << 20
MAX_WAIT = 2.0
"""Seconds that a `Retry-After` is obeyed; a longer one is told as throttling."""


class Broken(Exception):
    """No answer was had: why is in the answer."""

    def __init__(self, outcome: Outcome, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.answer = Answer(outcome=outcome, reason=reason, kind=kind)


@dataclass(slots=True, kw_only=True)
class Browser:
    """A session: cookies, headers that are forced on it, and the CSRF token that it has seen last."""

    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    csrf: str | None = None
    without_csrf: bool = False
    person: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: httpx.Headers
    text: str
    cookies: Mapping[str, str] = field(default_factory=dict)
    """The session's, once this answer has set its own."""

    @property
    def shown(self) -> str:
        return f"{self.status} {self.text[:4000]}"


class Wire:
    def __init__(self, url: str, *, origin: str, patience: float, headers: Mapping[str, str]) -> None:
        self.url, self.origin, self.patience = url, origin, patience
        self._headers = dict(headers)
        limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
        self._client = httpx.Client(
            trust_env=False,
            follow_redirects=False,
            timeout=patience,
            limits=limits,
            # each session keeps its own cookies: the client's jar takes none
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        )

    def close(self) -> None:
        self._client.close()

    def send(
        self, browser: Browser, method: str, path: str, *, content: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        """Once more after a short Retry-After; Broken where there is no answer."""
        deadline = time.monotonic() + self.patience
        reply = self._send(browser, method, path, content, headers, deadline)
        if reply.status in (429, 503):
            wait = _retry_after(reply)
            if wait is not None and wait <= MAX_WAIT:
                time.sleep(wait)  # asked for by the server
                deadline = time.monotonic() + self.patience
                reply = self._send(browser, method, path, content, headers, deadline)
        return reply

    def _send(
        self,
        browser: Browser,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        deadline: float,
    ) -> Reply:
        sent = httpx.Headers({"Accept": "application/json, text/html", **self._headers})
        if method != "GET":
            sent["Origin"] = self.origin
            sent["Referer"] = f"{self.origin}/"
        sent.update(headers)
        if browser.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        sent.update(browser.headers)
        url = urljoin(self.url, path)
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            raise Broken(Outcome.UNREACHABLE, f"the path {path} leads to another host", "leads away")
        try:
            try:
                response, text = self._exchange(method, url, content, sent, deadline)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # A server may close a kept connection whenever it likes, many do after an error: RFC 9112 §9.3.1
                # has clients ask again on a new one. A server that is cut down by the request is cut down again.
                response, text = self._exchange(method, url, content, sent, deadline)
        except httpx.TimeoutException:
            raise self._late() from None
        except httpx.ConnectError as error:
            raise Broken(
                Outcome.UNREACHABLE, f"{self.url} does not answer: {error}", "no connection"
            ) from None
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            raise Broken(
                Outcome.CRASHED, f"the connection was cut off: {error}", "connection cut off"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Broken(Outcome.UNREACHABLE, f"{type(error).__name__}: {error}", "no HTTP") from None
        _take_cookies(browser, response.headers)
        return Reply(
            status=response.status_code, headers=response.headers, text=text, cookies=dict(browser.cookies)
        )

    def _exchange(
        self, method: str, url: str, content: bytes | None, headers: httpx.Headers, deadline: float
    ) -> tuple[httpx.Response, str]:
        with self._client.stream(method, url, content=content, headers=headers) as response:
            return response, self._read(response, deadline)

    def _read(self, response: httpx.Response, deadline: float) -> str:
        """All of it in time: a byte a second would never end."""
        data = bytearray()
        for chunk in response.iter_bytes():
            data += chunk
            if time.monotonic() > deadline:
                raise self._late()
            if len(data) > MAX_ANSWER:
                raise Broken(Outcome.UNREACHABLE, f"an answer of more than {MAX_ANSWER} bytes", "too much")
        return data.decode("utf-8", "replace")

    def _late(self) -> Broken:
        return Broken(Outcome.HUNG, f"no answer within {self.patience:g} s", "hang")


def _retry_after(reply: Reply) -> float | None:
    value = reply.headers.get("retry-after", "")
    return float(value) if re.fullmatch(r"\d{1,9}(\.\d+)?", value) else None


def _take_cookies(browser: Browser, headers: httpx.Headers) -> None:
    for line in headers.get_list("set-cookie"):
        try:
            morsels: SimpleCookie = SimpleCookie(line)
        except CookieError:
            continue
        for name, morsel in morsels.items():
            gone = morsel["max-age"] == "0" or "01 Jan 1970" in morsel["expires"]
            if gone or not morsel.value:
                browser.cookies.pop(name, None)
            else:
                browser.cookies[name] = morsel.coded_value


def classify(reply: Reply, success: tuple[int, ...] = ()) -> Answer:
    """What a status says."""
    raw, kind = reply.shown, f"HTTP {reply.status}"
    reason = " ".join(_words(reply).split())[:400]
    if not reason and 300 <= reply.status < 400:
        reason = f"it leads to {reply.headers.get('location', 'nowhere')}"
    made: dict[str, Any] = {"reason": reason, "kind": kind, "raw": raw}
    if reply.status in success or (not success and 200 <= reply.status < 300):
        return Answer(outcome=Outcome.ACCEPTED, **made)
    if reply.status == 429 or (reply.status == 503 and "retry-after" in reply.headers):
        wait = reply.headers.get("retry-after")
        made["reason"] = f"too many requests{f'; it asks to wait for {wait} s' if wait else ''}"
        return Answer(outcome=Outcome.THROTTLED, **made)
    if reply.status >= 500:
        return Answer(outcome=Outcome.CRASHED, **made)
    return Answer(outcome=Outcome.REFUSED, step=_step(reply), **made)


def _json(reply: Reply) -> Any:
    import json

    try:
        return json.loads(reply.text)
    except (ValueError, RecursionError):
        return None


def _words(reply: Reply) -> str:
    value = _json(reply)
    if isinstance(value, dict):
        for name in ("message", "detail", "error", "reason", "msg"):
            if isinstance(value.get(name), str):
                return str(value[name])
    return re.sub(r"<[^>]*>", " ", reply.text)


def _step(reply: Reply) -> str:
    value = _json(reply)
    step = value.get("step") if isinstance(value, dict) else None
    return step if isinstance(step, str) and re.fullmatch(r"[78]\.\d[\d.]*", step) else ""
