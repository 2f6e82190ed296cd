"""challenge: which ceremony of all it was, of whose session, and whether it is over."""

from __future__ import annotations

from typing import Any

from harness.fuzz import stateful
from harness.fuzz.capability import Capability
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.attacks import SESSIONS, attacks
from harness.fuzz.operators.lies import drop, put, told

_CHALLENGE = "Compare the decoded challenge, whole and in constant time, with the one kept for this session."
_ONCE = "Delete the challenge from the session before you verify, whatever the outcome."


def _challenge(make: Any) -> Change:
    return lambda members, forge: {**members, "challenge": make(forge.begun.challenge)}


def _other(challenge: bytes) -> str:
    return base64url(bytes(byte ^ 0xFF for byte in challenge))


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4 or 4)


def _case_folded(challenge: bytes) -> str:
    text = base64url(challenge)
    return text.swapcase()


OPERATORS = (
    Operator(
        id="B12",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="Another challenge",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="An old assertion, once seen, would open the account for ever.",
        fix=_CHALLENGE,
        cause=r"challenge",
        reference="FIDO conformance Resp-2 F-10",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "other": _challenge(_other),
                "one bit": _challenge(
                    lambda challenge: base64url(challenge[:-1] + bytes((challenge[-1] ^ 1,)))
                ),
            },
        ),
    ),
    Operator(
        id="B13",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="The challenge is missing or no base64url string",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Missing on both sides is equal on both sides.",
        fix=_CHALLENGE,
        cause=r"challenge|missing|base64|malformed",
        reference="FIDO conformance Resp-2 F-6 to F-9",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "missing": drop("challenge"),
                "empty": put("challenge", to=""),
                "null": put("challenge", to=None),
                "number": put("challenge", to=0),
                "boolean": put("challenge", to=True),
                "array": put("challenge", to=lambda old: [old]),
                "not base64url": put("challenge", to=lambda old: "!" + old[1:]),
            },
        ),
    ),
    Operator(
        id="B14",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="A challenge that is nearly right",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Comparing a prefix, or without regard to case, leaves less to guess, down to nothing.",
        fix=_CHALLENGE,
        cause=r"challenge",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "first half": _challenge(lambda challenge: base64url(challenge[: len(challenge) // 2])),
                "one byte": _challenge(lambda challenge: base64url(challenge[:1])),
                "without its last byte": _challenge(lambda challenge: base64url(challenge[:-1])),
                "with a byte more": _challenge(lambda challenge: base64url(challenge + b"\x01")),
                "twice": _challenge(lambda challenge: base64url(challenge + challenge)),
                "other case": _challenge(_case_folded),
            },
        ),
    ),
    Operator(
        id="B15",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="The right challenge in another spelling",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Harmless where decoded bytes are compared; a null at the end tells of C strings.",
        fix=_CHALLENGE,
        variants=told(
            Stage.CLIENT_DATA,
            {
                "padded": _challenge(lambda challenge: _padded(base64url(challenge))),
                "null at its end": _challenge(lambda challenge: base64url(challenge + b"\x00")),
            },
        ),
    ),
    Operator(
        id="B16",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="The challenge of another session of the same user",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Challenges that any session may use can be collected in one and spent in another.",
        fix="Keep challenges in the session, not beside the user.",
        needs=SESSIONS,
        variants=attacks(
            log_in=stateful.challenge_of_other_session,
            registration=stateful.challenge_of_other_session_registration,
        ),
    ),
    Operator(
        id="B17",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="The challenge of another user",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="An attacker begins, and makes the victim's signature answer the attacker's challenge.",
        fix="Keep challenges in the session in which they were issued.",
        needs=SESSIONS,
        variants=attacks(log_in=stateful.challenge_of_other_user),
    ),
    Operator(
        id="B18",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="The challenge of the other ceremony",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Ceremonies differ in what they ask for: verification, or which credentials.",
        fix="Remember for what a challenge was issued.",
        needs=SESSIONS,
        variants=attacks(
            registration_s_in_a_log_in=stateful.registration_challenge_in_log_in,
            log_in_s_in_a_registration=stateful.log_in_challenge_in_registration,
        ),
    ),
    Operator(
        id="B19",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="The right challenge beside the credential, another one in the client data",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="What is beside the credential is not signed: who compares that compares nothing.",
        fix="Compare the challenge inside clientDataJSON, with the one kept on the server.",
        cause=r"challenge",
        reference="BossConsole #35",
        variants=attacks(log_in=stateful.copied_challenge),
    ),
    Operator(
        id="B20",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="Finishing what was never begun",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="Nothing was expected, so an empty challenge may equal it.",
        fix="Refuse at once when the session holds no challenge.",
        reference="CVE-2026-76214 (phpMyFAQ); open-mercato; nuxt-auth-utils",
        needs=SESSIONS,
        variants=attacks(
            empty_challenge=stateful.never_begun(b""),
            the_word_undefined=stateful.never_begun(b"undefined"),
            zeros=stateful.never_begun(bytes(32)),
            registration=stateful.never_begun_registration,
        ),
    ),
    Operator(
        id="B21",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="A challenge that has expired",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Stolen sessions and prepared phishing pages gain by challenges that live for days.",
        fix="Let a challenge live for minutes: no longer than twice the time-out you ask for.",
        cause=r"expired|time|challenge",
        needs=SESSIONS | {Capability.TURN_CLOCK},
        variants=attacks(log_in=stateful.expired_challenge),
    ),
    Operator(
        id="B22",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.11",
        title="The same assertion again in the same session",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="Who saw it once, in a log or a proxy, logs in.",
        fix=_ONCE,
        reference="phpMyFAQ; PostHog",
        needs=SESSIONS,
        variants=attacks(replay=stateful.replay_in_same_session),
    ),
    Operator(
        id="B23",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.11",
        title="The same assertion again in a fresh session",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.APPLICATION,
        why="Who saw it once, in a log or a proxy, logs in.",
        fix=_ONCE,
        reference="Flask-Security, probe S21",
        needs=SESSIONS,
        variants=attacks(
            after_a_begin=stateful.replay_in_fresh_session,
            without_a_begin=stateful.replay_without_begin,
        ),
    ),
    Operator(
        id="B24",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.11",
        title="The same assertion again after logging out",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="On a shared computer, the one before can be brought back.",
        fix=_ONCE,
        needs=SESSIONS,
        variants=attacks(log_out=stateful.replay_after_log_out),
    ),
    Operator(
        id="B25",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="A challenge used again after an attempt that failed",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.APPLICATION,
        why="It allows many guesses at one challenge; some sites want the second chance.",
        fix=_ONCE,
        reference="probe S22",
        needs=SESSIONS,
        variants=attacks(log_in=stateful.second_chance),
    ),
    Operator(
        id="B26",
        concerns=Concerns.BOTH,
        step="7.1.8/7.2.11",
        title="One challenge, two answers at the same time",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Reading and deleting a challenge in two steps leaves room for both.",
        fix="Take the challenge out in one atomic step, for instance DELETE … RETURNING.",
        needs=SESSIONS | {Capability.REMOTE},
        variants=attacks(log_in=stateful.race, registration=stateful.race_of_registrations),
    ),
)
