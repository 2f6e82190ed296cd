"""Operations: what a person wants done, and the proofs of who they are that it takes.

An operation is written down with its details and their digest. It is confirmed as often as the policy says, then
verified by a passkey or by codes, then done, once. A passkey's challenge is bound to the digest, and every request
that confirms or verifies repeats the details: what is done is what was shown.
"""

from __future__ import annotations

from scenarios.exchange.operations.course import (
    add_proof,
    advance,
    begin,
    begin_kind,
    confirm,
    find,
    require_open,
    require_same_details,
    verified_with,
)
from scenarios.exchange.operations.kind import Kind, Plan, Prepared
from scenarios.exchange.operations.operation_view import OperationView, view
from scenarios.exchange.operations.proofs import give_codes, send, show_face
from scenarios.exchange.operations.ways import (
    factor_values,
    owner,
    plan_of,
    step_up_passkeys,
    step_up_plan,
    ways_of,
)

__all__ = [
    "Kind",
    "OperationView",
    "Plan",
    "Prepared",
    "add_proof",
    "advance",
    "begin",
    "begin_kind",
    "confirm",
    "factor_values",
    "find",
    "give_codes",
    "owner",
    "plan_of",
    "require_open",
    "require_same_details",
    "send",
    "show_face",
    "step_up_passkeys",
    "step_up_plan",
    "verified_with",
    "view",
    "ways_of",
]
