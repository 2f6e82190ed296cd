"""What tests reach that users do not: the outbox and the clock, each only where it was asked for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as DatabaseSession
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from scenarios.exchange.service import Service
from scenarios.exchange.tables import Message
from scenarios.exchange.webauthn.encoding import parse_json

MAX_ADVANCE = 10 * 365 * 86400


def messages(service: Service, to: str | None = None, limit: int = 200) -> list[dict[str, Any]]:
    """What was sent, latest first."""
    with service.database.begin() as db:
        return read_messages(db, to, limit)


def read_messages(db: DatabaseSession, to: str | None, limit: int) -> list[dict[str, Any]]:
    query = select(Message).order_by(Message.id.desc()).limit(limit)
    if to is not None:
        query = query.where(Message.to == to)
    return [
        {
            "id": each.id,
            "channel": each.channel,
            "to": each.to,
            "text": each.text,
            "code": each.code,
            "at": each.at,
        }
        for each in db.scalars(query).all()
    ]


def hooks(service: Service) -> list[BaseRoute]:
    async def outbox(request: Request) -> Response:
        to = request.query_params.get("to")
        if to is not None and ("\0" in to or not to.isprintable()):
            return JSONResponse({"messages": []})
        return JSONResponse({"messages": await run_in_threadpool(messages, service, to)})

    async def clock(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"now": service.clock.now()})
        try:
            sent = parse_json(await request.body())
            seconds = sent["advance"]
        except (ValueError, KeyError, TypeError):
            raise HTTPException(400) from None
        if type(seconds) not in (int, float) or not 0 <= seconds <= MAX_ADVANCE:
            raise HTTPException(400)
        return JSONResponse({"now": service.clock.advance(seconds)})

    made: list[BaseRoute] = []
    if service.outbox:
        made.append(Route("/test/outbox", outbox))
    if service.test_clock:
        made.append(Route("/test/clock", clock, methods=["GET", "POST"]))
    return made
