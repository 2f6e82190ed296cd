"""Every kind of operation: what it is told, what it takes, what it does."""

from __future__ import annotations

from collections.abc import Mapping

from scenarios.exchange.kinds import accounts, assets, passkeys, settings
from scenarios.exchange.operations import Kind

KINDS: Mapping[str, Kind] = {**assets.KINDS, **passkeys.KINDS, **settings.KINDS}
"""Of people who are logged in."""

ANONYMOUS = accounts.KINDS
"""Of people who are not, yet."""
