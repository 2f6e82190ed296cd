"""Format packed (§8.2), and its certificate (§8.2.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authenticator.attestation import der
from authenticator.attestation.certificates import AAGUID as AAGUID_EXTENSION
from authenticator.attestation.pki import BASIC_CONSTRAINTS, COMMON_NAME, COUNTRY, ORGANIZATION, UNIT, name
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operators.lies import SELF, become, by, drop, flip, put, told
from harness.fuzz.operators.statements.words import (
    HIGH,
    LOW,
    MEDIUM,
    PACKED,
    as_ca,
    extension,
    statement_operator,
    template_with,
    without,
)
from harness.fuzz.statements import AAGUID as MODEL

_LEAF = "Check what §8.2.1 asks of the attestation certificate."
_GARBAGE = b"\x30\x03\x02\x01\x07"
_OTHER_AAGUID = der.octet_string(b"\x99" * 16)
_ONE_SIG: dict[str, Change] = {
    "missing": drop("sig"),
    "text": put("sig", to="signature"),
    "number": put("sig", to=7),
    "empty": put("sig", to=b""),
}


def _twice_extension(template: Any, forge: Forge) -> Any:
    again = next(each for each in template.extensions if each.oid == AAGUID_EXTENSION)
    return replace(template, extensions=(*template.extensions, again))


def _subject(**changes: str | None) -> Change:
    """The subject of a packed certificate, one attribute left out or another."""
    oids = {"C": COUNTRY, "O": ORGANIZATION, "OU": UNIT, "CN": COMMON_NAME}
    right = {"C": "SE", "O": "stuntkey", "OU": "Authenticator Attestation", "CN": "stuntkey reference"}
    members = {**right, **changes}
    subject = name(*((oids[kind], value) for kind, value in members.items() if value is not None))
    return template_with(subject=subject)


OPERATORS = (
    statement_operator(
        "F04",
        "8.2",
        "packed: alg is missing or no number, or all of it is",
        MEDIUM,
        "What is guessed instead may be chosen by an attacker.",
        told(Stage.STATEMENT, {"empty": become({})}, base=PACKED, leaves=3),
        told(Stage.STATEMENT, {"self: empty": become({})}, base=SELF, leaves=2),
        told(
            Stage.STATEMENT,
            {
                "no alg": drop("alg"),
                "alg is text": put("alg", to="ES256"),
                "alg is null": put("alg", to=None),
            },
            base=PACKED,
        ),
        told(
            Stage.STATEMENT,
            {
                "self: no alg": drop("alg"),
                "self: alg is text": put("alg", to="ES256"),
            },
            base=SELF,
        ),
        cause=r"attest|statement|stmt|alg",
        reference="FIDO conformance Resp-3 F-13 to F-15",
    ),
    statement_operator(
        "F05",
        "8.2",
        "packed: sig is missing, no bytes, or empty",
        MEDIUM,
        "A statement without a signature states nothing.",
        told(Stage.STATEMENT, _ONE_SIG, base=PACKED),
        told(Stage.STATEMENT, {f"self: {each}": change for each, change in _ONE_SIG.items()}, base=SELF),
        reference="FIDO conformance Resp-3 F-17 to F-19",
    ),
    statement_operator(
        "F06",
        "8.2",
        "packed, self: a wrong signature",
        MEDIUM,
        "It is the only proof that whoever registers has the private key.",
        told(
            Stage.SIGNATURE,
            {"one bit": by(flip()), "random": lambda old, forge: forge.random.randbytes(len(old))},
            base=SELF,
        ),
        told(Stage.SIGNER, {"attacker's": lambda key, forge: forge.attacker}, base=SELF),
        reference="FIDO conformance Resp-6 F-1",
    ),
    statement_operator(
        "F07",
        "8.2",
        "packed, self: alg is another than the credential's",
        MEDIUM,
        "Two algorithms for one key: one was checked, the other is used.",
        told(
            Stage.STATEMENT,
            {"RS256": put("alg", to=-257), "EdDSA": put("alg", to=-8), "ESP256": put("alg", to=-9)},
            base=SELF,
        ),
        cause=r"alg|attest",
        reference="probe R74",
    ),
    statement_operator(
        "F08",
        "8.2",
        "packed: a wrong signature",
        HIGH,
        "Certificates are public: only the signature shows who holds the key.",
        told(
            Stage.SIGNATURE,
            {"one bit": by(flip()), "random": lambda old, forge: forge.random.randbytes(len(old))},
            base=PACKED,
        ),
        told(Stage.MESSAGE, {"over other bytes": by(lambda message: message[:-1] + b"\x00")}, base=PACKED),
        reference="FIDO conformance Resp-5 F-2, F-13",
    ),
    statement_operator(
        "F09",
        "8.2",
        "packed: signed by the credential's key, certificates of a genuine model",
        HIGH,
        "Anyone can copy a certificate; then anything passes for that model.",
        told(Stage.SIGNER, {"credential's": lambda key, forge: forge.passkey.key}, base=PACKED),
        fix="Verify the signature with the key in the leaf certificate.",
        reference="FIDO conformance Resp-5 F-14",
    ),
    statement_operator(
        "F10",
        "8.2",
        "packed: x5c is no array of certificates",
        MEDIUM,
        "Parsers of certificates get what they were not made for; empty arrays look like self attestation.",
        told(
            Stage.STATEMENT,
            {
                "bytes": put("x5c", to=lambda old: old[0]),
                "empty": put("x5c", to=[]),
                "text": put("x5c", to=["MII"]),
                "numbers": put("x5c", to=[1]),
                "garbage": put("x5c", to=[_GARBAGE]),
                "empty bytes": put("x5c", to=[b""]),
                "null": put("x5c", to=None),
            },
            base=PACKED,
        ),
        reference="FIDO conformance Resp-5 F-4, F-5",
    ),
    statement_operator(
        "F11",
        "8.2",
        "packed: the certificate is another model's",
        HIGH,
        "A cheap, certified model's certificate would pass for any AAGUID.",
        told(Stage.LEAF, {"other AAGUID": extension(AAGUID_EXTENSION, _OTHER_AAGUID)}, base=PACKED),
        told(
            Stage.FIELDS,
            {"other in the data": put("attested", "aaguid", to=b"\x99" * 16)},
            base=PACKED,
        ),
        fix="Compare the certificate's AAGUID extension with the authenticator data.",
        cause=r"aaguid|model|attest|cert",
        reference="py_webauthn, probe R78",
    ),
    statement_operator(
        "F12",
        "8.2.1",
        "packed: the AAGUID extension in another form",
        LOW,
        "It must be two OCTET STRINGs, once, and not critical.",
        told(
            Stage.LEAF,
            {
                "critical": extension(AAGUID_EXTENSION, der.octet_string(MODEL), critical=True),
                "one OCTET STRING": extension(AAGUID_EXTENSION, MODEL),
                "twice": _twice_extension,
            },
            base=PACKED,
        ),
        fix=_LEAF,
        cause=r"aaguid|extension|attest|cert",
    ),
    statement_operator(
        "F13",
        "8.2.1",
        "packed: the certificate is an authority's, or does not say",
        MEDIUM,
        "With a batch key that may issue, one device can make any number of models.",
        told(Stage.LEAF, {"CA": as_ca, "no basic constraints": without(BASIC_CONSTRAINTS)}, base=PACKED),
        fix=_LEAF,
        reference="probe R79",
    ),
    statement_operator(
        "F14",
        "8.2.1",
        "packed: the certificate's subject is not as it must be",
        MEDIUM,
        "Any certificate below the same root (of a web server, of a TPM) would pass for an authenticator's.",
        told(
            Stage.LEAF,
            {
                "other OU": _subject(OU="Web server"),
                "no OU": _subject(OU=None),
                "no C": _subject(C=None),
                "no O": _subject(O=None),
                "no CN": _subject(CN=None),
            },
            base=PACKED,
        ),
        fix=_LEAF,
        cause=r"subject|OU|attest|cert",
        reference="probe R80",
    ),
    statement_operator(
        "F15",
        "8.2.1",
        "packed: a certificate of version 1",
        MEDIUM,
        "It has no extensions, so nothing in it is restricted.",
        told(
            Stage.LEAF,
            {"v1": by(lambda template: replace(template, version=1, extensions=()))},
            base=PACKED,
            leaves=2,
        ),
        fix=_LEAF,
        cause=r"version|attest|cert",
    ),
)
