"""Reports of plays: handlers of the runner's events (`harness/play/events.py`), and nothing else.

    for handler in report_handlers(Path("out"), features): run(performances, [handler, ...])

report.html   one page for people, which asks no network for anything
junit.xml     for CI servers
events.ndjson an event a line, as it happens, for programs
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import SetupError

if TYPE_CHECKING:
    from harness.play.events import Handler
    from harness.play.features import Feature


def report_handlers(folder: Path, features: Sequence[Feature] = ()) -> list[Handler]:
    """All the reports of a run, below a folder."""
    from harness.reports.html import HtmlReport
    from harness.reports.junit import JUnitReport
    from harness.reports.ndjson import NdjsonReport

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            HtmlReport(folder / "report.html", features),
            JUnitReport(folder / "junit.xml"),
            NdjsonReport(folder / "events.ndjson"),
        ]
    except OSError as error:
        raise SetupError(f"{folder}: the report cannot be written there: {error.strerror}") from None
