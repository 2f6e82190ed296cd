"""Format android-key (§8.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authenticator.attestation import der
from authenticator.attestation.android_key import Tag
from authenticator.attestation.pki import subject_public_key_info
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operators.lies import attested, by, put, told
from harness.fuzz.operators.statements.words import CHAIN, HIGH, MEDIUM, rogue_chain, statement_operator

ANDROID = attested("android-key")


def _description(part: str, tag: Tag, value: bytes | None) -> Change:
    def change(members: Any, forge: Forge) -> Any:
        entries = dict(members[part])
        if value is None:
            entries.pop(tag)
        else:
            entries[tag] = value
        return {**members, part: entries}

    return change


OPERATORS = (
    statement_operator(
        "F31",
        "8.4",
        "android-key: the challenge in the certificate is another's",
        HIGH,
        "A certificate from an old ceremony would serve for ever.",
        told(
            Stage.KEY_DESCRIPTION,
            {
                "zeros": put("challenge", to=bytes(32)),
                "empty": put("challenge", to=b""),
                "longer": put("challenge", to=lambda old: old + b"\x00"),
            },
            base=ANDROID,
        ),
        cause=r"challenge|attest",
        reference="FIDO conformance Resp-A F-1",
    ),
    statement_operator(
        "F32",
        "8.4",
        "android-key: the certificate's key is not the credential's",
        HIGH,
        "The keystore vouches for one key, and another is registered.",
        told(
            Stage.LEAF,
            {
                "attacker's": lambda template, forge: replace(
                    template, public_key=subject_public_key_info(forge.attacker)
                )
            },
            base=ANDROID,
        ),
        cause=r"key|signature|attest",
        reference="FIDO conformance Resp-A F-2",
    ),
    statement_operator(
        "F33",
        "8.4",
        "android-key: the key is open to all applications",
        MEDIUM,
        "Any app could sign with it.",
        told(
            Stage.KEY_DESCRIPTION,
            {
                "software": _description("software", Tag.ALL_APPLICATIONS, der.null()),
                "TEE": _description("tee", Tag.ALL_APPLICATIONS, der.null()),
            },
            base=ANDROID,
        ),
        cause=r"all.?app|attest",
    ),
    statement_operator(
        "F34",
        "8.4",
        "android-key: not generated in the device, or not for signing",
        MEDIUM,
        "An imported key may be anywhere else too.",
        told(
            Stage.KEY_DESCRIPTION,
            {
                "imported": _description("tee", Tag.ORIGIN, der.integer(2)),
                "no origin": _description("tee", Tag.ORIGIN, None),
                "decrypts": _description("tee", Tag.PURPOSE, der.set_of(der.integer(1))),
                "no purpose": _description("tee", Tag.PURPOSE, None),
            },
            base=ANDROID,
        ),
        cause=r"origin|purpose|attest",
    ),
    statement_operator(
        "F35",
        "8.4",
        "android-key: a chain to a software root, or in the wrong order",
        MEDIUM,
        "Software keystores attest to anything.",
        told(
            Stage.CHAIN,
            {"rogue root": rogue_chain, "reversed": by(lambda chain: list(reversed(chain)))},
            base=ANDROID,
            leaves=3,
        ),
        fix=CHAIN,
        reference="FIDO conformance Resp-A F-3",
    ),
)
