"""Attacks that span several ceremonies, sessions or people.

Each gives the answer that decides: accepted, if it works.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from authenticator.cose import Algorithm
from harness.fuzz import signatures
from harness.fuzz.arena import Arena, Attack, Person
from harness.fuzz.base import Base
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.edit import Edit, Stage
from harness.fuzz.forge import Passkey, base64url
from harness.fuzz.statements import AAGUID
from harness.fuzz.targets import (
    Answer,
    Begun,
    HasSessions,
    JudgesModels,
    Outcome,
    Remote,
    TurnsClock,
)

CHALLENGE_LIFE = 3600.0
"""Longer than any time-out that a relying party should ask for, doubled."""


def _genuine(arena: Arena, person: Person, session: Any = None) -> str:
    """A whole log-in; what was posted."""
    answer = arena.authenticate(person, session=session)
    arena.require(answer, "a genuine log-in is not accepted")
    return arena.body


def finish(arena: Arena, session: Any, begun: Begun, passkey: Passkey, *edits: Edit) -> Answer:
    """Answers `begun`, in whatever session."""
    body = arena.forge(begun, passkey, *edits)
    if begun.ceremony is Ceremony.REGISTRATION:
        return arena.target.finish_registration(session, begun, body)
    return arena.target.finish_authentication(session, begun, body)


def flaw(reason: str) -> Answer:
    return Answer(outcome=Outcome.ACCEPTED, reason=reason)


def sound(reason: str) -> Answer:
    return Answer(outcome=Outcome.REFUSED, reason=reason)


# Several changes in one ceremony


def composed(*edits: Edit, base: Base | None = None) -> Attack:
    def attack(arena: Arena) -> Answer:
        person = arena.enrolled(base)
        return arena.authenticate(person, *edits)

    return attack


def copied_challenge(arena: Arena) -> Answer:
    """B19: the right challenge beside the credential, another one in what is signed."""
    person = arena.enrolled()
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    right = base64url(begun.challenge)
    return finish(
        arena,
        session,
        begun,
        arena.use(person),
        Edit(Stage.CLIENT_DATA, lambda members, forge: {**members, "challenge": base64url(b"\x42" * 32)}),
        Edit(
            Stage.ENVELOPE,
            lambda envelope, forge: {**envelope, "challenge": right, "expectedChallenge": right},
        ),
    )


def registration_as(*, credential_id: bytes) -> Attack:
    """C29, C30: a credential whose id is this, everywhere."""

    def attack(arena: Arena) -> Answer:
        person = arena.person()
        begun = arena.begin_registration(person.session)
        passkey = replace(arena.new_passkey(begun), credential_id=credential_id)
        return finish(arena, person.session, begun, passkey)

    return attack


# Challenges


def challenge_of_other_session(arena: Arena) -> Answer:
    person = arena.enrolled()
    here, there = arena.target.visit(), arena.target.visit()
    begun_here = arena.begin_authentication(here, person.user)
    begun_there = arena.begin_authentication(there, person.user)
    return finish(arena, there, replace(begun_there, challenge=begun_here.challenge), arena.use(person))


def challenge_of_other_session_registration(arena: Arena) -> Answer:
    person, other = arena.person(), arena.person()
    begun = arena.begin_registration(person.session)
    theirs = arena.begin_registration(other.session)
    passkey = arena.new_passkey(begun)
    return finish(arena, person.session, replace(begun, challenge=theirs.challenge), passkey)


def challenge_of_other_user(arena: Arena) -> Answer:
    attacker, victim = arena.enrolled(), arena.enrolled()
    theirs, ours = arena.target.visit(), arena.target.visit()
    begun_theirs = arena.begin_authentication(theirs, attacker.user)
    begun_ours = arena.begin_authentication(ours, victim.user)
    return finish(arena, ours, replace(begun_ours, challenge=begun_theirs.challenge), arena.use(victim))


def registration_challenge_in_log_in(arena: Arena) -> Answer:
    person = arena.enrolled()
    registration = arena.begin_registration(person.session)
    begun = arena.begin_authentication(person.session, person.user)
    return finish(arena, person.session, replace(begun, challenge=registration.challenge), arena.use(person))


def log_in_challenge_in_registration(arena: Arena) -> Answer:
    person = arena.enrolled()
    log_in = arena.begin_authentication(person.session, person.user)
    begun = arena.begin_registration(person.session)
    passkey = arena.new_passkey(begun)
    return finish(arena, person.session, replace(begun, challenge=log_in.challenge), passkey)


def never_begun(challenge: bytes) -> Attack:
    def attack(arena: Arena) -> Answer:
        person = arena.enrolled()
        token = arena.begin_authentication(arena.target.visit(), person.user).token
        begun = Begun(ceremony=Ceremony.AUTHENTICATION, challenge=challenge, user_handle=b"", token=token)
        return finish(arena, arena.target.visit(), begun, arena.use(person))

    return attack


def never_begun_registration(arena: Arena) -> Answer:
    person, other = arena.person(), arena.person()
    begun = arena.begin_registration(other.session)
    made_up = replace(begun, challenge=b"", user_handle=person.user.handle)
    return finish(arena, person.session, made_up, arena.new_passkey(made_up))


def expired_challenge(arena: Arena) -> Answer:
    person = arena.enrolled()
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    target = arena.target
    assert isinstance(target, TurnsClock)
    target.turn_clock(CHALLENGE_LIFE)
    return finish(arena, session, begun, arena.use(person))


def second_chance(arena: Arena) -> Answer:
    person = arena.enrolled()
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    wrong = Edit(Stage.SIGNER, lambda key, forge: forge.attacker)
    if finish(arena, session, begun, arena.use(person), wrong).accepted:
        return flaw("a signature by another key is accepted")
    return finish(arena, session, begun, arena.use(person))


# Replays


def replay_in_same_session(arena: Arena) -> Answer:
    person = arena.enrolled(Base(counting=False))
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    arena.require(finish(arena, session, begun, person.passkey), "a genuine log-in is not accepted")
    replayed, body, made = (
        arena.target.finish_authentication(session, begun, arena.body),
        arena.body,
        arena.last,
    )
    if replayed.accepted and _takes_anything(arena, session, begun, person.passkey):
        return sound("whoever is logged in is sent on, whatever is posted: nothing was believed")
    arena.body, arena.last = body, made
    return replayed


def _takes_anything(arena: Arena, session: Any, begun: Begun, passkey: Passkey) -> bool:
    """In a session that is logged in, some sites answer everything as they answer a log-in."""
    return finish(
        arena, session, begun, passkey, Edit(Stage.SIGNER, lambda key, forge: forge.attacker)
    ).accepted


def replay_in_fresh_session(arena: Arena) -> Answer:
    person = arena.enrolled(Base(counting=False))
    body = _genuine(arena, person)
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    return arena.target.finish_authentication(session, begun, body)


def replay_without_begin(arena: Arena) -> Answer:
    person = arena.enrolled(Base(counting=False))
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    arena.require(finish(arena, session, begun, person.passkey), "a genuine log-in is not accepted")
    return arena.target.finish_authentication(arena.target.visit(), begun, arena.body)


def replay_after_log_out(arena: Arena) -> Answer:
    person = arena.enrolled(Base(counting=False))
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    arena.require(finish(arena, session, begun, person.passkey), "a genuine log-in is not accepted")
    target, body = arena.target, arena.body
    assert isinstance(target, HasSessions)
    target.log_out(session)
    return arena.target.finish_authentication(session, begun, body)


def race(arena: Arena) -> Answer:
    """B26: two answers to one challenge, posted at the same moment. Accepted: both."""
    person = arena.enrolled(Base(counting=False))
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    body = arena.forge(begun, person.passkey)
    return _both(arena, lambda body: arena.target.finish_authentication(session, begun, body), body, body)


def race_of_registrations(arena: Arena) -> Answer:
    """B26: with two passkeys, as one could not be registered twice anyway."""
    person = arena.person()
    begun = arena.begin_registration(person.session)
    one, other = (arena.forge(begun, arena.new_passkey(begun)) for _ in range(2))
    return _both(
        arena, lambda body: arena.target.finish_registration(person.session, begun, body), one, other
    )


def _both(arena: Arena, finish: Callable[[str], Answer], *bodies: str) -> Answer:
    answers: list[Answer] = []
    start = threading.Barrier(len(bodies))

    def post(body: str) -> None:
        start.wait()
        answers.append(finish(body))

    threads = [threading.Thread(target=post, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.sort(key=lambda answer: answer.accepted)
    if not answers[-1].accepted:
        arena.require(answers[-1], "neither of two answers to one challenge is accepted")
    return answers[0]


# Headers


def mirrored_origin(arena: Arena) -> Answer:
    """B40: the Origin header and clientData.origin agree, and both are another site's."""
    person = arena.enrolled()
    evil = "https://evil.example"
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    remote(arena).headers(session)["Origin"] = evil
    return finish(
        arena,
        session,
        begun,
        arena.use(person),
        Edit(Stage.CLIENT_DATA, lambda members, forge: {**members, "origin": evil}),
    )


def mirrored_host(header: str) -> Attack:
    """B41: a host header, the origin and the RP ID's hash agree, and are another site's."""

    def attack(arena: Arena) -> Answer:
        person = arena.enrolled()
        session = arena.target.visit()
        remote(arena).headers(session)[header] = "evil.example"
        begun = arena.begin_authentication(session, person.user)
        scheme = arena.target.origin.partition(":")[0]
        return finish(
            arena,
            session,
            begun,
            arena.use(person),
            Edit(Stage.CLIENT_DATA, lambda members, forge: {**members, "origin": f"{scheme}://evil.example"}),
            Edit(
                Stage.FIELDS,
                lambda fields, forge: {**fields, "rpIdHash": hashlib.sha256(b"evil.example").digest()},
            ),
        )

    return attack


def remote(arena: Arena) -> Remote:
    target = arena.target
    assert isinstance(target, Remote)
    return target


# Counters and flags


def verified_later(arena: Arena) -> Answer:
    """C12: UV 0 when registering, UV 1 when logging in."""
    person = arena.enrolled(Base(user_verified=False))
    passkey = arena.use(person)
    return arena.authenticate(person, passkey=replace(passkey, base=Base(user_verified=True)))


def never_counting(arena: Arena) -> Answer:
    """C38: a passkey whose counter is always zero."""
    person = arena.enrolled(Base(counting=False))
    first = arena.authenticate(person)
    return arena.authenticate(person) if first.accepted else first


def counter_twice(arena: Arena) -> Answer:
    person = arena.enrolled()
    five = replace(person.passkey, sign_count=5)
    arena.require(arena.authenticate(person, passkey=five), "a genuine log-in is not accepted")
    return arena.authenticate(person, passkey=five)


def counter_wraps(arena: Arena) -> Answer:
    person = arena.enrolled()
    last = replace(person.passkey, sign_count=0xFFFFFFFF)
    arena.require(arena.authenticate(person, passkey=last), "a counter of 2^32 - 1 is not accepted")
    return arena.authenticate(person, passkey=replace(last, sign_count=1))


# Signatures


def cube_root(arena: Arena) -> Answer:
    """G14: a key with the exponent 3 is registered (nobody needs its private part), and its signature forged."""
    base = Base(algorithm=Algorithm.RS256)
    person = arena.person()
    small = Edit(Stage.COSE_KEY, lambda key, forge: {**key, -2: b"\x03"})
    answer = arena.register(person, small, base=base)
    if not answer.accepted:
        return replace(answer, notes=(*answer.notes, "the key itself is refused: its exponent is 3"))
    forged = Edit(
        Stage.SIGNATURE,
        lambda signature, forge: signatures.cube_root_forgery(forge.reached[Stage.MESSAGE], len(signature)),
    )
    return arena.authenticate(person, forged)


def attestation_signature(arena: Arena) -> Answer:
    """G16: what the key signed when it was registered, played as an assertion."""
    person = arena.enrolled()
    assert arena.last is not None
    signature = arena.last.reached[Stage.SIGNATURE]
    return arena.authenticate(person, Edit(Stage.SIGNATURE, lambda old, forge: signature))


# Credentials of others


def registered_twice(arena: Arena) -> Answer:
    person = arena.enrolled()
    passkey = person.passkey
    begun = arena.begin_registration(person.session)
    return finish(arena, person.session, begun, passkey)


def victims_credential(arena: Arena) -> Answer:
    victim, attacker = arena.enrolled(), arena.person()
    begun = arena.begin_registration(attacker.session)
    return finish(arena, attacker.session, begun, replace(victim.passkey, user_handle=begun.user_handle))


def victims_credential_id(arena: Arena) -> Answer:
    victim, attacker = arena.enrolled(), arena.person()
    begun = arena.begin_registration(attacker.session)
    made = arena.new_passkey(begun)
    answer = finish(arena, attacker.session, begun, replace(made, credential_id=victim.passkey.credential_id))
    after = arena.authenticate(victim)
    if not after.accepted:
        return flaw(f"afterwards the victim is locked out: {after.reason}")
    return answer


# Models


def model_reported(status: str) -> Attack:
    """F45: the model's metadata say that it is not to be trusted any more."""

    def attack(arena: Arena) -> Answer:
        target = arena.target
        assert isinstance(target, JudgesModels)
        target.report(AAGUID, status)
        try:
            return arena.register(arena.person())
        finally:
            target.report(AAGUID, "UPDATE_AVAILABLE")

    return attack


def revocation_denied(forged: Callable[[], bytes]) -> Attack:
    """F45: the model is revoked, and metadata that nobody should believe say that it is not."""

    def attack(arena: Arena) -> Answer:
        target = arena.target
        assert isinstance(target, JudgesModels)
        target.report(AAGUID, "REVOKED")
        target.offer(forged())
        try:
            return arena.register(arena.person())
        finally:
            target.report(AAGUID, "UPDATE_AVAILABLE")

    return attack


def against_metadata(arena: Arena) -> Answer:
    """F46: self attestation under the AAGUID of a model whose metadata know certificates only."""
    person = arena.person()
    return arena.register(person, base=Base(attestation="self", demands=arena.demands))
