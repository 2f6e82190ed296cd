"""Requests that are not what they should be: refused in words, never a mistake of the server."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from conftest import MakeExchange
from exchange_visitor import PASSWORD, Visitor

from scenarios.exchange.api import ROUTES
from scenarios.exchange.pages import PAGES
from scenarios.exchange.server import Exchange


def test_without_the_sessions_token_nothing_is_changed(ann: Visitor) -> None:
    for token in ("", "wrong", Visitor(ann.exchange).csrf):
        answer = ann.refused("/api/log-out", **{"X-CSRF-Token": token})
        assert (answer["status"], answer["error"]) == (403, "csrf")
    assert ann.account is not None


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost"])
def test_requests_of_other_pages_are_refused(ann: Visitor, origin: str) -> None:
    assert ann.refused("/api/log-out", Origin=origin)["error"] == "wrong-origin"
    assert ann.account is not None


def test_a_request_that_names_no_origin_is_refused(exchange: Exchange) -> None:
    with httpx.Client(base_url=exchange.url) as http:
        csrf = http.get("/api/session").json()["csrf"]
        answer = http.post("/api/log-out", json={}, headers={"X-CSRF-Token": csrf})
    assert answer.json()["error"] == "wrong-origin"


def test_every_change_needs_the_token(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    for route in ROUTES:
        if route.method == "POST":
            path = re.sub(r"\{\w+\}", "x", route.path)
            assert visitor.refused(path, {}, **{"X-CSRF-Token": "x"})["error"] == "csrf", path


def test_what_is_the_accounts_needs_a_log_in(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    for route in ROUTES:
        if route.logged_in:
            path = re.sub(r"\{\w+\}", "x", route.path)
            response = visitor.request(route.method, path)
            assert (response.status_code, response.json()["error"]) == (401, "not-logged-in"), path


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "bad-json"),
        (b"{", "bad-json"),
        (b'{"identifier": "a", "identifier": "b"}', "bad-json"),
        (b'{"identifier": NaN}', "bad-json"),
        (b'{"identifier": "\xff"}', "bad-json"),
        (b"\xef\xbb\xbf{}", "bad-json"),
        (b"[" * 100_000, "bad-json"),
        (b"1" * 5000, "bad-json"),
        (b"[]", "bad-request"),
        (b"null", "bad-request"),
        (b"{}", "bad-request"),
        (b'{"identifier": 1}', "bad-request"),
        (b'{"identifier": ""}', "bad-request"),
        (b'{"identifier": null}', "bad-request"),
        (b'{"identifier": "a\\u0000b"}', "bad-request"),
        (b'{"identifier": "\\ud800"}', "bad-request"),
        (b'{"identifier": "a", "more": 1}', "bad-request"),
        (b'{"identifier": "' + b"a" * 300 + b'"}', "bad-request"),
    ],
)
def test_bodies_that_are_not_what_is_asked_for(exchange: Exchange, body: bytes, error: str) -> None:
    visitor = Visitor(exchange)
    headers = {"X-CSRF-Token": visitor.csrf, "Content-Type": "application/json"}
    response = visitor.http.post("/api/log-in", content=body, headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_bodies_have_a_media_type_and_a_limit(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    headers = {"X-CSRF-Token": visitor.csrf}
    form = visitor.http.post("/api/log-in", data={"identifier": "a"}, headers=headers)
    assert form.status_code == 415
    large = json.dumps({"identifier": "a" * 600_000})
    headers["Content-Type"] = "application/json"
    assert visitor.http.post("/api/log-in", content=large, headers=headers).status_code == 413


JUNK: list[Any] = [
    None,
    0,
    "",
    "x",
    [],
    {},
    {"id": 1},
    {"type": "public-key", "id": "AA", "rawId": "AA", "response": {}},
    {
        "type": "public-key",
        "id": "AA",
        "rawId": "AA",
        "response": {"clientDataJSON": "e30", "signature": "AA"},
    },
    {"type": "public-key", "id": "ä", "rawId": "ä", "response": []},
    {
        "type": "public-key",
        "id": "AA",
        "rawId": "AA",
        "response": {"attestationObject": "oA", "clientDataJSON": "e30"},
    },
]


@pytest.mark.parametrize("junk", JUNK, ids=str)
def test_junk_instead_of_a_credential(exchange: Exchange, junk: Any) -> None:
    visitor = Visitor(exchange)
    begun = visitor.post("/api/log-in/passkey/options", {"conditional": True})
    answer = visitor.refused("/api/log-in/passkey", {"ceremony": begun["ceremony"], "credential": junk})
    assert answer["error"] in ("bad-request", "passkey-refused")


@pytest.mark.parametrize(
    "cookie", ["session=x", "session=", 'session="', "session=\xe4", "; ;=", "session=" + "a" * 5000]
)
def test_strange_cookies_are_nobodys(exchange: Exchange, cookie: str) -> None:
    response = httpx.get(f"{exchange.url}/api/session", headers={"Cookie": cookie.encode("latin-1")})
    assert response.status_code == 200
    assert "account" not in response.json()


def test_unknown_paths_and_methods(exchange: Exchange) -> None:
    for path in ("/api/nothing", "/nothing", "/static/../policy.py", "/static/nothing"):
        assert httpx.get(exchange.url + path).status_code == 404
    assert httpx.get(f"{exchange.url}/api/log-out").status_code == 405


@pytest.mark.parametrize("name", ["%00", "%ff", "a%20b", "a" * 100, "..", "%F0%9F%92%A9", "-1", "9" * 60])
def test_paths_that_name_nothing(ann: Visitor, name: str) -> None:
    for path in ("/api/operations/{}/cancel", "/api/passkeys/{}/name", "/api/sessions/{}/end"):
        response = ann.request("POST", path.format(name), {"name": "x"} if "passkeys" in path else {})
        assert response.status_code in (404, 405), path


def test_pages_forbid_what_they_do_not_do(exchange: Exchange) -> None:
    response = httpx.get(exchange.url)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["cache-control"] == "no-store"
    assert "HttpOnly" in response.headers["set-cookie"]
    assert "SameSite=lax" in response.headers["set-cookie"]


def test_a_log_out_by_form_needs_its_token(ann: Visitor) -> None:
    assert ann.http.post("/log-out", data={"csrf": "wrong"}).status_code == 403
    assert ann.account is not None
    ann.http.get("/dashboard")
    assert ann.http.post("/log-out", data={"csrf": ann.csrf}).status_code == 303
    assert ann.account is None


@pytest.mark.parametrize("policy", ["mexc", "okx-app", "kucoin", "pionex", "okx-web"])
def test_every_page_shows(make_exchange: MakeExchange, policy: str) -> None:
    exchange = make_exchange(policy)
    visitor = Visitor(exchange)
    for page in PAGES:
        response = visitor.http.get(page.path)
        assert response.status_code == (303 if page.logged_in else 200), page.path
    visitor.sign_up()
    for page in PAGES:
        response = visitor.http.get(page.path)
        assert response.status_code == 200, page.path
        # what the content security policy would have to allow
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", response.text), page.path


def test_nothing_that_people_write_becomes_markup(ann: Visitor) -> None:
    made = ann.add_passkey(ann.client(), name="<script>alert(1)</script>'\"")
    page = ann.http.get("/security/passkeys").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert made["name"].startswith("<script>")


def test_the_outbox_and_the_clock_are_there_when_asked_for(make_exchange: MakeExchange) -> None:
    exchange = make_exchange("okx-web", outbox=False, test_clock=False)
    assert httpx.get(f"{exchange.url}/test/outbox").status_code == 404
    assert httpx.get(f"{exchange.url}/outbox").status_code == 404
    assert httpx.post(f"{exchange.url}/test/clock", json={"advance": 1}).status_code == 404
    assert "/outbox" not in httpx.get(exchange.url).text


def test_a_clock_that_tests_move(exchange: Exchange) -> None:
    url = f"{exchange.url}/test/clock"
    before = httpx.get(url).json()["now"]
    assert httpx.post(url, json={"advance": 3600}).json()["now"] >= before + 3600
    for junk in ({}, {"advance": -1}, {"advance": "1"}, {"advance": True}, {"advance": 1e12}, [], 1):
        assert httpx.post(url, json=junk).status_code == 400


def test_an_address_that_asks_too_fast(make_exchange: MakeExchange) -> None:
    from dataclasses import replace

    from scenarios.exchange.policy import Limits, load_policy

    policy = replace(load_policy("okx-web"), limits=Limits(requests_per_minute=5))
    exchange = make_exchange(policy)
    codes = [httpx.get(f"{exchange.url}/api/session").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    exchange.clock.advance(61)
    assert httpx.get(f"{exchange.url}/api/session").status_code == 200


def test_too_many_codes_to_one_address(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    operation = visitor.post("/api/sign-up", {"email": "a@example.com", "password": PASSWORD})
    path = f"/api/operations/{operation['id']}/send"
    codes = [visitor.request("POST", path, {"factor": "email"}).status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]
