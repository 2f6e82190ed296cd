"""H: whose credential it is (§7.2 steps 5, 6 and 25)."""

from __future__ import annotations

from functools import partial

from harness.fuzz import accounts
from harness.fuzz.capability import Capability
from harness.fuzz.operator import Concerns, Expected, Severity
from harness.fuzz.operators.attacks import ACCOUNTS, MANAGE, SESSIONS, attack_operator

_OWNER = (
    "Look the credential up by its exact id, and require its owner to be the user this ceremony is about."
)
_USERNAMELESS = ACCOUNTS | {Capability.DISCOVERABLE}
_operator = partial(attack_operator, cause=r"credential|user|owner|known|found")
_AUTH = Concerns.AUTHENTICATION
_L, _M, _H, _C = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL

OPERATORS = (
    _operator(
        "H01",
        _AUTH,
        "7.2.5",
        "A credential that was not among those asked for",
        _M,
        "allowCredentials may stand for a policy: a certain key, a fresh one, not the lost one.",
        "Keep the list in the session, and require the credential to be on it.",
        SESSIONS,
        {"registered meanwhile": accounts.not_allowed},
    ),
    _operator(
        "H02",
        _AUTH,
        "7.2.6/7.2.5",
        "The second step of a victim's log-in with the attacker's own passkey",
        _C,
        "Any valid assertion, from anybody, would confirm everybody.",
        _OWNER,
        ACCOUNTS,
        {
            "own handle": accounts.own_passkey_for_victim("own"),
            "victim's handle": accounts.own_passkey_for_victim("victim"),
            "no handle": accounts.own_passkey_for_victim("none"),
        },
        reference="w3c/webauthn #753, first scenario; YSA-2026-02",
    ),
    _operator(
        "H03",
        _AUTH,
        "7.2.6",
        "Without a name: the victim's user handle, the attacker's passkey",
        _C,
        "If the handle says who logs in and the id which key verifies, anyone is anyone.",
        _OWNER,
        _USERNAMELESS,
        {"victim's handle": accounts.victims_handle},
        reference="w3c/webauthn #753, second scenario; ferriskey #1408",
    ),
    _operator(
        "H04",
        _AUTH,
        "7.2.6",
        "Without a name, and without a user handle",
        _M,
        "Then nothing says whose account is meant.",
        "Require userHandle where no user was named before.",
        _USERNAMELESS,
        {"left out": accounts.handle_becomes(None), "empty": accounts.handle_becomes(b"")},
        cause=r"handle|user|whose",
    ),
    _operator(
        "H05",
        _AUTH,
        "7.2.6",
        "A user handle that is rubbish",
        _M,
        "It is used to look an account up: as text, in a query.",
        "Compare it, as bytes, with the owner's.",
        _USERNAMELESS,
        {
            "not UTF-8": accounts.handle_becomes(b"\xff\xfe\x80"),
            "65 bytes": accounts.handle_becomes(b"A" * 65),
            "SQL": accounts.handle_becomes(b"' OR '1'='1"),
            "null": accounts.handle_becomes(b"\x00" * 16),
        },
        cause=r"handle|user|owner",
    ),
    _operator(
        "H06",
        _AUTH,
        "7.2.6",
        "A credential id that nobody has",
        _L,
        "Who answers differently to known and unknown ids tells which exist.",
        "Refuse both with the same words.",
        ACCOUNTS,
        {"unknown": accounts.unknown_credential},
        reference="CVE-2024-39912",
    ),
    _operator(
        "H07",
        _AUTH,
        "7.2.6",
        "A credential that was deleted",
        _C,
        "People delete keys that they lost.",
        "Look credentials up where they are deleted, not in a cache.",
        MANAGE,
        {"deleted": accounts.deleted_credential, "deleted after the challenge": accounts.deleted_after_begin},
    ),
    _operator(
        "H08",
        _AUTH,
        "7.2.6",
        "A credential of an account that was deleted",
        _H,
        "Accounts are deleted to shut somebody out; a new one of the same name is another person's.",
        "Delete credentials with their account; check the account's state at every log-in.",
        SESSIONS | {Capability.DELETE_ACCOUNT},
        {"deleted": accounts.deleted_account, "name taken again": accounts.recreated_account},
        reference="CVE-2021-32726 (Nextcloud); supabase/auth #2557",
    ),
    _operator(
        "H09",
        _AUTH,
        "7.2.6",
        "A key for the second step only, used for the first",
        _H,
        "A second factor without verification becomes the only one.",
        "Remember for what a credential was registered.",
        ACCOUNTS | {Capability.PASSWORD, Capability.DISCOVERABLE},
        {"alone": accounts.second_factor_alone},
    ),
    _operator(
        "H10",
        _AUTH,
        "7.2.6",
        "A credential id that is nearly right",
        _H,
        "Look-ups by prefix, without case, or by pattern find another person's key.",
        _OWNER,
        ACCOUNTS,
        {
            "prefix": accounts.id_becomes("prefix"),
            "with a null": accounts.id_becomes("null"),
            "other case": accounts.id_becomes("case"),
            "wildcard": accounts.id_becomes("wildcard"),
        },
    ),
    _operator(
        "H11",
        _AUTH,
        "7.2.6/7.2.5",
        "A confirmation given by somebody else",
        _C,
        "Whoever takes over a session would confirm with a key of their own.",
        "Require the assertion's owner to be the session's user.",
        SESSIONS | {Capability.STEP_UP},
        {"attacker's passkey": accounts.step_up_by_other},
    ),
    _operator(
        "H12",
        _AUTH,
        "7.2.25",
        "A failed log-in changes what is stored",
        _M,
        "A counter moved up by a forgery locks the owner out.",
        "Store the counter and the time of use after everything was verified.",
        ACCOUNTS,
        {"counter": accounts.failure_moves_counter},
        reference="CVE-2026-0723",
        expected=Expected.FLAG,
    ),
    _operator(
        "H13",
        _AUTH,
        "7.2.25",
        "A password alone, though a passkey is enrolled as second factor",
        _H,
        "The second factor protects nothing if there is a way around it.",
        "Ask for the second factor on every way in.",
        ACCOUNTS | {Capability.PASSWORD},
        {"password": accounts.password_alone},
        cause=r"factor|passkey",
        reference="CVE-2026-107808 (nginx-ui); CVE-2025-64103 (ZITADEL)",
    ),
)
