"""The exchange's hooks for tests."""

from __future__ import annotations

MESSAGE = "#message:not(:empty)"
ERROR = "#error:not(:empty)"


def test(name: str) -> str:
    """The selector of a `data-test` hook."""
    return f'[data-test="{name}"]'
