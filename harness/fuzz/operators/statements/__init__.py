"""F: attestation statements, by format (§8; §7.1 steps 21 to 24)."""

from __future__ import annotations

from harness.fuzz.operators.statements import (
    android_key,
    android_safetynet,
    apple,
    compound,
    fido_u2f,
    metadata,
    none,
    packed,
    tpm,
    trust_path,
)

OPERATORS = (
    *none.OPERATORS,
    *packed.OPERATORS,
    *trust_path.OPERATORS,
    *tpm.OPERATORS,
    *android_key.OPERATORS,
    *android_safetynet.OPERATORS,
    *fido_u2f.OPERATORS,
    *apple.OPERATORS,
    *compound.OPERATORS,
    *metadata.OPERATORS,
)
