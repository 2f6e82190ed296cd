"""What the metadata service says of a model."""

from __future__ import annotations

from harness.fuzz import stateful
from harness.fuzz.capability import Capability
from harness.fuzz.operator import Scope, Variant
from harness.fuzz.operators.statements.words import HIGH, MEDIUM, PACKED, statement_operator

_METADATA = frozenset({Capability.METADATA})

OPERATORS = (
    statement_operator(
        "F45",
        "7.1.24",
        "A model that the metadata service says is compromised or revoked",
        HIGH,
        "Its attestation key is known to attackers.",
        tuple(
            Variant(name=status, lie=stateful.model_reported(status), base=PACKED)
            for status in ("REVOKED", "ATTESTATION_KEY_COMPROMISE", "USER_KEY_REMOTE_COMPROMISE")
        ),
        fix="Read the statuses of MDS3 entries, and refuse those of compromise and revocation.",
        cause=r"revoked|compromis|status|model|attest",
        reference="FIDO conformance Server-MDS3 F-1 to F-5",
        scope=Scope.APPLICATION,
        needs=_METADATA,
    ),
    statement_operator(
        "F46",
        "7.1.24",
        "The statement does not match the model's metadata",
        MEDIUM,
        "Metadata say which algorithms and kinds of attestation a model has.",
        (
            Variant(
                name="self attestation",
                lie=stateful.against_metadata,
                base=PACKED,
            ),
        ),
        fix="Compare algorithm, kind of attestation and AAGUID with the metadata statement.",
        reference="FIDO conformance Resp-3 F-16, Resp-5 F-8, Resp-6 F-2",
        scope=Scope.APPLICATION,
        needs=_METADATA,
    ),
)
