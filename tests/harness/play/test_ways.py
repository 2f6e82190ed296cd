"""By which way a device reaches the browser, and that phones by QR code are there by the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SetupError
from harness.play.devices import DeviceSpec
from harness.play.loader import load_plays
from harness.play.play import Play
from harness.play.ways import Ways, is_security_key, ways_of

SCENARIOS = Path(__file__).parents[3] / "scenarios"
BY_QR_CODE = ("A3", "K3", "K4", "K5", "K11", "W2", "W5")
PHONE = DeviceSpec(profile="icloud-keychain")
LINKED = DeviceSpec.model_validate({"profile": "icloud-keychain", "linked": "on"})


def ways_in(play: Play) -> set[str]:
    """As they are played where the command line says nothing."""
    return {
        Ways().of(spec, is_security_key(spec))
        for name, spec in play.header.devices.items()
        if spec.profile != "computer"
    }


@pytest.mark.parametrize("row", BY_QR_CODE)
def test_what_is_asked_of_phones_by_qr_code_is_played_in_a_stock_browser(row: str) -> None:
    plays = [play for play in load_plays([SCENARIOS]) if row in play.header.covers]
    assert any("hybrid" in ways_in(play) for play in plays)


def test_a_push_is_played_through_a_tunnel() -> None:
    plays = [play for play in load_plays([SCENARIOS]) if "K5" in play.header.covers]
    assert any("linked" in ways_in(play) for play in plays)


def test_a_linked_phone_is_called_and_scans_nothing() -> None:
    assert Ways().of(LINKED, False) == "page"
    assert ways_of(["linked"]).of(LINKED, False) == "linked"
    assert ways_of(["linked"]).of(PHONE, False) == "page"
    assert ways_of(["hybrid", "linked"]).of(PHONE, False) == "hybrid"
    assert ways_of(["hybrid"]).of(LINKED, False) == "page"
    assert Ways().of(LINKED.model_copy(update={"via": "linked"}), False) == "linked"


def test_there_is_no_other_way() -> None:
    with pytest.raises(SetupError, match="linked"):
        ways_of(["pigeon"])
