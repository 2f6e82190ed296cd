"""Reports of a run: each says what happened, and the page is looked at by a browser."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from events_of_a_run import FEATURES, NASTY, a_run
from playwright.sync_api import Browser, Page, sync_playwright

from harness import SetupError
from harness.browsers.chromium import find_chromium
from harness.reports import report_handlers
from tests.legibility import hard_to_read, is_wider_than_the_screen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "out"
    handlers = report_handlers(folder, FEATURES)
    for event in a_run():
        for handler in handlers:
            handler(event)
    return folder


def test_junit(folder: Path) -> None:
    root = ET.parse(folder / "junit.xml").getroot()
    assert root.attrib | {"time": ""} == {
        "name": "stuntkey", "time": "", "tests": "5", "failures": "1", "errors": "2", "skipped": "0",
    }  # fmt: skip
    suites = {suite.attrib["name"]: suite for suite in root}
    assert [suites[name].attrib["tests"] for name in ("shop", "bank")] == ["4", "1"]
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert set(cases) == {
        "shop/good",
        "shop/good [repeat 2]",
        "shop/bad",
        "shop/bad [firefox]",
        "bank/lacking",
    }
    assert cases["shop/good"].find("failure") is None
    assert cases["shop/good"].attrib["time"] == "61.500"
    assert (cases["shop/good"].attrib["file"], cases["shop/good"].attrib["line"]) == (
        "plays/shop/good.yaml",
        "3",
    )
    failure = cases["shop/bad"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "it was refused " + NASTY.replace("\x07", "\ufffd")
    assert "plays/shop/bad.yaml:7" in (failure.text or "")
    error = cases["bank/lacking"].find("error")
    assert error is not None
    assert "Traceback: X" in (error.text or "")
    assert cases["shop/bad [firefox]"].find("error") is not None, "broken off"
    covers = [
        each.attrib["value"]
        for each in cases["shop/good"].iter("property")
        if each.attrib["name"] == "covers"
    ]
    assert covers == ["S1", "S2"]


def test_ndjson(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "events.ndjson").read_text().splitlines()]
    assert [line["event"] for line in lines][:2] == ["run started", "play started"]
    assert lines[-1] == {
        "event": "run ended", "seconds": 130.0, "passed": 2, "failed": 1, "errors": 1, "skipped": 0, "flaky": [],
    }  # fmt: skip
    assert len(lines) == len(list(a_run()))
    failed = next(line for line in lines if line["event"] == "play ended" and line["verdict"] == "failed")
    assert failed["problem"]["message"] == f"it was refused {NASTY}"
    assert "screenshot" not in failed["problem"]


def test_ndjson_is_written_as_it_happens(tmp_path: Path) -> None:
    handlers = report_handlers(tmp_path)
    for number, event in enumerate(a_run(), start=1):
        for handler in handlers:
            handler(event)
        assert len((tmp_path / "events.ndjson").read_text().splitlines()) == number


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="the report cannot be written there"):
        report_handlers(tmp_path / "file" / "out")


# The page, in a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, chromium: Browser, folder: Path) -> Iterator[Page]:
    """The report, which must ask for nothing and complain of nothing."""
    size = {"desktop": (1200, 900), "phone": (390, 844)}[request.param]
    with chromium.new_context(viewport={"width": size[0], "height": size[1]}) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda each: asked.append(each.url))
        page.on("console", lambda each: asked.append(each.text))
        page.on("pageerror", lambda each: asked.append(str(each)))
        page.goto((folder / "report.html").as_uri())
        yield page
        assert [each for each in asked if not each.startswith(("data:", "file:"))] == []
        assert sum(each.startswith("file:") for each in asked) == 1


def test_failures_come_first(page: Page) -> None:
    assert page.title() == "✗ 2 of 5 plays passed"
    assert page.inner_text("h1") == "3 of 5 did not pass"
    assert page.locator("section").evaluate_all("all => all.map(each => each.id)") == [
        "failures",
        "coverage",
        "plays",
    ]
    shown = page.locator(".failure").all_inner_texts()
    assert [each.split("\n")[1] for each in shown] == [
        "The story of bad",
        "The story of bad",
        "The story of lacking",
    ]
    assert "it was refused " + NASTY.replace("\x07", "") in shown[0].replace("\x07", "").replace("\ufffd", "")
    assert "broken off" in shown[1]
    assert "Traceback: X" in shown[2]


def test_what_is_shown(page: Page) -> None:
    rows = page.locator("#coverage tr").all_inner_texts()
    assert ["✓" in row for row in rows] == [True, False, False, False]
    assert "good" in rows[1]
    assert "bad" in rows[1]
    assert "no play of this run" in rows[2]
    assert page.locator("#coverage caption").all_inner_texts() == ["The shop\n1 of 3", "The bank\n0 of 1"]


def test_a_play_is_a_story(page: Page) -> None:
    page.click("#coverage a:has-text('good') >> nth=0")
    play = page.locator("#play-shop-good")
    assert play.get_attribute("open") is not None
    assert (
        play.locator(".step h4")
        .all_inner_texts()[0]
        .replace("\n", " ")
        .startswith("1 add passkey phone 250 ms")
    )
    picture = play.locator("img").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("image => image.naturalWidth === 8", arg=picture.element_handle())
    play.locator("summary", has_text="4 moments").first.click()
    moments = play.locator(".moment")
    assert moments.nth(0).inner_text().split() == ["0.10", "page", "navigator.credentials.get"]
    boxes = [moments.nth(place).bounding_box() for place in range(4)]
    assert all(box is not None for box in boxes)
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    viewport = page.viewport_size
    assert viewport is not None
    # The page's on the left and the device's on the right; one below the other where there is no room.
    left = [box["x"] + box["width"] / 2 < viewport["width"] / 2 for box in boxes if box]
    assert viewport["width"] < 700 or left == [True, False, False, True]


def test_pictures_are_enlarged(page: Page) -> None:
    page.locator(".failure .shot").first.click()
    assert page.locator("dialog.big").is_visible()
    page.locator("dialog.big img").click()
    assert not page.locator("dialog.big").is_visible()


def test_steps_that_were_not_played(page: Page) -> None:
    page.evaluate("location.hash = '#play-shop-bad'")
    steps = page.locator("#play-shop-bad .step")
    page.wait_for_function("() => document.querySelector('#play-shop-bad').open")
    assert [each.split("\n")[-1] for each in steps.all_inner_texts()][-1] == "not played"
    assert steps.count() == 2


def test_plays_are_found(page: Page) -> None:
    page.fill(".filter input", "b1 lacking")
    assert page.locator(".play:visible").count() == 1
    page.fill(".filter input", "")
    assert page.locator(".play:visible").count() == 5
    page.click("text=Open all")
    assert page.locator(".play[open]").count() == 5


def test_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.click("text=Open all")
    page.locator(".moments > summary").evaluate_all(
        "all => all.forEach(each => each.parentElement.open = true)"
    )
    assert not is_wider_than_the_screen(page)


def test_nothing_of_a_site_is_run_as_script(page: Page, folder: Path) -> None:
    assert "broken in" not in page.title()
    assert page.locator("b", has_text="&").count() == 0
    assert (folder / "report.html").read_text().count("<script>") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(chromium: Browser, folder: Path, scheme: str) -> None:
    with chromium.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto((folder / "report.html").as_uri())
        page.click("text=Open all")
        poor = hard_to_read(page)
    assert poor == []
