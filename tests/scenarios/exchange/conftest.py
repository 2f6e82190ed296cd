from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from exchange_visitor import IPHONE, OPEN, Visitor

from scenarios.exchange.policy import Policy
from scenarios.exchange.server import Exchange
from scenarios.exchange.tables import Base

MakeExchange = Callable[..., Exchange]


@pytest.fixture
def make_exchange() -> Iterator[MakeExchange]:
    """With STUNTKEY_TEST_DATABASE, a PostgreSQL URL of an empty database, every test runs on that."""
    url, made = os.environ.get("STUNTKEY_TEST_DATABASE"), []

    def make(policy: Policy | str = "okx-web", **options: object) -> Exchange:
        exchange = Exchange(policy, database=options.pop("database", url), **options)  # type: ignore[arg-type]
        made.append(exchange)
        return exchange.start()

    yield make
    while OPEN:
        OPEN.pop().close()
    for exchange in made:
        if url:
            Base.metadata.drop_all(exchange.service.database.engine)
        exchange.stop()


@pytest.fixture
def exchange(make_exchange: MakeExchange) -> Exchange:
    return make_exchange()


@pytest.fixture
def ann(exchange: Exchange) -> Visitor:
    """She has an e-mail address and an authenticator app."""
    return Visitor(exchange).sign_up().bind_app()


@pytest.fixture
def at(make_exchange: MakeExchange) -> Callable[[str], Visitor]:
    """Somebody with everything bound, at an exchange of this policy, on a device that it supports."""

    def go(policy: str) -> Visitor:
        agent = {"agent": IPHONE} if policy == "mexc" else {}
        return Visitor(make_exchange(policy), **agent).sign_up(phone="+15550100").bind_app()

    return go
