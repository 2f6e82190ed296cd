"""B: what the client says it signed for (§5.8.1; §7.1 steps 5 to 11, §7.2 steps 8 to 14)."""

from __future__ import annotations

from harness.fuzz.operators.client_data import (
    ceremony_type,
    challenge,
    client_data_json,
    cross_origin,
    expected_origins,
    origin,
    token_binding,
)

OPERATORS = (
    *client_data_json.OPERATORS,
    *ceremony_type.OPERATORS,
    *challenge.OPERATORS,
    *origin.OPERATORS,
    *expected_origins.OPERATORS,
    *cross_origin.OPERATORS,
    *token_binding.OPERATORS,
)
