"""The exchange as an ASGI application: from requests to calls, from calls to answers."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.routing import Route as StarletteRoute
from starlette.staticfiles import StaticFiles

from scenarios.exchange import schema
from scenarios.exchange.api import ROUTES
from scenarios.exchange.api.recovery import cancel_recovery
from scenarios.exchange.api.routing import Nothing, Route
from scenarios.exchange.call import Call, csrf_token, is_csrf_token, new_session
from scenarios.exchange.errors import Denied
from scenarios.exchange.headers import SecurityHeaders
from scenarios.exchange.limits import Pace
from scenarios.exchange.openapi import openapi
from scenarios.exchange.pages import PAGES, STATIC, STATIC_PATH, Page, look_path, render, render_problem
from scenarios.exchange.service import Service, sha256
from scenarios.exchange.tables import Session
from scenarios.exchange.test_hooks import hooks
from scenarios.exchange.webauthn.encoding import parse_json

MAX_BODY = 512 * 1024
log = logging.getLogger(__name__)


def make_app(service: Service) -> Starlette:
    pace = Pace(service.policy.limits.requests_per_minute, service.clock)
    document = openapi(service)

    async def show_openapi(request: Request) -> Response:
        return JSONResponse(document)

    async def show_related(request: Request) -> Response:
        return JSONResponse({"origins": list(service.related)})

    routes: list[BaseRoute] = [
        *_api_routes(service, pace),
        *(StarletteRoute(page.path, _page_endpoint(service, page, pace)) for page in PAGES),
        StarletteRoute("/log-out", _form(service, pace, _log_out), methods=["POST"]),
        StarletteRoute("/recovery/cancel", _form(service, pace, _cancel_recovery), methods=["POST"]),
        StarletteRoute("/openapi.json", show_openapi),
        *([StarletteRoute("/.well-known/webauthn", show_related)] if service.related else []),
        *_look(service),
        *hooks(service),
        Mount(STATIC_PATH, StaticFiles(directory=STATIC), name="static"),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_problem(service), Exception: _bug},
        max_body_size=MAX_BODY,
    )
    app.add_middleware(SecurityHeaders, secure=service.is_secure)
    return app


def _look(service: Service) -> list[BaseRoute]:
    look = service.policy.look
    theme = (
        f":root {{ --accent: {look.accent}; }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ --accent: {look.accent_dark}; }} }}\n"
    )
    icon = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{look.accent}"/><text x="16" y="23" text-anchor="middle" '
        f'font-family="sans-serif" font-weight="800" font-size="19" fill="#fff">{escape(look.letter[:1])}</text></svg>'
    )

    async def show_theme(request: Request) -> Response:
        return Response(theme, media_type="text/css")

    async def show_icon(request: Request) -> Response:
        return Response(icon, media_type="image/svg+xml")

    path = look_path(look)
    return [StarletteRoute(f"{path}/theme.css", show_theme), StarletteRoute(f"{path}/icon.svg", show_icon)]


# The JSON API


def _api_routes(service: Service, pace: Pace) -> list[BaseRoute]:
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    return [
        StarletteRoute(path, _api_endpoint(service, methods, pace), methods=list(methods))
        for path, methods in by_path.items()
    ]


def _api_endpoint(service: Service, routes: Mapping[str, Route], pace: Pace) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        route = routes["GET" if request.method == "HEAD" else request.method]
        try:
            pace.require(_address(request))
            _require_own_page(service, request)
            sent = await _json_body(request) if route.method == "POST" else {}
        except Denied as denied:
            return _denied(denied)
        return await run_in_threadpool(_answer, service, request, route, sent)

    return endpoint


def _answer(service: Service, request: Request, route: Route, sent: object) -> Response:
    def handle(call: Call) -> Response:
        if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) for value in call.path.values()):
            raise Denied(404, "not-found", "There is no such thing.")
        if route.method == "POST":
            _require_csrf(service, call, request.headers.get("x-csrf-token", ""))
        if route.logged_in and not service.has_flaw("finish-as-nobody"):
            _ = call.user
        answer = route.handler(call, schema.read(route.body, sent))
        return JSONResponse(schema.write(answer))

    try:
        return with_call(service, request, handle, _denied)
    except IntegrityError:
        return _denied(Denied(409, "conflict", "Something else happened at the same time. Try again."))


def _denied(denied: Denied) -> Response:
    headers = {"Retry-After": "60"} if denied.status == 429 else None
    return JSONResponse(denied.body(), status_code=denied.status, headers=headers)


async def _json_body(request: Request) -> object:
    """Strict JSON: one media type, one encoding, no member twice, nothing beyond the limit."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Denied(415, "not-json", "Send application/json.")
    raw = bytearray()
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > MAX_BODY:
                raise Denied(413, "too-large", f"A body has at most {MAX_BODY} bytes.")
        return parse_json(bytes(raw).decode("utf-8"))
    except ClientDisconnect:
        raise Denied(400, "bad-request", "The body ended early.") from None
    except HTTPException as error:
        raise Denied(error.status_code, "too-large", f"A body has at most {MAX_BODY} bytes.") from None
    except ValueError:
        raise Denied(400, "bad-json", "The body is no proper JSON.") from None


# Whose request it is


def _require_own_page(service: Service, request: Request) -> None:
    """A request that changes something comes from one of our pages: browsers always say so in a POST."""
    if request.method in ("GET", "HEAD"):
        return
    if service.has_flaw("csrf-unchecked") or service.has_flaw("origin-mirrored"):
        return
    if request.headers.get("origin") not in service.origins:
        raise Denied(403, "wrong-origin", "The request does not come from a page of ours.")


def _require_csrf(service: Service, call: Call, sent: str) -> None:
    if not (is_csrf_token(service, call.token, sent) or service.has_flaw("csrf-unchecked")):
        raise Denied(403, "csrf", "The page is out of date. Reload it.")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def cookie_name(service: Service) -> str:
    return "__Host-session" if service.is_secure else "session"


def _cookie(service: Service, request: Request) -> str:
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    morsel = cookies.get(cookie_name(service))
    return morsel.value[:200] if morsel else ""


def with_call(
    service: Service,
    request: Request,
    handle: Callable[[Call], Response],
    on_denied: Callable[[Denied], Response],
    form: Mapping[str, str] | None = None,
) -> Response:
    """One transaction. A denial is an answer like others: the attempts that it counted stay counted."""
    now = service.clock.now()
    with service.database.begin() as db:
        token = _cookie(service, request)
        session = None
        if token:
            session = db.scalars(
                select(Session).where(Session.token_hash == sha256(token.encode("utf-8", "replace")))
            ).one_or_none()
        if session is None or session.expires <= now:
            # an unknown secret is not taken over: a new session has a new one
            session, token = new_session(now), secrets.token_urlsafe(32)
            session.token_hash = sha256(token.encode())
            db.add(session)
            db.flush()
        call = Call(
            service=service,
            db=db,
            headers=request.headers,
            address=_address(request),
            path={name: str(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            session=session,
            token=token,
            now=now,
            form=form or {},
        )
        try:
            response = handle(call)
        except Denied as denied:
            response = on_denied(denied)
        db.commit()
    _set_cookie(service, response, call)
    return response


def _set_cookie(service: Service, response: Response, call: Call) -> None:
    response.headers["X-CSRF-Token"] = csrf_token(service, call.token)
    response.set_cookie(
        cookie_name(service),
        call.token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=service.is_secure,
    )


# Pages


def _page_endpoint(service: Service, page: Page, pace: Pace) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        try:
            pace.require(_address(request))
        except Denied as denied:
            return render_problem(service, denied)
        return await run_in_threadpool(show, request)

    def show(request: Request) -> Response:
        def handle(call: Call) -> Response:
            if page.logged_in and call.user_or_none is None:
                return RedirectResponse(f"/log-in?next={page.path}", status_code=303)
            return render(page, call)

        return with_call(service, request, handle, lambda denied: render_problem(service, denied))

    return endpoint


def _log_out(call: Call) -> str:
    call.log_out()
    return "/"


def _cancel_recovery(call: Call) -> str:
    cancel_recovery(call, Nothing())
    return "/security"


def _form(service: Service, pace: Pace, act: Callable[[Call], str]) -> Callable[..., Any]:
    """A form that works without scripts, on any page; what it does says where to go then."""

    async def endpoint(request: Request) -> Response:
        try:
            pace.require(_address(request))
            _require_own_page(service, request)
            async with request.form(max_files=0, max_fields=4, max_part_size=1024) as sent:
                form = {name: value for name, value in sent.items() if isinstance(value, str)}
        except Denied as denied:
            return render_problem(service, denied)
        except HTTPException:
            return render_problem(service, Denied(400, "bad-request", "The form cannot be read."))
        return await run_in_threadpool(submit, request, form)

    def submit(request: Request, form: Mapping[str, str]) -> Response:
        def handle(call: Call) -> Response:
            _require_csrf(service, call, form.get("csrf", ""))
            return RedirectResponse(act(call), status_code=303)

        return with_call(service, request, handle, lambda denied: render_problem(service, denied))

    return endpoint


# Problems


def _http_problem(service: Service) -> Callable[..., Any]:
    async def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        words = {404: "There is no such page.", 405: "That is not how this page is asked."}
        denied = Denied(
            error.status_code, "not-found", words.get(error.status_code, "That cannot be answered.")
        )
        if request.url.path.startswith(("/api/", "/test/")):
            response = JSONResponse(denied.body(), status_code=denied.status)
            if error.headers:
                response.headers.update(error.headers)
            return response
        return render_problem(service, denied)

    return handler


async def _bug(request: Request, error: Exception) -> Response:
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return JSONResponse({"error": "bug", "message": "The exchange has made a mistake."}, status_code=500)
