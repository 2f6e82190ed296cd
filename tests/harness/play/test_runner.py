"""Order, shards and summaries of runs; the expectations that steps are judged by."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from harness import VirtualKey
from harness.client import Client
from harness.errors import SetupError
from harness.play.compare import comparison_table
from harness.play.events import Event, PlayEnded, RunId, Verdict
from harness.play.expectation import Expect
from harness.play.fewest import effort, fewest
from harness.play.loader import load_plays
from harness.play.runner import _heard, shard, summary
from harness.play.stage import in_words
from harness.play.ways import ways_of
from harness.relying_parties.outcome import Outcome, PasskeyRow

PLAYS = Path(__file__).parents[3] / "scenarios"


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_shards_hold_every_play_once(parts: int) -> None:
    plays = load_plays([PLAYS])
    shards = [shard(plays, part, parts) for part in range(1, parts + 1)]
    assert sorted(play.name for each in shards for play in each) == sorted(play.name for play in plays)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def ended(play: str, repeat: int, verdict: Verdict, variant: str = "") -> PlayEnded:
    info = load_plays([PLAYS / "mexc" / "add.yaml"])[0].info()
    run = RunId(play=play, repeat=repeat, variant=variant)
    return PlayEnded(run=run, play=info, verdict=verdict, seconds=1, ways={}, browser="")


def test_ways_are_compared_with_the_first_that_was_typed_whichever_ended_first() -> None:
    played = [ended("one", 1, Verdict.FAILED, "page"), ended("one", 1, Verdict.PASSED, "mock")]
    table = comparison_table(played, ["mock", "page", "cdp"])
    assert [(column.header, *column.cells) for column in table.columns] == [
        ("play", "one"),
        ("mock", "passed"),
        ("page", "[bold magenta]failed[/]"),
        ("cdp", "[bold magenta]not played[/]"),
    ]


def test_a_play_that_ends_now_so_and_now_so_is_flaky() -> None:
    result = summary(
        [
            ended("steady", 1, Verdict.PASSED),
            ended("steady", 2, Verdict.PASSED),
            ended("shaky", 1, Verdict.PASSED),
            ended("shaky", 2, Verdict.FAILED),
            # Two ways may well differ: that is what they are compared for.
            ended("compared", 1, Verdict.PASSED, "mock"),
            ended("compared", 1, Verdict.ERROR, "page"),
        ],
        2.0,
    )
    assert (result.passed, result.failed, result.errors, result.flaky) == (4, 1, 1, ("shaky",))


@pytest.mark.parametrize("code", [0, 143])
def test_a_worker_that_ends_without_a_word_is_not_waited_for(code: int) -> None:
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=sys.exit, args=(code,))
    worker.start()
    heard: Future[list[Event]] = Future()

    def listen() -> None:
        try:
            heard.set_result(list(_heard(context.Queue(), [worker])))
        except SetupError as error:
            heard.set_exception(error)

    threading.Thread(target=listen, daemon=True).start()
    with pytest.raises(SetupError, match=f"a worker died with exit code {code}"):
        heard.result(timeout=20)
    worker.join()


def test_the_fewest_plays_show_every_row_and_none_is_needless() -> None:
    plays = load_plays([PLAYS])
    chosen = fewest(plays)
    shown = {row for play in chosen for row in play.header.covers}
    assert shown == {row for play in plays for row in play.header.covers}
    for play in chosen:
        others = {row for each in chosen if each is not play for row in each.header.covers}
        assert others != shown, f"{play.name} is needless"
    assert sum(map(effort, chosen)) < 0.6 * sum(map(effort, plays))
    assert [play.name for play in fewest(plays[::-1])][::-1] == [play.name for play in chosen], (
        "any order will do"
    )


def test_ways_are_words_that_there_are() -> None:
    assert ways_of(["page"]).key == "page"
    assert ways_of([]).key == "mock"
    with pytest.raises(SetupError, match="--via usb: there are mock, uhid, page, hybrid"):
        ways_of(["usb"])


SEEN = Outcome(
    asks=("confirmation", "passkey"),
    text="Withdrawal\nsubmitted",
    passkeys=(
        PasskeyRow(name="Blue", device="iCloud Keychain", kind="synced", network="Pay", created_today=True),
    ),
)


@pytest.mark.parametrize(
    "expected",
    [
        {},
        {"asks": ["passkey", "confirmation"]},
        {"asks in order": ["confirmation", "passkey"]},
        {"never asks": ["email code"]},
        {"shows": "withdrawal submitted"},
        {"hides": ["refused"]},
        {"count": 1},
        {
            "lists": [
                {"name": "Blue", "device": "icloud", "kind": "synced", "created": "today", "used": "never"}
            ]
        },
    ],
)
def test_what_is_as_expected_fits(expected: dict[str, object]) -> None:
    assert Expect.model_validate(expected).misfits(SEEN) == []


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"refused": "held"}, "it was not refused"),
        ({"asks": []}, "the site asked for confirmation, passkey"),
        ({"asks in order": ["passkey", "confirmation"]}, "the site asked for confirmation, then passkey"),
        ({"gives up": "codes"}, "the person did not give up"),
        ({"asks": ["passkey"]}, "the site asked for confirmation, passkey"),
        ({"never asks": ["passkey"]}, "the site asked for passkey"),
        ({"shows": "held"}, "the page does not show 'held'"),
        ({"hides": "submitted"}, "the page shows 'submitted'"),
        ({"count": 2}, "the list has 1 passkeys"),
        ({"lists": []}, "the list has 1 passkeys: Blue"),
        ({"lists": [{"name": "Red"}]}, "passkey 1 is called 'Blue', not 'Red'"),
        ({"lists": [{"kind": "device-bound"}]}, "passkey 1 is synced, not device-bound"),
        ({"lists": [{"network": "Exchange"}]}, "passkey 1 is labelled 'Pay', not 'Exchange'"),
        ({"lists": [{"used": "today"}]}, "passkey 1 shows as its last use 'never', not today"),
    ],
)
def test_what_is_not_as_expected_is_told(expected: dict[str, object], told: str) -> None:
    assert Expect.model_validate(expected).misfits(SEEN) == [told]


def test_refusals_are_compared_by_their_words() -> None:
    refused = Outcome(refused="Withdrawals are held for 24 hours")
    assert Expect().misfits(refused) == ["it was refused: Withdrawals are held for 24 hours"]
    assert Expect.model_validate({"refused": "held FOR 24"}).misfits(refused) == []
    assert Expect.model_validate({"refused": "no money"}).misfits(refused) == [
        "it was refused in other words: Withdrawals are held for 24 hours"
    ]


def test_who_gives_up_was_not_refused() -> None:
    gave_up = Outcome(gave_up="they have no codes to give")
    assert Expect().misfits(gave_up) == ["the person gave up: they have no codes to give"]
    assert Expect.model_validate({"gives up": "no codes"}).misfits(gave_up) == []
    assert Expect.model_validate({"gives up": "confirm"}).misfits(gave_up) == [
        "the person gave up for another reason: they have no codes to give"
    ]
    assert Expect.model_validate({"refused": "no codes"}).misfits(gave_up) == [
        "it was not refused",
        "the person gave up: they have no codes to give",
    ]


def test_the_time_line_says_what_the_key_answered() -> None:
    key = VirtualKey("icloud-keychain")
    user = {"id": "AAAA", "name": "ann", "displayName": "Ann"}
    Client(key, "https://example.com").create(
        {
            "rp": {"id": "example.com", "name": "Example"},
            "user": user,
            "challenge": "AAAA",
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        }
    )
    told = [words for event in key.trace if (words := in_words(event)) is not None]
    assert ("makeCredential", "example.com as ann") in told
    assert told[-1] == ("SUCCESS", "UP UV BE BS, counter 0")
