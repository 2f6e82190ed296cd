"""What pages ask of the client in its tests, and how its answers are read."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from harness import ClientError, VirtualKey
from harness.trace import AskEvent
from harness.webauthn.options import to_base64url

ORIGIN = "https://example.com"
UP, UV = 0x01, 0x04
SERVER_SAYS: Any = {
    "rp": {"name": "Example", "id": "example.com"},
    "user": {"id": to_base64url(b"ann"), "name": "ann", "displayName": "Ann"},
    "challenge": "AAAAAAAAAAAAAAAAAAAAAA",
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
}
LOG_IN: Any = {"challenge": "BBBBBBBBBBBBBBBBBBBBBB", "rpId": "example.com"}
PASSKEY = {"residentKey": "required"}


def creation(account: str = "ann", **changes: Any) -> dict[str, Any]:
    described = {"id": to_base64url(account.encode()), "name": account, "displayName": account.title()}
    return {**SERVER_SAYS, "user": described, **changes}


def request(*ids: str, **changes: Any) -> dict[str, Any]:
    return {**LOG_IN, "allowCredentials": [{"type": "public-key", "id": each} for each in ids], **changes}


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def flags(response: dict[str, Any]) -> int:
    return decoded(response["response"]["authenticatorData"])[32]


def attestation(response: dict[str, Any]) -> dict[str, Any]:
    value = cbor2.loads(decoded(response["response"]["attestationObject"]))
    assert isinstance(value, dict)
    return value


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value.name


def asks(key: VirtualKey) -> list[str]:
    return [type(event.ask).__name__ for event in key.trace if isinstance(event, AskEvent)]


def strangers(count: int) -> list[dict[str, Any]]:
    ids = [hashlib.sha256(bytes((number,))).digest() for number in range(count)]
    return [{"type": "public-key", "id": to_base64url(each), "transports": ["usb"]} for each in ids]


directly_and_by_wire = pytest.mark.parametrize("wire", [False, True], ids=["direct", "wire"])
"""Whether a client speaks to the key directly, or by packets."""
