"""I: who may register, and what becomes of credentials."""

from __future__ import annotations

from harness.fuzz.operator import Operator

OPERATORS: tuple[Operator, ...] = ()
