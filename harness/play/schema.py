"""The JSON Schema of plays, for editors: completion and mistakes as one types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from authenticator.profiles.loader import profile_names
from harness.play.devices import COMPUTER
from harness.play.expectation import Expect
from harness.play.gestures import GESTURES
from harness.play.play import Header
from harness.play.verbs import VERBS, Verb
from scenarios.exchange.policy import policy_names

FILE = Path(__file__).with_name("play.schema.json")


def play_schema() -> dict[str, Any]:
    models = [(model, "validation") for model in (Header, Expect, *VERBS.values())]
    _, definitions = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    known = definitions["$defs"]
    header = known.pop("Header")
    profile = _name_or_path([COMPUTER, *profile_names()])
    known["DeviceSpec"]["properties"]["profile"] |= profile
    header["properties"]["devices"]["additionalProperties"] = {
        "anyOf": [profile, {"$ref": "#/$defs/DeviceSpec"}]
    }
    header["properties"]["exchange"] = _name_or_path(policy_names(), header["properties"]["exchange"])
    header["properties"]["steps"] = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Step"}}
    known["Step"] = _step(known)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A play",
        "description": header.pop("description", ""),
        **{key: value for key, value in header.items() if key not in ("title", "description", "required")},
        "required": ["scenario", "steps"],
        "oneOf": [{"required": ["exchange"]}, {"required": ["relying party"]}],
        "$defs": dict(sorted(known.items())),
    }


def _name_or_path(names: Sequence[str], property: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One of ours, or the path of a file of one's own: completed, and mistakes in it found."""
    described = {"description": property["description"]} if property else {}
    return {"anyOf": [{"enum": list(names)}, {"type": "string", "pattern": "[/.]"}], **described}


def _step(definitions: Mapping[str, Any]) -> dict[str, Any]:
    verbs = list(VERBS.items())
    gesture = {
        "anyOf": [{"enum": list(GESTURES)}, {"type": "string", "pattern": "^(finger [0-9]|pin \\S+)$"}]
    }
    return {
        "anyOf": [
            {"enum": [phrase for phrase, verb in verbs if _stands_alone(verb)]},
            {
                "type": "object",
                "properties": {
                    **{phrase: _verb(verb, definitions[verb.__name__]) for phrase, verb in verbs},
                    "expect": {"anyOf": [{"const": "confirmed"}, {"$ref": "#/$defs/Expect"}]},
                    "person": {"anyOf": [gesture, {"type": "array", "items": gesture}]},
                    "note": {"type": "string"},
                },
                "additionalProperties": False,
                "oneOf": [{"required": [phrase]} for phrase, _ in verbs],
            },
        ]
    }


def _verb(verb: type[Verb], definition: Mapping[str, Any]) -> dict[str, Any]:
    forms: list[dict[str, Any]] = [{"$ref": f"#/$defs/{verb.__name__}"}]
    if verb.main is not None:
        # A plain value stands for the main field, and is what that may be.
        main = verb.main.rstrip("_").replace("_", " ")
        only = {key for key in verb.model_fields if verb.model_fields[key].is_required()} <= {verb.main}
        if only:
            forms.append(_bare(definition["properties"][main]))
    if _stands_alone(verb):
        forms.append({"type": "null"})
    return {"description": " ".join((verb.__doc__ or "").split()), "anyOf": forms}


def _bare(property: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in property.items() if key not in ("title", "description", "default")}


def _stands_alone(verb: type[Verb]) -> bool:
    return not any(field.is_required() for field in verb.model_fields.values())


def schema_text() -> str:
    return json.dumps(play_schema(), indent=2, ensure_ascii=False) + "\n"
