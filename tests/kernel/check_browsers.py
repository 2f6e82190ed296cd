"""Stock browsers, headless, with a key that their machine's kernel knows of."""

from __future__ import annotations

import pytest
from kernel_ceremonies import log_in, registration

from harness import VirtualKey
from harness.browsers import open_browser


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
def test_registration_and_log_in(kind: str, site: str) -> None:
    with VirtualKey("yubikey-5-nfc") as key, open_browser(kind, keys=[key], port="uhid") as browser:
        page = browser.page
        page.goto(site)
        made = page.create(registration()).result()
        assert "usb" in made["response"]["transports"]
        assert page.get(log_in(made)).result()["id"] == made["id"]
