"""The catalogue: what can be lied about, by what it is about."""

from __future__ import annotations

from functools import lru_cache

from harness.fuzz.combinations import combined
from harness.fuzz.operator import Operator
from harness.fuzz.operators import (
    attestation_object,
    authenticator_data,
    binding,
    client_data,
    cose,
    envelope,
    extensions,
    lifecycle,
    passive,
    signature,
    statements,
)

OPERATORS: dict[str, Operator] = {
    operator.id: operator
    for section in (
        envelope,
        client_data,
        authenticator_data,
        cose,
        attestation_object,
        statements,
        signature,
        binding,
        lifecycle,
        extensions,
        passive,
    )
    for operator in section.OPERATORS
}


@lru_cache(maxsize=1024)
def operator_of(name: str) -> Operator:
    """By id: `B12`, or two of them together: `B12+C07`."""
    first, plus, second = name.partition("+")
    return combined(OPERATORS[first], OPERATORS[second]) if plus else OPERATORS[first]
