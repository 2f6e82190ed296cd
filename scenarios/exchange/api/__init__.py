"""The JSON API: /api/…, described at /openapi.json."""

from __future__ import annotations

from scenarios.exchange.api import account, log_in, operations, passkeys
from scenarios.exchange.api.routing import Route

ROUTES: tuple[Route, ...] = (*account.ROUTES, *log_in.ROUTES, *operations.ROUTES, *passkeys.ROUTES)
