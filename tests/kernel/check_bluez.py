"""A phone by QR code in stock Chromium, through a real BlueZ and the kernel's own Bluetooth."""

from __future__ import annotations

from emulated_bluetooth import bluetooth
from kernel_ceremonies import log_in, registration

from harness import Account
from harness.hybrid.phone import Stage
from harness.hybrid.stage import HybridStage
from harness.patience import patient

HYBRID = {"uv": "required", "hints": ["hybrid"]}


def test_registration_and_log_in(site: str) -> None:
    with (
        Account("google-password-manager").sign_in("phone") as key,
        HybridStage(bluetooth=bluetooth) as stage,
    ):
        page, phone = stage.browser.page, stage.phone(key)
        page.goto(site)
        waiting = page.create(registration(rk="required", **HYBRID))
        session = stage.scan(phone)
        made = waiting.result()
        session.result(patient(30))
        assert made["response"]["transports"] == ["hybrid", "internal"]
        waiting = page.get(log_in(**HYBRID))
        session = stage.scan(phone)
        assert waiting.result()["id"] == made["id"]
        session.result(patient(30))
        assert [event.stage for event in phone.events].count(Stage.ON_AIR) == 2
