"""A site names its users as it likes; the terminal of whoever reads a trace is not the site's."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from fido2.ctap2 import Ctap2
from rich.console import Console

from harness import VirtualKey
from harness.cli.activity import Activity
from harness.cli.panel import KeyPanel
from harness.people import Person
from harness.trace.records import load, save
from harness.trace.show import Story, names, summary
from harness.trace.visible import visible
from harness.trace.words import told

EVIL = "evil\x1b[31m\x9b1A\u202egnp\r\nbob"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice", "alice"),
        ("Zoë 李 مریم", "Zoë 李 مریم"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("a\x1b[2J", "a\\u001b[2J"),
        ("a\u202eb", "a\\u202eb"),
        ("a\x9bb\u2028", "a\\u009bb\\u2028"),
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_what_acts_on_a_terminal_is_told_by_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_of_a_site_acts_on_a_terminal(tmp_path: object) -> None:
    key = VirtualKey("solo2")
    seen: list[str] = []

    class Looking(KeyPanel):
        def prompt(self, question: object) -> None:
            super().prompt(question)  # type: ignore[arg-type]
            with console.capture() as capture:
                console.print(self.render())
            seen.append(capture.get())
            self.press("\r")

    console = Console(width=200, color_system=None)
    panel = Looking(key, "udp", lambda: None)
    key.person = key.engine.person = Person(habit="prompted", prompter=panel)
    activity = Activity()

    def hear(event: object) -> None:
        if line := activity.line(event):  # type: ignore[arg-type]
            seen.append(line.plain)

    key.trace.listener = hear
    Ctap2(key.ctap_device()).make_credential(
        bytes(32),
        {"id": "example.com", "name": EVIL},
        {"id": b"\x01", "name": EVIL, "displayName": EVIL},
        [{"type": "public-key", "alg": -7}],
    )
    key.trace.step("page", EVIL, EVIL)
    path = f"{tmp_path}/run.ndjson"
    key.trace.save(path)
    saved = load(path)
    seen += [line.plain for line in Story(saved, packets=True, full=True).lines(saved.records)]
    seen += [told(record.event) for record in saved.records]
    seen.append(summary(saved).plain)
    assert any("evil\\u001b[31m" in each for each in seen)
    acting = [each for each in seen if any(bad in each for bad in "\x1b\x9b\u202e\r")]
    assert acting == []


def test_keys_of_one_name_are_told_apart(tmp_path: object) -> None:
    keys = [VirtualKey("solo2"), VirtualKey("solo2"), VirtualKey("yubikey-5-nfc")]
    path = f"{tmp_path}/three.ndjson"
    for key in keys:
        key.trace.step("test", "here")
    save(path, [key.trace for key in keys])
    assert names(load(path)) == ["solo2 #1", "solo2 #2", "yubikey-5-nfc"]
    with ExitStack() as stack:
        ports = [stack.enter_context(key.plugged_in("udp")).path for key in keys]
    save(path, [key.trace for key in keys])
    assert names(load(path)) == [f"solo2 {ports[0]}", f"solo2 {ports[1]}", "yubikey-5-nfc"]
    shown = [line.plain for line in Story(load(path), packets=True).lines(load(path).records)]
    assert any(f"solo2 {ports[1]}  ◆ test  here" in line for line in shown)
