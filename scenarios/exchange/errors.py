"""What the exchange tells its users when it will not do what they ask."""

from __future__ import annotations

from typing import Any


class Denied(Exception):
    """An answer that is no success: a status, a word for programs, a sentence for people."""

    def __init__(self, status: int, error: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.more = more

    def body(self) -> dict[str, Any]:
        return {"error": self.error, "message": self.message, **self.more}


class ConfigurationError(ValueError):
    """The exchange cannot be started so: what is wrong, in one line."""


def bad_request(message: str, where: str = "") -> Denied:
    return Denied(400, "bad-request", f"{where}: {message}" if where else message)


def bad_field(where: str, message: str) -> Denied:
    """What a person entered, or did not: told in words of theirs, beside the field."""
    return Denied(400, "bad-request", message, field=where.rpartition(".")[2])


def not_found(what: str) -> Denied:
    return Denied(404, "not-found", f"There is no such {what}.")
