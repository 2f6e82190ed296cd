"""Options of a relying party, its judgement of responses, and what a key's trace tells of them."""

from __future__ import annotations

import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from webauthn import verify_authentication_response, verify_registration_response

from authenticator import cbor
from harness import VirtualKey
from harness.trace import RequestEvent, ResponseEvent, StateEvent
from harness.trace.words import told


def to_text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def registration(
    user: str = "alice", *, rk: str = "discouraged", uv: str = "discouraged", **others: Any
) -> dict[str, Any]:
    return {
        "rp": {"id": "localhost", "name": "Tests"},
        "user": {"id": to_text(user.encode()), "name": user, "displayName": user.title()},
        "challenge": to_text(os.urandom(32)),
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": rk, "userVerification": uv},
        "timeout": 60_000,
        **others,
    }


def log_in(*allow: dict[str, Any], uv: str = "discouraged", **others: Any) -> dict[str, Any]:
    options = {
        "rpId": "localhost", "challenge": to_text(os.urandom(32)), "userVerification": uv, "timeout": 60_000,
    }  # fmt: skip
    if allow:
        options["allowCredentials"] = [{"type": "public-key", "id": each["id"]} for each in allow]
    return {**options, **others}


def verify_registration(
    site: str, options: dict[str, Any], response: dict[str, Any], *, uv: bool = False
) -> bytes:
    """By py_webauthn. The credential's public key (COSE)."""
    return verify_registration_response(
        credential=json.dumps(response),
        expected_challenge=to_bytes(options["challenge"]),
        expected_rp_id="localhost",
        expected_origin=site.rstrip("/"),
        require_user_verification=uv,
    ).credential_public_key


def verify_log_in(
    site: str, options: dict[str, Any], response: dict[str, Any], public_key: bytes, *, uv: bool = False
) -> int:
    """By py_webauthn. The signature counter."""
    return verify_authentication_response(
        credential=json.dumps(response),
        expected_challenge=to_bytes(options["challenge"]),
        expected_rp_id="localhost",
        expected_origin=site.rstrip("/"),
        credential_public_key=public_key,
        credential_current_sign_count=0,
        require_user_verification=uv,
    ).new_sign_count


def user_of(response: dict[str, Any]) -> str:
    return to_bytes(response["response"]["userHandle"]).decode()


def attestation_of(response: dict[str, Any]) -> dict[str, Any]:
    attestation: dict[str, Any] = cbor.decode(to_bytes(response["response"]["attestationObject"]))
    return attestation


def commands(key: VirtualKey) -> list[str]:
    """What the browser sent, in order, without the requests for information."""
    sent = [event.command for event in key.trace.of("request") if isinstance(event, RequestEvent)]
    return [command for command in sent if command != "getInfo"]


def parameters(key: VirtualKey, command: str) -> dict[int, Any]:
    """Of the last request of this kind."""
    events = [e for e in key.trace.of("request") if isinstance(e, RequestEvent) and e.command == command]
    decoded: dict[int, Any] = events[-1].parameters
    return decoded


def statuses(key: VirtualKey, command: int) -> list[str]:
    events = [e for e in key.trace.of("response") if isinstance(e, ResponseEvent) and e.command == command]
    return [event.status for event in events]


def results(key: VirtualKey, command: int) -> list[dict[int, Any]]:
    events = [e for e in key.trace.of("response") if isinstance(e, ResponseEvent) and e.command == command]
    return [event.result for event in events]


def steps(key: VirtualKey) -> list[str]:
    """What the page, the browser and the person at it did, as the key's trace has it."""
    return [told(event) for event in key.trace.of("step")]


def states(key: VirtualKey) -> list[str]:
    return [f"{e.state} {e.text}".strip() for e in key.trace.of("state") if isinstance(e, StateEvent)]


def is_user_verified(response: dict[str, Any]) -> bool:
    return bool(to_bytes(response["response"]["authenticatorData"])[32] & 0x04)


def wait_until(done: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, f"not within {within:g} s"
        time.sleep(0.01)


MAKE_CREDENTIAL, GET_ASSERTION, CLIENT_PIN = 0x01, 0x02, 0x06
