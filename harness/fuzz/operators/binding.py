"""H: whose credential it is (§7.2 steps 5 and 6)."""

from __future__ import annotations

from harness.fuzz.operator import Operator

OPERATORS: tuple[Operator, ...] = ()
