"""Plays are read strictly, and every mistake is told with its line and the nearest right word."""

from __future__ import annotations

import json
import re
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import scenarios
from harness.errors import SetupError
from harness.play.devices import DeviceSpec
from harness.play.expectation import Expect
from harness.play.gestures import GESTURES
from harness.play.lines import BadYaml, read_documents
from harness.play.loader import load_plays, parse
from harness.play.play import Header, Play
from harness.play.schema import FILE, play_schema, schema_text
from harness.play.verbs import VERBS, LogIn, RemovePasskey, Wait, Withdraw

SCENARIOS = Path(scenarios.__path__[0])
STORY = """\
scenario: Removing a passkey without another passkey holds withdrawals
covers: [W7]
exchange: okx-web
devices:
  laptop: touch-id
  phone: {profile: icloud-keychain, bluetooth: off}
steps:
  - log in
  - add passkey: laptop
  - remove passkey: {of: laptop, verify with: codes}
  - withdraw: {asset: USDT, amount: 10}
    person: [wrong finger, finger 2]
    expect: {refused: are held, asks: []}
  - wait: 24 h
  - withdraw: USDT
    expect: confirmed
"""
AGAIN = STORY.replace("Removing a passkey without another passkey holds withdrawals", "Again")


def read(text: str) -> Play:
    (play,) = parse(text, Path("story.yaml"))
    return play


def test_a_story_is_read() -> None:
    play = read(STORY)
    assert play.header.covers == ("W7",)
    assert not play.header.devices["phone"].bluetooth
    assert play.header.devices["laptop"].profile == "touch-id"
    assert play.seat == "laptop"
    log_in, _, remove, held, wait, withdraw = play.steps
    assert isinstance(log_in.verb, LogIn)
    assert log_in.verb.with_ == "password"
    assert isinstance(remove.verb, RemovePasskey)
    assert (remove.verb.of, remove.verb.verify_with, remove.line) == ("laptop", "codes", 10)
    assert held.expect.refused == "are held"
    assert held.expect.asks == ()
    assert held.person == ("wrong finger", "finger 2")
    assert isinstance(wait.verb, Wait)
    assert wait.verb.time == timedelta(hours=24)
    assert isinstance(withdraw.verb, Withdraw)
    assert withdraw.verb.asset == "USDT"


def test_steps_are_told_in_sentences() -> None:
    sentences = [step.sentence for step in read(STORY).steps]
    assert sentences == [
        "log in password",
        "add passkey laptop",
        "remove passkey laptop verify with codes",
        "withdraw USDT amount 10 (wrong finger, finger 2)",
        "wait 24 h",
        "withdraw USDT",
    ]


MISTAKES = [
    ("wait: 24 h", "wait: 24 hours", 14, "write a number and s, min, h or d"),
    ("log in", "log inn", 8, "unknown verb 'log inn'; did you mean 'log in'?"),
    ("with: codes", "with: code", 10, "unknown word 'code'; did you mean 'codes'?"),
    ("verify with", "verifi with", 10, "unknown key 'verifi with'; did you mean 'verify with'?"),
    ("of: laptop", "of: labtop", 10, "there is no device 'labtop'; did you mean 'laptop'?"),
    ("bluetooth: off", "bluetooth: no", 6, "write on or off"),
    ("bluetooth", "bluetoth", 6, "unknown key 'bluetoth'; did you mean 'bluetooth'?"),
    ("touch-id", "tuch-id", 5, "unknown profile 'tuch-id'; did you mean 'touch-id'?"),
    ("refused:", "refsed:", 13, "unknown key 'refsed'; did you mean 'refused'?"),
    ("asks: []", "asks: [password, tan]", 13, "unknown word 'tan'"),
    ("covers", "cover", 2, "unknown key 'cover'; did you mean 'covers'?"),
    ("[wrong finger", "[wring finger", 12, "a person cannot 'wring finger'; did you mean 'wrong finger'?"),
    ("steps:", "step:", 7, "unknown key 'step'; did you mean 'steps'?"),
    ("add passkey: laptop", "add passkey: {}", 9, "lacks `on`"),
    ("add passkey: laptop", "add passkey:", 9, "lacks `on`"),
    ("expect: confirmed", "expect: ok", 16, "write `confirmed`, or a mapping"),
    ("wait: 24 h", "sit at: lap", 14, "there is no device 'lap'; did you mean 'laptop'?"),
    ("  - log in\n", "  - log in:\n    log out:\n", 9, "one step has two verbs"),
    ("  - log in\n", "  - expect: confirmed\n", 8, "the step has no verb"),
    ("  - log in\n", "  - log in: [passkey]\n", 8, "unknown word"),
    ("exchange: okx-web\n", "", 1, "say where it is played"),
    ("covers: [W7]", "covers: [W7", 3, "while parsing a flow sequence"),
    ("covers: [W7]", "exchange: mexc", 3, "'exchange' stands there twice"),
    ("exchange: okx-web", "exchange: okx-wed", 3, "there is no policy 'okx-wed'; did you mean okx-web"),
    ("exchange: okx-web", "relying party: nosuch:Shop", 3, "there is no module 'nosuch'"),
    ("exchange: okx-web", "relying party: json:Decode", 3, "has no Decode"),
    ("exchange: okx-web", "relying party: json:JSONDecoder", 3, "is no adapter: it has no `open`"),
    ("asset: USDT", "asset: USTD", 11, "`asset`: okx-web has no 'USTD'; did you mean 'USDT'?"),
    ("add passkey: laptop", "add passkey: {on: laptop, network: nft}", 9, "`network`: okx-web has no 'nft'"),
    ("wait: 24 h", "change setting: whitelist", 14, "okx-web has no 'whitelist'; there are: withdraw"),
    ("wait: 24 h", "choose scenarios: [log-in]", 14, "`scenarios`: okx-web has no 'log-in'; there are none"),
    ("touch-id", "{profile: touch-id, via: hybrid}", 5, "for a platform authenticator there are page, cdp"),
    (
        "touch-id",
        "{profile: yubikey-bio, via: hybrid}",
        5,
        "for a security key there are mock, uhid, page, cdp",
    ),
    ("touch-id", "./nothere.toml", 5, "nothere.toml"),
    ("covers: [W7]", "account: {email: off, phone: off}", 2, "needs an e-mail address or a phone number"),
]
NOT_FOR_A_SCHEMA = (
    "of: labtop",
    "sit at: lap",
    "relying party: nosuch:Shop",
    "relying party: json:Decode",
    "relying party: json:JSONDecoder",
    "asset: USTD",
    "add passkey: {on: laptop, network: nft}",
    "change setting: whitelist",
    "choose scenarios: [log-in]",
    "{profile: touch-id, via: hybrid}",
    "{profile: yubikey-bio, via: hybrid}",
    "./nothere.toml",
    "account: {email: off, phone: off}",
)
"""What depends on the play's other parts, or on files."""


@pytest.mark.parametrize(("old", "new", "line", "told"), MISTAKES)
def test_mistakes_are_told_where_they_are(old: str, new: str, line: int, told: str) -> None:
    assert old in STORY
    with pytest.raises(SetupError) as raised:
        read(STORY.replace(old, new, 1))
    assert str(raised.value).startswith(f"story.yaml:{line}: ")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_nobody_sits_at_a_security_key() -> None:
    story = STORY.replace("laptop: touch-id", "laptop: touch-id\n  key: yubikey-bio").replace(
        "wait: 24 h", "sit at: key"
    )
    with pytest.raises(SetupError, match=r"story\.yaml:15: 'key' is a security key"):
        read(story)


def test_words_that_yaml_takes_for_truth_values_stay_words() -> None:
    """`on:` is a key of ours, and `no` a country."""
    play = read(
        STORY.replace("touch-id", "{profile: touch-id, region: NO}").replace(
            "log in", "log in: {on: laptop}", 1
        )
    )
    assert play.header.devices["laptop"].region == "NO"
    assert play.steps[0].verb.sentence() == "log in password on laptop"


def test_a_file_may_hold_several_plays(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "two.yaml").write_text(f"{STORY}---\n{AGAIN}", encoding="utf-8")
    (folder / "one.yaml").write_text(STORY, encoding="utf-8")
    (folder / "one.fuzz.yaml").write_text("targets: []", encoding="utf-8")  # another tool's file
    assert [play.name for play in load_plays([tmp_path])] == [
        "shop/one",
        "shop/two/removing-a-passkey-without-another-passkey",
        "shop/two/again",
    ]
    second = load_plays([folder / "two.yaml"])[1]
    assert second.name == "shop/two/again"
    assert second.steps[0].line == 8 + STORY.count("\n") + 1


def test_files_of_one_name_are_told_apart_and_files_named_twice_are_there_once(tmp_path: Path) -> None:
    for folder in ("a/login", "b/login", "c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.yaml").write_text(STORY, encoding="utf-8")
    assert [play.name for play in load_plays([tmp_path])] == ["a/login/x", "b/login/x", "c/x"]
    path = tmp_path / "c" / "x.yaml"
    assert [play.name for play in load_plays([path, tmp_path / "c", path])] == ["c/x"]


def test_two_plays_of_one_title_are_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"x\.yaml:18: an earlier play of this file has the same title"):
        parse(f"{STORY}---\n{STORY}", tmp_path / "x.yaml")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("empty.yaml", "", "empty.yaml:1: the file holds no play"),
        ("list.yaml", "- log in\n", "list.yaml:1: a play is a mapping"),
        ("bad.yaml", b"\xff\xfe\x00", "bad.yaml: cannot be read"),
    ],
)
def test_files_that_are_no_plays(tmp_path: Path, name: str, text: str | bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SetupError, match=told):
        load_plays([path])


def test_missing_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "login.yaml").write_text(STORY, encoding="utf-8")
    with pytest.raises(SetupError, match=r"logn\.yaml: there is no such file; did you mean login\.yaml\?"):
        load_plays([tmp_path / "logn.yaml"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SetupError, match="holds no plays"):
        load_plays([tmp_path / "empty"])


def test_the_schema_for_editors_is_the_present_one() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text(), (
        "write it anew: stuntkey run --schema > harness/play/play.schema.json"
    )


def test_the_schema_knows_every_verb_and_only_defines_what_it_refers_to() -> None:
    schema = play_schema()
    step = schema["$defs"]["Step"]["anyOf"][1]["properties"]
    assert set(VERBS) <= set(step)
    text = json.dumps(schema)
    for name in schema["$defs"]:
        assert f'"#/$defs/{name}"' in text


def _as_editors_read_it(value: object, *, yaml_1_1: bool) -> object:
    """Our reader keeps words; YAML 1.1 takes on and off for truth values, and every YAML takes 0.01 for a number."""
    if isinstance(value, dict):
        return {key: _as_editors_read_it(each, yaml_1_1=yaml_1_1) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_editors_read_it(each, yaml_1_1=yaml_1_1) for each in value]
    if yaml_1_1 and value in ("on", "off"):
        return value == "on"
    if isinstance(value, str) and re.fullmatch(r"\d+\.\d+", value):
        return float(value)
    return value


SCHEMA = Draft202012Validator(play_schema())


def _flaws(value: object) -> list[str]:
    return [error.message for error in SCHEMA.iter_errors(value)]


@pytest.mark.parametrize("yaml_1_1", [False, True])
def test_the_schema_takes_every_play_there_is(yaml_1_1: bool) -> None:
    files = {play.path for play in load_plays([SCENARIOS])}
    assert len(files) >= 15
    for file in files:
        for value, _ in read_documents(file.read_text(encoding="utf-8")):
            assert _flaws(_as_editors_read_it(value, yaml_1_1=yaml_1_1)) == [], file


@pytest.mark.parametrize(
    ("old", "new"),
    [(old, new) for old, new, _, _ in MISTAKES if new not in NOT_FOR_A_SCHEMA]
    + [
        ("log in", "log in: pasword"),
        ("withdraw: USDT", "withdraw: [a]"),
        ("add passkey: laptop", "add passkey: 5"),
    ],
)
def test_the_schema_finds_the_mistakes_that_the_loader_finds(old: str, new: str) -> None:
    try:
        ((value, _),) = read_documents(STORY.replace(old, new, 1))
    except BadYaml:
        return  # an editor sees that without a schema
    assert _flaws(value)


DOCS = Path(__file__).parents[3] / "docs" / "plays.md"


def test_the_guide_names_every_word_and_its_example_is_a_play() -> None:
    text = DOCS.read_text(encoding="utf-8")
    example = textwrap.dedent("\n".join(line for line in text.splitlines() if line.startswith("    ")))
    assert read(example).header.covers == ("A4",)
    words = [*VERBS, *GESTURES, *(str(field.alias) for field in Expect.model_fields.values())]
    words += [str(field.alias) for field in DeviceSpec.model_fields.values()]
    words += [str(field.alias) for field in Header.model_fields.values()]
    assert [word for word in words if f"`{word}" not in text] == []
