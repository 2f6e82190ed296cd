"""The OpenAPI 3.1 document of the JSON API, made of its routes and their types."""

from __future__ import annotations

import re
from typing import Any

from scenarios.exchange.api import ROUTES
from scenarios.exchange.api.routing import Nothing, Problem, Route
from scenarios.exchange.kinds import KINDS
from scenarios.exchange.schema import describe
from scenarios.exchange.service import Service

INTRODUCTION = """\
The JSON API of the exchange; its own pages use nothing else.

GET /api/session begins a session (a cookie) and gives its CSRF token. Every POST carries that token in the header
X-CSRF-Token, and an Origin header that is the exchange's. Log-in, log-out and step-up change the cookie and the token:
every answer gives the present one in its header X-CSRF-Token.

What a person wants done is an operation: POST /api/operations with a kind and details. At state "draft" it is to be
confirmed (repeat the details), at "verify" to be verified by one of its ways (a passkey, or codes), at "ready" an
add-passkey operation waits for its ceremony, at "done" it has a result.

Apps tell what browsers do not say in the header X-Device-Facts (screen-lock=no, bluetooth=no, google-services=no,
incognito=yes) and X-Region.
"""


def openapi(service: Service) -> dict[str, Any]:
    known: dict[str, Any] = {}
    problem = describe(Problem, known)
    known["Problem"]["additionalProperties"] = True
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, problem, known)
    for name, kind in KINDS.items():
        describe(kind.details, known)
        known[kind.details.__name__]["title"] = f"details of {name}"
    begin = known["Begin"]["properties"]
    begin["kind"] = {"type": "string", "enum": list(KINDS)}
    begin["details"] = {
        "anyOf": [{"$ref": f"#/components/schemas/{kind.details.__name__}"} for kind in KINDS.values()]
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"The exchange: {service.policy.look.brand}",
            "version": "1",
            "description": INTRODUCTION,
        },
        "servers": [{"url": service.origin}],
        "paths": paths,
        "components": {
            "schemas": known,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "session"}},
        },
    }


def _operation(route: Route, problem: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    made: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}-{route.path.removeprefix('/api/')}".replace("/", "-"),
        "responses": {
            "200": {
                "description": route.summary,
                "content": {"application/json": {"schema": describe(route.answer, known)}},
            },
            "default": {
                "description": "Why not",
                "content": {"application/json": {"schema": problem}},
            },
        },
    }
    if route.method == "POST":
        parameters.append(
            {"name": "X-CSRF-Token", "in": "header", "required": True, "schema": {"type": "string"}}
        )
        schema = {"type": "object"} if route.body is Nothing else describe(route.body, known)
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.logged_in:
        made["security"] = [{"session": []}]
    if parameters:
        made["parameters"] = parameters
    return made
