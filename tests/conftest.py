"""For all tests: no deadlines, as machines differ; and what `make check` leaves to `make test`."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that opens a browser is heavy by that."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("heavy")
