"""A person at the exchange: a session of the JSON API, and the devices in their hands."""

from __future__ import annotations

from typing import Any

import httpx
import pyotp

from harness import VirtualKey
from harness.client import Client
from scenarios.exchange.server import Exchange

PASSWORD = "correct horse battery"
ADDRESS = "T" + "a" * 33
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)


OPEN: list[httpx.Client] = []
"""To be closed before their exchange is."""


class Visitor:
    def __init__(self, exchange: Exchange, agent: str = CHROME, **headers: str) -> None:
        self.exchange = exchange
        self.http = httpx.Client(
            base_url=exchange.url, headers={"Origin": exchange.url, "User-Agent": agent, **headers}
        )
        OPEN.append(self.http)
        self.email, self.phone, self.secret = "", "", ""
        self.csrf = self.get("/api/session")["csrf"]

    # Requests

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        response = self.http.request(
            method,
            path,
            json=({} if body is None else body) if method == "POST" else None,
            headers={"X-CSRF-Token": self.csrf, **headers} if method == "POST" else headers,
        )
        assert response.status_code < 500, response.text
        self.csrf = response.headers.get("x-csrf-token", "") or self.csrf
        return response

    def get(self, path: str) -> Any:
        response = self.http.get(path)
        assert response.status_code == 200, response.text
        self.csrf = response.headers["x-csrf-token"]
        return response.json()

    def post(self, path: str, body: Any = None) -> Any:
        response = self.request("POST", path, body)
        assert response.status_code == 200, f"{path}: {response.text}"
        return response.json()

    def refused(self, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        response = self.request("POST", path, body, **headers)
        assert 400 <= response.status_code < 500, f"{path}: {response.text}"
        answer = response.json()
        assert isinstance(answer, dict)
        return {"status": response.status_code, **answer}

    # Codes

    def totp(self) -> str:
        """The code of a step that has not been used."""
        self.exchange.clock.advance(30)
        return pyotp.TOTP(self.secret).at(self.exchange.clock.now())

    def send(self, operation: Any, factor: str) -> str:
        self.post(f"/api/operations/{operation['id']}/send", {"factor": factor})
        to = self.email if "email" in factor else self.phone
        return self.exchange.outbox.code(to)

    def prove(self, operation: Any, *factors: str) -> Any:
        """Everything that the codes' way needs, or these factors."""
        if not factors:
            factors = tuple(next(way["needs"] for way in operation["ways"] if way["way"] == "codes"))
        given: dict[str, str] = {}
        for factor in factors:
            if factor == "email-or-phone":
                factor = "email" if self.email else "phone"
            if factor in ("totp", "new-totp"):
                given[factor.replace("-", "_")] = self.totp()
            elif factor == "password":
                given["password"] = PASSWORD
            elif factor != "face":
                given[factor.replace("-", "_")] = self.send(operation, factor)
        answer = operation
        if given:
            answer = self.post(f"/api/operations/{operation['id']}/codes", given)
        if "face" in factors:
            answer = self.post(f"/api/operations/{operation['id']}/face", {"scene": "clear"})
        return answer

    # What people do

    def begin(self, kind: str, **details: Any) -> Any:
        return self.post("/api/operations", {"kind": kind, "details": details})

    def confirmed(self, kind: str, **details: Any) -> Any:
        operation = self.begin(kind, **details)
        while operation["state"] == "draft":
            operation = self.post(
                f"/api/operations/{operation['id']}/confirm", {"details": operation["details"]}
            )
        return operation

    def sign_up(self, email: str = "ann@example.com", phone: str = "", **more: Any) -> Visitor:
        self.email, self.phone = email, phone
        body = {name: value for name, value in (("email", email), ("phone", phone)) if value}
        operation = self.post("/api/sign-up", {"password": PASSWORD, **body, **more})
        assert self.prove(operation)["state"] == "done"
        return self

    def bind_app(self) -> Visitor:
        operation = self.begin("bind-totp")
        self.secret = operation["details"]["secret"]
        assert self.prove(operation, "new-totp")["state"] == "done"
        return self

    def client(self, key: VirtualKey | None = None) -> Client:
        return Client(key or VirtualKey("yubikey-5-nfc", pin="1234"), self.exchange.url)

    def enable_passkeys(self) -> None:
        if not self.get("/api/passkeys")["enabled"]:
            operation = self.begin("enable-passkeys")
            operation = self.prove(operation) if operation["state"] == "verify" else operation
            assert operation["state"] == "done"

    def ready_to_add(self, method: str = "security-key", network: str = "exchange") -> Any:
        self.enable_passkeys()
        operation = self.begin("add-passkey", method=method, network=network)
        operation = self.prove(operation) if operation["state"] == "verify" else operation
        assert operation["state"] == "ready"
        return operation

    def add_passkey(
        self, client: Client, method: str = "security-key", network: str = "exchange", name: str | None = None
    ) -> Any:
        operation = self.ready_to_add(method, network)
        begun = self.post("/api/passkeys/options", {"operation": operation["id"]})
        body = {
            "operation": operation["id"],
            "ceremony": begun["ceremony"],
            "credential": client.create(begun["options"]),
        }
        return self.post("/api/passkeys", {**body, **({"name": name} if name else {})})

    def assertion(self, client: Client, operation: Any) -> dict[str, Any]:
        begun = self.post(f"/api/operations/{operation['id']}/passkey/options")
        return {
            "ceremony": begun["ceremony"],
            "credential": client.get(begun["options"]),
            "details": operation["details"],
        }

    def step_up(self, client: Client, operation: Any) -> Any:
        return self.post(f"/api/operations/{operation['id']}/passkey", self.assertion(client, operation))

    def log_out(self) -> None:
        self.post("/api/log-out")

    def identify(self, identifier: str = "", **more: Any) -> Any:
        step = self.post("/api/log-in", {"identifier": identifier or self.email or self.phone, **more})
        if step["next"] == "slider":
            step = self.post("/api/log-in/slider", {"position": step["slider"]["gap"]})
        return step

    def log_in_by_passkey(self, client: Client) -> Any:
        begun = self.post("/api/log-in/passkey/options")
        credential = client.get(begun["options"])
        return self.post("/api/log-in/passkey", {"ceremony": begun["ceremony"], "credential": credential})

    def log_in_again(self) -> None:
        self.identify()
        answer = self.post("/api/log-in/password", {"password": PASSWORD})
        assert self.prove(answer["operation"], "email-or-phone")["state"] == "done"

    @property
    def account(self) -> Any:
        return self.get("/api/session").get("account")

    @property
    def passkeys(self) -> Any:
        return self.get("/api/passkeys")["passkeys"]

    def withdrawal(self, amount: str = "10") -> dict[str, Any]:
        return {"asset": "USDT", "amount": amount, "address": ADDRESS, "chain": "TRC20"}
