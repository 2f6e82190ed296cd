"""Accounts whose passkeys sync, devices that are lost, and what relying parties signal."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import pytest

from harness import Account, Client, ClientError, HandTurnedClock, SetupError, VirtualKey, deny, wrong_finger
from harness.platform import Device
from harness.webauthn.options import to_base64url

ORIGIN = "https://example.com"
BE, BS = 0x08, 0x10


def registration(user: str = "ann", **options: Any) -> dict[str, Any]:
    return {
        "rp": {"name": "Example", "id": "example.com"},
        "user": {"id": to_base64url(user.encode()), "name": user, "displayName": user.title()},
        "challenge": "AAAA",
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        **options,
    }


LOG_IN = {"challenge": "BBBB", "rpId": "example.com"}


def flags(response: dict[str, Any]) -> int:
    encoded = response["response"]["authenticatorData"]
    return urlsafe_b64decode(encoded + "==")[32]


def client(device: Device) -> Client:
    return Client(device, ORIGIN)


@pytest.mark.parametrize("provider", ["icloud-keychain", "google-password-manager", "1password", "bitwarden"])
def test_a_passkey_is_on_every_device_and_survives_a_lost_one(provider: str) -> None:
    account = Account(provider)
    phone, laptop = account.sign_in("phone"), account.sign_in("laptop")
    made = client(phone).create(registration())
    assert flags(made) & (BE | BS) == BE | BS
    assert made["authenticatorAttachment"] == "platform"
    assert client(laptop).get(LOG_IN)["id"] == made["id"]
    account.lose("phone")
    assert list(account.devices) == ["laptop"]
    with pytest.raises(ClientError, match="NotAllowedError"):
        client(phone).get(LOG_IN)
    assert client(account.sign_in("new phone")).get(LOG_IN)["id"] == made["id"]
    with pytest.raises(SetupError, match="phone is lost"):
        phone.plug_in()


@pytest.mark.parametrize("profile", ["touch-id", "windows-hello", "android-device-bound"])
def test_a_device_bound_passkey_is_gone_with_its_device(profile: str) -> None:
    device = Device("laptop", profile)
    made = client(device).create(registration())
    assert flags(made) & (BE | BS) == 0
    log_in = LOG_IN | {"allowCredentials": [{"type": "public-key", "id": made["id"]}]}
    assert client(device).get(log_in)["id"] == made["id"]
    device.lose()
    assert device.credentials == ()
    with pytest.raises(ClientError, match="no key is plugged in"):
        client(device).get(log_in)
    found_by_a_thief = VirtualKey.restore(device.snapshot())
    with pytest.raises(ClientError, match="no credential"):
        Client(found_by_a_thief, ORIGIN).get(log_in)
    with pytest.raises(SetupError, match="bound to one device"):
        Account(profile)
    with pytest.raises(SetupError, match="do not sync"):
        device.is_offline = True


def test_signing_out_keeps_the_passkeys_with_the_account() -> None:
    account = Account()
    phone = account.sign_in("phone")
    client(phone).create(registration())
    account.sign_out("phone")
    assert phone.credentials == ()
    assert len(account.passkeys) == 1
    assert client(account.sign_in("phone")).get(LOG_IN)


def test_a_device_that_is_offline_catches_up_later() -> None:
    account = Account()
    phone, laptop = account.sign_in("phone"), account.sign_in("laptop")
    old = client(phone).create(registration("old"))
    phone.is_offline = True
    made = client(phone).create(registration("ann"))
    assert flags(made) & (BE | BS) == BE, "not in the cloud yet"
    client(laptop).create(registration("bob"))
    assert {each.user.name for each in laptop.credentials} == {"old", "bob"}
    assert {each.user.name for each in phone.credentials} == {"old", "ann"}
    account.signals.unknown_credential("example.com", urlsafe_b64decode(old["id"] + "=="))
    phone.is_offline = False
    for device in (phone, laptop):
        assert {each.user.name for each in device.credentials} == {"ann", "bob"}
    listed = {"allowCredentials": [{"type": "public-key", "id": made["id"]}]}
    assert flags(client(laptop).get(LOG_IN | listed)) & BS, "backed up by now"


def test_backup_state_follows_the_account() -> None:
    account = Account(backs_up=False)
    phone = account.sign_in("phone")
    assert flags(client(phone).create(registration())) & (BE | BS) == BE
    account.backs_up = True
    assert flags(client(phone).get(LOG_IN)) & (BE | BS) == BE | BS


@pytest.mark.parametrize("wanted", ["required", "preferred", "discouraged"])
@pytest.mark.parametrize("profile", ["icloud-keychain", "windows-hello"])
def test_without_a_screen_lock_no_passkey_is_made_or_used(profile: str, wanted: str) -> None:
    device = Device("phone", profile, screen_lock=False)
    options = registration(authenticatorSelection={"userVerification": wanted})
    with pytest.raises(ClientError) as refused:
        client(device).create(options)
    assert refused.value.name == ("ConstraintError" if wanted == "required" else "NotAllowedError")
    assert device.credentials == ()
    device.screen_lock = True
    client(device).create(options)
    device.screen_lock = False
    with pytest.raises(ClientError, match="NotAllowedError"):
        client(device).get(LOG_IN | {"userVerification": "discouraged"})


def test_each_device_has_its_own_person() -> None:
    account = Account()
    phone = account.sign_in("phone", clock=HandTurnedClock())
    laptop = account.sign_in("laptop")
    client(laptop).create(registration())
    phone.person.will(deny())
    with pytest.raises(ClientError, match="the person said no"):
        client(phone).get(LOG_IN)
    assert client(laptop).get(LOG_IN)
    phone.person.will(wrong_finger())
    assert client(phone).get(LOG_IN), "the second try is theirs"


def test_signals() -> None:
    account = Account()
    phone = account.sign_in("phone")
    browser = client(phone)
    ids = {name: browser.create(registration(name))["id"] for name in ("ann", "bob")}
    user_id = to_base64url(b"ann")

    browser.signal_current_user_details(
        {"rpId": "example.com", "userId": user_id, "name": "ann@example.com", "displayName": "Ann A."}
    )
    assert [(each.user.name, each.user.display_name) for each in phone.credentials] == [
        ("ann@example.com", "Ann A."),
        ("bob", "Bob"),
    ]
    browser.signal_all_accepted_credentials(
        {"rpId": "example.com", "userId": user_id, "allAcceptedCredentialIds": []}
    )
    assert [each.user.name for each in account.passkeys] == ["bob"], "Bob's are no affair of Ann's"
    browser.signal_all_accepted_credentials(
        {"rpId": "example.com", "userId": user_id, "allAcceptedCredentialIds": [ids["ann"]]}
    )
    assert len(account.passkeys) == 2, "it was hidden, not destroyed"
    browser.signal_unknown_credential({"rpId": "example.com", "credentialId": ids["bob"]})
    assert [each.user.name for each in account.passkeys] == ["ann@example.com"]

    with pytest.raises(ClientError, match="SecurityError"):
        browser.signal_unknown_credential({"rpId": "example.org", "credentialId": ids["ann"]})
    with pytest.raises(ClientError, match="TypeError"):
        browser.signal_unknown_credential({"rpId": "example.com", "credentialId": "not base64url!"})
    assert len(account.passkeys) == 1


def test_mistakes_are_told() -> None:
    account = Account()
    account.sign_in("phone")
    with pytest.raises(SetupError, match="another name"):
        account.sign_in("phone")
    with pytest.raises(SetupError, match="there are: phone"):
        account.lose("watch")
    with pytest.raises(SetupError, match="is a security key"):
        Device("key", "yubikey-5-nfc")
    with pytest.raises(SetupError, match="leave out store="):
        account.sign_in("tablet", store="tablet.db")
