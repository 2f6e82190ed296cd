"""What is kept of a test that failed: the traces of its keys on one time line, and what its browser showed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import StuntkeyError
from harness.trace.events import PacketEvent
from harness.trace.records import load, save
from harness.trace.show import Story

if TYPE_CHECKING:
    from harness.browsers.browser import Browser
    from harness.virtual_key import VirtualKey

LAST_LINES = 12


def keep(keys: Sequence[VirtualKey], browser: Browser | None, folder: Path) -> str:
    """Write them, and say in a few lines where they are and what happened last."""
    folder.mkdir(parents=True, exist_ok=True)
    told: list[str] = []
    if keys:
        path = folder / "trace.ndjson"
        save(path, [key.trace for key in keys])
        saved = load(path)
        events = [record for record in saved.records if not isinstance(record.event, PacketEvent)]
        lines = [line.plain for line in Story(saved, members=False).lines(events)]
        told += lines[-LAST_LINES:] or ["the keys were asked nothing"]
        told.append(f"trace: {path}  (stuntkey trace show)")
    if browser is not None:
        told += _page(browser, folder)
    return "\n".join(told)


def _page(browser: Browser, folder: Path) -> list[str]:
    """A test may fail because the page is gone: then there is nothing to keep of it."""
    told = [f"page: {browser.page.url}"]
    try:
        (folder / "page.txt").write_text(browser.page.text(timeout=5), encoding="utf-8")
        (folder / "page.png").write_bytes(browser.page.screenshot())
        told.append(f"screenshot: {folder / 'page.png'}")
        (folder / "screen.png").write_bytes(browser.screenshot_screen())
    except StuntkeyError as error:
        if not (folder / "page.png").exists():
            told.append(f"no screenshot: {error}")
    return told
