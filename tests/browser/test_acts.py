"""What a person does at a page: the same in each browser, and only where a person could."""

from __future__ import annotations

import pytest

from harness.browsers import Browser
from harness.browsers.browser import NotShown
from harness.errors import SetupError

FORM = """() => {
  document.body.innerHTML = `
    <input id=name value=old> <input id=fixed readonly> <input id=range type=range max=100> <input id=day type=date>
    <div id=note contenteditable>old</div>
    <select id=kind><option value=a>A<option value=b>B</select>
    <label for=box>Agree</label><input id=box type=checkbox style="position: absolute; left: -5000px">
    <button class=go hidden>first</button> <button class=go>second</button> <button id=off disabled>off</button>
    <button id=under style="position: fixed; left: 0; bottom: 0">under</button>
    <div id=cover style="position: fixed; left: 0; bottom: 0; width: 100%; height: 60px; background: teal"></div>
    <p style="height: 4000px"></p><button id=far>far</button>
    <p id=said></p>`;
  document.body.dataset.events = "";
  for (const kind of ["input", "change"])
    document.body.addEventListener(kind, (event) => document.body.dataset.events += `${event.target.id} ${kind};`);
  document.body.addEventListener("click", (event) => {
    if (event.target.tagName === "BUTTON") said.textContent = `${event.target.innerText} ${event.isTrusted}`;
  });
}"""


def test_acts_reach_what_a_person_sees(browser: Browser) -> None:
    page = browser.page
    page.evaluate(FORM)
    page.fill("#name", "Zoë, 漢字")
    page.fill("#note", "new")
    page.fill("#range", "80")
    page.fill("#day", "2026-11-28")
    page.choose("#kind", "b")
    page.check("label[for=box] + input", False)
    values = "() => ['name', 'range', 'day', 'kind'].map((id) => document.getElementById(id).value)"
    assert page.evaluate(values) == ["Zoë, 漢字", "80", "2026-11-28", "b"]
    assert page.text("#note") == "new"
    events = page.evaluate("document.body.dataset.events").split(";")
    assert {"name input", "range input", "range change", "day change", "kind change"} <= set(events)
    page.click(".go")
    assert page.text("#said") == "second true"
    page.click("#far")
    assert page.text("#said") == "far true"
    page.fill("#name", "")
    assert page.evaluate("document.querySelector('#name').value") == ""


def test_acts_wait_until_they_can_be_done(browser: Browser) -> None:
    page = browser.page
    page.evaluate(FORM)
    for selector in ("#under", "#off", ".nowhere", ".go[hidden]"):
        with pytest.raises(NotShown, match="the page did not let one click"):
            page.click(selector, timeout=0.3)
    with pytest.raises(NotShown, match="fill #fixed"):
        page.fill("#fixed", "new", timeout=0.3)
    with pytest.raises(NotShown, match="choose c in #kind"):
        page.choose("#kind", "c", timeout=0.3)
    page.evaluate("() => { setTimeout(() => { cover.remove(); off.disabled = false; }, 300); }")
    page.click("#under")
    page.click("#off")
    assert page.wait_for("#said", text="OFF true") == "#said"


def test_a_selector_of_another_language(browser: Browser) -> None:
    page = browser.page
    with pytest.raises(SetupError, match=r"click tr:has-text.*: that is no CSS selector"):
        page.click("tr:has-text('x')")
    with pytest.raises(SetupError, match="find text=Hello: that is no CSS selector"):
        page.wait_for("text=Hello")
