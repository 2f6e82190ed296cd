"""What a relying party asks for."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from typing import Any


def some(size: int) -> str:
    return urlsafe_b64encode(os.urandom(size)).decode().rstrip("=")


def registration(*, rk: str = "discouraged", uv: str = "discouraged", **others: Any) -> dict[str, Any]:
    return {
        "rp": {"id": "localhost", "name": "page"},
        "user": {"id": some(8), "name": "alice", "displayName": "Alice"},
        "challenge": some(32),
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": rk, "userVerification": uv},
        **others,
    }


def log_in(made: dict[str, Any] | None = None, *, uv: str = "discouraged", **others: Any) -> dict[str, Any]:
    allowed = [{"type": "public-key", "id": made["id"]}] if made else []
    return {"challenge": some(32), "userVerification": uv, "allowCredentials": allowed, **others}
