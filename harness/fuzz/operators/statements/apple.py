"""Format apple (§8.8)."""

from __future__ import annotations

from dataclasses import replace

from authenticator.attestation.apple import NONCE
from authenticator.attestation.pki import subject_public_key_info
from harness.fuzz.edit import Stage
from harness.fuzz.operators.lies import attested, become, by, flip, told
from harness.fuzz.operators.statements.words import HIGH, statement_operator, without

APPLE = attested("apple")

OPERATORS = (
    statement_operator(
        "F42",
        "8.8",
        "apple: the nonce is another ceremony's, or not there",
        HIGH,
        "A certificate from an old ceremony would serve for ever.",
        told(Stage.NONCE, {"zeros": become(bytes(32)), "one bit": by(flip())}, base=APPLE),
        told(Stage.LEAF, {"missing": without(NONCE)}, base=APPLE),
        cause=r"nonce|attest|extension|cert",
    ),
    statement_operator(
        "F43",
        "8.8",
        "apple: the certificate's key is not the credential's",
        HIGH,
        "Apple vouches for one key, and another is registered.",
        told(
            Stage.LEAF,
            {
                "attacker's": lambda template, forge: replace(
                    template, public_key=subject_public_key_info(forge.attacker)
                )
            },
            base=APPLE,
        ),
        cause=r"key|attest|cert",
    ),
)
