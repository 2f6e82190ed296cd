"""A site's passkeys in a stock browser, with a security key that is not there: `pytest test_my_site.py`."""

import os

from harness import deny

SITE = os.environ.get("MY_SITE", "http://localhost:8000")


def test_a_passkey_is_made_and_logs_in(virtual_key, passkey_browser):
    key, page = virtual_key("yubikey-5-nfc", pin="1234"), passkey_browser.page
    passkey_browser.plug_in(key)  # stock Chromium finds it by its own HID code
    page.goto(SITE)
    page.fill("#name", "ann")
    page.click("#make")  # native PIN dialogs are answered by the key's person
    page.wait_for(text="Passkey added for ann")
    assert [passkey.user.name for passkey in key.credentials] == ["ann"]

    key.person.will(deny())  # not this time
    page.click("#log-in")
    page.wait_for(text="NotAllowedError")
    page.click("#log-in")
    page.wait_for(text="Welcome, ann")
