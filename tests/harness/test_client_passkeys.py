"""The client's side of WebAuthn: passkeys, lists and accounts."""

from __future__ import annotations

import pytest
from client_requests import (
    LOG_IN,
    PASSKEY,
    asks,
    creation,
    decoded,
    directly_and_by_wire,
    refusal,
    request,
    strangers,
)

from harness import Client, HandTurnedClock, VirtualKey, choose, enter_pin
from harness.webauthn.options import to_base64url


def test_residence() -> None:
    for wanted, resident in (("required", True), ("preferred", True), ("discouraged", False), (None, False)):
        key = VirtualKey()
        made = Client(key).create(
            creation(
                authenticatorSelection={"residentKey": wanted} if wanted else {},
                extensions={"credProps": True},
            )
        )
        assert made["clientExtensionResults"] == {"credProps": {"rk": resident}}
        assert len(key.credentials) == resident
    old = Client(VirtualKey()).create(
        creation(authenticatorSelection={"requireResidentKey": True}, extensions={"credProps": True})
    )
    assert old["clientExtensionResults"] == {"credProps": {"rk": True}}


@directly_and_by_wire
def test_several_accounts_and_the_person_chooses(wire: bool) -> None:
    key = VirtualKey(pin="2468", clock=HandTurnedClock())
    client = Client(key, wire=wire)
    ids = {
        name: client.create(creation(name, authenticatorSelection=PASSKEY))["id"]
        for name in ("ann", "bob", "eve")
    }
    key.person.will(choose("bob"))
    chosen = client.get(LOG_IN)
    assert (chosen["id"], decoded(chosen["response"]["userHandle"])) == (ids["bob"], b"bob")
    assert client.get(LOG_IN)["id"] == ids["eve"], "the newest is first"
    key.person.will(choose("ann"))
    assert client.get(LOG_IN)["id"] == ids["ann"]
    listed = client.get(request(ids["ann"], ids["bob"]))
    assert listed["id"] in (ids["ann"], ids["bob"])


def test_conditional_mediation_lets_the_person_pick() -> None:
    key = VirtualKey(pin="2468")
    client = Client(key)
    made = client.create(creation(authenticatorSelection=PASSKEY))
    assert client.get(LOG_IN, mediation="conditional")["id"] == made["id"]
    assert asks(key)[-1] == "AccountChoice"
    assert refusal(lambda: client.get(request(made["id"]), mediation="conditional")) == "NotSupportedError"
    assert refusal(lambda: client.get(LOG_IN, mediation="silent")) == "NotSupportedError"
    key.person.will(enter_pin("2468"), choose(0))
    assert client.get(LOG_IN, mediation="conditional")


def test_what_is_registered_already() -> None:
    key = VirtualKey()
    client = Client(key)
    made = client.create(creation())
    exclude = {"excludeCredentials": [{"type": "public-key", "id": made["id"]}]}
    assert refusal(lambda: client.create(creation(**exclude))) == "InvalidStateError"
    assert refusal(
        lambda: client.create(creation(excludeCredentials=strangers(40) + exclude["excludeCredentials"]))
    ) == ("InvalidStateError")
    assert client.create(creation(excludeCredentials=strangers(40)))
    assert Client(VirtualKey()).create(creation(**exclude)), "another key may be registered"


@directly_and_by_wire
@pytest.mark.parametrize("protected", [False, True])
def test_a_list_longer_than_the_key_takes(protected: bool, wire: bool) -> None:
    key = VirtualKey(pin="2468" if protected else None, clock=HandTurnedClock())
    client = Client(key, wire=wire)
    made = client.create(creation())
    requests = len(key.trace.of("request"))
    allow = [*strangers(40), {"type": "public-key", "id": made["id"]}]
    assert client.get({**LOG_IN, "allowCredentials": allow})["id"] == made["id"]
    assert len(key.trace.of("request")) - requests >= 4, "the list went in parts"
    before = asks(key)
    assert refusal(lambda: client.get({**LOG_IN, "allowCredentials": strangers(40)})) == "NotAllowedError"
    assert asks(key)[len(before) :][-1] == "Presence", "a page learns nothing without a touch"
    too_long = [{"type": "public-key", "id": to_base64url(bytes(2000))}]
    assert refusal(lambda: client.get({**LOG_IN, "allowCredentials": too_long})) == "NotAllowedError"
