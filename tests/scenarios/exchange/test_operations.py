"""Step-up: what is confirmed is what is done, once, by the person whose it is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from exchange_visitor import ADDRESS, Visitor

from scenarios.exchange.server import Exchange

At = Callable[[str], Visitor]


@pytest.fixture
def client(ann: Visitor) -> Any:
    made = ann.client()
    ann.add_passkey(made)
    return made


def balance(visitor: Visitor) -> str:
    amount = visitor.get("/api/balances")["balances"]["USDT"]
    assert isinstance(amount, str)
    return amount


def test_a_withdrawal_by_codes(ann: Visitor) -> None:
    operation = ann.begin("withdraw", **ann.withdrawal("10.50"))
    assert (operation["state"], operation["confirmations"]) == ("draft", 1)
    assert operation["details"]["amount"] == "10.5"
    assert (
        ann.refused(f"/api/operations/{operation['id']}/codes", {"totp": "000000"})["error"]
        == "operation-state"
    )
    operation = ann.post(f"/api/operations/{operation['id']}/confirm", {"details": operation["details"]})
    assert ann.prove(operation)["result"]["verified_with"] == "codes"
    assert balance(ann) == "9988.5"


def test_a_withdrawal_by_passkey_needs_no_codes(ann: Visitor, client: Any) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    before = len(ann.exchange.outbox.messages())
    assert ann.step_up(client, operation)["result"]["verified_with"] == "passkey"
    sent = ann.exchange.outbox.messages()[: -before or None]
    assert [message["code"] for message in sent] == [None]
    assert balance(ann) == "9989"


def test_a_step_up_renews_the_session(ann: Visitor, client: Any) -> None:
    before = ann.http.cookies["session"]
    ann.step_up(client, ann.confirmed("withdraw", **ann.withdrawal()))
    assert ann.http.cookies["session"] != before
    assert ann.account is not None


def test_details_cannot_change_between_confirming_and_doing(ann: Visitor, client: Any) -> None:
    operation = ann.begin("withdraw", **ann.withdrawal())
    path = f"/api/operations/{operation['id']}"
    other = {**operation["details"], "address": "T" + "b" * 33}
    assert ann.refused(f"{path}/confirm", {"details": other})["error"] == "details-changed"
    operation = ann.post(f"{path}/confirm", {"details": operation["details"]})
    body = ann.assertion(client, operation)
    assert ann.refused(f"{path}/passkey", {**body, "details": other})["error"] == "details-changed"
    assert ann.post(f"{path}/passkey", body)["state"] == "done"


def test_a_challenge_fits_its_withdrawal_only(ann: Visitor, client: Any) -> None:
    small = ann.confirmed("withdraw", **ann.withdrawal("1"))
    large = ann.confirmed("withdraw", **ann.withdrawal("5000"))
    body = {**ann.assertion(client, small), "details": large["details"]}
    assert ann.refused(f"/api/operations/{large['id']}/passkey", body)["error"] == "challenge-unknown"
    assert balance(ann) == "10000"


def test_a_challenge_serves_once(ann: Visitor, client: Any) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    begun = ann.post(f"/api/operations/{operation['id']}/passkey/options")
    credential = client.get(begun["options"])
    spoiled = {**credential, "response": {**credential["response"], "signature": "AAAA"}}
    body = {"ceremony": begun["ceremony"], "details": operation["details"]}
    path = f"/api/operations/{operation['id']}/passkey"
    assert ann.refused(path, {**body, "credential": spoiled})["step"] == "7.2.21"
    assert ann.refused(path, {**body, "credential": credential})["error"] == "challenge-unknown"


def test_a_challenge_is_over_after_its_time(ann: Visitor, client: Any) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    body = ann.assertion(client, operation)
    ann.exchange.clock.advance(301)
    assert ann.refused(f"/api/operations/{operation['id']}/passkey", body)["error"] == "challenge-unknown"


def test_a_challenge_of_a_log_in_does_not_withdraw(ann: Visitor, client: Any) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    begun = ann.post("/api/log-in/passkey/options", {"conditional": True})
    body = {
        "ceremony": begun["ceremony"],
        "credential": client.get(begun["options"], mediation="conditional"),
        "details": operation["details"],
    }
    assert ann.refused(f"/api/operations/{operation['id']}/passkey", body)["error"] == "challenge-unknown"


def test_somebody_elses_passkey_does_not_step_up(exchange: Exchange, ann: Visitor, client: Any) -> None:
    bob = Visitor(exchange).sign_up("bob@example.com").bind_app()
    bobs = bob.client()
    theirs = bob.add_passkey(bobs)["credential_id"]
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    path = f"/api/operations/{operation['id']}/passkey"
    begun = ann.post(f"{path}/options")
    options = {**begun["options"], "allowCredentials": [{"type": "public-key", "id": theirs}]}
    body = {"ceremony": begun["ceremony"], "details": operation["details"], "credential": bobs.get(options)}
    assert ann.refused(path, body)["step"] == "7.2.5"


def test_operations_are_their_sessions(exchange: Exchange, ann: Visitor) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    bob = Visitor(exchange).sign_up("bob@example.com")
    path = f"/api/operations/{operation['id']}"
    assert bob.request("GET", path).status_code == 404
    assert bob.refused(f"{path}/send", {"factor": "email"})["status"] == 404
    assert bob.refused(f"{path}/confirm", {"details": operation["details"]})["status"] == 404


def test_a_finished_operation_is_not_done_again(ann: Visitor, client: Any) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    ann.step_up(client, operation)
    assert ann.refused(f"/api/operations/{operation['id']}/passkey/options")["error"] == "operation-state"
    assert (
        ann.refused(f"/api/operations/{operation['id']}/codes", {"totp": "000000"})["error"]
        == "operation-state"
    )
    assert balance(ann) == "9989"


def test_a_cancelled_operation_is_over(ann: Visitor) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    assert ann.post(f"/api/operations/{operation['id']}/cancel")["state"] == "ended"
    answer = ann.refused(f"/api/operations/{operation['id']}/send", {"factor": "email"})
    assert answer["error"] == "operation-expired"


def at_once(*requests: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(requests)) as pool:
        return [future.result() for future in [pool.submit(each) for each in requests]]


def test_of_two_answers_at_once_one_wins(ann: Visitor, client: Any) -> None:
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    body, path = ann.assertion(client, operation), f"/api/operations/{operation['id']}/passkey"
    headers = {"X-CSRF-Token": ann.csrf, "Cookie": f"session={ann.http.cookies['session']}"}

    def answer() -> int:
        import httpx

        with httpx.Client(base_url=ann.exchange.url, headers={"Origin": ann.exchange.url}) as http:
            return http.post(path, json=body, headers=headers).status_code

    codes = at_once(*[answer] * 6)
    assert codes.count(200) == 1
    assert all(code in (200, 403, 404, 409) for code in codes)
    # the winner has renewed the session: look by a new log-in
    ann.http.cookies.clear()
    ann.get("/api/session")
    ann.identify()
    ann.log_in_by_passkey(client)
    assert balance(ann) == "9989"


def test_two_withdrawals_cannot_spend_the_same_coins(ann: Visitor) -> None:
    operations = [ann.confirmed("withdraw", **ann.withdrawal("6000")) for _ in range(2)]
    answers = []
    for operation in operations:
        given = {"email": ann.send(operation, "email"), "totp": ann.totp()}
        answers.append(ann.request("POST", f"/api/operations/{operation['id']}/codes", given).status_code)
    assert answers == [200, 409]
    assert balance(ann) == "3999"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"amount": "0"}, "bad-amount"),
        ({"amount": "20000"}, "insufficient-balance"),
        ({"amount": "10000"}, "insufficient-balance"),  # the fee comes on top
        ({"asset": "DOGE"}, "unknown-asset"),
        ({"chain": "BTC"}, "wrong-chain"),
        ({"address": "0x12"}, "bad-address"),
        ({"chain": "ERC20"}, "bad-address"),
        ({"amount": "1e3"}, "bad-request"),
        ({"amount": "-1"}, "bad-request"),
        ({"amount": 1}, "bad-request"),
        ({"note": "hello"}, "bad-request"),
    ],
)
def test_withdrawals_that_will_not_do(ann: Visitor, change: dict[str, Any], error: str) -> None:
    details = {**ann.withdrawal(), **change}
    assert ann.refused("/api/operations", {"kind": "withdraw", "details": details})["error"] == error


def test_without_an_authenticator_app_codes_do_not_suffice(exchange: Exchange) -> None:
    visitor = Visitor(exchange).sign_up()
    way = visitor.confirmed("withdraw", **visitor.withdrawal())["ways"][-1]
    assert (way["way"], way["available"], way["why"]) == ("codes", False, "Bind an authenticator app first.")


def test_sensitive_settings_ask_for_more_than_a_passkey(at: At) -> None:
    visitor = at("okx-app")
    client = visitor.client()
    visitor.add_passkey(client)
    operation = visitor.begin("api-key", label="bot", rights=["read"])
    half = visitor.step_up(client, operation)
    assert (half["state"], half["proofs"]) == ("verify", ["passkey"])
    assert "key" in visitor.prove(half, "totp")["result"]


def test_the_whitelist_holds_withdrawals_to_its_addresses(ann: Visitor) -> None:
    ann.prove(ann.begin("whitelist-only", on=True))
    details = {"kind": "withdraw", "details": ann.withdrawal()}
    assert ann.refused("/api/operations", details)["error"] == "not-whitelisted"
    ann.prove(ann.begin("whitelist-address", chain="TRC20", address=ADDRESS))
    assert ann.begin("withdraw", **ann.withdrawal())["state"] == "draft"


def test_a_new_password_ends_other_sessions(ann: Visitor) -> None:
    other = Visitor(ann.exchange)
    other.email, other.secret = ann.email, ann.secret
    other.identify()
    from exchange_visitor import PASSWORD

    other.prove(other.post("/api/log-in/password", {"password": PASSWORD})["operation"])
    assert ann.prove(ann.begin("change-password", password="a new password"))["state"] == "done"
    assert other.account is None
    ann.log_out()
    ann.identify()
    assert ann.refused("/api/log-in/password", {"password": PASSWORD})["error"] == "wrong-password"


def test_a_taken_phone_number_gets_no_code(exchange: Exchange, ann: Visitor) -> None:
    Visitor(exchange).sign_up("bob@example.com", phone="+15550100")
    operation = ann.begin("bind-phone", phone="+15550100")
    before = len(exchange.outbox.messages("+15550100"))
    ann.post(f"/api/operations/{operation['id']}/send", {"factor": "new-phone"})
    assert len(exchange.outbox.messages("+15550100")) == before
