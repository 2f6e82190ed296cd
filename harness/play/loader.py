"""Plays from YAML files. A mistake is told with file, line and the nearest right word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.errors import SetupError
from harness.play import lines as yaml_lines
from harness.play.expectation import Expect
from harness.play.gestures import GESTURES, gesture
from harness.play.language import Words
from harness.play.lines import BadYaml, Lines
from harness.play.names import names_in_file, told_apart
from harness.play.play import Header, Play, Step, has_browser
from harness.play.sites import words_of
from harness.play.verbs import VERBS, SignInOnNewDevice, Verb
from harness.play.ways import kind_of, possible_ways

BESIDE_THE_VERB = ("expect", "person", "note")
W = TypeVar("W", bound=Words)


def load_plays(paths: Iterable[Path]) -> list[Play]:
    """All plays in these files and folders, in the order of their names; what is named twice is there once."""
    files = {file.resolve(): file for path in paths for file in _files(path)}
    return told_apart([play for file in files.values() for play in load_file(file)])


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        # A file such as shop.fuzz.yaml is something else's.
        found = sorted(each for each in path.rglob("*") if each.suffixes in ([".yaml"], [".yml"]))
        if not found:
            raise SetupError(f"{path}: holds no plays (*.yaml)")
        return found
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [each.name for each in path.parent.glob("*")], 1)
        raise SetupError(f"{path}: there is no such file" + (f"; did you mean {near[0]}?" if near else ""))
    return [path]


def load_file(path: Path) -> list[Play]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: cannot be read: {error}") from None
    return parse(text, path)


def parse(text: str, path: Path) -> list[Play]:
    """The plays of one file: one, or several with `---` between them."""
    try:
        documents = yaml_lines.read_documents(text)
    except BadYaml as error:
        raise SetupError(f"{path}:{error.line}: {error}") from None
    documents = [(value, lines) for value, lines in documents if value is not None]
    if not documents:
        raise SetupError(f"{path}:1: the file holds no play: begin with `scenario:`")
    plays = [_Reader(path, lines).play(value) for value, lines in documents]
    names = names_in_file(path, [(play.header.scenario, play.line) for play in plays])
    return [replace(play, name=name) for play, name in zip(plays, names, strict=True)]


class _Reader:
    def __init__(self, path: Path, lines: Lines) -> None:
        self._path = path
        self._lines = lines

    def play(self, value: Any) -> Play:
        if not isinstance(value, dict):
            raise self.error((), "a play is a mapping that begins with `scenario:`")
        steps = value.get("steps")
        header_keys = _keys(Header)
        for key in value:
            if key != "steps" and key not in header_keys:
                raise self.error((key,), f"unknown key {key!r}{_nearest(key, [*header_keys, 'steps'])}")
        header = self.words(Header, {key: each for key, each in value.items() if key != "steps"}, ())
        if (header.exchange is None) == (header.relying_party is None):
            raise self.error((), "say where it is played: either `exchange:` or `relying party:`")
        if not isinstance(steps, list) or not steps:
            raise self.error(("steps",), "`steps:` must list what happens")
        play = Play(
            name="",
            path=self._path,
            line=self._lines[("scenario",)],
            header=header,
            steps=tuple(self.step(step, ("steps", place)) for place, step in enumerate(steps)),
        )
        self.check_devices(play)
        self.check_site(play)
        return play

    def step(self, value: Any, path: yaml_lines.Path) -> Step:
        if isinstance(value, str):
            value = {value: None}
        if not isinstance(value, dict):
            raise self.error(path, "a step is a verb, such as `log in:`")
        phrases = [key for key in value if key not in BESIDE_THE_VERB]
        if not phrases:
            raise self.error(path, f"the step has no verb; there are: {', '.join(VERBS)}")
        for phrase in phrases:
            if phrase not in VERBS:
                words = list(VERBS) if len(phrases) == 1 else [*VERBS, *BESIDE_THE_VERB]
                raise self.error((*path, phrase), f"unknown verb {phrase!r}{_nearest(phrase, words)}")
        if len(phrases) > 1:
            raise self.error(
                (*path, phrases[1]), f"one step has two verbs: {' and '.join(phrases)}; begin a new `-`"
            )
        phrase = phrases[0]
        return Step(
            verb=self.verb(VERBS[phrase], value[phrase], (*path, phrase)),
            expect=self.expect(value.get("expect", "confirmed"), (*path, "expect")),
            person=self.person(value.get("person", []), (*path, "person")),
            line=self._lines[(*path, phrase)],
        )

    def verb(self, model: type[Verb], value: Any, path: yaml_lines.Path) -> Verb:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            if model.main is None:
                raise self.error(
                    path, f"`{model.phrase}` takes a mapping of {_listed(_keys(model)) or 'nothing'}"
                )
            value = {model.main.rstrip("_").replace("_", " "): value}
        return self.words(model, value, path)

    def expect(self, value: Any, path: yaml_lines.Path) -> Expect:
        if value == "confirmed":
            return Expect()
        if not isinstance(value, dict):
            near = _nearest(str(value), ["confirmed"])
            raise self.error(
                path,
                f"{value!r}: write `confirmed`, or a mapping such as {{refused: a text}}{near}",
            )
        return self.words(Expect, value, path)

    def person(self, value: Any, path: yaml_lines.Path) -> tuple[str, ...]:
        gestures = [str(each) for each in (value if isinstance(value, list) else [value])]
        for each in gestures:
            if gesture(each) is None:
                raise self.error(path, f"a person cannot {each!r}{_nearest(each, list(GESTURES))}")
        return tuple(gestures)

    def words(self, model: type[W], value: Any, path: yaml_lines.Path) -> W:
        if not isinstance(value, dict):
            raise self.error(path, f"must be a mapping of {_listed(_keys(model))}")
        try:
            return model.model_validate(value, by_alias=True, by_name=False)
        except ValidationError as error:
            raise self.told(error.errors()[0], model, path) from None

    def told(self, error: ErrorDetails, model: type[Words], path: yaml_lines.Path) -> SetupError:
        location = tuple(part for part in error["loc"])
        full, key = (*path, *location), str(error["loc"][-1]) if error["loc"] else ""
        at = " ".join(f"`{part}`" for part in location)
        match error["type"]:
            case "extra_forbidden":
                inner = _model_at(model, location[:-1]) or model
                words = _keys(inner)
                return self.error(full, f"unknown key {key!r}{_nearest(key, words)}")
            case "missing":
                return self.error(full[:-1], f"lacks `{key}`")
            case "literal_error":
                words = [
                    word.strip("'") for word in error["ctx"]["expected"].replace(" or ", ", ").split(", ")
                ]
                return self.error(
                    full, f"{at}: unknown word {error['input']!r}{_nearest(str(error['input']), words)}"
                )
            case "value_error":
                message, _, rest = str(error["ctx"]["error"]).partition("|")
                word, _, words_ = rest.partition("|")
                near = _nearest(word, words_.split("|")) if words_ else ""
                return self.error(full, f"{at}: {message}{near}")
        return self.error(full, f"{at}: {error['msg'][:1].lower()}{error['msg'][1:]}")

    def check_devices(self, play: Play) -> None:
        """Steps name devices that there are, by then."""
        for each, spec in play.header.devices.items():
            if spec.via is not None and spec.via not in (possible := possible_ways(spec)):
                there_are = f"there {'are' if len(possible) > 1 else 'is'} {_listed(possible)}"
                raise self.error(
                    ("devices", each, "via"),
                    f"{each!r} cannot reach a browser by {spec.via!r}: for {kind_of(spec)} {there_are}",
                )
        known = set(play.header.devices)
        seats = {name for name, spec in play.header.devices.items() if has_browser(spec)}
        for place, step in enumerate(play.steps):
            verb = step.verb
            path = ("steps", place, verb.phrase)
            if isinstance(verb, SignInOnNewDevice):
                if verb.device in known:
                    raise self.error(path, f"there is a device {verb.device!r} already")
                known.add(verb.device)
                seats.add(verb.device)
            for field in ("on", "of", "device", "account_of"):
                name = getattr(verb, field, None)
                if name is not None and name not in known:
                    raise self.error(path, f"there is no device {name!r}{_nearest(name, sorted(known))}")
            if verb.phrase == "sit at" and verb.device not in seats:  # type: ignore[attr-defined]
                raise self.error(path, f"{verb.device!r} is a security key: nobody can sit at it")  # type: ignore[attr-defined]

    def check_site(self, play: Play) -> None:
        """The site is there, and knows the words that are its own: what can be withdrawn, which settings it has."""
        key = "exchange" if play.header.exchange is not None else "relying party"
        try:
            words = words_of(play)
        except SetupError as error:
            raise self.error((key,), f"`{key}`: {error}") from None
        account = play.header.account
        if not (account.email or account.phone):
            raise self.error(
                ("account",), "an account needs an e-mail address or a phone number to log in with"
            )
        for place, step in enumerate(play.steps):
            for name in type(step.verb).model_fields:
                known = words.get((type(step.verb), name))
                value = getattr(step.verb, name)
                if known is None or value is None or name not in step.verb.model_fields_set:
                    continue
                for word in value if isinstance(value, tuple) else (value,):
                    if word not in known:
                        alias = name.rstrip("_").replace("_", " ")
                        path = ("steps", place, step.verb.phrase, alias)
                        near = _nearest(word, tuple(known)) if known else "; there are none"
                        raise self.error(path, f"`{alias}`: {play.system} has no {word!r}{near}")

    def error(self, path: yaml_lines.Path, message: str) -> SetupError:
        return SetupError(f"{self._path}:{self._lines[path]}: {message}")


def _keys(model: type[Words]) -> list[str]:
    return [str(field.alias) for field in model.model_fields.values()]


def _model_at(model: type[Words], location: Sequence[str | int]) -> type[Words] | None:
    """The model of a nested value, for the words it knows."""
    for part in location:
        if isinstance(part, int):
            continue
        fields = {str(field.alias): field.annotation for field in model.model_fields.values()}
        if part not in fields:
            continue  # a name of the author's own, such as a device's
        inner = _models_in(fields[part])
        if not inner:
            return None
        model = inner[0]
    return model


def _models_in(annotation: Any) -> list[type[Words]]:
    if isinstance(annotation, type) and issubclass(annotation, Words):
        return [annotation]
    return [model for each in get_args(annotation) for model in _models_in(each)]


def _nearest(word: str, words: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, words, 1, 0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {_listed(words)}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
