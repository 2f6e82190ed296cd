"""P: what a relying party asks for and publishes. No lie is told: these are looked at."""

from __future__ import annotations

from functools import partial

from harness.fuzz import observed
from harness.fuzz.capability import Capability
from harness.fuzz.operator import Concerns, Expected, Severity
from harness.fuzz.operators.attacks import ACCOUNTS, attack_operator

_SITE = ACCOUNTS | {Capability.KEEPS}
_REMOTE = _SITE | {Capability.REMOTE}
_operator = partial(attack_operator, expected=Expected.FLAG)
_REG, _AUTH, _BOTH = Concerns.REGISTRATION, Concerns.AUTHENTICATION, Concerns.BOTH

OPERATORS = (
    _operator(
        "P01",
        _REG,
        "14.6.1",
        "A user handle that says who it is",
        Severity.MEDIUM,
        "Keys give user handles to whoever holds them, and without verification.",
        "Take 64 random bytes for each account, and keep them beside it.",
        _SITE,
        {"personal data": observed.personal_handle},
    ),
    _operator(
        "P02",
        _REG,
        "5.4.3",
        "User handles that change, or are shared",
        Severity.HIGH,
        "A key overwrites the passkey of the same handle, and logs in as whoever the handle names.",
        "Make one handle for each account when it is made, and never change it.",
        _SITE,
        {"stable and own": observed.handles_of_people},
    ),
    _operator(
        "P03",
        _BOTH,
        "5.4.4/5.5",
        "User verification that is not asked for",
        Severity.MEDIUM,
        "What is not required is often missing: then people are locked out, or let in by one factor.",
        "Ask for `required` where a passkey stands for two factors, and check UV.",
        _SITE,
        {
            "registration": observed.verification_when_registering,
            "log-in": observed.verification_when_logging_in,
        },
    ),
    _operator(
        "P04",
        _REG,
        "5.4",
        "Algorithms that are weak, or that few keys have",
        Severity.MEDIUM,
        "The key takes the first one that it has: whatever is on the list may be used.",
        "Ask for -8, -7 and -257, in this order.",
        _SITE,
        {"pubKeyCredParams": observed.algorithms_asked_for},
    ),
    _operator(
        "P05",
        _AUTH,
        "14.6.2",
        "Options tell whether a name has an account",
        Severity.LOW,
        "Lists of names can be tried, and the found ones phished.",
        "Answer unknown names with credential ids that are made up, always the same for the same name.",
        _SITE,
        {"stranger": observed.stranger_and_member},
        expected=Expected.POLICY,
        reference="CVE-2024-39912",
    ),
    _operator(
        "P06",
        _BOTH,
        "5.11",
        "A list of related origins that is wrong",
        Severity.MEDIUM,
        "Each origin on it may use the site's passkeys; a list that browsers cannot read helps nobody.",
        "Serve /.well-known/webauthn as application/json: https origins of your own, of at most five names.",
        _REMOTE,
        {"well-known": observed.origins_list},
    ),
    _operator(
        "P07",
        _BOTH,
        "5.1.3/13.4.9",
        "An RP ID that does not fit",
        Severity.MEDIUM,
        "Passkeys made for one name are not found under another, and all that is below a name may use them.",
        "Take the same RP ID in both ceremonies: the narrowest that covers your pages.",
        _SITE,
        {"rp.id": observed.relying_party_id},
    ),
)
