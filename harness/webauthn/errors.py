"""Errors as pages see them: a DOMException's name, or TypeError."""

from __future__ import annotations

from typing import NoReturn

from authenticator.status import Status
from harness.errors import StuntkeyError


class ClientError(StuntkeyError):
    """`name` is what a page finds in `error.name`: NotAllowedError, InvalidStateError, SecurityError, ..."""

    def __init__(self, name: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message
        self.status = status
        """The CTAP status behind it, which pages are not told."""


class CtapFailure(Exception):
    """A key's answer was not SUCCESS."""

    def __init__(self, status: int) -> None:
        super().__init__(status_name(status))
        self.status = status


def status_name(status: int) -> str:
    try:
        return f"{Status(status).name} (0x{status:02X})"
    except ValueError:
        return f"status 0x{status:02X}"


_NAMES = {
    Status.CREDENTIAL_EXCLUDED: ("InvalidStateError", "the key is registered already"),
    Status.UNSUPPORTED_ALGORITHM: (
        "NotSupportedError",
        "the key has none of the algorithms in pubKeyCredParams",
    ),
    Status.UNSUPPORTED_OPTION: (
        "ConstraintError",
        "the key cannot do what residentKey or userVerification demand",
    ),
    Status.INVALID_OPTION: (
        "ConstraintError",
        "the key cannot do what residentKey or userVerification demand",
    ),
    Status.NO_CREDENTIALS: ("NotAllowedError", "the key has no credential for this relying party"),
    Status.OPERATION_DENIED: ("NotAllowedError", "the person said no"),
    Status.USER_ACTION_TIMEOUT: ("NotAllowedError", "the person did nothing"),
    Status.ACTION_TIMEOUT: ("NotAllowedError", "the person did nothing"),
    Status.KEEPALIVE_CANCEL: ("NotAllowedError", "the time of options.timeout ran out"),
    Status.KEY_STORE_FULL: ("NotAllowedError", "the key has no room for another passkey"),
    Status.PIN_BLOCKED: ("NotAllowedError", "the PIN is blocked until the key is reset"),
    Status.PIN_AUTH_BLOCKED: ("NotAllowedError", "the PIN is blocked until the key is plugged in again"),
    Status.PIN_INVALID: ("NotAllowedError", "the PIN was wrong"),
    Status.UV_BLOCKED: ("NotAllowedError", "too many fingers were not recognised"),
    Status.UV_INVALID: ("NotAllowedError", "the finger was not recognised"),
}


def raise_for(failure: CtapFailure) -> NoReturn:
    """WebAuthn level 3 §5.1.3 and §5.1.4: what a page is told. Most failures look the same to it, on purpose."""
    name, message = _NAMES.get(  # type: ignore[call-overload]  # any byte may come
        failure.status, ("NotAllowedError", "the key refused")
    )
    raise ClientError(name, f"{message} [{status_name(failure.status)}]", status=failure.status) from None


def not_allowed(message: str) -> ClientError:
    return ClientError("NotAllowedError", message)


def type_error(message: str) -> ClientError:
    return ClientError("TypeError", message)
