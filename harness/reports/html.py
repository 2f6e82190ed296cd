"""The report for people: one page with everything in it, that asks no network for anything."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import SetupError
from harness.play.events import Event, Moment, RunEnded, Verdict
from harness.play.features import Feature, coverage
from harness.reports.performances import Performance, Performances
from harness.reports.pictures import Pictures

ON_THE_LEFT = ("page", "site", "browser")
"""Whose moments stand on the page's side of a step's time line; the others are the devices' and the person's."""
_HERE = files("harness.reports")


class HtmlReport:
    def __init__(self, path: Path, features: Sequence[Feature] = ()) -> None:
        self._path = path
        self._features = features
        self._performances = Performances()
        self._pictures = Pictures()

    def __call__(self, event: Event) -> None:
        self._performances(event)
        if isinstance(event, RunEnded):
            self._path.write_text(self._page(event), encoding="utf-8")

    def _page(self, ended: RunEnded) -> str:
        try:
            from jinja2 import Environment, StrictUndefined
        except ImportError:
            raise SetupError("the HTML report needs Jinja: pip install 'stuntkey[play]'") from None
        environment = Environment(
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
        )
        environment.filters |= {"seconds": seconds_text, "lane": _lane, "picture": self._pictures.add}
        environment.globals |= {"Verdict": Verdict}
        template = environment.from_string((_HERE / "report.html.jinja").read_text(encoding="utf-8"))
        page = template.render(self._facts(ended))
        # Last, as the template names its pictures while it renders. A CSP keeps the page to itself.
        uris = json.dumps(self._pictures.uris).replace("<", "\\u003c")
        return page.replace("/*PICTURES*/null", uris)

    def _facts(self, ended: RunEnded) -> dict[str, Any]:
        performances = list(self._performances)
        started = self._performances.started
        began = min((each.began for each in performances), default=time.time())
        browsers = sorted({each.ended.browser for each in performances if each.ended is not None})
        return {
            "version": __version__,
            "date": time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(began)).lstrip("0"),
            "ended": ended,
            "seed": started.seed if started is not None else "",
            "browsers": browsers,
            "performances": performances,
            "bad": [each for each in performances if not each.is_good],
            "systems": self._systems(performances),
            "coverage": self._coverage(performances),
            "total": len(performances),
            "not_played": (started.performances if started is not None else 0) - len(performances),
            "titles": {each.system: each.system_title for each in self._features},
            "css": (_HERE / "report.css").read_text(encoding="utf-8"),
            "js": (_HERE / "report.js").read_text(encoding="utf-8"),
        }

    def _systems(self, performances: Sequence[Performance]) -> dict[str, list[Performance]]:
        """In the order of the requirements, each with its plays in the order in which they are listed."""
        names = [*dict.fromkeys(each.system for each in self._features)]
        names += [*dict.fromkeys(each.play.system for each in performances)]
        started = self._performances.started
        order = [play.name for play in started.plays] if started is not None else []
        listed = sorted(performances, key=lambda each: (order.index(each.run.play), each.aside))
        grouped = {
            name: [each for each in listed if each.play.system == name] for name in dict.fromkeys(names)
        }
        return {name: group for name, group in grouped.items() if group}

    def _coverage(self, performances: Sequence[Performance]) -> list[dict[str, Any]]:
        covers = {each.play.name: each.play.covers for each in performances}
        # A run of one system's plays says nothing of the others.
        systems = {each.play.system for each in performances}
        features = [each for each in self._features if each.system in systems]
        rows = coverage(features, covers, [each.ended for each in performances if each.ended is not None])
        anchors: dict[str, str] = {}
        for each in performances:  # the worst come first
            anchors.setdefault(each.play.name, each.anchor)
        groups: dict[str, dict[str, Any]] = {}
        for row in rows:
            group = groups.setdefault(
                row.feature.system, {"title": row.feature.system_title, "rows": [], "shown": 0}
            )
            group["rows"].append({"row": row, "anchors": anchors})
            group["shown"] += row.verdict is Verdict.PASSED
        return list(groups.values())


def _lane(moment: Moment) -> str:
    return (
        "page" if moment.who in ON_THE_LEFT else "person" if moment.what.startswith("the person") else "key"
    )


def seconds_text(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
