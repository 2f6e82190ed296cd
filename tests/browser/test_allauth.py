"""The example adapter: django-allauth's own pages in a real Chromium, which finds the security key by HID."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.play.events import RunId, Verdict
from harness.play.loader import load_file
from harness.play.machine import Machine
from harness.play.performance import Settings, perform
from harness.play.play import Play

PLAYS = load_file(Path(__file__).parents[2] / "examples" / "allauth.yaml")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_the_example_plays(play: Play, machine: Machine) -> None:
    ended = perform(play, machine, Settings(), RunId(play=play.name), lambda event: None)
    assert ended.verdict is Verdict.PASSED, ended.problem
    if "key" in play.header.devices:
        assert ended.ways["key"] == "mock"
