"""The catalogue: what can be lied about, by what it is about."""

from __future__ import annotations

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
    )
    for operator in section.OPERATORS
}
