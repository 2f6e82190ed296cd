"""Passwords: scrypt, and the same work for accounts that do not exist."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{base64.b64encode(salt).decode()}${base64.b64encode(_derive(password, salt)).decode()}"


def is_password(password: str, kept: str | None) -> bool:
    """With None, for an account that does not exist, as slow and False."""
    salt, derived = (base64.b64decode(part) for part in (kept or _NOBODY).split("$"))
    fits = hmac.compare_digest(_derive(password, salt), derived)
    return fits and kept is not None


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)


_NOBODY = hash_password(secrets.token_urlsafe(16))
