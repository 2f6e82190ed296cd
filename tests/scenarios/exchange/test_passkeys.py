"""Adding, listing, renaming and removing passkeys, and what they serve for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from conftest import MakeExchange
from exchange_visitor import CHROME, IPHONE, PASSWORD, Visitor

from harness import VirtualKey
from scenarios.exchange.policy import Limits, load_policy
from scenarios.exchange.server import Exchange

At = Callable[[str], Visitor]


def test_a_passkey_is_listed_as_what_it_is(ann: Visitor) -> None:
    made = ann.add_passkey(ann.client(VirtualKey("icloud-keychain")), "this-device")
    assert (made["device"], made["synced"], made["network_name"]) == ("iCloud Keychain", True, "Exchange")
    assert ann.add_passkey(ann.client())["synced"] is False
    first, second = ann.passkeys
    assert first["created"] <= second["created"]
    assert "last_used" not in first


@pytest.mark.parametrize(
    ("method", "attachment", "hint"),
    [
        ("this-device", "platform", "client-device"),
        ("another-device", "cross-platform", "hybrid"),
        ("security-key", "cross-platform", "security-key"),
    ],
)
def test_ways_to_add(ann: Visitor, method: str, attachment: str, hint: str) -> None:
    operation = ann.ready_to_add(method)
    options = ann.post("/api/passkeys/options", {"operation": operation["id"]})["options"]
    assert options["authenticatorSelection"]["authenticatorAttachment"] == attachment
    assert options["hints"] == [hint]
    assert options["authenticatorSelection"]["userVerification"] == "required"


def test_a_key_is_not_registered_twice(ann: Visitor) -> None:
    from harness.webauthn.errors import ClientError

    key = VirtualKey("yubikey-5-nfc", pin="1234")
    ann.add_passkey(ann.client(key))
    with pytest.raises(ClientError, match="InvalidState"):
        ann.add_passkey(ann.client(key))


def test_codes_are_needed_first(ann: Visitor) -> None:
    ann.add_passkey(ann.client())
    operation = ann.begin("add-passkey", method="security-key")
    answer = ann.refused("/api/passkeys/options", {"operation": operation["id"]})
    assert answer["error"] == "operation-state"


def test_enabling_asks_for_proof_which_does_for_the_first_passkey(ann: Visitor) -> None:
    operation = ann.begin("enable-passkeys")
    assert (operation["state"], operation["ways"][0]["needs"]) == (
        "verify",
        ["email-or-phone", "totp", "face"],
    )
    assert ann.get("/api/passkeys")["enabled"] is False
    ann.prove(operation)
    assert ann.get("/api/passkeys")["enabled"] is True
    assert (
        ann.refused("/api/operations", {"kind": "enable-passkeys", "details": {}})["error"]
        == "passkeys-enabled"
    )
    # two are begun on that proof; only one of them is the first
    first, second = (ann.begin("add-passkey", method="security-key") for _ in range(2))
    assert (first["state"], second["state"]) == ("ready", "ready")
    begun = [ann.post("/api/passkeys/options", {"operation": each["id"]}) for each in (first, second)]
    bodies = [
        {
            "operation": operation["id"],
            "ceremony": each["ceremony"],
            "credential": ann.client().create(each["options"]),
        }
        for operation, each in zip((first, second), begun, strict=True)
    ]
    ann.post("/api/passkeys", bodies[0])
    assert ann.refused("/api/passkeys", bodies[1])["error"] == "operation-expired"
    assert ann.begin("add-passkey", method="security-key")["state"] == "verify"


def test_the_proof_of_enabling_is_good_for_a_while_and_in_its_session(ann: Visitor) -> None:
    ann.enable_passkeys()
    ann.log_out()
    ann.log_in_again()
    assert ann.begin("add-passkey", method="security-key")["state"] == "verify"
    late = Visitor(ann.exchange).sign_up("late@example.com").bind_app()
    late.enable_passkeys()
    late.exchange.clock.advance(301)
    assert late.begin("add-passkey", method="security-key")["state"] == "verify"


def test_passkeys_are_enabled_first(ann: Visitor) -> None:
    answer = ann.refused("/api/operations", {"kind": "add-passkey", "details": {}})
    assert answer["error"] == "passkeys-not-enabled"


def test_a_failed_set_up_can_be_tried_again(at: At) -> None:
    visitor = at("pionex")
    client = visitor.client(VirtualKey("icloud-keychain"))
    operation = visitor.ready_to_add("this-device")
    begun = visitor.post("/api/passkeys/options", {"operation": operation["id"]})
    broken = {**client.create(begun["options"]), "type": "nonsense"}
    body = {"operation": operation["id"], "ceremony": begun["ceremony"], "credential": broken}
    assert visitor.refused("/api/passkeys", body)["step"] == "7.1.3"
    begun = visitor.post("/api/passkeys/options", {"operation": operation["id"]})
    body |= {"ceremony": begun["ceremony"], "credential": client.create(begun["options"])}
    assert visitor.post("/api/passkeys", body)["name"] == "iCloud Keychain"


def test_the_eleventh_passkey_is_refused(at: At) -> None:
    visitor = at("mexc")
    for _ in range(10):
        visitor.add_passkey(visitor.client(VirtualKey("icloud-keychain")), "this-device")
    body = {"kind": "add-passkey", "details": {}}
    answer = visitor.refused("/api/operations", body)
    assert answer["error"] == "too-many-passkeys"
    assert "10 passkeys" in answer["message"]


def test_the_limit_counts_when_the_passkey_is_made(make_exchange: MakeExchange) -> None:
    policy = load_policy("mexc")
    policy = replace(policy, passkeys=replace(policy.passkeys, limit=1))
    visitor = Visitor(make_exchange(policy), IPHONE).sign_up().bind_app()
    operations = [visitor.ready_to_add("this-device") for _ in range(2)]
    begun = [visitor.post("/api/passkeys/options", {"operation": each["id"]}) for each in operations]
    for number, expected in enumerate((200, 409)):
        body = {
            "operation": operations[number]["id"],
            "ceremony": begun[number]["ceremony"],
            "credential": visitor.client(VirtualKey("icloud-keychain")).create(begun[number]["options"]),
        }
        assert visitor.request("POST", "/api/passkeys", body).status_code == expected


def test_pionex_has_no_limit(at: At) -> None:
    visitor = at("pionex")
    for _ in range(12):
        visitor.add_passkey(visitor.client(VirtualKey("icloud-keychain")), "this-device")
    assert len(visitor.passkeys) == 12


def test_renaming_is_the_sites_affair(ann: Visitor) -> None:
    made = ann.add_passkey(ann.client())
    ann.post(f"/api/passkeys/{made['id']}/name", {"name": "Blue key ✨"})
    assert ann.passkeys[0]["name"] == "Blue key ✨"
    assert ann.passkeys[0]["device"] == made["device"]
    bob = Visitor(ann.exchange).sign_up("bob@example.com")
    assert bob.refused(f"/api/passkeys/{made['id']}/name", {"name": "mine"})["status"] == 404


def test_a_removal_by_another_passkey_has_no_consequences(ann: Visitor) -> None:
    client = ann.client()
    old, _ = ann.add_passkey(ann.client()), ann.add_passkey(client)
    operation = ann.confirmed("remove-passkey", passkey=old["id"])
    assert ann.step_up(client, operation)["result"]["held"] is False
    assert ann.account["holds"] == []
    assert [each["id"] for each in ann.passkeys] != [old["id"]]


def test_a_passkey_does_not_verify_its_own_removal(ann: Visitor) -> None:
    made = ann.add_passkey(ann.client())
    operation = ann.confirmed("remove-passkey", passkey=made["id"])
    assert [way["available"] for way in operation["ways"]] == [False, True]
    answer = ann.refused(f"/api/operations/{operation['id']}/passkey/options")
    assert answer["error"] == "no-passkey"


def test_a_removal_by_codes_holds_withdrawals_for_a_day(ann: Visitor) -> None:
    made = ann.add_passkey(ann.client())
    assert ann.prove(ann.confirmed("remove-passkey", passkey=made["id"]))["result"]["held"] is True
    for kind, details in (
        ("withdraw", ann.withdrawal()),
        ("order", {"side": "sell", "asset": "USDT", "amount": "5"}),
    ):
        assert ann.refused("/api/operations", {"kind": kind, "details": details})["error"] == "held"
    ann.exchange.clock.advance(24 * 3600 + 1)
    ann.get("/api/session")
    ann.log_in_again()
    assert ann.begin("withdraw", **ann.withdrawal())["state"] == "draft"


def test_a_withdrawal_begun_before_a_hold_is_held(ann: Visitor) -> None:
    made = ann.add_passkey(ann.client())
    withdrawal = ann.confirmed("withdraw", **ann.withdrawal())
    ann.prove(ann.confirmed("remove-passkey", passkey=made["id"]))
    given = {"email": ann.send(withdrawal, "email"), "totp": ann.totp()}
    assert ann.refused(f"/api/operations/{withdrawal['id']}/codes", given)["error"] == "held"
    assert ann.get("/api/balances")["balances"]["USDT"] == "10000"


def test_a_removed_passkey_opens_nothing(ann: Visitor) -> None:
    client = ann.client()
    made = ann.add_passkey(client)
    ann.prove(ann.confirmed("remove-passkey", passkey=made["id"]))
    ann.log_out()
    begun = ann.post("/api/log-in/passkey/options", {"conditional": True})
    credential = client.get(begun["options"], mediation="conditional")
    answer = ann.refused("/api/log-in/passkey", {"ceremony": begun["ceremony"], "credential": credential})
    assert (answer["step"], answer["error"]) == ("7.2.6", "passkey-refused")


def test_whoever_has_the_removed_passkeys_device_is_logged_out(ann: Visitor) -> None:
    client = ann.client()
    made = ann.add_passkey(client)
    finder, elsewhere = Visitor(ann.exchange), Visitor(ann.exchange)
    for each in (finder, elsewhere):
        each.email, each.secret = ann.email, ann.secret
        each.identify()
    finder.log_in_by_passkey(client)
    elsewhere.prove(
        elsewhere.post("/api/log-in/password", {"password": PASSWORD})["operation"], "email-or-phone"
    )
    ann.prove(ann.confirmed("remove-passkey", passkey=made["id"]))
    assert finder.account is None
    assert elsewhere.account is not None


def test_scenarios_are_chosen_with_codes_and_count(at: At) -> None:
    visitor = at("mexc")
    client = visitor.client(VirtualKey("icloud-keychain"))
    visitor.add_passkey(client, "this-device")
    operation = visitor.begin("passkey-uses", uses=["log-in"])
    assert operation["ways"][0]["needs"] == ["email-or-phone", "totp"]
    assert visitor.get("/api/passkeys")["uses"] == ["log-in", "withdraw"]
    visitor.prove(operation)
    assert visitor.get("/api/passkeys")["uses"] == ["log-in"]
    withdrawal = visitor.confirmed("withdraw", **visitor.withdrawal())
    assert [way["way"] for way in withdrawal["ways"]] == ["codes"]
    assert visitor.refused(f"/api/operations/{withdrawal['id']}/passkey/options")["error"] == "no-passkey"


def test_passkeys_that_are_not_for_logging_in(at: At) -> None:
    visitor = at("mexc")
    client = visitor.client(VirtualKey("icloud-keychain"))
    visitor.add_passkey(client, "this-device")
    visitor.prove(visitor.begin("passkey-uses", uses=["withdraw"]))
    visitor.log_out()
    begun = visitor.post("/api/log-in/passkey/options", {"conditional": True})
    credential = client.get(begun["options"], mediation="conditional")
    body = {"ceremony": begun["ceremony"], "credential": credential}
    assert visitor.refused("/api/log-in/passkey", body)["error"] == "not-for-this"


def test_elsewhere_scenarios_are_not_to_be_chosen(ann: Visitor) -> None:
    answer = ann.refused("/api/operations", {"kind": "passkey-uses", "details": {"uses": ["log-in"]}})
    assert answer["error"] == "not-configurable"


def test_a_passkey_serves_its_network_only(ann: Visitor) -> None:
    key = VirtualKey("yubikey-5-nfc", pin="1234")
    client = ann.client(key)
    ann.add_passkey(client)
    payment = {"asset": "USDT", "amount": "3", "to": "Bob"}
    operation = ann.begin("pay", **payment)
    assert [way["available"] for way in operation["ways"]] == [False, True]
    made = ann.add_passkey(client, network="pay")
    assert made["network_name"] == "Pay"
    assert ann.step_up(client, ann.begin("pay", **payment))["result"]["verified_with"] == "passkey"
    # one key, two credentials: each is asked for where it belongs
    ids = {each["network"]: each["credential_id"] for each in ann.passkeys}
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    begun = ann.post(f"/api/operations/{operation['id']}/passkey/options")
    assert [each["id"] for each in begun["options"]["allowCredentials"]] == [ids["exchange"]]


def test_a_passkey_of_another_network_does_not_log_in(ann: Visitor) -> None:
    client = ann.client()
    ann.add_passkey(client, network="dex-wallet")
    ann.log_out()
    begun = ann.post("/api/log-in/passkey/options", {"conditional": True})
    credential = client.get(begun["options"], mediation="conditional")
    body = {"ceremony": begun["ceremony"], "credential": credential}
    answer = ann.refused("/api/log-in/passkey", body)
    assert (answer["error"], answer["message"]) == (
        "wrong-network",
        "This passkey was registered for DEX wallet. It does not serve Exchange.",
    )


def test_a_face_that_is_not_verified(ann: Visitor) -> None:
    operation = ann.begin("enable-passkeys")
    path = f"/api/operations/{operation['id']}/face"
    answers = [
        ann.refused(path, {"scene": scene})
        for scene in ("too-dark", "too-bright", "someone-else", "too-dark")
    ]
    assert [each["attempts_left"] for each in answers] == [4, 3, 2, 1]
    assert answers[0]["message"].startswith("Unable to verify face.")
    assert ann.refused(path, {"scene": "too-dark"})["error"] == "face-unavailable"
    assert ann.refused(path, {"scene": "clear"})["error"] == "face-unavailable"
    ann.exchange.clock.advance(24 * 3600 + 1)
    ann.get("/api/session")
    ann.log_in_again()
    operation = ann.begin("enable-passkeys")
    assert ann.post(f"/api/operations/{operation['id']}/face", {"scene": "clear"})["proofs"] == ["face"]


def test_mexc_leads_to_a_passkey_when_there_is_none(at: At) -> None:
    visitor = at("mexc")
    operation = visitor.confirmed("withdraw", **visitor.withdrawal())
    assert operation["prompt"] == "add-passkey"
    client = visitor.client(VirtualKey("icloud-keychain"))
    visitor.add_passkey(client, "this-device")
    again = visitor.get(f"/api/operations/{operation['id']}")
    assert "prompt" not in again
    assert visitor.step_up(client, again)["result"]["verified_with"] == "passkey"


def test_pionex_wants_all_three_bound(make_exchange: MakeExchange) -> None:
    exchange = make_exchange("pionex")
    visitor = Visitor(exchange).sign_up(phone="+15550100").bind_app()
    client = visitor.client(VirtualKey("icloud-keychain"))
    operation = visitor.begin("add-passkey")
    assert operation["ways"][0]["needs"] == ["email", "phone", "totp"]
    visitor.add_passkey(client, "this-device")
    assert visitor.confirmed("withdraw", **visitor.withdrawal())["ways"][0]["available"]
    two = Visitor(exchange).sign_up("bob@example.com").bind_app()
    way = two.confirmed("withdraw", **two.withdrawal())["ways"][0]
    assert (way["way"], way["available"]) == ("passkey", False)
    assert "bind a phone number first" in way["why"]


def test_deposits_ask_where_the_policy_says(at: At) -> None:
    details: dict[str, Any] = {"asset": "BTC", "chain": "BTC"}
    visitor = at("okx-app")
    client = visitor.client()
    visitor.add_passkey(client)
    operation = visitor.begin("deposit-address", **details)
    assert operation["state"] == "verify"
    assert visitor.step_up(client, operation)["result"]["address"].startswith("bc1q")


def test_deposits_ask_for_nothing_elsewhere(ann: Visitor) -> None:
    assert ann.begin("deposit-address", asset="USDT", chain="TRC20")["state"] == "done"


def test_orders_by_passkey(ann: Visitor) -> None:
    client = ann.client()
    ann.add_passkey(client)
    operation = ann.begin("order", side="buy", asset="BTC", amount="0.1")
    assert ann.step_up(client, operation)["result"]["verified_with"] == "passkey"


def test_a_cloned_key_is_found_out(ann: Visitor) -> None:
    key = VirtualKey("yubikey-5-nfc", pin="1234")
    ann.add_passkey(ann.client(key))
    clone = VirtualKey.restore(key.snapshot())
    clone.person.pin = "1234"
    ann.step_up(ann.client(key), ann.confirmed("withdraw", **ann.withdrawal()))
    operation = ann.confirmed("withdraw", **ann.withdrawal())
    body = ann.assertion(ann.client(clone), operation)
    assert ann.refused(f"/api/operations/{operation['id']}/passkey", body)["step"] == "7.2.22"


def test_biometrics_stay_on_the_device(ann: Visitor) -> None:
    """Of the person, one bit leaves: that they were verified (KuCoin's and Pionex's promise)."""
    key = VirtualKey("yubikey-bio", pin="1234", fingers=["right-index"])
    client = ann.client(key)
    operation = ann.ready_to_add()
    begun = ann.post("/api/passkeys/options", {"operation": operation["id"]})
    credential = client.create(begun["options"])
    assert "right-index" not in str(credential)
    import base64

    data = base64.urlsafe_b64decode(credential["response"]["authenticatorData"] + "==")
    assert data[32] & 0x04
    assert set(credential["response"]) <= {
        "clientDataJSON",
        "attestationObject",
        "authenticatorData",
        "transports",
        "publicKey",
        "publicKeyAlgorithm",
    }


def test_limits_are_the_policys(make_exchange: MakeExchange) -> None:
    policy = replace(load_policy("okx-web"), limits=Limits(sign_ups_per_hour=1, code_attempts=1))
    exchange: Exchange = make_exchange(policy)
    visitor = Visitor(exchange, CHROME)
    operation = visitor.post("/api/sign-up", {"email": "a@example.com", "password": "long enough"})
    answer = visitor.refused(f"/api/operations/{operation['id']}/codes", {"email": "000000"})
    assert answer["error"] == "too-many-attempts"
    body = {"email": "b@example.com", "password": "long enough"}
    assert visitor.refused("/api/sign-up", body)["error"] == "too-many-attempts"
