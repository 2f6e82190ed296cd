"""Plays in a real Chromium, as `stuntkey run` plays them: what it prints, what it writes, what it exits with."""

from __future__ import annotations

import base64
import re
import shutil
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

import scenarios
from harness.hybrid.camera import passkey_code

STORY = """\
scenario: A key and a phone side by side
covers: [K4]
exchange: kucoin
devices:
  laptop: windows-hello
  phone: icloud-keychain
  key: {profile: yubikey-bio, pin: 123456, fingers: [right thumb]}
steps:
  - log in
  - add passkey: key
  - add passkey: phone
  - log out
  - log in: {with: passkey, on: key}
    person: [wrong finger, right finger]
  - withdraw: {with: passkey, on: phone}
    expect: {asks: [confirmation, passkey]}
  - list passkeys:
    expect: {count: 2}
"""

NEARBY = """\
scenario: A phone that scans what a stock browser shows, and a key beside it
exchange: okx-web
devices:
  laptop: windows-hello
  phone: {profile: icloud-keychain, via: hybrid}
  key: {profile: yubikey-bio, pin: 123456, fingers: [right thumb]}
steps:
  - log in
  - add passkey: phone
  - add passkey: key
  - switch: {device: laptop, bluetooth: off}
  - withdraw: {with: passkey, on: phone}
    expect: {refused: cancelled}
  - switch: {device: laptop, bluetooth: on}
  - withdraw: {with: passkey, on: phone}
    person: cancel
    expect: {refused: cancelled}
  - withdraw: {with: passkey, on: key}
    person: [wrong finger, right finger]
  - withdraw: {with: passkey, on: phone}
    expect: {asks: [confirmation, passkey]}
"""

SHOP = """\
from my_site import MySite
from harness.play.verbs import AddPasskey, LogIn
from harness.relying_parties.outcome import Outcome, PasskeyRow


class Shop:
    name = "shop"
    log_ins = 0

    def __init__(self):
        self.site = MySite()
        self.url = self.site.url
        self.verbs = {AddPasskey: self.add_passkey, LogIn: self.log_in}

    def open(self, account, seed):
        self.site.__enter__()

    def close(self):
        self.site.__exit__()

    def add_passkey(self, visit, verb):
        visit.window.goto(self.url)
        with visit.hand(verb.on):
            visit.window.click("#make")
            visit.window.wait_until("() => document.querySelector('#told').textContent", not_="...")
        return Outcome(passkeys=tuple(PasskeyRow(name=each.hex()) for each in self.site.passkeys))

    def log_in(self, visit, verb):
        Shop.log_ins += 1
        return Outcome(refused=None if Shop.log_ins % 2 else "we are busy")
"""

AT_THE_SHOP = """\
scenario: A shop that lets in every other customer
covers: [S1]
relying party: every_other:Shop
devices: {phone: icloud-keychain}
steps:
  - add passkey: phone
    expect: {count: 1}
  - log in
"""

ROWS = """\
["every_other:Shop"]
title = "The shop"
S1 = "Customers come in"
S2 = "Customers come back"
"""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[2])}


def stuntkey(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from harness.cli import main; main()", "run", *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=480,
    )


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.yaml"
    path.write_text(STORY, encoding="utf-8")
    return path


def test_a_security_key_on_real_hid_and_a_phone_by_the_page(story: Path) -> None:
    result = stuntkey(story, "-v", folder=story.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
    assert "phone by page (hybrid), key by mock, in Chromium" in result.stdout
    assert "log in passkey on key (wrong finger, right finger) confirmed; asked for passkey" in result.stdout


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A play that passes once and fails once, at a site of its own, and the rows that are asked for there."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(Path(__file__).parents[2] / "examples" / "my_site.py", folder)
    (folder / "every_other.py").write_text(SHOP, encoding="utf-8")
    (folder / "features.toml").write_text(ROWS, encoding="utf-8")
    path = folder / "customers.yaml"
    path.write_text(AT_THE_SHOP, encoding="utf-8")
    return path


def test_repeats_are_told_and_what_does_not_always_end_the_same(shop: Path) -> None:
    result = stuntkey(shop, "--repeat", "2", "--coverage", folder=shop.parent)
    assert result.returncode == 1, result.stdout + result.stderr
    first, second = (line for line in result.stdout.splitlines() if line.startswith(("1/2", "2/2")))
    assert "✔" in first
    assert "#2" not in first
    assert "✘" in second
    assert "A shop that lets in every other customer #2" in second
    assert "1 passed, 1 failed, 1 flaky: shop/customers in" in result.stdout
    rows = [line.split() for line in result.stdout.split("what it asks for")[1].splitlines()]
    assert ["✘", "S1", "Customers", "come", "in", "customers"] in rows, "it failed once"
    assert ["–", "S2", "Customers", "come", "back", "none"] in rows


def test_the_same_seed_gives_the_same_story(shop: Path) -> None:
    def played(*arguments: str) -> list[str]:
        """The steps and what was seen of them, the ids of passkeys included."""
        result = stuntkey(shop, "-v", *arguments, folder=shop.parent)
        assert result.returncode == 0, result.stdout + result.stderr
        return [line for line in result.stdout.splitlines() if line.startswith("  ✔")]

    one = played("--seed", "one")
    assert len(one) == 2
    assert re.search("listed [0-9a-f]{32,}", one[0])
    assert played("--seed", "one") == one
    other = played("--seed", "other")
    assert other[0] != one[0]
    assert other[1] == one[1]


def test_what_fails_is_told_so_that_one_can_act_on_it(story: Path) -> None:
    wrong = STORY.replace("asks: [confirmation, passkey]", "refused: held").replace("count: 2", "count: 3")
    story.write_text(wrong, encoding="utf-8")
    result = stuntkey(story, "--via", "page", folder=story.parent)
    assert result.returncode == 1, result.stdout + result.stderr
    told = " ".join(result.stdout.replace("│", " ").split())
    assert f"{story}:15" in told
    assert "withdraw USDT with passkey, on phone: it was not refused" in told
    assert "expected refused: held" in told
    assert "seen confirmed; asked for confirmation, passkey" in told
    assert "http://kucoin.localhost:" in told
    assert "Withdrawal submitted" in told, "the page's text"
    assert "phone: getAssertion" in told, "the end of the trace"
    (picture,) = (story.parent / "artifacts" / "failures").glob("*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_words_that_there_are_not_are_told_before_a_browser_starts(story: Path) -> None:
    story.write_text(STORY.replace("exchange: kucoin", "exchange: kukoin"), encoding="utf-8")
    result = stuntkey(story, folder=story.parent)
    assert result.returncode == 2
    assert "story.yaml:3: `exchange`: there is no policy 'kukoin'; did you mean kucoin?" in result.stderr
    assert not result.stdout, "no browser was started for it"


def test_ways_are_compared_in_processes_of_their_own(story: Path) -> None:
    result = stuntkey(story, "--compare", "mock,page,cdp", "-n", "2", folder=story.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 passed" in result.stdout
    heading, row = (line.split() for line in result.stdout.splitlines()[-2:])
    assert heading == ["play", "mock", "page", "cdp"]
    assert row[1:] == ["passed"] * 3


def test_a_phone_scans_the_code_of_a_stock_browser(story: Path) -> None:
    story.write_text(NEARBY, encoding="utf-8")
    result = stuntkey(story, "-v", "--report", "out", folder=story.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "phone by hybrid, key by mock, in Chromium" in result.stdout
    events = (story.parent / "out" / "events.ndjson").read_text(encoding="utf-8")
    assert "scanned the QR code" in events
    assert "the browser shows no QR code" in events, "while Bluetooth was off"
    report = (story.parent / "out" / "report.html").read_text(encoding="utf-8")
    assert "scanned the QR code" in report, "the phone's side of the story"
    codes = codes_in(report)
    # One for each time that a code was on the screen, each of its own
    assert len(codes) == len(set(codes)) == events.count('"its QR code as the phone saw it"') >= 3


def codes_in(page: str) -> list[str]:
    """The passkey QR codes among the pictures of a report."""
    pictures = re.findall(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)", page)
    seen = [passkey_code(Image.open(BytesIO(base64.b64decode(each)))) for each in pictures]
    return [each.text for each in seen if each is not None]


def test_firefox_plays_every_row_of_a_system(tmp_path: Path) -> None:
    plays = Path(scenarios.__path__[0]) / "pionex"
    result = stuntkey(
        plays, "--browser", "firefox", "--fewest", "--coverage", "--report", "out", folder=tmp_path
    )
    assert result.returncode == 0, result.stdout + result.stderr
    table = result.stdout.split("what it asks for")[1]
    assert re.findall(r"^(\S) +(P\d+) ", table, re.MULTILINE) == [("✔", f"P{row}") for row in range(1, 11)]
    assert "not for this browser" not in result.stdout
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Firefox" in report
    assert "10 of 10" in report, "all rows of Pionex"


def test_phones_are_put_there_by_an_option(story: Path) -> None:
    story.write_text(STORY, encoding="utf-8")
    result = stuntkey(story, "-v", "--via", "hybrid", folder=story.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "phone by hybrid, key by mock, in Chromium" in result.stdout


@pytest.mark.parametrize(("ended_by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_broken_off_reports_what_was_played(story: Path, ended_by: int, code: int) -> None:
    """Ctrl-C in a terminal, and what a CI server does when a job takes too long."""
    command = [sys.executable, "-c", "from harness.cli import main; main()", "run", str(story)]
    command += ["--via", "page", "--repeat", "9", "--report", "out"]
    if ended_by == signal.SIGTERM:
        command += ["-n", "2"]
    process = subprocess.Popen(
        command,
        cwd=story.parent,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        # A job in the background is deaf to Ctrl-C, and so would be what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if line.split()[0] == "1/9":
                break
        process.send_signal(ended_by)
        rest = process.stdout.read()
    assert process.returncode == code, rest
    assert "not played" in rest
    cases = ElementTree.parse(story.parent / "out" / "junit.xml").getroot()
    assert int(cases.attrib["tests"]) - int(cases.attrib["errors"]) >= 1
    assert "broken off" in (story.parent / "out" / "report.html").read_text(encoding="utf-8")
