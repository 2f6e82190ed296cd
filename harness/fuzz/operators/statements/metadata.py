"""What the metadata service says of a model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from harness.fuzz import stateful
from harness.fuzz.capability import Capability
from harness.fuzz.operator import Scope, Variant
from harness.fuzz.operators.statements.words import HIGH, MEDIUM, PACKED, statement_operator
from harness.fuzz.statements import AAGUID, device
from harness.metadata import build_blob


def _blob(**options: Any) -> bytes:
    """It has nothing against the model."""
    return build_blob([device(AAGUID)], **options)


def _with_other_payload() -> bytes:
    header, _, signature = _blob().split(b".")
    return b".".join((header, _blob(number=2).split(b".")[1], signature))


_FORGED: dict[str, Callable[[], bytes]] = {
    "with another's signature": _with_other_payload,
    "without a signature": lambda: _blob().rpartition(b".")[0] + b".",
    "that is out of date": lambda: _blob(next_update=date(2020, 1, 1)),
    "that is none": lambda: b"not.a.blob",
}
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
        )
        + tuple(
            Variant(name=f"denied by a BLOB {how}", lie=stateful.revocation_denied(forged), base=PACKED)
            for how, forged in _FORGED.items()
        ),
        fix="Verify MDS3's BLOB, signature, chain and date; read its statuses, and refuse compromised models.",
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
