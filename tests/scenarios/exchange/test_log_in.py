"""Signing up, logging in and out, recovery; and that nobody learns who has an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pyotp
import pytest
from exchange_visitor import PASSWORD, Visitor

from harness import VirtualKey
from scenarios.exchange.server import Exchange

At = Callable[[str], Visitor]


def test_a_sign_up_needs_the_code_that_was_sent(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    visitor.email = "ann@example.com"
    operation = visitor.post("/api/sign-up", {"email": visitor.email, "password": PASSWORD})
    path = f"/api/operations/{operation['id']}/codes"
    assert visitor.refused(path, {"email": "000000"})["error"] == "wrong-code"
    code = visitor.send(operation, "email")
    assert visitor.account is None
    assert visitor.post(path, {"email": code})["state"] == "done"
    assert visitor.account["email"] == visitor.email


def test_a_code_is_over_after_its_minutes(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    visitor.email = "ann@example.com"
    operation = visitor.post("/api/sign-up", {"email": visitor.email, "password": PASSWORD})
    code = visitor.send(operation, "email")
    exchange.clock.advance(11 * 60)
    answer = visitor.refused(f"/api/operations/{operation['id']}/codes", {"email": code})
    assert answer["error"] == "operation-expired"


def test_only_the_last_code_counts(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    visitor.email = "ann@example.com"
    operation = visitor.post("/api/sign-up", {"email": visitor.email, "password": PASSWORD})
    first, second = visitor.send(operation, "email"), visitor.send(operation, "email")
    path = f"/api/operations/{operation['id']}/codes"
    if first != second:
        assert visitor.refused(path, {"email": first})["error"] == "wrong-code"
    assert visitor.post(path, {"email": second})["state"] == "done"


def test_five_wrong_codes_end_the_operation(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    visitor.email = "ann@example.com"
    operation = visitor.post("/api/sign-up", {"email": visitor.email, "password": PASSWORD})
    path = f"/api/operations/{operation['id']}/codes"
    code = visitor.send(operation, "email")
    wrong = "111111" if code != "111111" else "222222"
    left = [visitor.refused(path, {"email": wrong}).get("attempts_left") for _ in range(5)]
    assert left == [4, 3, 2, 1, None]
    assert visitor.refused(path, {"email": code})["error"] == "operation-expired"


def test_a_taken_address_looks_like_a_free_one(exchange: Exchange) -> None:
    Visitor(exchange).sign_up()
    answers = []
    for email in ("ann@example.com", "new@example.com"):
        visitor = Visitor(exchange)
        answer = visitor.post("/api/sign-up", {"email": email, "password": PASSWORD})
        sent = visitor.post(f"/api/operations/{answer['id']}/send", {"factor": "email"})
        answers.append({**shape(answer), **shape(sent)})
    assert answers[0] == answers[1]
    assert "log in instead" in exchange.outbox.messages("ann@example.com")[0]["text"]
    assert exchange.outbox.messages("ann@example.com")[0]["code"] is None


def shape(value: Any) -> Any:
    """What an answer is made of, without what is different every time."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


def test_a_log_in_by_password_and_code(ann: Visitor) -> None:
    ann.log_out()
    assert ann.account is None
    assert ann.identify()["next"] == "password"
    answer = ann.post("/api/log-in/password", {"password": PASSWORD})
    assert not answer["logged_in"]
    assert ann.prove(answer["operation"])["state"] == "done"
    assert ann.get("/api/session")["signed_in_with"] == "password"


def test_wrong_passwords_lock_the_account_for_a_while(ann: Visitor) -> None:
    ann.log_out()
    ann.identify()
    for _ in range(5):
        assert ann.refused("/api/log-in/password", {"password": "wrong"})["error"] == "wrong-password"
    assert ann.refused("/api/log-in/password", {"password": PASSWORD})["error"] == "too-many-attempts"
    ann.exchange.clock.advance(16 * 60)
    ann.identify()
    assert "operation" in ann.post("/api/log-in/password", {"password": PASSWORD})


def test_unknown_accounts_answer_like_known_ones(ann: Visitor) -> None:
    ann.log_out()
    answers = []
    for identifier in ("ann@example.com", "nobody@example.com"):
        ann.identify(identifier)
        wrong = [ann.refused("/api/log-in/password", {"password": "wrong"}) for _ in range(6)]
        begun = ann.post("/api/log-in/passkey/options")
        recovery = ann.post("/api/recovery", {"identifier": identifier})
        options = begun["options"]
        answers.append(
            (wrong, shape({**options, "allowCredentials": len(options["allowCredentials"])}), shape(recovery))
        )
    assert answers[0][:2] == answers[1][:2]
    # Ann has no phone number: that is not told either
    assert answers[0][2] == answers[1][2]


def test_recovery_tells_no_address(at: At) -> None:
    visitor = at("kucoin")
    visitor.log_out()
    for identifier in (visitor.email, visitor.phone, "nobody@example.com", "+4915550199"):
        recovery = visitor.post("/api/recovery", {"identifier": identifier})
        assert recovery["sends"] == {"email": "your e-mail address", "phone": "your phone"}
        sent = visitor.post(f"/api/operations/{recovery['id']}/send", {"factor": "phone"})
        assert sent["sends"] == recovery["sends"]


def test_how_many_passkeys_are_asked_for_tells_nothing(exchange: Exchange, ann: Visitor) -> None:
    """Strangers' addresses get one, two or more; accounts' passkeys are filled up to what a stranger would get."""
    stranger = Visitor(exchange)
    numbers = set()
    for number in range(40):
        stranger.identify(f"nobody{number}@example.com")
        numbers.add(len(stranger.post("/api/log-in/passkey/options")["options"]["allowCredentials"]))
    assert {1, 2, 3} <= numbers
    stranger.identify(ann.email)
    before = stranger.post("/api/log-in/passkey/options")["options"]["allowCredentials"]
    made = {ann.add_passkey(ann.client())["credential_id"]}
    stranger.identify(ann.email)
    after = stranger.post("/api/log-in/passkey/options")["options"]["allowCredentials"]
    assert len(after) == len(before)
    assert made <= {each["id"] for each in after}


def test_faces_of_unknown_accounts_are_counted_like_known_ones(at: At) -> None:
    visitor = at("okx-app")
    visitor.log_out()
    seen = []
    for identifier in (visitor.email, "nobody@example.com"):
        answers = []
        for scene in ("too-dark", "someone-else", "too-dark"):
            operation = visitor.post("/api/recovery", {"identifier": identifier})
            answers.append(visitor.refused(f"/api/operations/{operation['id']}/face", {"scene": scene}))
        seen.append(answers)
    assert seen[0] == seen[1]


def test_codes_for_made_up_addresses_are_sent_to_nobody(ann: Visitor) -> None:
    ann.log_out()
    operation = ann.post("/api/recovery", {"identifier": ann.email})
    before = len(ann.exchange.outbox.messages())
    ann.post(f"/api/operations/{operation['id']}/send", {"factor": "phone"})
    assert len(ann.exchange.outbox.messages()) == before


def test_decoys_stay_the_same(exchange: Exchange) -> None:
    seen = []
    for _ in range(2):
        visitor = Visitor(exchange)
        visitor.identify("nobody@example.com")
        seen.append(visitor.post("/api/log-in/passkey/options")["options"]["allowCredentials"])
    assert seen[0] == seen[1] != []


def test_some_unknown_accounts_are_asked_for_a_passkey(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    asked = {visitor.identify(f"nobody{number}@example.com")["next"] for number in range(40)}
    assert asked == {"passkey", "password"}


def test_a_log_in_by_passkey(ann: Visitor) -> None:
    client = ann.client()
    ann.add_passkey(client)
    ann.log_out()
    assert ann.identify()["next"] == "passkey"
    ann.log_in_by_passkey(client)
    assert ann.get("/api/session")["signed_in_with"] == "passkey"
    assert ann.passkeys[0]["last_used"]


def test_autofill_names_nobody(ann: Visitor) -> None:
    client = ann.client()
    ann.add_passkey(client)
    ann.log_out()
    begun = ann.post("/api/log-in/passkey/options", {"conditional": True})
    assert begun["options"]["allowCredentials"] == []
    credential = client.get(begun["options"], mediation="conditional")
    ann.post("/api/log-in/passkey", {"ceremony": begun["ceremony"], "credential": credential})
    assert ann.account["email"] == "ann@example.com"


def test_a_passkey_as_the_second_factor(ann: Visitor) -> None:
    client = ann.client()
    ann.add_passkey(client)
    ann.log_out()
    ann.identify()
    operation = ann.post("/api/log-in/password", {"password": PASSWORD})["operation"]
    assert ann.step_up(client, operation)["state"] == "done"
    assert ann.get("/api/session")["signed_in_with"] == "password and passkey"


def test_another_accounts_passkey_does_not_log_in(exchange: Exchange, ann: Visitor) -> None:
    ann.add_passkey(ann.client())
    bob = Visitor(exchange).sign_up("bob@example.com").bind_app()
    bobs = bob.client()
    bob.add_passkey(bobs)
    bob.log_out()
    ceremony = bob.post("/api/log-in/passkey/options", {"conditional": True})
    shown = bobs.get(ceremony["options"], mediation="conditional")
    bob.identify("ann@example.com")
    begun = bob.post("/api/log-in/passkey/options")
    # the challenge is that of Ann's log-in; the passkey is Bob's
    options = {**begun["options"], "allowCredentials": [{"type": "public-key", "id": shown["id"]}]}
    body = {"ceremony": begun["ceremony"], "credential": bobs.get(options)}
    answer = bob.refused("/api/log-in/passkey", body)
    assert (answer["error"], answer["step"]) == ("passkey-refused", "7.2.5")


def test_a_look_alike_gets_nothing(ann: Visitor) -> None:
    key = VirtualKey("yubikey-5-nfc", pin="1234")
    ann.add_passkey(ann.client(key))
    ann.log_out()
    ann.identify()
    begun = ann.post("/api/log-in/passkey/options")
    from harness.client import Client

    phisher = Client(key, "https://exchange.example", checks_origin=False)
    body = {"ceremony": begun["ceremony"], "credential": phisher.get(begun["options"])}
    assert ann.refused("/api/log-in/passkey", body)["step"] == "7.2.12"


def test_the_session_is_another_after_log_in_and_log_out(exchange: Exchange) -> None:
    visitor = Visitor(exchange)
    cookies = [visitor.http.cookies["session"]]
    visitor.sign_up()
    cookies.append(visitor.http.cookies["session"])
    visitor.log_out()
    cookies.append(visitor.http.cookies["session"])
    assert len(set(cookies)) == 3
    for old in cookies[:2]:
        answer = httpx.get(f"{exchange.url}/api/session", headers={"Cookie": f"session={old}"})
        assert "account" not in answer.json()
        assert answer.cookies["session"] != old


def test_a_session_ends_by_itself(ann: Visitor) -> None:
    ann.exchange.clock.advance(12 * 3600 + 1)
    assert ann.account is None


def test_other_sessions_can_be_ended(ann: Visitor) -> None:
    elsewhere = Visitor(ann.exchange)
    elsewhere.email, elsewhere.secret = ann.email, ann.secret
    elsewhere.identify()
    elsewhere.prove(elsewhere.post("/api/log-in/password", {"password": PASSWORD})["operation"])
    other = next(each for each in ann.get("/api/sessions")["sessions"] if not each["current"])
    ann.post(f"/api/sessions/{other['id']}/end")
    assert elsewhere.account is None
    assert ann.account is not None


def test_authenticator_codes_serve_once(ann: Visitor) -> None:
    code = ann.totp()
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    path = f"/api/operations/{operation['id']}/codes"
    assert ann.post(path, {"email": ann.send(operation, "email"), "totp": code})["state"] == "done"
    again = ann.confirmed("withdraw", **ann.withdrawal())
    path = f"/api/operations/{again['id']}/codes"
    assert ann.refused(path, {"totp": code})["error"] == "code-used"
    early = pyotp.TOTP(ann.secret).at(ann.exchange.clock.now() - 30)
    assert ann.refused(path, {"totp": early})["error"] == "code-used"


def test_wrong_authenticator_codes_are_counted_across_operations(ann: Visitor) -> None:
    errors = []
    for _ in range(3):
        operation = ann.confirmed("withdraw", **ann.withdrawal())
        path = f"/api/operations/{operation['id']}/codes"
        code = ann.totp()
        wrong = "000000" if code != "000000" else "111111"
        errors += [ann.refused(path, {"totp": wrong})["error"] for _ in range(4)]
    assert errors[:10] == ["wrong-code"] * 10
    assert errors[10:] == ["too-many-attempts"] * 2


def test_recovery_waits_and_holds(ann: Visitor) -> None:
    ann.add_passkey(ann.client())
    begun = ann.begin("bind-phone", phone="+15550100")
    ann.phone = "+15550100"
    ann.prove(begun)
    ann.log_out()
    operation = ann.post("/api/recovery", {"identifier": ann.email})
    result = ann.prove(operation)["result"]
    body = {"token": result["token"], "password": "another password"}
    answer = ann.refused("/api/recovery/complete", body)
    assert answer["error"] == "recovery-waiting"
    ann.exchange.clock.advance(24 * 3600 + 1)
    ann.get("/api/session")  # the one before has ended
    ann.post("/api/recovery/complete", body)
    assert ann.account["holds"][0]["because"] == "the account was recovered."
    assert len(ann.passkeys) == 1
    assert ann.refused("/api/recovery/complete", body)["status"] == 404


def test_the_slider_must_be_where_the_gap_is(at: At) -> None:
    visitor = at("mexc")
    visitor.log_out()
    step = visitor.post("/api/log-in", {"identifier": visitor.email})
    assert visitor.refused("/api/log-in/password", {"password": PASSWORD})["error"] == "slider-first"
    assert visitor.refused("/api/log-in/passkey/options")["error"] == "slider-first"
    beside = (step["slider"]["gap"] + 100) % 270
    again = visitor.post("/api/log-in/slider", {"position": beside})
    assert again["next"] == "slider"
    passed = visitor.post("/api/log-in/slider", {"position": again["slider"]["gap"] + 3})
    assert passed["next"] in ("passkey", "password")
    assert visitor.refused("/api/log-in/slider", {"position": 1})["error"] == "no-slider"


def recovered(visitor: Visitor) -> dict[str, str]:
    """What completes the recovery of an account with an e-mail address and a phone number."""
    visitor.log_out()
    operation = visitor.post("/api/recovery", {"identifier": visitor.email})
    return {"token": visitor.prove(operation)["result"]["token"], "password": "another password"}


def test_an_owner_who_does_what_the_mail_says_ends_the_recovery(at: At) -> None:
    """The mail says: log in, and cancel it; by a passkey, or by a new password, too."""
    visitor = at("kucoin")
    client = visitor.client()
    visitor.add_passkey(client)

    def cancel() -> None:
        visitor.post("/api/recovery/cancel")

    def change_password() -> None:
        visitor.prove(visitor.begin("change-password", password=PASSWORD))

    for ends in (cancel, change_password, None):
        body = recovered(visitor)
        visitor.identify()
        if ends is None:
            visitor.log_in_by_passkey(client)
        else:
            visitor.prove(visitor.post("/api/log-in/password", {"password": PASSWORD})["operation"])
            assert visitor.account["recovery"]
            ends()
        assert "recovery" not in visitor.account
        visitor.log_out()
        visitor.exchange.clock.advance(24 * 3600 + 1)
        visitor.get("/api/session")
        assert visitor.refused("/api/recovery/complete", body)["status"] == 404
    assert visitor.refused("/api/recovery/cancel")["error"] == "not-logged-in"


def test_of_two_recoveries_the_later_counts(at: At) -> None:
    visitor = at("kucoin")
    first, second = recovered(visitor), recovered(visitor)
    visitor.exchange.clock.advance(24 * 3600 + 1)
    visitor.get("/api/session")
    assert visitor.refused("/api/recovery/complete", first)["status"] == 404
    visitor.post("/api/recovery/complete", second)
    assert visitor.account["email"] == visitor.email


def test_a_password_is_tried_five_times_for_an_account_not_for_an_address(at: At) -> None:
    visitor = at("kucoin")
    visitor.log_out()
    visitor.identify(visitor.phone)
    for _ in range(5):
        assert visitor.refused("/api/log-in/password", {"password": "wrong"})["error"] == "wrong-password"
    visitor.identify(visitor.email)
    # not told as a lock: that would say whose the number is
    assert visitor.refused("/api/log-in/password", {"password": PASSWORD})["error"] == "wrong-password"
    assert "Too many wrong passwords" in visitor.exchange.outbox.messages(visitor.email)[0]["text"]
    visitor.exchange.clock.advance(16 * 60)
    visitor.identify(visitor.email)
    assert "operation" in visitor.post("/api/log-in/password", {"password": PASSWORD})


@pytest.mark.parametrize("identifier", ["ANN@Example.com", " ann@example.com "])
def test_addresses_are_compared_without_case(ann: Visitor, identifier: str) -> None:
    ann.log_out()
    ann.identify(identifier)
    assert "operation" in ann.post("/api/log-in/password", {"password": PASSWORD})
