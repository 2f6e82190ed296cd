"""Format tpm (§8.3)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from authenticator.attestation import der
from authenticator.attestation.pki import (
    COMMON_NAME,
    EXTENDED_KEY_USAGE,
    SUBJECT_ALTERNATIVE_NAME,
    name,
    with_extension,
)
from authenticator.attestation.tpm import tpm_name
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operators.lies import attested, by, drop, flip, put, told
from harness.fuzz.operators.statements.words import (
    HIGH,
    MEDIUM,
    as_ca,
    extension,
    statement_operator,
    template_with,
    without,
)

TPM = attested("tpm")


def _other_public_area(area: bytes, forge: Forge) -> bytes:
    """That of the attacker's key."""
    point = forge.attacker.public_cose_key()
    return bytes(area[:-68] + b"\x00\x20" + point[-2] + b"\x00\x20" + point[-3])


def _info(**members: Any) -> Change:
    return by(lambda info: replace(info, **members))


def _extra_data(make: Any) -> Change:
    return lambda info, forge: replace(info, extra_data=make(info, forge))


OPERATORS = (
    statement_operator(
        "F24",
        "8.3",
        "tpm: another version",
        MEDIUM,
        "Only 2.0 is defined.",
        told(
            Stage.STATEMENT,
            {"1.2": put("ver", to="1.2"), "missing": drop("ver"), "number": put("ver", to=2)},
            base=TPM,
        ),
    ),
    statement_operator(
        "F25",
        "8.3",
        "tpm: pubArea is another key",
        HIGH,
        "The TPM vouches for one key, and another is registered.",
        told(Stage.PUB_AREA, {"attacker's": _other_public_area}, base=TPM),
        cause=r"pub.?area|public|key|attest",
        reference="FIDO conformance Resp-9 F-4",
    ),
    statement_operator(
        "F26",
        "8.3",
        "tpm: certInfo was not made by a TPM, or certifies something else",
        HIGH,
        "A TPM signs all kinds of structures: only this one speaks of a key.",
        told(
            Stage.CERT_INFO,
            {"magic": _info(magic=0xFF544348), "quote": _info(type=0x8018), "creation": _info(type=0x801A)},
            base=TPM,
        ),
        cause=r"magic|type|cert.?info|attest",
        reference="FIDO conformance Resp-9 F-3",
    ),
    statement_operator(
        "F27",
        "8.3",
        "tpm: extraData is not this ceremony's hash",
        HIGH,
        "An old certification would serve for ever.",
        told(
            Stage.CERT_INFO,
            {
                "zeros": _info(extra_data=bytes(32)),
                "empty": _info(extra_data=b""),
                "client data only": _extra_data(
                    lambda info, forge: hashlib.sha256(forge.reached[Stage.CLIENT_DATA_JSON]).digest()
                ),
                "SHA-1": _extra_data(
                    lambda info, forge: hashlib.sha1(
                        forge.reached[Stage.AUTHENTICATOR_DATA]
                        + hashlib.sha256(forge.reached[Stage.CLIENT_DATA_JSON]).digest(),
                        usedforsecurity=False,
                    ).digest()
                ),
            },
            base=TPM,
        ),
        cause=r"extra.?data|cert.?info|attest",
        reference="FIDO conformance Resp-9 F-2",
    ),
    statement_operator(
        "F28",
        "8.3",
        "tpm: the certified name is another key's",
        HIGH,
        "The TPM vouches for one key, and another is registered.",
        told(
            Stage.CERT_INFO,
            {
                "other": _info(name=b"\x00\x0b" + bytes(32)),
                "other nameAlg": by(lambda info: replace(info, name=b"\x00\x04" + info.name[2:22])),
                "empty": _info(name=b""),
            },
            base=TPM,
        ),
        cause=r"name|attested|cert.?info|attest",
        reference="FIDO conformance Resp-9 P-3",
    ),
    statement_operator(
        "F29",
        "8.3.1",
        "tpm: the AIK certificate is not as it must be",
        MEDIUM,
        "Any certificate below the same root would pass for a TPM's.",
        told(
            Stage.LEAF,
            {
                "subject": template_with(subject=name((COMMON_NAME, "A TPM"))),
                "no alternative name": without(SUBJECT_ALTERNATIVE_NAME),
                "no usage": without(EXTENDED_KEY_USAGE),
                "other usage": extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.1"))),
                "CA": as_ca,
                "unknown vendor": by(
                    lambda template: with_extension(
                        template, tpm_name("id:DEADBEEF", "stuntkey", "id:00010000")
                    )
                ),
            },
            base=TPM,
        ),
        told(
            Stage.LEAF,
            {"v1": by(lambda template: replace(template, version=1, extensions=()))},
            base=TPM,
            leaves=2,
        ),
        fix="Check what §8.3.1 asks of the AIK certificate.",
    ),
    statement_operator(
        "F30",
        "8.3",
        "tpm: the signature is over another certInfo",
        HIGH,
        "Then certInfo may say anything.",
        told(Stage.SIGNATURE, {"one bit": by(flip())}, base=TPM),
        told(Stage.MESSAGE, {"other certInfo": by(flip(10))}, base=TPM),
        told(Stage.CHAIN, {"order": by(lambda chain: list(reversed(chain)))}, base=TPM, leaves=2),
        reference="FIDO conformance Resp-9 F-1",
    ),
)
