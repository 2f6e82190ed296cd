"""What can be seen without telling a lie: in the options that a site sends, and in the files it publishes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from harness.fuzz.arena import Arena
from harness.fuzz.capability import Capability
from harness.fuzz.forge import base64url
from harness.fuzz.stateful import flaw, remote, sound
from harness.fuzz.targets import Answer, Begun, Unavailable, User

LONGEST_HANDLE = 64
WEAK = {-65535: "RS1 (SHA-1)", -65534: "RS1 (SHA-1)", 4: "HMAC", 5: "HMAC", 6: "HMAC", 7: "HMAC"}
VERIFICATION = ("required", "preferred", "discouraged")
MOST_LABELS = 5
"""Different registrable names that clients have to read of a list of origins (WebAuthn level 3 §5.11.1)."""


def personal_handle(arena: Arena) -> Answer:
    """P01: §14.6.1."""
    person = arena.person()
    handle = arena.begin_registration(person.session).user_handle
    if not 1 <= len(handle) <= LONGEST_HANDLE:
        return flaw(f"a user handle of {len(handle)} bytes: 1 to {LONGEST_HANDLE} are allowed")
    texts = {person.user.name, *_called(person.session)}
    for text in sorted(texts):
        for told, form in _forms(text):
            if form in handle:
                return flaw(f"the user handle holds {told} {text!r}")
    if handle.isdigit():
        return sound(f"the user handle is the number {handle.decode()}: no name, but one that can be guessed")
    return sound("the user handle holds neither name nor address")


def _called(session: Any) -> Iterator[str]:
    for name, value in getattr(session, "person", {}).items():
        if name in ("user", "email"):
            yield value


def _forms(text: str) -> Iterator[tuple[str, bytes]]:
    for spelt in (text, text.upper()):
        raw = spelt.encode()
        yield "the name", raw
        yield "the name, in hexadecimal digits,", raw.hex().encode()
        yield "the name, in base64,", base64url(raw).encode()
        for algorithm in ("md5", "sha1", "sha256"):
            digest = hashlib.new(algorithm, raw, usedforsecurity=False)
            yield f"the {algorithm} of", digest.digest()
            yield f"the {algorithm} of", digest.hexdigest().encode()


def handles_of_people(arena: Arena) -> Answer:
    """P02: one for each account, and always the same."""
    one, other = arena.person(), arena.person()
    first, again = (arena.begin_registration(one.session).user_handle for _ in range(2))
    if first != again:
        return flaw("the same person gets another user handle at the next ceremony")
    if arena.begin_registration(other.session).user_handle == first:
        return flaw("two people get the same user handle")
    return sound("each account has one user handle of its own")


def verification_when_registering(arena: Arena) -> Answer:
    person = arena.person()
    selection = arena.begin_registration(person.session).options.get("authenticatorSelection")
    asked = selection.get("userVerification") if isinstance(selection, dict) else None
    return _verification(arena, asked)


def verification_when_logging_in(arena: Arena) -> Answer:
    person = arena.enrolled()
    begun = arena.begin_authentication(arena.target.visit(), person.user)
    return _verification(arena, begun.options.get("userVerification"))


def _verification(arena: Arena, asked: object) -> Answer:
    """P03. What is left out is `preferred` (§5.4.4, §5.5)."""
    if asked is not None and asked not in VERIFICATION:
        return flaw(f"userVerification is {asked!r}, which browsers read as preferred")
    has = arena.target.capabilities
    for capability, why in (
        (Capability.MULTI_FACTOR, "a passkey counts as two factors"),
        (Capability.USER_VERIFICATION, "it is said to require it"),
    ):
        if capability in has and asked != "required":
            return flaw(f"userVerification is {asked or 'left out'}, though {why}")
    return sound(f"userVerification is {asked or 'left out, which means preferred'}")


def algorithms_asked_for(arena: Arena) -> Answer:
    """P04: §5.4 has -8, -7 and -257 as what to ask for at least."""
    person = arena.person()
    algorithms = arena.begin_registration(person.session).algorithms
    told = ", ".join(map(str, algorithms))
    if weak := [f"{each}, {WEAK[each]}" for each in algorithms if each in WEAK]:
        return flaw(f"it asks for {weak[0]}")
    if not {-7, -257} & set(algorithms):
        return flaw(f"it asks for {told or 'none'}: most keys have neither; ES256 (-7) is what all have")
    if len(set(algorithms)) < len(algorithms):
        return flaw(f"it asks for one algorithm twice: {told}")
    missing = [name for number, name in ((-7, "ES256"), (-257, "RS256")) if number not in algorithms]
    return sound(f"it asks for {told}" + (f"; not for {missing[0]}, which some keys need" if missing else ""))


def stranger_and_member(arena: Arena) -> Answer:
    """P05: whether the options for a name tell that it has an account. Accepted: they do."""
    member = arena.enrolled()
    nobody = User(name=f"fuzz-{arena.random.randbytes(8).hex()}", handle=b"")
    known = _shape(arena, member.user)
    unknown, again = _shape(arena, nobody), _shape(arena, nobody)
    if known[0] != unknown[0]:
        return flaw(f"for a name with an account: {known[0]}; for one without: {unknown[0]}")
    if unknown[1] != again[1]:
        return flaw("credentials that are made up for unknown names change, those of accounts do not")
    return sound("options for names with and without an account look alike")


def _shape(arena: Arena, user: User) -> tuple[str, tuple[str, ...]]:
    try:
        begun = arena.begin_authentication(arena.target.visit(), user)
    except Unavailable as error:
        return f"refused ({error.answer.kind})", ()
    listed = begun.options.get("allowCredentials") or []
    ids = tuple(str(each.get("id")) for each in listed if isinstance(each, dict))
    return f"{len(ids)} credentials, {', '.join(sorted(begun.options))}", ids


def origins_list(arena: Arena) -> Answer:
    """P06: §5.11."""
    status, kind, text = remote(arena).fetch(arena.target.visit(), "/.well-known/webauthn")
    if status != 200:
        return sound(f"it publishes no list of related origins (HTTP {status})")
    try:
        origins = json.loads(text)["origins"]
    except (ValueError, LookupError, TypeError):
        if "json" not in kind:
            return sound(f"it publishes no list of related origins (a page of type {kind or 'unknown'})")
        return flaw("/.well-known/webauthn holds no `origins`")
    if not isinstance(origins, list) or not all(isinstance(each, str) for each in origins):
        return flaw("`origins` is no list of texts")
    if "application/json" not in kind:
        return flaw(f"/.well-known/webauthn is {kind or 'of no type'}: browsers want application/json")
    for each in origins:
        parts = urlsplit(each)
        if "*" in each or not parts.hostname:
            return flaw(f"{each!r} is no origin: browsers take no patterns")
        if parts.scheme != "https" and parts.hostname != "localhost":
            return flaw(f"{each} may be read and changed on its way")
    labels = {_label(each) for each in origins}
    if len(labels) > MOST_LABELS:
        return flaw(f"{len(labels)} different names: browsers need to read {MOST_LABELS} and may stop there")
    return sound(f"related origins: {', '.join(origins) or 'none'}")


def _label(origin: str) -> str:
    """Near enough to the label before the public suffix, for hosts of two labels and of more."""
    parts = (urlsplit(origin).hostname or "").split(".")
    return parts[-2] if len(parts) > 1 else parts[0]


def relying_party_id(arena: Arena) -> Answer:
    """P07: §5.1.3 step 8; a broader RP ID lets every sub-domain use the passkeys."""
    person = arena.enrolled()
    host = urlsplit(arena.target.origin).hostname or ""
    registration = arena.begin_registration(person.session)
    log_in = arena.begin_authentication(arena.target.visit(), person.user)
    made, used = _rp_id(registration) or host, str(log_in.options.get("rpId") or host)
    if made != used:
        return flaw(f"passkeys are made for {made} and asked for {used}")
    if host != made and not host.endswith(f".{made}"):
        return flaw(f"{made} is not a name of {host}: browsers refuse it")
    if host != made:
        return sound(f"passkeys are for {made}: all that is below it may use them")
    return sound(f"passkeys are for {made} alone")


def _rp_id(begun: Begun) -> str:
    rp = begun.options.get("rp")
    return str(rp.get("id") or "") if isinstance(rp, dict) else ""


def log_in_challenges(arena: Arena) -> Answer:
    """I16, of log-ins: in several sessions, for several people and for nobody in particular."""
    people = [arena.enrolled(), arena.enrolled()]
    seen = [
        arena.begin_authentication(arena.target.visit(), person.user).challenge
        for person in people
        for _ in range(3)
    ]
    shortest = min(map(len, seen))
    if shortest < 16:
        return flaw(f"a challenge of {shortest} bytes")
    if len(set(seen)) < len(seen):
        return flaw("a challenge came twice")
    still = sum(len({challenge[at] for challenge in seen}) == 1 for at in range(shortest))
    if shortest - still < 16:
        return flaw(f"of {shortest} bytes, {still} never change")
    return sound("challenges are long enough and differ")
