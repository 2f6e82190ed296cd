"""Format fido-u2f (§8.6)."""

from __future__ import annotations

from dataclasses import replace

from authenticator.attestation.pki import derived_key, subject_public_key_info
from authenticator.cose import Algorithm
from harness.fuzz.edit import Stage
from harness.fuzz.operator import Expected
from harness.fuzz.operators.lies import attested, by, flip, put, told
from harness.fuzz.operators.statements.words import HIGH, LOW, MEDIUM, statement_operator

U2F = attested("fido-u2f")

OPERATORS = (
    statement_operator(
        "F38",
        "8.6",
        "fido-u2f: an AAGUID that is not zero",
        LOW,
        "U2F keys have none; the standard does not say to check.",
        told(
            Stage.FIELDS,
            {"other": put("attested", "aaguid", to=b"\x99" * 16)},
            base=U2F,
        ),
        cause=r"aaguid|attest",
        reference="FIDO conformance Resp-8 F-1",
        expected=Expected.POLICY,
    ),
    statement_operator(
        "F39",
        "8.6",
        "fido-u2f: a wrong signature",
        HIGH,
        "It is all that is shown.",
        told(Stage.SIGNATURE, {"one bit": by(flip())}, base=U2F),
        told(Stage.MESSAGE, {"other id": by(flip(70))}, base=U2F),
        reference="FIDO conformance Resp-8 F-2",
    ),
    statement_operator(
        "F40",
        "8.6",
        "fido-u2f: no certificate, or two",
        MEDIUM,
        "It has exactly one.",
        told(
            Stage.STATEMENT,
            {"none": put("x5c", to=[]), "two": put("x5c", to=lambda old: [old[0], old[0]])},
            base=U2F,
        ),
    ),
    statement_operator(
        "F41",
        "8.6",
        "fido-u2f: keys that U2F does not have",
        MEDIUM,
        "U2F knows P-256 only.",
        told(
            Stage.LEAF,
            {
                "certificate on P-384": lambda template, forge: replace(
                    template, public_key=subject_public_key_info(derived_key("U2F on P-384", Algorithm.ES384))
                )
            },
            base=U2F,
        ),
        told(
            Stage.COSE_KEY,
            {
                "credential of ES384": lambda key, forge: derived_key(
                    "U2F credential", Algorithm.ES384
                ).public_cose_key()
            },
            base=U2F,
            leaves=4,
        ),
        cause=r"curve|p-?256|alg|key|signature|attest|cert",
    ),
)
