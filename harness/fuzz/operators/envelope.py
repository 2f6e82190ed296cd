"""A: the JSON around a response, as `PublicKeyCredential.toJSON()` gives it (§5.1.8)."""

from __future__ import annotations

import json
from typing import Any

from authenticator.attestation.pki import subject_public_key_info
from harness.fuzz.capability import Capability
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.edit import Stage
from harness.fuzz.forge import Forge, base64url, from_base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import REGISTRATION, WRONG_TYPES, drop, put, told

_PARSE_STRICTLY = (
    "Check the type and the encoding of every member before you use it, and answer 400 otherwise."
)


def _must(*path: str, missing: bool = True) -> dict[str, Any]:
    """A binary member that is missing, of another type, no base64url, or empty."""
    changes = {"missing": drop(*path)} if missing else {}
    changes |= {name: put(*path, to=value) for name, value in WRONG_TYPES.items() if name != "null"}
    return changes | {"null": put(*path, to=None), "empty": put(*path, to="")}


def _other_ceremony(envelope: Any, forge: Forge) -> Any:
    """The response of the other ceremony, to the same challenge and by the same key."""
    other = Ceremony.AUTHENTICATION if forge.ceremony is Ceremony.REGISTRATION else Ceremony.REGISTRATION
    made = Forge(
        ceremony=other,
        rp_id=forge.rp_id,
        origin=forge.origin,
        begun=forge.begun,
        passkey=forge.passkey,
        random=forge.random,
    )
    return json.loads(made.build())


def _alternative(envelope: Any, forge: Forge) -> Any:
    return {"credentialId": envelope["id"], "challenge": base64url(forge.begun.challenge)}


def _other_id(old: str) -> str:
    raw = bytearray(from_base64url(old))
    raw[0] ^= 0xFF
    return base64url(bytes(raw))


def _padded(old: str) -> str:
    return old + "=" * (-len(old) % 4)


def _standard_alphabet(envelope: Any, forge: Forge) -> Any:
    """All that is binary, as clients have it that know plain base64 only."""

    def respelt(value: Any) -> Any:
        return value.replace("-", "+").replace("_", "/") if isinstance(value, str) else value

    response = {name: respelt(value) for name, value in envelope["response"].items()}
    return {
        **envelope,
        "id": respelt(envelope["id"]),
        "rawId": respelt(envelope["rawId"]),
        "response": response,
    }


def _stray_bits(old: str) -> str:
    """The last character holds bits that no byte takes: another one decodes to the same."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(old) % 4 == 0:
        return old
    return old[:-1] + alphabet[alphabet.index(old[-1]) | 1]


def _id_of_32(change: Any) -> Any:
    return lambda envelope, forge: {
        **envelope,
        "id": change(envelope["id"]),
        "rawId": change(envelope["rawId"]),
    }


def _twice(member: str, good_first: bool) -> Any:
    def change(body: str, forge: Forge) -> str:
        good = json.loads(body)[member]
        bad: Any = "password" if member == "type" else {}
        members = (good, bad) if good_first else (bad, good)
        texts = ",".join(f"{json.dumps(member)}:{json.dumps(value)}" for value in members)
        envelope = json.loads(body)
        del envelope[member]
        return "{" + texts + "," + json.dumps(envelope)[1:]

    return change


def _attacker_spki(forge: Forge) -> str:
    return base64url(subject_public_key_info(forge.attacker))


def _broken_object(envelope: Any, forge: Forge) -> Any:
    """The helpers tell the truth, the attestation object is cut off."""
    object_ = envelope["response"]["attestationObject"]
    data = forge.reached[Stage.AUTHENTICATOR_DATA]
    response = {
        **envelope["response"],
        "authenticatorData": base64url(data),
        "publicKey": base64url(subject_public_key_info(forge.passkey.key)),
        "publicKeyAlgorithm": int(forge.passkey.key.algorithm),
        "attestationObject": object_[: len(object_) // 2],
    }
    return {**envelope, "response": response}


_HOSTILE = "usb\r\n2026-01-01 INFO user admin logged in\x1b[2K\x00"

OPERATORS = (
    Operator(
        id="A01",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The credential has no id",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="What is looked up by a missing id ends at a default, or in an exception that nobody catches.",
        fix=_PARSE_STRICTLY,
        cause=r"\bid\b|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-1",
        variants=told(Stage.ENVELOPE, {"missing": drop("id")}),
    ),
    Operator(
        id="A02",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The id is no string",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="An object or array that reaches a database query as an id is how query injection begins.",
        fix=_PARSE_STRICTLY,
        cause=r"\bid\b|json|malformed|string",
        reference="FIDO conformance Resp-1 F-2",
        variants=told(Stage.ENVELOPE, {name: put("id", to=value) for name, value in WRONG_TYPES.items()}),
    ),
    Operator(
        id="A03",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The id is not base64url",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Lenient decoders drop what they do not know, so that two different ids become the same.",
        fix="Decode with a strict base64url decoder, encode again, and compare with what was sent.",
        cause=r"\bid\b|base64|malformed",
        reference="FIDO conformance Resp-1 F-3",
        variants=told(
            Stage.ENVELOPE,
            {
                "foreign characters": put("id", to=lambda old: old[:-2] + "!*"),
                "spaces": put("id", to=lambda old: f" {old} "),
                "not ASCII": put("id", to=lambda old: old[:-1] + "é"),
            },
        ),
    ),
    Operator(
        id="A04",
        concerns=Concerns.BOTH,
        step="7.1.26/7.2.5",
        title="id and rawId name different credentials",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="If one is looked up and the other verified, somebody logs in with a key that is not theirs.",
        fix="Use one of the two everywhere, and refuse a response in which they differ.",
        cause=r"\bid\b|raw_?id|credential",
        reference="CVE-2026-0723 (GitLab)",
        variants=told(
            Stage.ENVELOPE,
            {"other id": put("id", to=_other_id), "other rawId": put("rawId", to=_other_id)},
        ),
    ),
    Operator(
        id="A05",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The type is missing or no string",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Code that never looks at the type will take the next kind of credential for a passkey.",
        fix='Require `type` to be exactly "public-key".',
        cause=r"type",
        reference="FIDO conformance Resp-1 F-4, F-5",
        variants=told(
            Stage.ENVELOPE,
            {"missing": drop("type")} | {name: put("type", to=value) for name, value in WRONG_TYPES.items()},
        ),
    ),
    Operator(
        id="A06",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The type is another credential's",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="A password or federated credential is not verified as a passkey is.",
        fix='Require `type` to be exactly "public-key".',
        cause=r"type",
        reference="FIDO conformance Resp-1 F-6",
        variants=told(
            Stage.ENVELOPE,
            {"password": put("type", to="password"), "upper case": put("type", to="Public-Key")},
        ),
    ),
    Operator(
        id="A07",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The response is missing or no object",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="There is nothing to verify; whatever happens next is not verification.",
        fix=_PARSE_STRICTLY,
        cause=r"response|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-7, F-8",
        variants=(
            *told(
                Stage.ENVELOPE,
                {
                    "missing": drop("response"),
                    "string": put("response", to="response"),
                    "null": put("response", to=None),
                    "array": put("response", to=[]),
                },
            ),
            *told(Stage.ENVELOPE, {"empty object": put("response", to={})}, leaves=4),
        ),
    ),
    Operator(
        id="A08",
        concerns=Concerns.BOTH,
        step="7.1.5/7.2.7",
        title="clientDataJSON is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Challenge, origin and type are in it: without it nothing of this ceremony is shown.",
        fix=_PARSE_STRICTLY,
        cause=r"client_?data|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-9 to F-11",
        variants=told(Stage.ENVELOPE, _must("response", "clientDataJSON")),
    ),
    Operator(
        id="A09",
        concerns=Concerns.REGISTRATION,
        step="7.1.13/7.1.3",
        title="The attestation object is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="It holds the public key: what is registered without it is not what the key made.",
        fix=_PARSE_STRICTLY,
        cause=r"attestation_?object|json|malformed|missing",
        reference="FIDO conformance Resp-1 F-12 to F-14",
        variants=told(Stage.ENVELOPE, _must("response", "attestationObject")),
    ),
    Operator(
        id="A10",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.7",
        title="authenticatorData is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Presence, verification and the relying party are told in it, under the signature.",
        fix=_PARSE_STRICTLY,
        cause=r"authenticator_?data|json|malformed|missing",
        reference="FIDO conformance Assertion Resp-1 F-12 to F-15",
        variants=told(
            Stage.ENVELOPE,
            _must("response", "authenticatorData")
            | {"not base64url": put("response", "authenticatorData", to=lambda old: "!" + old[1:])},
        ),
    ),
    Operator(
        id="A11",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.7",
        title="The signature is missing, of another type, or empty",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Without a signature anyone can be anyone.",
        fix="Require the signature, and treat every failure to verify it as a refusal.",
        cause=r"signature|json|malformed|missing",
        reference="FIDO conformance Assertion Resp-1 F-16 to F-19",
        variants=told(
            Stage.ENVELOPE,
            _must("response", "signature")
            | {"not base64url": put("response", "signature", to=lambda old: "!" + old[1:])},
        ),
    ),
    Operator(
        id="A12",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.6",
        title="userHandle is of another type",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="It decides whose account is opened where no name was given.",
        fix="Accept userHandle as a base64url string or not at all.",
        cause=r"user_?handle|json|malformed",
        reference="FIDO conformance Assertion Resp-1 F-21",
        variants=told(
            Stage.ENVELOPE,
            {
                name: put("response", "userHandle", to=value)
                for name, value in WRONG_TYPES.items()
                if name != "null"  # §5.1.8: a key that knows no handle sends none, and some clients null
            },
        ),
    ),
    Operator(
        id="A13",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="base64url with padding",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="The standard has no padding, some clients send it; two spellings of one id may pass two checks.",
        fix="Refuse padding, or take it away before anything is compared.",
        variants=told(
            Stage.ENVELOPE,
            {
                "id": _id_of_32(_padded),
                "clientDataJSON": put(
                    "response",
                    "clientDataJSON",
                    to=lambda old: _padded(old) if len(old) % 4 else old + "====",
                ),
            },
            leaves=2,
        ),
    ),
    Operator(
        id="A14",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="The alphabet of plain base64",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Two spellings of one id may pass two checks, for instance of uniqueness.",
        fix="Refuse + and /, or normalise before anything is compared.",
        variants=told(
            Stage.ENVELOPE,
            {"all that is binary": _standard_alphabet},
            leaves=6,
        ),
    ),
    Operator(
        id="A15",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="base64url with stray bits at its end",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Four spellings decode to the same id: comparing text and comparing bytes give different answers.",
        fix="Compare decoded bytes only, or refuse what does not encode to itself again.",
        variants=told(Stage.ENVELOPE, {"id": _id_of_32(_stray_bits)}, leaves=2),
    ),
    Operator(
        id="A16",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.7/7.2.3",
        title="A payload that is no WebAuthn response at all",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="A second, simpler format that was left in for tests lets anyone in who knows a credential id.",
        fix="Have one way in; remove fall-backs and test formats from what is deployed.",
        cause=r"response|json|malformed|missing|type",
        reference="open-mercato #3852",
        variants=told(Stage.ENVELOPE, {"credentialId and challenge": _alternative}, leaves=8),
    ),
    Operator(
        id="A17",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="The response of the other ceremony",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="What was signed for one purpose must not serve another.",
        fix="Require the members of this ceremony's response and its clientData.type.",
        cause=r"response|json|malformed|missing|type|attestation|signature",
        variants=told(Stage.ENVELOPE, {"response": _other_ceremony}, leaves=8),
    ),
    Operator(
        id="A18",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3",
        title="A member of the envelope twice",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers on the way (a firewall and the site) each see another of the two.",
        fix="Parse JSON with duplicate members refused.",
        cause=r"twice|duplicate|json",
        variants=told(
            Stage.BODY,
            {
                "type, the good one first": _twice("type", True),
                "type, the good one last": _twice("type", False),
                "response, the good one first": _twice("response", True),
                "response, the good one last": _twice("response", False),
            },
        ),
    ),
    Operator(
        id="A19",
        concerns=Concerns.BOTH,
        step="7.1.3/7.2.3/7.1.5/7.2.7",
        title="Members far too large",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Parsing and hashing megabytes before anyone is known is a cheap way to slow a site down.",
        fix="Limit the body to some tens of kilobytes, before it is parsed.",
        cause=r"large|long|big|size|413",
        needs=frozenset({Capability.ACCOUNTS}),
        variants=(
            *told(Stage.CLIENT_DATA, {"clientDataJSON of 1 MiB": put("padding", to="A" * (1 << 20))}),
            *told(
                Stage.ENVELOPE,
                {
                    "10,000 extension results": put(
                        "clientExtensionResults", to={f"extension{n}": True for n in range(10_000)}
                    )
                },
                leaves=10_000,
            ),
        ),
    ),
    Operator(
        id="A20",
        concerns=Concerns.REGISTRATION,
        step="5.2.1.1/7.1.13",
        title="response.publicKey is another key than the attested one",
        expected=Expected.IGNORE,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="The helper is written by the page's script: who stores it stores a key that was never attested.",
        fix="Take the public key from the attestation object, never from the helper.",
        reference="passwordless-id, probe R65",
        variants=told(
            Stage.ENVELOPE,
            {
                "attacker's": lambda envelope, forge: {
                    **envelope,
                    "response": {**envelope["response"], "publicKey": _attacker_spki(forge)},
                }
            },
        ),
    ),
    Operator(
        id="A21",
        concerns=Concerns.REGISTRATION,
        step="5.2.1.1/7.1.13",
        title="Helpers that are right beside an attestation object that is broken",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Who falls back to the helpers registers without any of the checks.",
        fix="Verify the attestation object; refuse if it cannot be read.",
        cause=r"attestation|cbor|malformed",
        reference="probe R66",
        variants=told(Stage.ENVELOPE, {"cut off": _broken_object}, leaves=4),
    ),
    Operator(
        id="A22",
        concerns=Concerns.REGISTRATION,
        step="5.2.1.1/7.1.13",
        title="response.publicKeyAlgorithm is another algorithm than the attested key's",
        expected=Expected.IGNORE,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Signatures verified under an algorithm that the page's script chose are not the key's.",
        fix="Take the algorithm from the attested COSE key.",
        variants=told(
            Stage.ENVELOPE,
            {
                "RS256": put("response", "publicKeyAlgorithm", to=-257),
                "none": put("response", "publicKeyAlgorithm", to=0),
            },
        ),
    ),
    Operator(
        id="A23",
        concerns=Concerns.BOTH,
        step="5.1.8",
        title="Control characters where text is logged",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="Line breaks and escapes forge log entries.",
        fix="Log what clients send in quoted, escaped form.",
        reference="CVE-2023-6484 (Keycloak)",
        variants=(
            *told(
                Stage.ENVELOPE,
                {"transports": put("response", "transports", to=[_HOSTILE])},
                only=REGISTRATION,
            ),
            *told(Stage.ENVELOPE, {"unknown member": put("error", to=_HOSTILE)}),
            *told(Stage.ENVELOPE, {"authenticatorAttachment": put("authenticatorAttachment", to=_HOSTILE)}),
        ),
    ),
    Operator(
        id="A24",
        concerns=Concerns.REGISTRATION,
        step="7.1.27",
        title="Transports that nobody knows",
        expected=Expected.IGNORE,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="Transports are hints; a new one must not keep a person out.",
        fix="Keep what you know, ignore the rest, and limit their number.",
        variants=(
            *told(
                Stage.ENVELOPE,
                {"unknown names": put("response", "transports", to=["usb", "telepathy"])},
                expected=Expected.ACCEPT,
            ),
            *told(
                Stage.ENVELOPE,
                {
                    "1000 entries": put("response", "transports", to=[f"t{n}" for n in range(1000)]),
                    "no array": put("response", "transports", to="usb"),
                    "numbers": put("response", "transports", to=[1]),
                },
            ),
        ),
    ),
)
