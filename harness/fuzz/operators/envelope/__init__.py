"""A: the JSON around a response, as `PublicKeyCredential.toJSON()` gives it (§5.1.8)."""

from __future__ import annotations

from harness.fuzz.operators.envelope import base64url, body, members, unsigned

OPERATORS = (
    *members.OPERATORS,
    *base64url.OPERATORS,
    *body.OPERATORS,
    *unsigned.OPERATORS,
)
