"""Traces: what happened to a key, recorded, saved, shown and exported."""

from __future__ import annotations

from harness.trace.events import (
    AnswerEvent,
    AskEvent,
    Event,
    PacketEvent,
    RequestEvent,
    ResponseEvent,
    StateEvent,
    StepEvent,
    jsonable,
)
from harness.trace.recorder import Trace
from harness.trace.redaction import REDACTED

__all__ = [
    "REDACTED",
    "AnswerEvent",
    "AskEvent",
    "Event",
    "PacketEvent",
    "RequestEvent",
    "ResponseEvent",
    "StateEvent",
    "StepEvent",
    "Trace",
    "jsonable",
]
