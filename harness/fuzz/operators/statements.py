"""F: attestation statements (§8, §7.1 steps 22 to 24)."""

from __future__ import annotations

from harness.fuzz.operator import Operator

OPERATORS: tuple[Operator, ...] = ()
