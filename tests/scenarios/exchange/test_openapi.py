"""The OpenAPI document and the API say the same."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jsonschema
from exchange_visitor import Visitor

from scenarios.exchange.api import ROUTES
from scenarios.exchange.kinds import KINDS


def test_every_route_is_described(ann: Visitor) -> None:
    document = ann.http.get("/openapi.json").json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}
    kinds = document["components"]["schemas"]["Begin"]["properties"]["kind"]["enum"]
    assert set(kinds) == set(KINDS)


def test_real_answers_fit(ann: Visitor) -> None:
    """Everything that a visit asks and is answered is what the document says."""
    document = ann.http.get("/openapi.json").json()
    seen: set[str] = set()

    def check(response: httpx.Response) -> None:
        response.read()
        path = response.request.url.path
        template = next((each for each in document["paths"] if fits(each, path)), None)
        if template is None:
            return
        described = document["paths"][template][response.request.method.lower()]
        ok = "200" if response.status_code == 200 else "default"
        answer = described["responses"][ok]["content"]["application/json"]["schema"]
        validate(document, answer, response.json())
        if response.request.method == "POST" and ok == "200":
            import json

            sent = described["requestBody"]["content"]["application/json"]["schema"]
            validate(document, sent, json.loads(response.request.content))
        seen.add(template)

    ann.http.event_hooks["response"] = [check]
    client = ann.client()
    made = ann.add_passkey(client)
    ann.post(f"/api/passkeys/{made['id']}/name", {"name": "Key"})
    ann.step_up(client, ann.confirmed("withdraw", **ann.withdrawal()))
    for path in ("/api/balances", "/api/history", "/api/sessions", "/api/passkeys", "/api/session"):
        ann.get(path)
    ann.post("/api/requirements", {"device": {"screen_lock": True}})
    ann.refused("/api/sessions/1/end")
    ann.refused("/api/recovery/cancel")
    cancelled = ann.begin("api-key", label="bot", rights=["read"])
    ann.post(f"/api/operations/{cancelled['id']}/cancel")
    ann.get(f"/api/operations/{cancelled['id']}")
    ann.log_out()
    ann.identify()
    ann.log_in_by_passkey(client)
    ann.log_out()
    ann.log_in_again()
    ann.log_out()
    ann.post("/api/recovery", {"identifier": ann.email})
    ann.refused("/api/recovery/complete", {"token": "x", "password": "long enough"})
    ann.refused("/api/log-in/slider", {"position": 1})
    ann.post("/api/sign-up", {"email": "new@example.com", "password": "long enough"})
    assert seen == set(document["paths"])


def fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


def validate(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)
