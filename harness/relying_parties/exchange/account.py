"""The person's account at the exchange, and where they read its codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pyotp

from harness.play.play import AccountSpec
from scenarios.exchange.server import Exchange

STEP = 30
"""Seconds that a code of an authenticator app is good for (RFC 6238)."""


@dataclass(slots=True, kw_only=True)
class User:
    """What the person knows of their account."""

    email: str = "ann@example.com"
    phone: str = "+15550100"
    password: str = "correct horse battery"
    totp_secret: str | None = None
    has_email: bool = True
    has_phone: bool = True
    last_step: int = -1
    """Of the authenticator app's code that was given last: a site takes each once."""


class Codes:
    """The person's inboxes and authenticator app."""

    def __init__(self, exchange: Exchange, user: User) -> None:
        self._exchange = exchange
        self._user = user

    def sent_to(self, address: str) -> str:
        return self._exchange.outbox.code(address)

    def authenticator(self, secret: str | None = None) -> str:
        """The app's code; the next one, where this one was given already."""
        secret = secret or self._user.totp_secret
        assert secret is not None
        if self._step() <= self._user.last_step:
            self._exchange.clock.advance((self._user.last_step + 1) * STEP - self._exchange.clock.now())
        self._user.last_step = self._step()
        return pyotp.TOTP(secret).at(self._exchange.clock.now())

    def _step(self) -> int:
        return int(self._exchange.clock.now()) // STEP


def open_account(exchange: Exchange, user: User, spec: AccountSpec, codes: Codes) -> None:
    """Sign up and bind what the play says, by the exchange's JSON API: the stories begin after that."""
    # Browsers find *.localhost by themselves (RFC 6761 §6.3); the system's resolver need not.
    base = f"http://127.0.0.1:{exchange.port}"
    with httpx.Client(
        base_url=base, headers={"Origin": exchange.origin}, trust_env=False, verify=False
    ) as client:
        api = _Api(client)
        user.has_email, user.has_phone = spec.email, spec.phone
        first = {"email": user.email} if spec.email else {"phone": user.phone}
        signed_up = api.post("/api/sign-up", {"password": user.password, **first})
        api.prove(signed_up, "email" if spec.email else "phone", codes.sent_to)
        if spec.email and spec.phone:
            bound = api.begin("bind-phone", {"phone": user.phone})
            api.prove(bound, "new-phone", codes.sent_to)
        if spec.authenticator_app:
            bound = api.begin("bind-totp", {})
            user.totp_secret = bound["details"]["secret"]
            api.codes(bound, {"new_totp": codes.authenticator()})
            user.last_step = -1


class _Api:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._csrf = client.get("/api/session").raise_for_status().json()["csrf"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(path, json=body, headers={"X-CSRF-Token": self._csrf})
        if answer.is_error:
            raise RuntimeError(f"{path}: the exchange answered {answer.status_code}: {answer.text}")
        told: dict[str, Any] = answer.json()
        # A log-in comes with a new session, and that with a new token.
        self._csrf = answer.headers.get("X-CSRF-Token") or told.get("csrf") or self._csrf
        return told

    def begin(self, kind: str, details: dict[str, Any]) -> dict[str, Any]:
        return self.post("/api/operations", {"kind": kind, "details": details})

    def codes(self, operation: dict[str, Any], codes: dict[str, str]) -> dict[str, Any]:
        return self.post(f"/api/operations/{operation['id']}/codes", codes)

    def prove(self, operation: dict[str, Any], factor: str, code_sent_to: Any) -> None:
        address = operation["details"].get("email") or operation["details"].get("phone")
        self.post(f"/api/operations/{operation['id']}/send", {"factor": factor})
        self.codes(operation, {factor.replace("-", "_"): code_sent_to(address)})


def read_options(exchange: Exchange, user: User, user_agent: str) -> dict[str, Any]:
    """The request for the user's passkey, as anybody gets it who says they want to log in."""
    headers = {"Origin": exchange.origin, "User-Agent": user_agent}
    base = f"http://127.0.0.1:{exchange.port}"
    with httpx.Client(base_url=base, headers=headers, trust_env=False, verify=False) as client:
        api = _Api(client)
        step = api.post("/api/log-in", {"identifier": user.email})
        if step["next"] == "slider":
            api.post("/api/log-in/slider", {"position": step["slider"]["gap"]})
        options: dict[str, Any] = api.post("/api/log-in/passkey/options", {})["options"]
        return options
