"""F: attestation statements (§8; §7.1 steps 21 to 24)."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import replace
from typing import Any

from authenticator.attestation import der
from authenticator.attestation.android_key import Tag
from authenticator.attestation.apple import NONCE
from authenticator.attestation.certificates import AAGUID as AAGUID_EXTENSION
from authenticator.attestation.pki import (
    BASIC_CONSTRAINTS,
    COMMON_NAME,
    COUNTRY,
    EXTENDED_KEY_USAGE,
    ORGANIZATION,
    SUBJECT_ALTERNATIVE_NAME,
    UNIT,
    Authority,
    Extension,
    basic_constraints,
    derived_key,
    intermediate_template,
    issue,
    name,
    root,
    subject_public_key_info,
    with_extension,
    without_extension,
)
from authenticator.attestation.tpm import tpm_name
from authenticator.cose import Algorithm
from harness.fuzz import stateful
from harness.fuzz.base import Attestation
from harness.fuzz.capability import Capability
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity, Variant
from harness.fuzz.operators.lies import SELF, attested, become, by, drop, flip, put, told
from harness.fuzz.statements import AAGUID as MODEL
from harness.fuzz.statements import far_ahead, long_ago, rogue_root

PACKED = attested("packed")
TPM = attested("tpm")
ANDROID = attested("android-key")
APPLE = attested("apple")
U2F = attested("fido-u2f")
SAFETYNET = attested("android-safetynet")
COMPOUND = attested("compound")

_STATEMENT = "Verify the statement by its format's procedure (§8), every step of it."
_CHAIN = "Build the chain from the leaf to a root from your own list: signatures, validity, CA bits."
_LEAF = "Check what §8.2.1 asks of the attestation certificate."


def _template(**members: Any) -> Change:
    return by(lambda template: replace(template, **members))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> Change:
    return by(lambda template: with_extension(template, Extension(oid=oid, value=value, critical=critical)))


def _without(oid: str) -> Change:
    return by(lambda template: without_extension(template, oid))


def _subject(**changes: str | None) -> Change:
    """The subject of a packed certificate, one attribute left out or another."""
    oids = {"C": COUNTRY, "O": ORGANIZATION, "OU": UNIT, "CN": COMMON_NAME}
    right = {"C": "SE", "O": "stuntkey", "OU": "Authenticator Attestation", "CN": "stuntkey reference"}
    members = {**right, **changes}
    subject = name(*((oids[kind], value) for kind, value in members.items() if value is not None))
    return _template(subject=subject)


def _as_ca(template: Any, forge: Forge) -> Any:
    return with_extension(template, basic_constraints(ca=True))


def _issued_by_rogue(authority: Authority, forge: Forge) -> Authority:
    """The same name, another key."""
    return replace(authority, key=derived_key("rogue issuer"))


def _rogue_chain(chain: list[bytes], forge: Forge) -> list[bytes]:
    """Another leaf with the same key and names, issued by a root that nobody knows, which is sent along."""
    rogue = rogue_root()
    leaf = replace(forge.reached[Stage.LEAF], issuer=rogue.subject)
    return [issue(leaf, rogue.key), rogue.certificate]


def _rogue_without_root(chain: list[bytes], forge: Forge) -> list[bytes]:
    return _rogue_chain(chain, forge)[:1]


def _with_intermediate(**members: Any) -> Change:
    """The same chain, the intermediate issued anew with something else in it."""

    def change(chain: list[bytes], forge: Forge) -> list[bytes]:
        authority: Authority = forge.reached[Stage.LEAF_ISSUER]
        template = intermediate_template(
            "stuntkey TEST CA of stuntkey", subject_public_key_info(authority.key)
        )
        return [chain[0], issue(replace(template, **members), root().key), *chain[2:]]

    return change


def _intermediate_no_ca(chain: list[bytes], forge: Forge) -> list[bytes]:
    authority: Authority = forge.reached[Stage.LEAF_ISSUER]
    template = intermediate_template("stuntkey TEST CA of stuntkey", subject_public_key_info(authority.key))
    return [chain[0], issue(with_extension(template, basic_constraints(ca=False)), root().key)]


def _evil_leaf_first(chain: list[bytes], forge: Forge) -> list[bytes]:
    """The trusted leaf and its chain stay behind one that nobody issued, whose key signs."""
    rogue = rogue_root()
    return [issue(replace(forge.reached[Stage.LEAF], issuer=rogue.subject), rogue.key), *chain]


def _twice_extension(template: Any, forge: Forge) -> Any:
    again = next(each for each in template.extensions if each.oid == AAGUID_EXTENSION)
    return replace(template, extensions=(*template.extensions, again))


def _self_statement(statement: Any, forge: Forge) -> Any:
    key = forge.passkey.key
    return {"alg": int(key.algorithm), "sig": key.sign(forge.reached[Stage.MESSAGE])}


def _none_object(members: Any, forge: Forge) -> Any:
    return {**members, "fmt": "none", "attStmt": {}}


def _other_public_area(area: bytes, forge: Forge) -> bytes:
    """That of the attacker's key."""
    point = forge.attacker.public_cose_key()
    return bytes(area[:-68] + b"\x00\x20" + point[-2] + b"\x00\x20" + point[-3])


def _info(**members: Any) -> Change:
    return by(lambda info: replace(info, **members))


def _extra_data(make: Any) -> Change:
    return lambda info, forge: replace(info, extra_data=make(info, forge))


def _description(part: str, tag: Tag, value: bytes | None) -> Change:
    def change(members: Any, forge: Forge) -> Any:
        entries = dict(members[part])
        if value is None:
            entries.pop(tag)
        else:
            entries[tag] = value
        return {**members, part: entries}

    return change


def _payload(**members: Any) -> Change:
    return by(lambda payload: {**payload, **members})


def _compound_part(index: int, **members: Any) -> Change:
    def change(statements: Any, forge: Forge) -> Any:
        changed = list(statements)
        changed[index] = {**changed[index], "attStmt": {**changed[index]["attStmt"], **members}}
        return changed

    return change


def _jws(make: Any) -> Change:
    """On the three segments of a SafetyNet response."""

    def change(statement: Any, forge: Forge) -> Any:
        segments = statement["response"].decode().split(".")
        return {**statement, "response": ".".join(make(segments)).encode()}

    return change


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _no_algorithm(segments: list[str]) -> list[str]:
    header = json.loads(base64.urlsafe_b64decode(segments[0] + "=" * (-len(segments[0]) % 4)))
    return [_segment({**header, "alg": "none"}), segments[1], ""]


_GARBAGE = b"\x30\x03\x02\x01\x07"
_BEFORE, _AFTER = long_ago(), far_ahead()
_OTHER_AAGUID = der.octet_string(b"\x99" * 16)
_METADATA = frozenset({Capability.METADATA})


def _operator(
    number: str,
    step: str,
    title: str,
    severity: Severity,
    why: str,
    *variants: tuple[Variant, ...],
    fix: str = _STATEMENT,
    cause: str = r"attest|statement|stmt|certificate|cert|x5c|signature|chain|trust|root",
    reference: str = "",
    expected: Expected = Expected.REJECT,
    scope: Scope = Scope.LIBRARY,
    needs: frozenset[Capability] = frozenset(),
) -> Operator:
    return Operator(
        id=number,
        concerns=Concerns.REGISTRATION,
        step=f"{step}/7.1.22/7.1.23/7.1.24",
        title=title,
        expected=expected,
        severity=severity,
        scope=scope,
        why=why,
        fix=fix,
        cause=cause,
        reference=reference,
        needs=needs,
        variants=tuple(variant for group in variants for variant in group),
    )


_L, _M, _H = Severity.LOW, Severity.MEDIUM, Severity.HIGH
_S, _O, _C = Stage.STATEMENT, Stage.ATTESTATION_OBJECT, Stage.CHAIN
_ONE_SIG: dict[str, Change] = {
    "missing": drop("sig"),
    "text": put("sig", to="signature"),
    "number": put("sig", to=7),
    "empty": put("sig", to=b""),
}

OPERATORS = (
    _operator(
        "F01",
        "8.7",
        "A statement where there should be none",
        _L,
        "Format none has an empty statement; what is in it was verified by nobody.",
        told(
            _O,
            {
                "a member": put("attStmt", to={"sig": b"\x00"}),
                "an unknown member": put("attStmt", to={"a": 1}),
            },
        ),
        fix="Require an empty map with format none.",
        reference="FIDO conformance Resp-7 F-1",
    ),
    _operator(
        "F02",
        "7.1.24",
        "No attestation, where one is required",
        _M,
        "A policy on models that a client can leave out is none.",
        told(_O, {"none": _none_object}, base=PACKED, leaves=4),
        fix="Where attestation is required, refuse format none.",
        reference="CVE-2025-12150 (Keycloak)",
        scope=Scope.APPLICATION,
    ),
    _operator(
        "F03",
        "7.1.24",
        "Self attestation, where a trusted chain is required",
        _M,
        "Anyone can sign for themselves.",
        told(_S, {"self": _self_statement}, base=PACKED, leaves=2),
        fix="Where attestation is required, refuse statements without certificates.",
        scope=Scope.APPLICATION,
    ),
    _operator(
        "F04",
        "8.2",
        "packed: alg is missing or no number, or all of it is",
        _M,
        "What is guessed instead may be chosen by an attacker.",
        told(_S, {"empty": become({})}, base=PACKED, leaves=3),
        told(_S, {"self: empty": become({})}, base=SELF, leaves=2),
        told(
            _S,
            {
                "no alg": drop("alg"),
                "alg is text": put("alg", to="ES256"),
                "alg is null": put("alg", to=None),
            },
            base=PACKED,
        ),
        told(
            _S,
            {
                "self: no alg": drop("alg"),
                "self: alg is text": put("alg", to="ES256"),
            },
            base=SELF,
        ),
        cause=r"attest|statement|stmt|alg",
        reference="FIDO conformance Resp-3 F-13 to F-15",
    ),
    _operator(
        "F05",
        "8.2",
        "packed: sig is missing, no bytes, or empty",
        _M,
        "A statement without a signature states nothing.",
        told(_S, _ONE_SIG, base=PACKED),
        told(_S, {f"self: {each}": change for each, change in _ONE_SIG.items()}, base=SELF),
        reference="FIDO conformance Resp-3 F-17 to F-19",
    ),
    _operator(
        "F06",
        "8.2",
        "packed, self: a wrong signature",
        _M,
        "It is the only proof that whoever registers has the private key.",
        told(
            Stage.SIGNATURE,
            {"one bit": by(flip()), "random": lambda old, forge: forge.random.randbytes(len(old))},
            base=SELF,
        ),
        told(Stage.SIGNER, {"attacker's": lambda key, forge: forge.attacker}, base=SELF),
        reference="FIDO conformance Resp-6 F-1",
    ),
    _operator(
        "F07",
        "8.2",
        "packed, self: alg is another than the credential's",
        _M,
        "Two algorithms for one key: one was checked, the other is used.",
        told(
            _S,
            {"RS256": put("alg", to=-257), "EdDSA": put("alg", to=-8), "ESP256": put("alg", to=-9)},
            base=SELF,
        ),
        cause=r"alg|attest",
        reference="probe R74",
    ),
    _operator(
        "F08",
        "8.2",
        "packed: a wrong signature",
        _H,
        "Certificates are public: only the signature shows who holds the key.",
        told(
            Stage.SIGNATURE,
            {"one bit": by(flip()), "random": lambda old, forge: forge.random.randbytes(len(old))},
            base=PACKED,
        ),
        told(Stage.MESSAGE, {"over other bytes": by(lambda message: message[:-1] + b"\x00")}, base=PACKED),
        reference="FIDO conformance Resp-5 F-2, F-13",
    ),
    _operator(
        "F09",
        "8.2",
        "packed: signed by the credential's key, certificates of a genuine model",
        _H,
        "Anyone can copy a certificate; then anything passes for that model.",
        told(Stage.SIGNER, {"credential's": lambda key, forge: forge.passkey.key}, base=PACKED),
        fix="Verify the signature with the key in the leaf certificate.",
        reference="FIDO conformance Resp-5 F-14",
    ),
    _operator(
        "F10",
        "8.2",
        "packed: x5c is no array of certificates",
        _M,
        "Parsers of certificates get what they were not made for; empty arrays look like self attestation.",
        told(
            _S,
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
    _operator(
        "F11",
        "8.2",
        "packed: the certificate is another model's",
        _H,
        "A cheap, certified model's certificate would pass for any AAGUID.",
        told(Stage.LEAF, {"other AAGUID": _extension(AAGUID_EXTENSION, _OTHER_AAGUID)}, base=PACKED),
        told(
            Stage.FIELDS,
            {
                "other in the data": lambda fields, forge: {
                    **fields,
                    "attested": {**fields["attested"], "aaguid": b"\x99" * 16},
                }
            },
            base=PACKED,
        ),
        fix="Compare the certificate's AAGUID extension with the authenticator data.",
        cause=r"aaguid|model|attest|cert",
        reference="py_webauthn, probe R78",
    ),
    _operator(
        "F12",
        "8.2.1",
        "packed: the AAGUID extension in another form",
        _L,
        "It must be two OCTET STRINGs, once, and not critical.",
        told(
            Stage.LEAF,
            {
                "critical": _extension(AAGUID_EXTENSION, der.octet_string(MODEL), critical=True),
                "one OCTET STRING": _extension(AAGUID_EXTENSION, MODEL),
                "twice": _twice_extension,
            },
            base=PACKED,
        ),
        fix=_LEAF,
        cause=r"aaguid|extension|attest|cert",
    ),
    _operator(
        "F13",
        "8.2.1",
        "packed: the certificate is an authority's, or does not say",
        _M,
        "With a batch key that may issue, one device can make any number of models.",
        told(Stage.LEAF, {"CA": _as_ca, "no basic constraints": _without(BASIC_CONSTRAINTS)}, base=PACKED),
        fix=_LEAF,
        reference="probe R79",
    ),
    _operator(
        "F14",
        "8.2.1",
        "packed: the certificate's subject is not as it must be",
        _M,
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
    _operator(
        "F15",
        "8.2.1",
        "packed: a certificate of version 1",
        _M,
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
    _operator(
        "F16",
        "7.1.24",
        "The leaf has expired, or is not valid yet",
        _M,
        "Keys of withdrawn batches live on.",
        told(
            Stage.LEAF,
            {
                "expired": _template(not_before=_BEFORE[0], not_after=_BEFORE[1]),
                "not yet": _template(not_before=_AFTER[0], not_after=_AFTER[1]),
            },
            base=PACKED,
            leaves=2,
        ),
        fix=_CHAIN,
        cause=r"expir|valid|chain|attest|cert",
        reference="FIDO conformance Resp-5 F-6, F-7; probe R81",
    ),
    _operator(
        "F17",
        "7.1.24",
        "The intermediate has expired, or is no authority",
        _M,
        "Whoever holds any end certificate could issue further ones.",
        told(
            _C,
            {
                "expired": _with_intermediate(not_before=_BEFORE[0], not_after=_BEFORE[1]),
                "not yet": _with_intermediate(not_before=_AFTER[0], not_after=_AFTER[1]),
                "no CA": _intermediate_no_ca,
            },
            base=PACKED,
        ),
        fix=_CHAIN,
        reference="FIDO conformance Resp-5 F-12",
    ),
    _operator(
        "F18",
        "7.1.24",
        "An issuer that nobody trusts",
        _H,
        "Anyone can issue certificates in any name.",
        told(_C, {"rogue root left out": _rogue_without_root}, base=PACKED, leaves=2),
        fix=_CHAIN,
        reference="FIDO conformance Resp-5 F-9",
    ),
    _operator(
        "F19",
        "7.1.24",
        "The attacker's own root at the end of x5c",
        _H,
        "A chain that ends at what was sent along shows nothing.",
        told(_C, {"rogue root": _rogue_chain}, base=PACKED, leaves=2),
        fix="Take roots from your own list only, never from x5c.",
        reference="GHSA-6hxq-p678-4hr2; FIDO conformance Resp-5 F-10",
    ),
    _operator(
        "F20",
        "7.1.24",
        "The chain in the wrong order",
        _M,
        "Whose key signed is decided by position.",
        told(_C, {"reversed": by(lambda chain: list(reversed(chain)))}, base=PACKED, leaves=2),
        told(_C, {"leaf twice": by(lambda chain: [chain[0], *chain])}, base=PACKED),
        fix=_CHAIN,
        reference="FIDO conformance Resp-5 F-11",
    ),
    _operator(
        "F21",
        "7.1.24",
        "The issuer's name is right, its key is not",
        _H,
        "Names can be copied: only signatures link certificates.",
        told(Stage.LEAF_ISSUER, {"other key": _issued_by_rogue}, base=PACKED),
        fix=_CHAIN,
    ),
    _operator(
        "F22",
        "7.1.24",
        "A trusted leaf second, an evil one first",
        _H,
        "If any certificate in x5c leads to a root, the first has not been shown to.",
        told(_C, {"evil first": _evil_leaf_first}, base=PACKED),
        fix="Begin the chain at x5c[0], whose key signed.",
        reference="probe R85",
    ),
    _operator(
        "F23",
        "7.1.24",
        "The AAGUID of a genuine model with self attestation",
        _H,
        "Then any software passes for any model.",
        told(_S, {"self": _self_statement}, base=PACKED, leaves=2),
        fix="Believe an AAGUID only with a trusted chain.",
    ),
    _operator(
        "F24",
        "8.3",
        "tpm: another version",
        _M,
        "Only 2.0 is defined.",
        told(_S, {"1.2": put("ver", to="1.2"), "missing": drop("ver"), "number": put("ver", to=2)}, base=TPM),
    ),
    _operator(
        "F25",
        "8.3",
        "tpm: pubArea is another key",
        _H,
        "The TPM vouches for one key, and another is registered.",
        told(Stage.PUB_AREA, {"attacker's": _other_public_area}, base=TPM),
        cause=r"pub.?area|public|key|attest",
        reference="FIDO conformance Resp-9 F-4",
    ),
    _operator(
        "F26",
        "8.3",
        "tpm: certInfo was not made by a TPM, or certifies something else",
        _H,
        "A TPM signs all kinds of structures: only this one speaks of a key.",
        told(
            Stage.CERT_INFO,
            {"magic": _info(magic=0xFF544348), "quote": _info(type=0x8018), "creation": _info(type=0x801A)},
            base=TPM,
        ),
        cause=r"magic|type|cert.?info|attest",
        reference="FIDO conformance Resp-9 F-3",
    ),
    _operator(
        "F27",
        "8.3",
        "tpm: extraData is not this ceremony's hash",
        _H,
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
    _operator(
        "F28",
        "8.3",
        "tpm: the certified name is another key's",
        _H,
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
    _operator(
        "F29",
        "8.3.1",
        "tpm: the AIK certificate is not as it must be",
        _M,
        "Any certificate below the same root would pass for a TPM's.",
        told(
            Stage.LEAF,
            {
                "subject": _template(subject=name((COMMON_NAME, "A TPM"))),
                "no alternative name": _without(SUBJECT_ALTERNATIVE_NAME),
                "no usage": _without(EXTENDED_KEY_USAGE),
                "other usage": _extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.1"))),
                "CA": _as_ca,
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
    _operator(
        "F30",
        "8.3",
        "tpm: the signature is over another certInfo",
        _H,
        "Then certInfo may say anything.",
        told(Stage.SIGNATURE, {"one bit": by(flip())}, base=TPM),
        told(Stage.MESSAGE, {"other certInfo": by(flip(10))}, base=TPM),
        told(_C, {"order": by(lambda chain: list(reversed(chain)))}, base=TPM, leaves=2),
        reference="FIDO conformance Resp-9 F-1",
    ),
    _operator(
        "F31",
        "8.4",
        "android-key: the challenge in the certificate is another's",
        _H,
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
    _operator(
        "F32",
        "8.4",
        "android-key: the certificate's key is not the credential's",
        _H,
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
    _operator(
        "F33",
        "8.4",
        "android-key: the key is open to all applications",
        _M,
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
    _operator(
        "F34",
        "8.4",
        "android-key: not generated in the device, or not for signing",
        _M,
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
    _operator(
        "F35",
        "8.4",
        "android-key: a chain to a software root, or in the wrong order",
        _M,
        "Software keystores attest to anything.",
        told(
            _C,
            {"rogue root": _rogue_chain, "reversed": by(lambda chain: list(reversed(chain)))},
            base=ANDROID,
            leaves=3,
        ),
        fix=_CHAIN,
        reference="FIDO conformance Resp-A F-3",
    ),
    _operator(
        "F36",
        "8.5",
        "android-safetynet: what the response says is not as it must be",
        _M,
        "Each member ties the response to this device, ceremony or time.",
        told(_S, {"no ver": put("ver", to=""), "empty response": put("response", to=b"")}, base=SAFETYNET),
        told(
            Stage.JWS_PAYLOAD,
            {
                "nonce": _payload(nonce=base64.b64encode(bytes(32)).decode()),
                "ctsProfileMatch": _payload(ctsProfileMatch=False),
                "an hour ahead": lambda payload, forge: {
                    **payload,
                    "timestampMs": int((time.time() + 3600) * 1000),
                },
                "an hour old": lambda payload, forge: {
                    **payload,
                    "timestampMs": int((time.time() - 3600) * 1000),
                },
            },
            base=SAFETYNET,
        ),
        told(Stage.JWS_HEADER, {"no certificates": put("x5c", to=[])}, base=SAFETYNET),
        cause=r"safety|nonce|time|integrity|cts|ver",
        reference="FIDO conformance Resp-B F-1 to F-7",
    ),
    _operator(
        "F37",
        "8.5",
        "android-safetynet: a signature that proves nothing",
        _H,
        "JWS lets the header say how it is to be verified: that must not be believed.",
        told(_S, {"alg none": _jws(_no_algorithm)}, base=SAFETYNET),
        told(Stage.SIGNATURE, {"one bit": by(flip())}, base=SAFETYNET),
        told(
            Stage.JWS_HEADER,
            {"jwk": put("jwk", to={"kty": "oct", "k": "AAAA"})},
            base=SAFETYNET,
            expected=Expected.IGNORE,
        ),
        told(
            Stage.LEAF,
            {"other host": _template(subject=name((COMMON_NAME, "attest.evil.example")))},
            base=SAFETYNET,
        ),
        cause=r"safety|alg|signature|common name|cert",
    ),
    _operator(
        "F38",
        "8.6",
        "fido-u2f: an AAGUID that is not zero",
        _L,
        "U2F keys have none; the standard does not say to check.",
        told(
            Stage.FIELDS,
            {
                "other": lambda fields, forge: {
                    **fields,
                    "attested": {**fields["attested"], "aaguid": b"\x99" * 16},
                }
            },
            base=U2F,
        ),
        cause=r"aaguid|attest",
        reference="FIDO conformance Resp-8 F-1",
        expected=Expected.POLICY,
    ),
    _operator(
        "F39",
        "8.6",
        "fido-u2f: a wrong signature",
        _H,
        "It is all that is shown.",
        told(Stage.SIGNATURE, {"one bit": by(flip())}, base=U2F),
        told(Stage.MESSAGE, {"other id": by(flip(70))}, base=U2F),
        reference="FIDO conformance Resp-8 F-2",
    ),
    _operator(
        "F40",
        "8.6",
        "fido-u2f: no certificate, or two",
        _M,
        "It has exactly one.",
        told(_S, {"none": put("x5c", to=[]), "two": put("x5c", to=lambda old: [old[0], old[0]])}, base=U2F),
    ),
    _operator(
        "F41",
        "8.6",
        "fido-u2f: keys that U2F does not have",
        _M,
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
    _operator(
        "F42",
        "8.8",
        "apple: the nonce is another ceremony's, or not there",
        _H,
        "A certificate from an old ceremony would serve for ever.",
        told(Stage.NONCE, {"zeros": become(bytes(32)), "one bit": by(flip())}, base=APPLE),
        told(Stage.LEAF, {"missing": _without(NONCE)}, base=APPLE),
        cause=r"nonce|attest|extension|cert",
    ),
    _operator(
        "F43",
        "8.8",
        "apple: the certificate's key is not the credential's",
        _H,
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
    _operator(
        "F44",
        "8.9",
        "compound: too few statements, nested ones, or a wrong one",
        _M,
        "Of several statements, one may hide behind another.",
        told(
            _S,
            {
                "none": become([]),
                "one": by(lambda parts: parts[:1]),
                "nested": by(lambda parts: [{"fmt": "compound", "attStmt": parts}, parts[0]]),
                "second wrong": _compound_part(1, sig=b"\x30\x06\x02\x01\x01\x02\x01\x01"),
            },
            base=COMPOUND,
            leaves=4,
        ),
        fix="Decide how many statements must hold, and refuse nested ones.",
    ),
    _operator(
        "F45",
        "7.1.24",
        "A model that the metadata service says is compromised or revoked",
        _H,
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
    _operator(
        "F46",
        "7.1.24",
        "The statement does not match the model's metadata",
        _M,
        "Metadata say which algorithms and kinds of attestation a model has.",
        (
            Variant(
                name="self attestation",
                lie=stateful.against_metadata,
                base=attested("packed", Attestation.TRUSTED),
            ),
        ),
        fix="Compare algorithm, kind of attestation and AAGUID with the metadata statement.",
        reference="FIDO conformance Resp-3 F-16, Resp-5 F-8, Resp-6 F-2",
        scope=Scope.APPLICATION,
        needs=_METADATA,
    ),
)
