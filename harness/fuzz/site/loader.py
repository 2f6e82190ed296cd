"""Descriptions of sites from YAML. A mistake is told with file, line and the nearest right word."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import SetupError
from harness.fuzz.site.description import PageSite, Site
from harness.play.lines import BadYaml, Lines, read_documents


def load_site(path: Path, url: str | None = None) -> Site | PageSite:
    """The site that a file describes, at another URL if one is given."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        near = difflib.get_close_matches(path.name, [each.name for each in path.parent.glob("*.y*ml")], 1)
        hint = f"; did you mean {path.with_name(near[0])}?" if near and not path.exists() else ""
        raise SetupError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}{hint}") from None
    return parse_site(text, str(path), url)


def parse_site(text: str, path: str, url: str | None = None) -> Site | PageSite:
    try:
        documents = read_documents(text)
    except BadYaml as error:
        raise SetupError(f"{path}:{error.line}: {error}") from None
    if len(documents) != 1 or not isinstance(documents[0][0], dict):
        raise SetupError(f"{path}:1: describe one site: begin with `name:`")
    value, lines = documents[0]
    if url is not None:
        value["url"] = url
    model = PageSite if "in_browser" in value else Site
    try:
        site = model.model_validate(value)
    except ValidationError as error:
        raise SetupError(_told(error, path, lines, model)) from None
    parts = urlsplit(site.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SetupError(f"{path}:{lines[('url',)]}: {site.url!r} is no URL such as http://localhost:8800")
    return site


def _told(error: ValidationError, path: str, lines: Lines, model: type[BaseModel]) -> str:
    # a misspelt key is also a missing one: the misspelling says more
    first: ErrorDetails = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    where = tuple(first["loc"])
    place = ".".join(str(each) for each in where)
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(where[-1]), _words(where[:-1], model), 1)
        what = "is unknown" + (f"; did you mean {near[0]}?" if near else "")
    elif first["type"] == "missing":
        what = "is missing"
    return f"{path}:{lines[where]}: {place}: {what}"


def _words(where: tuple[int | str, ...], whole: type[BaseModel]) -> list[str]:
    """The keys that are known there."""
    model: Any = whole
    for each in where:
        if isinstance(each, str) and isinstance(model, type) and issubclass(model, BaseModel):
            found = [field for name, field in model.model_fields.items() if each in (name, field.alias)]
            model = _model(found[0].annotation) if found else None
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model(annotation: Any) -> Any:
    """The model in `X | None`, `tuple[X, …]` and `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_model(each) for each in getattr(annotation, "__args__", ())]
    return next((each for each in inner if each is not None), None)
