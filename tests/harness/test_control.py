"""Plugged-in keys that another process acts on."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from fido2.ctap import CtapError
from fido2.ctap2 import Ctap2

from ctaphid.keyboard import MemoryKeyboard
from harness import VirtualKey
from harness.cli import main
from harness.cli.attach import key_of
from harness.cli.panel import KeyPanel
from harness.control import Control, act_on, ask
from harness.errors import SetupError
from harness.otp import configuration_of


def test_each_key_is_acted_on(tmp_path: Path) -> None:
    one, other = VirtualKey("solo2"), VirtualKey("yubikey-5-nfc")
    with Control([one, other]) as control:
        assert stat.S_IMODE(os.stat(control.path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(Path(control.path).parent).st_mode) == 0o700
        assert ask(control.path, 1, "unplug") == "solo2: unplugged"
        assert (one.is_plugged_in, other.is_plugged_in) == (False, True)
        assert ask(control.path, 1, "plug-in") == "solo2: plugged in"
        assert ask(control.path, 2, "deny") == "yubikey-5-nfc: denied when it asks next"
        with pytest.raises(CtapError, match="OPERATION_DENIED"):
            Ctap2(other.ctap_device()).selection()
        path = control.path
    assert not Path(path).parent.exists()
    with pytest.raises(SetupError, match="no attached key is heard there"):
        ask(path, 1, "touch")


def test_a_key_that_waits_is_touched() -> None:
    key = VirtualKey("yubikey-5-nfc")
    key.person.habit = "ignoring"
    with Control([key]) as control:
        said: list[str] = []

        def touch_it(_: object) -> None:
            if not said:
                said.append(ask(control.path, 1, "touch"))

        Ctap2(key.ctap_device()).selection(on_keepalive=touch_it)
        assert said == ["yubikey-5-nfc: touched"]
        assert ask(control.path, 1, "touch") == "yubikey-5-nfc: will be touched when it asks next"
        Ctap2(key.ctap_device()).selection()
        ask(control.path, 1, "habit=refusing")
        with pytest.raises(CtapError, match="OPERATION_DENIED"):
            Ctap2(key.ctap_device()).selection()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("dance", "nobody can 'dance': there are touch, long-touch, deny"),
        ("pin", "pin=PIN: say which"),
        ("pin=", "pin=PIN: say which"),
        ("touch=3", "touch has no value"),
        ("habit=prompted", "nobody is at a terminal here"),
        ("habit=lazy", "habit 'lazy': must be one of"),
    ],
)
def test_what_nobody_can_do(words: str, why: str) -> None:
    with pytest.raises(SetupError, match=why):
        act_on(VirtualKey("solo2"), words)


def test_nobody_is_asked_what_is_no_question() -> None:
    key = VirtualKey("solo2")
    with Control([key]) as control:
        with pytest.raises(SetupError, match="key 2: there is key 1 only"):
            ask(control.path, 2, "touch")
        with pytest.raises(SetupError, match="a line of JSON"):
            ask(control.path, 1, "x" * 10_000)
        results = [
            CliRunner().invoke(main, ["key", "do", "--control", control.path, *acts])
            for acts in (["unplug", "plug-in"], ["dance"])
        ]
    assert (results[0].exit_code, results[0].output) == (0, "solo2: unplugged\nsolo2: plugged in\n")
    assert results[1].exit_code == 2
    assert "nobody can 'dance'" in results[1].output


def test_a_touch_types_and_a_long_one_types_the_other_slot() -> None:
    key = VirtualKey("yubikey-5-nfc")
    key.otp.configure(1, configuration_of("vvccccccbdef:8792ebfe26cc:ecde18dbe76fbd0c33330f1c354871db"))
    key.otp.configure(2, configuration_of("static:correct-horse"))
    panel = KeyPanel(key, "uhid", lambda: None)
    keyboard = MemoryKeyboard()
    with key.otp.plugged_in(keyboard), Control([key]) as control:
        assert key.otp.types
        assert ask(control.path, 1, "long-touch") == "yubikey-5-nfc: touched for long"
        assert keyboard.text == "correct-horse"
        assert ask(control.path, 1, "touch") == "yubikey-5-nfc: touched"
        panel.press("\r")
        panel.press("l")
        passwords = keyboard.text.removeprefix("correct-horse").removesuffix("correct-horse").split()
    assert [each[:12] for each in passwords] == ["vvccccccbdef"] * 2
    assert passwords[0] != passwords[1]


@pytest.mark.parametrize(
    ("otp", "why"),
    [
        ("static:x", "must be SLOT=OTP"),
        ("3=static:x", "slot 3: there are 1 and 2"),
        ("1=aa:bb", "this has 2 parts"),
    ],
)
def test_what_is_no_otp(otp: str, why: str) -> None:
    arguments = ["key", "attach", "--port", "udp", "--profile", "yubikey-5-nfc", "--auto-touch", "--otp", otp]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())


def test_what_is_no_key() -> None:
    assert key_of("yubikey-5-nfc,pin=1234,habit=ignoring", "willing").person.habit == "ignoring"
    assert key_of("solo2", "refusing").person.habit == "refusing"
    for spec, why in [
        ("solo2,colour=red", "'colour=red' is none of pin="),
        ("solo2,habit=prompted", "needs the terminal"),
        ("solo3", "solo3"),
    ]:
        with pytest.raises(SetupError, match=why):
            key_of(spec, "willing")


def test_a_command_whose_dashes_were_forgotten() -> None:
    result = CliRunner().invoke(main, ["key", "attach", "fido2-token", "-L"])
    assert result.exit_code == 2
    assert "put -- before the command" in " ".join(result.output.split())
