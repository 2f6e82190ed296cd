"""The JSON API's routes: what each is sent, answers and needs. The OpenAPI document is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scenarios.exchange.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """It is done. `csrf` is the token for the next request: it changes when the session's secret does."""

    done: bool
    csrf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why it is not done: a word for programs, a sentence for people."""

    error: str
    message: str
    step: str | None = None
    field: str | None = None
    """The member that is to blame, where it is one that people enter."""
    factor: str | None = None
    attempts_left: int | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    method: str
    path: str
    handler: Callable[[Call, Any], Any]
    body: type
    answer: type
    summary: str
    logged_in: bool
    status: int = 200


def get(path: str, handler: Any, answer: type, summary: str, *, logged_in: bool = False) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        body=Nothing,
        answer=answer,
        summary=summary,
        logged_in=logged_in,
    )


def post(
    path: str, handler: Any, body: type, answer: type, summary: str, *, logged_in: bool = False
) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        body=body,
        answer=answer,
        summary=summary,
        logged_in=logged_in,
    )


def done(call: Call) -> Done:
    return Done(done=True, csrf=call.csrf)
