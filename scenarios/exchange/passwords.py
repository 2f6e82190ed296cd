"""Passwords: scrypt, and the same work for accounts that do not exist."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

WORK = 14
"""scrypt's N, as a power of two."""
_R, _P = 8, 1


def hash_password(password: str, work: int = WORK) -> str:
    salt = secrets.token_bytes(16)
    return f"{base64.b64encode(salt).decode()}${base64.b64encode(_derive(password, salt, work)).decode()}"


def is_password(password: str, kept: str | None, work: int = WORK) -> bool:
    """With None, for an account that does not exist, as slow and False."""
    salt, derived = (base64.b64decode(part) for part in (kept or _NOBODY).split("$"))
    fits = hmac.compare_digest(_derive(password, salt, work), derived)
    return fits and kept is not None


def _derive(password: str, salt: bytes, work: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**work, r=_R, p=_P)


_NOBODY = hash_password(secrets.token_urlsafe(16))
