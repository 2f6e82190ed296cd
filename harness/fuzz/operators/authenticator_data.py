"""C: authenticator data (§6.1; §7.1 steps 13 to 19 and 25 to 27, §7.2 steps 15 to 19 and 22)."""

from __future__ import annotations

import hashlib
from typing import Any

from authenticator import cbor
from harness.fuzz import stateful
from harness.fuzz.base import Base
from harness.fuzz.capability import Capability
from harness.fuzz.edit import Change, Edit, Stage
from harness.fuzz.forge import Forge, base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity, Variant
from harness.fuzz.operators.lies import REGISTRATION, VERIFIED, by, flip, put, told

_RP_ID = "Compare rpIdHash with SHA-256 of your one RP ID, from your configuration."
_UP = "Refuse responses whose UP bit is not set."
_UV = "Where user verification is required, refuse responses whose UV bit is not set."
_PARSE = "Parse authenticator data to its last byte: exactly what the flags announce, and nothing more."
_COUNT = "Compare the counter with the stored one, decide what a stale one means, and store the new one."
_ACCOUNTS = frozenset({Capability.ACCOUNTS})


def _rp_id(make: Any) -> Change:
    return lambda members, forge: {
        **members,
        "rpIdHash": hashlib.sha256(make(forge.rp_id).encode()).digest(),
    }


def _attested(**members: Any) -> Change:
    return lambda fields, forge: {**fields, "attested": {**fields["attested"], **members}}


def _with_key(forge: Forge) -> bytes:
    """Attested credential data of a key that the relying party does not know."""
    key = cbor.encode(forge.attacker.public_cose_key())
    credential_id = b"\x66" * 16
    return bytes(16) + len(credential_id).to_bytes(2, "big") + credential_id + key


def _embedded(fields: Any, forge: Forge) -> Any:
    attested = {
        "aaguid": bytes(16),
        "credentialIdLength": None,
        "credentialId": b"\x66" * 16,
        "credentialPublicKey": cbor.encode(forge.attacker.public_cose_key()),
    }
    return {**fields, "attested": attested, "at": True}


def _without_attested(data: bytes) -> bytes:
    return data[:37]


def _cut(length: int) -> Change:
    return by(lambda data: data[:length])


_EXTENSION = cbor.encode({"credProtect": 2})
_APPID = "https://login.example.com/app-id.json"


def _flagged(bit: int, more: bytes = b"") -> Change:
    """One flag set, and the bytes that follow from it (or not)."""
    return by(lambda data: data[:32] + bytes((data[32] | bit,)) + data[33:] + more)


def _counter(make: Any) -> Change:
    return lambda fields, forge: {**fields, "signCount": make(fields["signCount"])}


def _attacks(needs_name: str = "", **attacks: Any) -> tuple[Variant, ...]:
    return tuple(Variant(name=name.replace("_", " "), lie=attack) for name, attack in attacks.items())


_SYNCED = Base(backup_eligible=True, backed_up=True, counting=False)

OPERATORS = (
    Operator(
        id="C01",
        concerns=Concerns.BOTH,
        step="7.1.14/7.2.15",
        title="Made for another relying party",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="An assertion that a phishing site obtained under its own name would open the account.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party",
        reference="FIDO conformance Assertion Resp-3 F-2; BossConsole #35",
        variants=told(
            Stage.FIELDS,
            {"other": _rp_id(lambda rp_id: "evil.example"), "one bit": put("rpIdHash", to=flip())},
        ),
    ),
    Operator(
        id="C02",
        concerns=Concerns.BOTH,
        step="7.1.14/7.2.15",
        title="Made for a sub-domain or the parent domain",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Their pages may belong to other people.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party",
        variants=told(
            Stage.FIELDS,
            {
                "sub-domain": _rp_id(lambda rp_id: f"users.{rp_id}"),
                "parent": _rp_id(lambda rp_id: rp_id.partition(".")[2] or "localdomain"),
                "upper case": _rp_id(lambda rp_id: rp_id.upper()),
            },
        ),
    ),
    Operator(
        id="C03",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.15",
        title="The hash of a U2F AppID, without the extension",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="The AppID is for old keys only, where the appid extension was asked for and its output says so.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party|app.?id",
        variants=told(Stage.FIELDS, {"AppID": put("rpIdHash", to=hashlib.sha256(_APPID.encode()).digest())}),
    ),
    Operator(
        id="C04",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.15/7.2.4",
        title="The appid output is true, though nobody asked",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="A client output is not signed: it must not decide which hash is right.",
        fix="Look at the appid output only where you asked for the extension.",
        cause=r"rp.?id|relying party|app.?id",
        variants=_attacks(
            log_in=stateful.composed(
                Edit(Stage.FIELDS, put("rpIdHash", to=hashlib.sha256(_APPID.encode()).digest())),
                Edit(Stage.ENVELOPE, put("clientExtensionResults", to={"appid": True})),
            )
        ),
    ),
    Operator(
        id="C05",
        concerns=Concerns.BOTH,
        step="7.1.14/7.2.15",
        title="No hash of an RP ID at all",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Defaults, and hashes of the wrong thing, are what careless comparisons compare with.",
        fix=_RP_ID,
        cause=r"rp.?id|relying party",
        variants=told(
            Stage.FIELDS,
            {
                "zeros": put("rpIdHash", to=bytes(32)),
                "of the origin": lambda fields, forge: {
                    **fields,
                    "rpIdHash": hashlib.sha256(forge.origin.encode()).digest(),
                },
                "the RP ID itself": lambda fields, forge: {
                    **fields,
                    "rpIdHash": forge.rp_id.encode().ljust(32, b"\x00")[:32],
                },
                "of nothing": put("rpIdHash", to=hashlib.sha256(b"").digest()),
            },
        ),
    ),
    Operator(
        id="C06",
        concerns=Concerns.REGISTRATION,
        step="7.1.15",
        title="Nobody was present at the registration",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Malware could enrol a key that is plugged in, without a touch.",
        fix=_UP,
        cause=r"presen",
        reference="CVE-2021-38299",
        variants=told(Stage.FIELDS, {"UP 0": put("up", to=False)}),
    ),
    Operator(
        id="C07",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.16",
        title="Nobody was present at the log-in",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Silent assertions are made by malware, without the person.",
        fix=_UP,
        cause=r"presen",
        reference="CVE-2021-38299",
        variants=told(Stage.FIELDS, {"UP 0": put("up", to=False)}),
    ),
    Operator(
        id="C08",
        concerns=Concerns.REGISTRATION,
        step="7.1.16",
        title="The person was not verified at the registration, though that is required",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Asking for verification is a request to the client; only the bit shows that it was done.",
        fix=_UV,
        cause=r"verif",
        reference="FIDO conformance Resp-1 F-15",
        variants=told(Stage.FIELDS, {"UV 0": put("uv", to=False)}, base=VERIFIED),
    ),
    Operator(
        id="C09",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.17",
        title="The person was not verified at the log-in, though that is required",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="A stolen key without its PIN becomes enough.",
        fix=_UV,
        cause=r"verif",
        reference="FIDO conformance Assertion Resp-3 F-5; CVE-2026-115828 (Delinea)",
        variants=told(Stage.FIELDS, {"UV 0": put("uv", to=False)}, base=VERIFIED),
    ),
    Operator(
        id="C10",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.17",
        title="The client asked the key for less than the options said",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why='Options pass through the page: whoever changes "required" there must not get in.',
        fix="Keep what you required in the session, and check the UV bit against that.",
        cause=r"verif",
        reference="GHSA-h4fw-6r7f-w494; webauthn-rs #281",
        needs=_ACCOUNTS | {Capability.USER_VERIFICATION},
        variants=told(Stage.FIELDS, {"UV 0": put("uv", to=False)}, base=VERIFIED),
    ),
    Operator(
        id="C11",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.17",
        title="Not verified, where a passkey counts as two factors",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Without verification a passkey is one factor: who finds the key is in.",
        fix="Count a passkey as two factors only if UV is set in this very assertion; else ask for another.",
        cause=r"verif|factor",
        reference="dockpanel 2.199; CVE-2026-47841 (Spring)",
        needs=_ACCOUNTS | {Capability.MULTI_FACTOR},
        variants=told(Stage.FIELDS, {"UV 0": put("uv", to=False)}),
    ),
    Operator(
        id="C12",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.24",
        title="Registered without verification, verified later",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Whoever sets a PIN on a found key first makes it count as two factors.",
        fix="Ask for another factor before uvInitialized becomes true.",
        needs=_ACCOUNTS | {Capability.NO_USER_VERIFICATION},
        variants=_attacks(log_in=stateful.verified_later),
    ),
    Operator(
        id="C13",
        concerns=Concerns.BOTH,
        step="7.1.17/7.2.18",
        title="Backed up, and not eligible for it",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="No honest key says so; what else it says is worth as little.",
        fix="Refuse BS 1 with BE 0.",
        cause=r"back",
        reference="probes R33, A26",
        variants=told(Stage.FIELDS, {"BS 1, BE 0": put("bs", to=True)}),
    ),
    Operator(
        id="C14",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.19",
        title="A device-bound passkey becomes one that syncs",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Eligibility never changes: this is another key, or another maker's lie.",
        fix="Store BE when registering, and refuse assertions in which it differs.",
        cause=r"back|elig",
        needs=_ACCOUNTS,
        variants=told(Stage.FIELDS, {"BE 0 to 1": put("be", to=True)}),
    ),
    Operator(
        id="C15",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.19",
        title="A passkey that syncs becomes a device-bound one",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Rules for device-bound keys could be passed by one that is copied freely.",
        fix="Store BE when registering, and refuse assertions in which it differs.",
        cause=r"back|elig",
        needs=_ACCOUNTS,
        variants=told(Stage.FIELDS, {"BE 1 to 0": put("be", to=False)}, base=Base(backup_eligible=True)),
    ),
    Operator(
        id="C16",
        concerns=Concerns.BOTH,
        step="6.1",
        title="Bits that are reserved for the future",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Tomorrow's keys will set them; who refuses them locks their owners out.",
        fix="Ignore bits 1 and 5.",
        variants=told(Stage.FIELDS, {"bit 1": put("bit1", to=True), "bit 5": put("bit5", to=True)}),
    ),
    Operator(
        id="C17",
        concerns=Concerns.REGISTRATION,
        step="6.1/7.1.13",
        title="A credential that no flag announces",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers disagree on whether there is a credential.",
        fix=_PARSE,
        cause=r"attest|credential|leftover|bytes|flag|data",
        reference="FIDO conformance Resp-3 F-9",
        variants=told(Stage.FIELDS, {"AT 0": put("at", to=False)}),
    ),
    Operator(
        id="C18",
        concerns=Concerns.REGISTRATION,
        step="6.1/7.1.13",
        title="A registration without a credential",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="What is stored then is nothing, and nothing may match nothing.",
        fix="Require attested credential data when registering.",
        cause=r"attest|credential|data",
        reference="FIDO conformance Resp-3 F-10",
        variants=told(
            Stage.FIELDS, {"none": lambda fields, forge: {**fields, "attested": None, "at": False}}, leaves=2
        ),
    ),
    Operator(
        id="C19",
        concerns=Concerns.REGISTRATION,
        step="6.1/7.1.13",
        title="A credential is announced and not there",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Reading past the end gives empty ids and keys, or an exception.",
        fix=_PARSE,
        cause=r"attest|credential|cbor|malformed|data|length|short",
        reference="FIDO conformance Resp-3 F-11",
        variants=told(Stage.AUTHENTICATOR_DATA, {"AT 1": by(_without_attested)}),
    ),
    Operator(
        id="C20",
        concerns=Concerns.AUTHENTICATION,
        step="6.1",
        title="An assertion that carries another credential",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="It is signed by the owner and harmless, as long as nobody uses the key in it.",
        fix="Verify with the stored key only; better, refuse AT in assertions.",
        variants=told(Stage.FIELDS, {"attacker's": _embedded}, leaves=2),
    ),
    Operator(
        id="C21",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21/7.2.7",
        title="An assertion that brings its own key, and is signed by it",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Who verifies with the key in the assertion verifies nothing.",
        fix="Verify with the key that was stored at registration.",
        cause=r"signature|attest|credential",
        variants=_attacks(
            log_in=stateful.composed(
                Edit(Stage.FIELDS, _embedded), Edit(Stage.SIGNER, lambda key, forge: forge.attacker)
            )
        ),
    ),
    Operator(
        id="C22",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Extension outputs are announced and not there",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Reading past the end is an exception at best.",
        fix=_PARSE,
        cause=r"extension|cbor|malformed|data",
        variants=told(Stage.FIELDS, {"ED 1": put("ed", to=True)}),
    ),
    Operator(
        id="C23",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Extension outputs that no flag announces",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers disagree on what was said.",
        fix=_PARSE,
        cause=r"extension|leftover|trailing|bytes|malformed|data|flag",
        variants=told(Stage.AUTHENTICATOR_DATA, {"ED 0": by(lambda data: data + _EXTENSION)}),
    ),
    Operator(
        id="C24",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Extension outputs that are no map",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="What reads members of it fails, or finds none.",
        fix="Require a map of text keys.",
        cause=r"extension|cbor|map|malformed|data",
        variants=told(
            Stage.AUTHENTICATOR_DATA,
            {
                "number": _flagged(0x80, b"\x07"),
                "array": _flagged(0x80, b"\x80"),
                "text": _flagged(0x80, b"\x61a"),
                "null": _flagged(0x80, b"\xf6"),
            },
        ),
    ),
    Operator(
        id="C25",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Bytes after the end, signed",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Two parsers disagree on what was signed.",
        fix=_PARSE,
        cause=r"leftover|trailing|bytes|malformed|data|length",
        reference="FIDO conformance Resp-3 F-12; Assertion Resp-3 F-1",
        variants=told(
            Stage.AUTHENTICATOR_DATA,
            {"one byte": by(lambda data: data + b"\x00"), "a map": by(lambda data: data + b"\xa0")},
        ),
    ),
    Operator(
        id="C26",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21/7.2.7",
        title="Bytes after the end, not signed",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="If they are accepted, the signature is over something else than what was sent.",
        fix="Verify the signature over the very bytes that were sent.",
        cause=r"signature|leftover|trailing|bytes|malformed|data",
        variants=told(Stage.SENT_AUTHENTICATOR_DATA, {"one byte": by(lambda data: data + b"\x00")}),
    ),
    Operator(
        id="C27",
        concerns=Concerns.BOTH,
        step="6.1/7.1.13/7.2.7",
        title="Authenticator data cut off",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Slices beyond the end are shorter than one thinks, silently.",
        fix=_PARSE,
        cause=r"authenticator|bytes|malformed|length|short|data",
        reference="FIDO conformance Resp-3 F-8",
        variants=(
            *told(
                Stage.AUTHENTICATOR_DATA, {f"{length} bytes": _cut(length) for length in (0, 31, 32, 33, 36)}
            ),
            *told(
                Stage.AUTHENTICATOR_DATA,
                {f"{length} bytes": _cut(length) for length in (53, 54, 55, 86, 87, 100)},
                only=REGISTRATION,
            ),
        ),
    ),
    Operator(
        id="C28",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.13",
        title="A credential id that is said to be longer than what is left",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="The id swallows the key, or memory that is not ours.",
        fix=_PARSE,
        cause=r"credential|length|malformed|cbor|data",
        variants=told(
            Stage.FIELDS,
            {
                "65535": _attested(credentialIdLength=0xFFFF),
                "1000": _attested(credentialIdLength=1000),
                "one too many": _attested(credentialIdLength=33),
            },
        ),
    ),
    Operator(
        id="C29",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.13",
        title="An empty credential id",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Every empty id is the same: two people have one credential.",
        fix="Require at least 16 bytes.",
        cause=r"credential|\bid\b",
        variants=(
            *told(Stage.FIELDS, {"in the authenticator data": _attested(credentialId=b"")}),
            Variant(name="everywhere", lie=stateful.registration_as(credential_id=b"")),
        ),
    ),
    Operator(
        id="C30",
        concerns=Concerns.REGISTRATION,
        step="7.1.25",
        title="A credential id of 1024 bytes",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="1023 is the limit; a column that cuts longer ones makes different ids equal.",
        fix="Refuse credential ids longer than 1023 bytes.",
        cause=r"credential|long|length|1023",
        reference="probe R60",
        variants=(
            Variant(name="1024 bytes", lie=stateful.registration_as(credential_id=bytes(range(256)) * 4)),
            Variant(
                name="1023 bytes",
                lie=stateful.registration_as(credential_id=(bytes(range(256)) * 4)[:1023]),
                expected=Expected.ACCEPT,
            ),
        ),
    ),
    Operator(
        id="C31",
        concerns=Concerns.REGISTRATION,
        step="7.1.26",
        title="The envelope names another credential than the authenticator data",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="If the envelope's id is stored, any id can be claimed for one's own key: a victim's too.",
        fix="Store the id from the authenticator data, and require the envelope's to equal it.",
        cause=r"credential|\bid\b",
        variants=(
            *told(
                Stage.ENVELOPE,
                {
                    "id and rawId": lambda envelope, forge: {
                        **envelope,
                        "id": base64url(b"\x42" * 32),
                        "rawId": base64url(b"\x42" * 32),
                    }
                },
                leaves=2,
            ),
            *told(Stage.FIELDS, {"authenticator data": _attested(credentialId=b"\x42" * 32)}),
        ),
    ),
    Operator(
        id="C32",
        concerns=Concerns.REGISTRATION,
        step="7.1.26",
        title="A credential that the same person has registered already",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Two records of one id: deleting one leaves the other, and counters go astray.",
        fix="Make the credential id unique over all accounts, in the database.",
        cause=r"regist|already|exist|taken|unique",
        needs=_ACCOUNTS,
        variants=_attacks(again=stateful.registered_twice),
    ),
    Operator(
        id="C33",
        concerns=Concerns.REGISTRATION,
        step="7.1.26",
        title="A victim's credential id and public key, registered to the attacker",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Neither is secret; later the victim logs into the attacker's account, or not at all.",
        fix="Make the credential id unique over all accounts, in the database.",
        cause=r"regist|already|exist|taken|unique",
        reference="allauth, better-auth: probe S02",
        needs=_ACCOUNTS,
        variants=_attacks(taken=stateful.victims_credential),
    ),
    Operator(
        id="C34",
        concerns=Concerns.REGISTRATION,
        step="7.1.26",
        title="A victim's credential id with the attacker's key",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="If it replaces the victim's record, the attacker's key opens the victim's account.",
        fix="Insert, never upsert; make the credential id unique over all accounts.",
        cause=r"regist|already|exist|taken|unique",
        reference="the note at §7.1 step 26",
        needs=_ACCOUNTS,
        variants=_attacks(overwritten=stateful.victims_credential_id),
    ),
    Operator(
        id="C35",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter that goes back",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Perhaps there is a second, cloned key; what that means is the site's to say.",
        fix=_COUNT,
        cause=r"count",
        reference="FIDO conformance Assertion Resp-3 F-4",
        variants=told(Stage.FIELDS, {"lower": _counter(lambda count: count - 2)}),
    ),
    Operator(
        id="C36",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter that stands still",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Equal is as stale as lower.",
        fix=_COUNT,
        cause=r"count",
        variants=told(Stage.FIELDS, {"equal": _counter(lambda count: count - 1)}),
    ),
    Operator(
        id="C37",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter that is zero all at once",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why='Zero means "does not count" only where it always was zero.',
        fix=_COUNT,
        cause=r"count",
        variants=told(Stage.FIELDS, {"zero": put("signCount", to=0)}),
    ),
    Operator(
        id="C38",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A passkey that never counts",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Synced passkeys are always at zero: who refuses that locks their owners out.",
        fix="Compare counters only if one of the two is not zero.",
        reference="FIDO conformance Assertion Resp-3 P-1",
        variants=_attacks(twice=stateful.never_counting),
    ),
    Operator(
        id="C39",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.24/7.2.22",
        title="The same counter twice",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Where the new counter is not stored, clones are never seen.",
        fix=_COUNT,
        cause=r"count",
        reference="GHSA-v9hx-v6vf-g36j (webauthn4j-spring-security)",
        needs=_ACCOUNTS,
        variants=_attacks(log_in=stateful.counter_twice),
    ),
    Operator(
        id="C40",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.22",
        title="A counter at its end",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="Afterwards every counter is lower: the owner is locked out.",
        fix="Decide what happens when a counter wraps around.",
        cause=r"count",
        needs=_ACCOUNTS,
        variants=_attacks(wraps_around=stateful.counter_wraps),
    ),
    Operator(
        id="C41",
        concerns=Concerns.REGISTRATION,
        step="5.4",
        title="A model that nobody knows",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Some sites allow certain models only.",
        fix="Where models matter, require attestation and compare the AAGUID with a list.",
        variants=told(
            Stage.FIELDS, {"zeros": _attested(aaguid=bytes(16)), "unknown": _attested(aaguid=b"\x99" * 16)}
        ),
    ),
)
