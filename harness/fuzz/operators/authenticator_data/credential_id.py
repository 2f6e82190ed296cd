"""credentialId: its length, and whose it is already (§6.5.1)."""

from __future__ import annotations

from harness.fuzz import stateful
from harness.fuzz.edit import Stage
from harness.fuzz.forge import base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity, Variant
from harness.fuzz.operators.attacks import ACCOUNTS, attacks
from harness.fuzz.operators.lies import put, told

_PARSE = "Parse authenticator data to its last byte: exactly what the flags announce, and nothing more."

OPERATORS = (
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
                "65535": put("attested", "credentialIdLength", to=0xFFFF),
                "1000": put("attested", "credentialIdLength", to=1000),
                "one too many": put("attested", "credentialIdLength", to=33),
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
            *told(Stage.FIELDS, {"in the authenticator data": put("attested", "credentialId", to=b"")}),
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
            *told(Stage.FIELDS, {"authenticator data": put("attested", "credentialId", to=b"\x42" * 32)}),
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
        needs=ACCOUNTS,
        variants=attacks(again=stateful.registered_twice),
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
        needs=ACCOUNTS,
        variants=attacks(taken=stateful.victims_credential),
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
        needs=ACCOUNTS,
        variants=attacks(overwritten=stateful.victims_credential_id),
    ),
)
