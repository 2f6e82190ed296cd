"""The JSON Schema of plays, for editors: completion and mistakes as one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from harness.play.expectation import Expect
from harness.play.gestures import GESTURES
from harness.play.play import Header
from harness.play.verbs import VERBS, Verb

FILE = Path(__file__).with_name("play.schema.json")


def play_schema() -> dict[str, Any]:
    models = [(model, "validation") for model in (Header, Expect, *VERBS.values())]
    _, definitions = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    known = definitions["$defs"]
    header = known.pop("Header")
    header["properties"]["devices"]["additionalProperties"] = {
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/DeviceSpec"}]
    }
    header["properties"]["steps"] = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Step"}}
    known["Step"] = _step()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A play",
        "description": header.pop("description", ""),
        **{key: value for key, value in header.items() if key not in ("title", "description", "required")},
        "required": ["scenario", "steps"],
        "oneOf": [{"required": ["exchange"]}, {"required": ["relying party"]}],
        "$defs": dict(sorted(known.items())),
    }


def _step() -> dict[str, Any]:
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
                    **{phrase: _verb(verb) for phrase, verb in verbs},
                    "expect": {"anyOf": [{"const": "confirmed"}, {"$ref": "#/$defs/Expect"}]},
                    "person": {"anyOf": [gesture, {"type": "array", "items": gesture}]},
                    "note": {"type": "string"},
                },
                "additionalProperties": False,
                "oneOf": [{"required": [phrase]} for phrase, _ in verbs],
            },
        ]
    }


def _verb(verb: type[Verb]) -> dict[str, Any]:
    forms: list[dict[str, Any]] = [{"$ref": f"#/$defs/{verb.__name__}"}]
    if verb.main is not None:
        forms.append({"type": ["string", "number", "array"]})
    if _stands_alone(verb):
        forms.append({"type": "null"})
    return {"description": " ".join((verb.__doc__ or "").split()), "anyOf": forms}


def _stands_alone(verb: type[Verb]) -> bool:
    return not any(field.is_required() for field in verb.model_fields.values())


def schema_text() -> str:
    return json.dumps(play_schema(), indent=2, ensure_ascii=False) + "\n"
