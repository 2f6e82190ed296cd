"""J: extensions (§7.1 step 28, §7.2 step 23)."""

from __future__ import annotations

from harness.fuzz.operator import Operator

OPERATORS: tuple[Operator, ...] = ()
