"""The same by QR code: a phone beside a stock browser, with no radio and no internet: `pytest test_my_phone.py`."""

import os

SITE = os.environ.get("MY_SITE", "http://localhost:8000")


def test_a_phone_makes_a_passkey_and_logs_in(phone, passkey_browser):
    page = passkey_browser.page
    page.goto(SITE)
    page.fill("#name", "ann")
    page.click("#make")  # Chromium shows its QR code
    phone.scan()
    page.wait_for(text="Passkey added for ann")
    assert [passkey.user.name for passkey in phone.credentials] == ["ann"]

    page.click("#log-in")
    session = phone.scan()
    page.wait_for(text="Welcome, ann")
    session.result(30)  # until the computer said goodbye
