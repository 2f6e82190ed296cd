"""`stuntkey fuzz init` describes a site that it has never seen, and the description works."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.fuzz.campaign import Plan, run
from harness.fuzz.events import CaseEnded, Event
from harness.fuzz.site.loader import load_site
from harness.fuzz.verdicts import Judgement, Result

MY_SITE = Path(__file__).parents[3] / "examples" / "my_site.py"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with runpy.run_path(str(MY_SITE))["MySite"]() as site:
        yield site.url


def init(*words: str, answers: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(main, ["fuzz", "init", *words], input=answers)
    return result.exit_code, result.output + (result.stderr or "")


def test_a_site_is_described_by_probing(tmp_path: Path, url: str) -> None:
    path = tmp_path / "mine.fuzz.yaml"
    code, told = init(url, "--no-ask", "--out", str(path))
    assert code == 0, told
    assert "a genuine registration and a genuine log-in work" in told
    site = load_site(path)
    assert site.registration.begin[0].send == "POST /make/begin"
    assert site.registration.finish[0].send == "POST /make/finish"
    assert site.authentication.finish[0].send == "POST /log-in/finish"
    assert site.authentication.options.pointer == "/publicKey"
    results: list[Result] = []

    def handle(event: Event) -> None:
        if isinstance(event, CaseEnded):
            results.append(event.result)

    run(Plan(targets=(str(path),), only=("B12/*/other", "G01", "B33/*/other")), handle)
    assert len(results) == 5
    assert {each.judgement for each in results} == {Judgement.HELD}, results


def test_what_is_not_found_is_asked_for(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.fuzz.site import probe

    monkeypatch.setattr(probe, "_PATH", probe.re.compile("(nothing)"))
    path = tmp_path / "asked.fuzz.yaml"
    code, told = init(url, "--no-ask", "--out", str(path))
    assert code != 0
    assert "registration.begin: no path answers" in told
    answers = ["POST /make/begin", "/publicKey", "POST /make/finish", "", "POST /log-in/begin", "/publicKey"]
    code, told = init(url, "--out", str(path), answers="\n".join([*answers, "POST /log-in/finish", "", ""]))
    assert code == 0, told
    assert load_site(path).registration.begin[0].send == "POST /make/begin"
    wrong = [
        "POST /make/begin",
        "/publicKey",
        "POST /make/nothing",
        *answers[3:],
        "POST /log-in/finish",
        "",
        "",
    ]
    code, told = init(url, "--out", str(path), "--force", answers="\n".join(wrong))
    assert code not in (0, 1)
    assert "does not work yet: a genuine registration is not accepted" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("localhost:8000",), "is no URL such as"),
        (("https://rp.example",), "--i-may-test rp.example"),
        (("http://127.0.0.1:1", "--no-ask"), "does not answer"),
    ],
)
def test_mistakes_are_told(words: tuple[str, ...], told: str) -> None:
    code, output = init(*words)
    assert code not in (0, 1)
    assert told in output


def test_a_file_is_not_written_over(tmp_path: Path, url: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    code, told = init(url, "--no-ask", "--out", str(path))
    assert code not in (0, 1)
    assert "is there already" in told
    assert path.read_text() == "mine"
