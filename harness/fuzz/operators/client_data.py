"""B: what the client says it signed for (§5.8.1; §7.1 steps 5 to 11, §7.2 steps 8 to 14)."""

from __future__ import annotations

import json
from typing import Any

from harness.fuzz import stateful
from harness.fuzz.capability import Capability
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge, base64url
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity, Variant
from harness.fuzz.operators.lies import become, by, drop, put, told

_ORIGIN = "Compare clientData.origin, whole and character by character, with a list of the origins you serve."
_CHALLENGE = "Compare the decoded challenge, whole and in constant time, with the one kept for this session."
_ONCE = "Delete the challenge from the session before you verify, whatever the outcome."
_SESSIONS = frozenset({Capability.ACCOUNTS, Capability.SESSIONS})
_HEADERS = frozenset({Capability.REMOTE})


def _attacks(**attacks: Any) -> tuple[Variant, ...]:
    return tuple(Variant(name=name.replace("_", " "), lie=attack) for name, attack in attacks.items())


def _text(edit: Any) -> Change:
    """On the serialised text."""
    return lambda data, forge: edit(data.decode()).encode()


def _doubled(member: str, evil: str, *, evil_first: bool) -> Change:
    def change(data: bytes, forge: Forge) -> bytes:
        members = json.loads(data)
        good = members[member]
        order = (evil, good) if evil_first else (good, evil)
        first = ",".join(f'"{member}":{json.dumps(value)}' for value in order)
        rest = {name: value for name, value in members.items() if name != member}
        return ("{" + first + "," + json.dumps(rest)[1:]).encode()

    return change


_DOUBLES = {"type": "payment.get", "challenge": base64url(bytes(32)), "origin": "https://evil.example"}


def _origin(make: Any) -> Change:
    """From the relying party's host (and port)."""

    def change(members: Any, forge: Forge) -> Any:
        scheme, _, host = forge.origin.partition("://")
        return {**members, "origin": make(scheme, host, forge)}

    return change


def _origins(**makers: Any) -> dict[str, Change]:
    return {name.replace("_", " "): _origin(maker) for name, maker in makers.items()}


def _parent(host: str) -> str:
    name = host.partition(":")[0]
    return name.partition(".")[2] or "localdomain"


def _top(host: str) -> str:
    """The public suffix, or something like it."""
    name = host.partition(":")[0]
    return name.rpartition(".")[2] if "." in name else "com"


def _default_port(scheme: str, host: str) -> str:
    return f"{scheme}://{host.partition(':')[0]}:{443 if scheme == 'https' else 80}"


def _ideographic(scheme: str, host: str) -> str:
    return f"{scheme}://{host.replace('.', '。', 1)}" if "." in host else f"{scheme}://{host}。"


def _with_port(host: str) -> str:
    return f"{host.partition(':')[0]}:{8444 if host.endswith(':8443') else 8443}"


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
        id="B01",
        concerns=Concerns.BOTH,
        step="7.1.5/7.2.8",
        title="clientDataJSON begins with a byte order mark",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why='The standard decodes with "UTF-8 decode", which takes the mark away.',
        fix="Strip a leading EF BB BF before parsing; hash the bytes as they were sent.",
        variants=told(Stage.CLIENT_DATA_JSON, {"mark": by(lambda data: b"\xef\xbb\xbf" + data)}),
    ),
    Operator(
        id="B02",
        concerns=Concerns.BOTH,
        step="7.1.5/7.2.8",
        title="clientDataJSON is not UTF-8",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Decoders that replace or guess see another text than the one that was signed.",
        fix="Decode as UTF-8, strictly.",
        cause=r"utf|decode|client_?data|malformed",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {
                "stray byte": by(lambda data: data[:-1] + b',"x":"\xff"}'),
                "overlong": by(lambda data: data[:-1] + b',"x":"\xc0\xaf"}'),
                "surrogate": by(lambda data: data[:-1] + b',"x":"\xed\xa0\x80"}'),
                "UTF-16": by(lambda data: data.decode().encode("utf-16")),
            },
        ),
    ),
    Operator(
        id="B03",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="clientDataJSON is no JSON object",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Members of what is no object are undefined, and undefined may equal undefined.",
        fix="Require an object after parsing.",
        cause=r"json|client_?data|malformed|object",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {
                "not JSON": become(b"type=webauthn.get"),
                "cut off": by(lambda data: data[:-1]),
                "more after it": by(lambda data: data + b"{}"),
                "array": by(lambda data: b"[" + data + b"]"),
                "number": become(b"7"),
                "null": become(b"null"),
                "string": by(lambda data: json.dumps(data.decode()).encode()),
            },
        ),
    ),
    Operator(
        id="B04",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="Members that nobody knows yet",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Browsers add such members on purpose, so that nobody compares with a template.",
        fix="Ignore members you do not know.",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "as Chromium does": put(
                    "other_keys_can_be_added_here",
                    to="do not compare clientDataJSON against a template. See https://goo.gl/yabPex",
                ),
                "nested": put("future", to={"a": [1, {"b": None}]}),
            },
        ),
    ),
    Operator(
        id="B05",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="Members in another order, white space between them",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="It is JSON: who matches text instead of parsing it breaks with the next browser.",
        fix="Parse it.",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {
                "other order": by(lambda data: json.dumps(dict(reversed(json.loads(data).items()))).encode()),
                "white space": by(lambda data: json.dumps(json.loads(data), indent=3).encode() + b"\n"),
                "escapes": _text(lambda text: text.replace("webauthn", "web\\u0061uthn", 1)),
            },
        ),
    ),
    Operator(
        id="B06",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="A member twice, the wrong one first",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="JSON does not say which counts; most parsers take the last, which is right here.",
        fix="Refuse duplicate members.",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {name: _doubled(name, evil, evil_first=True) for name, evil in _DOUBLES.items()},
        ),
    ),
    Operator(
        id="B07",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9/7.1.7/7.1.8/7.1.9/7.2.10/7.2.11/7.2.12",
        title="A member twice, the wrong one last",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Who takes the first has been told what it wanted to hear.",
        fix="Refuse duplicate members.",
        cause=r"twice|duplicate|type|challenge|origin|json",
        variants=told(
            Stage.CLIENT_DATA_JSON,
            {name: _doubled(name, evil, evil_first=False) for name, evil in _DOUBLES.items()},
        ),
    ),
    Operator(
        id="B08",
        concerns=Concerns.BOTH,
        step="7.1.6/7.2.9",
        title="Members named __proto__ and constructor",
        expected=Expected.IGNORE,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="In JavaScript, copying them member by member changes the prototype of everything.",
        fix="Read the members you know; never merge parsed JSON into other objects.",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "__proto__": put("__proto__", to={"origin": "https://evil.example", "isAdmin": True}),
                "constructor": put("constructor", to={"prototype": {"isAdmin": True}}),
            },
        ),
    ),
    Operator(
        id="B09",
        concerns=Concerns.REGISTRATION,
        step="7.1.7",
        title="A registration whose client data are of a log-in",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="What was obtained for a log-in could register a key.",
        fix="Require clientData.type to be exactly webauthn.create.",
        cause=r"type",
        reference="FIDO conformance Resp-2 F-5",
        variants=told(Stage.CLIENT_DATA, {"webauthn.get": put("type", to="webauthn.get")}),
    ),
    Operator(
        id="B10",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.10",
        title="A log-in whose client data are of a registration",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="A signature made while registering could be played as a log-in.",
        fix="Require clientData.type to be exactly webauthn.get.",
        cause=r"type",
        reference="FIDO conformance Assertion Resp-2 F-5",
        variants=told(Stage.CLIENT_DATA, {"webauthn.create": put("type", to="webauthn.create")}),
    ),
    Operator(
        id="B11",
        concerns=Concerns.BOTH,
        step="7.1.7/7.2.10",
        title="clientData.type is missing or something else",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="The type separates ceremonies, and payments from log-ins.",
        fix="Compare the type exactly.",
        cause=r"type|missing",
        reference="FIDO conformance Resp-2 F-1 to F-4",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "missing": drop("type"),
                "empty": put("type", to=""),
                "number": put("type", to=1),
                "null": put("type", to=None),
                "array": put("type", to=lambda old: [old]),
                "upper case": put("type", to=lambda old: old.replace("webauthn", "Webauthn")),
                "of a payment": put("type", to="payment.get"),
                "with white space": put("type", to=lambda old: old + " "),
            },
        ),
    ),
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
        needs=_SESSIONS,
        variants=_attacks(
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
        needs=_SESSIONS,
        variants=_attacks(log_in=stateful.challenge_of_other_user),
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
        needs=_SESSIONS,
        variants=_attacks(
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
        variants=_attacks(log_in=stateful.copied_challenge),
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
        needs=_SESSIONS,
        variants=_attacks(
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
        needs=_SESSIONS | {Capability.TURN_CLOCK},
        variants=_attacks(log_in=stateful.expired_challenge),
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
        needs=_SESSIONS,
        variants=_attacks(replay=stateful.replay_in_same_session),
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
        needs=_SESSIONS,
        variants=_attacks(
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
        needs=_SESSIONS,
        variants=_attacks(log_out=stateful.replay_after_log_out),
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
        needs=_SESSIONS,
        variants=_attacks(log_in=stateful.second_chance),
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
        needs=_SESSIONS | {Capability.REMOTE},
        variants=_attacks(log_in=stateful.race),
    ),
    Operator(
        id="B27",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The origin of another site",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="This is all that keeps phishing out where the client does not.",
        fix=_ORIGIN,
        cause=r"origin",
        reference="FIDO conformance Resp-2 F-14",
        variants=told(Stage.CLIENT_DATA, {"other": put("origin", to="https://evil.example")}),
    ),
    Operator(
        id="B28",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The origin is missing or no origin",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Opaque origins are those of sandboxed frames and local files: anybody's.",
        fix=_ORIGIN,
        cause=r"origin|missing",
        reference="FIDO conformance Resp-2 F-11 to F-13",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "missing": drop("origin"),
                "empty": put("origin", to=""),
                "null": put("origin", to=None),
                "the word null": put("origin", to="null"),
                "number": put("origin", to=443),
                "array": put("origin", to=lambda old: [old]),
                "object": put("origin", to=lambda old: {"origin": old}),
            },
        ),
    ),
    Operator(
        id="B29",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site's name at the beginning of another's",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="startsWith() is satisfied by a domain that anyone can buy.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                sub_domain_of_evil=lambda scheme, host, forge: (
                    f"{scheme}://{host.partition(':')[0]}.evil.example"
                ),
                longer_name=lambda scheme, host, forge: f"{scheme}://{host.partition(':')[0]}evil.example",
            ),
        ),
    ),
    Operator(
        id="B30",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site's name at the end of another's, without a dot between",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="endsWith() is satisfied by a domain that anyone can buy.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                evil_dash=lambda scheme, host, forge: f"{scheme}://evil-{host}",
                evil=lambda scheme, host, forge: f"{scheme}://evil{host}",
            ),
        ),
    ),
    Operator(
        id="B31",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="An origin that URL parsers read differently",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="User names, backslashes and percent signs hide whose host it is.",
        fix=_ORIGIN + " Do not parse it.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                as_a_user_name=lambda scheme, host, forge: f"{scheme}://{host}@evil.example",
                user_name_in_front=lambda scheme, host, forge: f"{scheme}://evil@{host}",
                backslash=lambda scheme, host, forge: f"{scheme}://{host}\\@evil.example",
                percent_sign=lambda scheme, host, forge: (
                    f"{scheme}://{host.replace('.', '%2e', 1)}"
                    if "." in host
                    else f"{scheme}://%6c{host[1:]}"
                ),
                path=lambda scheme, host, forge: f"{scheme}://{host}/login",
                fragment=lambda scheme, host, forge: f"{scheme}://evil.example#{host}",
                line_break=lambda scheme, host, forge: f"{scheme}://{host}\n",
                null=lambda scheme, host, forge: f"{scheme}://{host}\x00.evil.example",
            ),
        ),
    ),
    Operator(
        id="B32",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site over plain HTTP",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Whoever sits in the network writes such pages.",
        fix=_ORIGIN + " The scheme belongs to it.",
        cause=r"origin",
        reference="CVE-2026-30964",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                other_scheme=lambda scheme, host, forge: (
                    f"{'http' if scheme == 'https' else 'https'}://{host}"
                ),
                no_scheme=lambda scheme, host, forge: host,
                ftp=lambda scheme, host, forge: f"ftp://{host}",
            ),
        ),
    ),
    Operator(
        id="B33",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The site on another port",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="On shared hosts another port is another person's.",
        fix=_ORIGIN + " The port belongs to it.",
        cause=r"origin",
        reference="CVE-2026-30964; the default of python-fido2",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                other=lambda scheme, host, forge: f"{scheme}://{_with_port(host)}",
                zero=lambda scheme, host, forge: f"{scheme}://{host.partition(':')[0]}:0",
            ),
        ),
    ),
    Operator(
        id="B34",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="A sub-domain that is not on the list",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="One forgotten or user-written sub-domain becomes a place to phish from.",
        fix=_ORIGIN,
        cause=r"origin",
        reference="the default of python-fido2",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                one=lambda scheme, host, forge: f"{scheme}://users.{host}",
                deep=lambda scheme, host, forge: f"{scheme}://a.b.c.{host}",
            ),
        ),
    ),
    Operator(
        id="B35",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The parent domain, a public suffix, a sibling",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="They belong to other people, or to other teams.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                parent=lambda scheme, host, forge: f"{scheme}://{_parent(host)}",
                public_suffix=lambda scheme, host, forge: f"{scheme}://{_top(host)}",
                sibling=lambda scheme, host, forge: f"{scheme}://sibling.{_parent(host)}",
            ),
        ),
    ),
    Operator(
        id="B36",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The right origin in another spelling",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Browsers write origins in one way only; others are harmless, and strange.",
        fix=_ORIGIN,
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                upper_case=lambda scheme, host, forge: f"{scheme}://{host.upper()}",
                trailing_dot=lambda scheme, host, forge: f"{scheme}://{host}.",
                trailing_slash=lambda scheme, host, forge: f"{scheme}://{host}/",
                default_port=lambda scheme, host, forge: _default_port(scheme, host),
                upper_case_scheme=lambda scheme, host, forge: f"{scheme.upper()}://{host}",
            ),
        ),
    ),
    Operator(
        id="B37",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="Names that look alike",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Normalising Unicode before comparing makes another's name one's own.",
        fix=_ORIGIN + " Do not normalise.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                Cyrillic=lambda scheme, host, forge: f"{scheme}://{host.replace('o', 'о', 1)}",
                full_width=lambda scheme, host, forge: f"{scheme}://{host.replace('l', 'ｌ', 1)}",
                ideographic_stop=lambda scheme, host, forge: _ideographic(scheme, host),
                punycode=lambda scheme, host, forge: f"{scheme}://xn--{host}",
            ),
        ),
    ),
    Operator(
        id="B38",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="Addresses and localhost",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="A rule for developers that was left in trusts whatever runs on the victim's machine.",
        fix=_ORIGIN,
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            {
                name: put("origin", to=name)
                for name in (
                    "http://127.0.0.2",
                    "https://[::1]:1",
                    "http://0.0.0.0",
                    "http://evil.localhost",
                    "https://localhost:1",
                    "https://192.0.2.1",
                )
            },
        ),
    ),
    Operator(
        id="B39",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The origin of an app that is not configured",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Any app could sign in the name of the site's.",
        fix="List the key hashes and bundle ids of your own apps, and no prefixes.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "Android": put("origin", to="android:apk-key-hash:" + base64url(bytes(32))),
                "iOS": put("origin", to="ios:bundle-id:example.evil.app"),
            },
        ),
    ),
    Operator(
        id="B40",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The Origin header agrees with a wrong origin",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Taking the expected origin from a header asks the attacker what to expect.",
        fix="Take the expected origins from your configuration.",
        cause=r"origin",
        reference="privacyIDEA, probe S30",
        needs=_HEADERS,
        variants=_attacks(log_in=stateful.mirrored_origin),
    ),
    Operator(
        id="B41",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="The Host header agrees with a wrong origin and RP ID",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.APPLICATION,
        why="Taking origin and RP ID from the host asks the attacker what to expect.",
        fix="Take origins and RP ID from your configuration; refuse unknown hosts.",
        cause=r"origin|host",
        needs=_HEADERS,
        variants=_attacks(
            X_Forwarded_Host=stateful.mirrored_host("X-Forwarded-Host"), Host=stateful.mirrored_host("Host")
        ),
    ),
    Operator(
        id="B42",
        concerns=Concerns.BOTH,
        step="7.1.9/7.2.12",
        title="A related origin that /.well-known/webauthn does not list",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.APPLICATION,
        why="Related origins widen who may sign in: only those on the list may.",
        fix="Verify against the same list that /.well-known/webauthn publishes.",
        cause=r"origin",
        variants=told(
            Stage.CLIENT_DATA,
            _origins(
                other_country=lambda scheme, host, forge: f"{scheme}://{host.partition(':')[0]}.de",
                other_brand=lambda scheme, host, forge: f"{scheme}://related.example",
            ),
        ),
    ),
    Operator(
        id="B43",
        concerns=Concerns.BOTH,
        step="7.1.10/7.2.13",
        title="The ceremony ran in another site's frame",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="In a frame the person does not see whose page it is.",
        fix="Refuse crossOrigin true, unless frames are expected; then check topOrigin.",
        cause=r"cross.?origin|frame",
        reference="lbuchs/WebAuthn #124; SimpleWebAuthn #815",
        variants=told(Stage.CLIENT_DATA, {"true": put("crossOrigin", to=True)}),
    ),
    Operator(
        id="B44",
        concerns=Concerns.BOTH,
        step="7.1.10/7.2.13",
        title="crossOrigin is no boolean",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="What is neither true nor false is read as either.",
        fix="Accept true, false or absence.",
        cause=r"cross.?origin",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "string": put("crossOrigin", to="true"),
                "number": put("crossOrigin", to=1),
                "null": put("crossOrigin", to=None),
                "array": put("crossOrigin", to=[]),
            },
        ),
    ),
    Operator(
        id="B45",
        concerns=Concerns.BOTH,
        step="7.1.11/7.2.14/7.1.10/7.2.13",
        title="The frame's page is somebody else's, and says so",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="In a frame the person does not see whose page it is.",
        fix="Compare topOrigin with a list of the sites that may frame you.",
        cause=r"origin|frame",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "crossOrigin and topOrigin": lambda members, forge: {
                    **members,
                    "crossOrigin": True,
                    "topOrigin": "https://evil.example",
                }
            },
            leaves=2,
        ),
    ),
    Operator(
        id="B46",
        concerns=Concerns.BOTH,
        step="7.1.11/7.2.14",
        title="topOrigin without crossOrigin",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="No honest client says both: whoever looks at one member only is misled.",
        fix="Refuse topOrigin unless crossOrigin is true and frames are expected.",
        cause=r"top.?origin|frame",
        variants=told(Stage.CLIENT_DATA, {"evil": put("topOrigin", to="https://evil.example")}),
    ),
    Operator(
        id="B47",
        concerns=Concerns.BOTH,
        step="5.8.1",
        title="tokenBinding, which level 2 had",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Level 3 ignores it; level 2 had rules for it.",
        fix="Ignore it.",
        reference="FIDO conformance Resp-2 F-15 to F-17",
        variants=told(
            Stage.CLIENT_DATA,
            {
                "no object": put("tokenBinding", to="unused"),
                "no status": put("tokenBinding", to={}),
                "bad status": put("tokenBinding", to={"status": "whatever"}),
            },
        ),
    ),
)
