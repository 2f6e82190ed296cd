"""The JSON API: /api/…, described at /openapi.json."""

from __future__ import annotations

from scenarios.exchange.api import account, log_in, operations, passkeys, recovery
from scenarios.exchange.api.routing import Route

ROUTES: tuple[Route, ...] = (
    *account.ROUTES,
    *log_in.ROUTES,
    *recovery.ROUTES,
    *operations.ROUTES,
    *passkeys.ROUTES,
)
