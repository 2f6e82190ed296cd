"""Which plays show which rows; no row is without one."""

from __future__ import annotations

from pathlib import Path

import pytest

import scenarios
from harness.errors import SetupError
from harness.play.events import PlayEnded, RunId, Verdict
from harness.play.features import Feature, coverage, find_features, read_features, unknown_rows
from harness.play.loader import load_plays
from harness.play.sites import site_of
from harness.play.stage import WORLD
from scenarios.exchange.policy import load_policy

SCENARIOS = Path(scenarios.__path__[0])


def test_every_row_is_shown_by_a_play_against_its_own_system() -> None:
    features, plays = find_features([SCENARIOS]), load_plays([SCENARIOS])
    assert len(features) == 52
    shown = {(play.header.exchange, row) for play in plays for row in play.header.covers}
    missing = [feature.id for feature in features if (feature.system, feature.id) not in shown]
    assert not missing


def test_no_play_covers_what_nobody_asked_for() -> None:
    plays = load_plays([SCENARIOS])
    covers = {play.name: play.header.covers for play in plays}
    assert unknown_rows(find_features([SCENARIOS]), covers) == []
    assert all(covers.values())
    assert len(covers) == len(plays), "names of plays are not unique"


def test_every_play_has_a_policy_and_verbs_that_its_site_can_do() -> None:
    for play in load_plays([SCENARIOS]):
        assert play.header.exchange is not None
        load_policy(play.header.exchange)
        verbs = site_of(play)().verbs
        for step in play.steps:
            assert type(step.verb) in verbs or isinstance(step.verb, WORLD), play.where(step.line)


def _ended(play: str, verdict: Verdict) -> PlayEnded:
    info = load_plays([SCENARIOS / "mexc" / "add.yaml"])[0].info()
    return PlayEnded(
        run=RunId(play=play), play=info, verdict=verdict, seconds=1.0, ways={}, browser="", problem=None
    )


def test_a_row_is_as_good_as_its_worst_play() -> None:
    row = Feature(id="X1", title="", system="x", system_title="x")
    covers = {"one": ("X1",), "two": ("X1",), "three": ()}
    passed, failed = (_ended("one", Verdict.PASSED), _ended("two", Verdict.FAILED))
    assert coverage([row], covers, [passed, failed])[0].verdict is Verdict.FAILED
    assert coverage([row], covers, [passed])[0].verdict is None
    assert coverage([row], covers, [passed, _ended("two", Verdict.PASSED)])[0].verdict is Verdict.PASSED
    assert coverage([row], {}, [])[0].verdict is None


def test_a_play_that_failed_once_in_many_repeats_has_failed() -> None:
    row = Feature(id="X1", title="", system="x", system_title="x")
    repeats = [_ended("one", verdict) for verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.PASSED)]
    assert coverage([row], {"one": ("X1",)}, repeats)[0].verdict is Verdict.FAILED


def test_a_bad_list_of_rows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text("[x]\nX1 = 5\n", encoding="utf-8")
    with pytest.raises(SetupError, match=r"features\.toml: \[x\] must hold ids and titles"):
        read_features(path)
