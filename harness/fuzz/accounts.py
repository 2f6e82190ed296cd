"""Attacks on accounts: whose credential it is, who may register, and what becomes of credentials (H and I)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.fuzz.arena import Arena, Attack, Person
from harness.fuzz.base import Base
from harness.fuzz.edit import Change, Edit, Stage
from harness.fuzz.forge import Forge, base64url, from_base64url
from harness.fuzz.stateful import finish, flaw, remote, sound
from harness.fuzz.targets import (
    Answer,
    DeletesAccounts,
    HasPasswords,
    HasSessions,
    ManagesCredentials,
    ShowsCredentials,
    StepsUp,
    TurnsClock,
    Unavailable,
)


def _response(**members: Any) -> Edit:
    """Members of the response as sent; None leaves one out."""

    def change(envelope: Any, forge: Forge) -> Any:
        response = {**envelope["response"], **members}
        kept = {name: value for name, value in response.items() if value is not None}
        return {**envelope, "response": kept}

    return Edit(Stage.ENVELOPE, change)


# H: whose credential it is


def not_allowed(arena: Arena) -> Answer:
    """H01: registered after the options were made, so that it is not on their list."""
    person = arena.enrolled()
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    if not begun.options.get("allowCredentials"):
        return sound("the options name no credentials")
    arena.require(arena.register(person), "a second passkey is not accepted")
    return finish(arena, session, begun, arena.use(person))


def own_passkey_for_victim(handle: str) -> Attack:
    def attack(arena: Arena) -> Answer:
        victim, attacker = arena.enrolled(), arena.enrolled()
        session = arena.target.visit()
        begun = arena.begin_authentication(session, victim.user)
        handles = {"own": attacker.passkey.user_handle, "victim": victim.passkey.user_handle, "none": b""}
        edit = _response(userHandle=base64url(handles[handle]) or None)
        return finish(arena, session, begun, arena.use(attacker), edit)

    return attack


def victims_handle(arena: Arena) -> Answer:
    victim, attacker = arena.enrolled(), arena.enrolled()
    session = arena.target.visit()
    begun = arena.begin_authentication(session, None)
    edit = _response(userHandle=base64url(victim.passkey.user_handle))
    return finish(arena, session, begun, arena.use(attacker), edit)


def handle_becomes(handle: bytes | None) -> Attack:
    def attack(arena: Arena) -> Answer:
        person = arena.enrolled()
        session = arena.target.visit()
        begun = arena.begin_authentication(session, None)
        edit = _response(userHandle=None if handle is None else base64url(handle))
        return finish(arena, session, begun, arena.use(person), edit)

    return attack


def unknown_credential(arena: Arena) -> Answer:
    person = arena.enrolled()
    passkey = replace(arena.use(person), credential_id=arena.random.randbytes(32))
    return arena.authenticate(person, passkey=passkey)


def deleted_credential(arena: Arena) -> Answer:
    person = arena.enrolled()
    arena.require(arena.register(person), "a second passkey is not accepted")
    lost = person.passkeys[0]
    _delete(arena, person, lost.credential_id)
    return arena.authenticate(person, passkey=lost.used())


def deleted_after_begin(arena: Arena) -> Answer:
    person = arena.enrolled()
    arena.require(arena.register(person), "a second passkey is not accepted")
    lost = person.passkeys[0]
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    _delete(arena, person, lost.credential_id)
    return finish(arena, session, begun, lost.used())


def _manager(arena: Arena) -> ManagesCredentials:
    target = arena.target
    assert isinstance(target, ManagesCredentials)
    return target


def _delete(arena: Arena, person: Person, credential_id: bytes) -> None:
    answer = _manager(arena).delete_credential(person.session, credential_id)
    arena.require(answer, "one's own passkey cannot be deleted")


def _delete_account(arena: Arena, person: Person) -> None:
    target = arena.target
    assert isinstance(target, DeletesAccounts)
    arena.require(target.delete_account(person.session), "one's own account cannot be deleted")


def _log_in_if_begun(arena: Arena, person: Person) -> Answer:
    """A target may refuse already when the log-in begins."""
    try:
        return arena.authenticate(person)
    except Unavailable as error:
        return error.answer


def deleted_account(arena: Arena) -> Answer:
    person = arena.enrolled()
    _delete_account(arena, person)
    return _log_in_if_begun(arena, person)


def recreated_account(arena: Arena) -> Answer:
    """Somebody else signs up under the name that has become free."""
    person = arena.enrolled()
    _delete_account(arena, person)
    try:
        arena.target.sign_up(arena.target.visit(), person.user)
    except Unavailable as error:
        return error.answer
    return _log_in_if_begun(arena, person)


def second_factor_alone(arena: Arena) -> Answer:
    person = arena.person()
    if not arena.register(person, base=Base(user_verified=False)).accepted:
        return sound("keys that do not verify the user are not accepted at all")
    session = arena.target.visit()
    begun = arena.begin_authentication(session, None)
    return finish(arena, session, begun, arena.use(person))


def id_becomes(how: str) -> Attack:
    changes: dict[str, Callable[[str], str]] = {
        "prefix": lambda text: base64url(from_base64url(text)[: len(text) // 3]),
        "null": lambda text: base64url(from_base64url(text) + b"\x00"),
        "case": str.swapcase,
        "wildcard": lambda text: text[:8] + "%" * 4,
    }

    def change(envelope: Any, forge: Forge) -> Any:
        wrong = changes[how](envelope["id"])
        return {**envelope, "id": wrong, "rawId": wrong}

    named: Change = change

    def attack(arena: Arena) -> Answer:
        return arena.authenticate(arena.enrolled(), Edit(Stage.ENVELOPE, named))

    return attack


def step_up_by_other(arena: Arena) -> Answer:
    victim, attacker = arena.enrolled(), arena.enrolled()
    target = arena.target
    assert isinstance(target, StepsUp)
    begun = target.begin_step_up(victim.session, arena.demands)
    return target.finish_step_up(victim.session, begun, arena.forge(begun, arena.use(attacker)))


def failure_moves_counter(arena: Arena) -> Answer:
    """H12: a forgery with a high counter, then the owner with the next one."""
    person = arena.enrolled()
    forged = replace(person.passkey, sign_count=1000)
    if arena.authenticate(
        person, Edit(Stage.SIGNER, lambda key, forge: forge.attacker), passkey=forged
    ).accepted:
        return flaw("a signature by another key is accepted")
    answer = arena.authenticate(person)
    return (
        sound("the owner can still log in") if answer.accepted else flaw(f"the owner cannot: {answer.reason}")
    )


def password_alone(arena: Arena) -> Answer:
    person = arena.enrolled()
    target = arena.target
    assert isinstance(target, HasPasswords)
    return target.log_in_with_password(target.visit(), person.user)


# I: who may register, and what becomes of credentials


def finish_logged_out(arena: Arena) -> Answer:
    person = arena.person()
    begun = arena.begin_registration(person.session)
    target = arena.target
    assert isinstance(target, HasSessions)
    target.log_out(person.session)
    return finish(arena, person.session, begun, arena.new_passkey(begun))


def finish_as_nobody(arena: Arena) -> Answer:
    person = arena.person()
    begun = arena.begin_registration(person.session)
    return finish(arena, arena.target.visit(), begun, arena.new_passkey(begun))


def finish_as_other(arena: Arena) -> Answer:
    person, other = arena.person(), arena.person()
    begun = arena.begin_registration(person.session)
    return finish(arena, other.session, begun, arena.new_passkey(begun))


def body_names_victim(arena: Arena) -> Answer:
    """I02: accepted or not, the key must not open the victim's account."""
    victim, attacker = arena.enrolled(), arena.person()
    begun = arena.begin_registration(attacker.session)
    passkey = arena.new_passkey(begun)
    user = victim.user
    names = dict.fromkeys(("user", "username", "userName", "user_id", "userId", "email"), user.name)
    finish(
        arena,
        attacker.session,
        begun,
        passkey,
        Edit(Stage.ENVELOPE, lambda envelope, forge: {**envelope, **names}),
    )
    answer = arena.authenticate(
        victim,
        _response(userHandle=base64url(victim.passkey.user_handle)),
        passkey=replace(passkey, user_handle=victim.passkey.user_handle).used(),
    )
    return answer if answer.accepted else sound("the key does not open the victim's account")


def forged_cookie(arena: Arena) -> Answer:
    person = arena.person()
    cookies = remote(arena).cookies(person.session)
    for name, value in cookies.items():
        cookies[name] = value[:-4] + ("AAAA" if not value.endswith("AAAA") else "BBBB")
    try:
        begun = arena.begin_registration(person.session)
    except Unavailable as error:
        return error.answer
    return finish(arena, person.session, begun, arena.new_passkey(begun))


def registered_twice_with_one_challenge(arena: Arena) -> Answer:
    person = arena.person()
    begun = arena.begin_registration(person.session)
    first = finish(arena, person.session, begun, arena.new_passkey(begun))
    arena.require(first, "a genuine registration is not accepted")
    return finish(arena, person.session, begun, arena.new_passkey(begun))


def stale_session_adds(arena: Arena) -> Answer:
    person = arena.enrolled()
    target = arena.target
    assert isinstance(target, TurnsClock)
    target.turn_clock(7200)
    try:
        return arena.register(person)
    except Unavailable as error:
        return error.answer


def delete_others(arena: Arena) -> Answer:
    victim, attacker = arena.enrolled(), arena.enrolled()
    answer = _manager(arena).delete_credential(attacker.session, victim.passkey.credential_id)
    if not arena.authenticate(victim).accepted:
        return flaw("the victim's passkey is gone")
    return sound(answer.reason or "the victim's passkey is still there")


def rename_others(arena: Arena) -> Answer:
    victim, attacker = arena.enrolled(), arena.enrolled()
    return _manager(arena).rename_credential(attacker.session, victim.passkey.credential_id, "renamed")


def list_others(arena: Arena) -> Answer:
    victim, attacker = arena.enrolled(), arena.enrolled()
    shown = _manager(arena).credentials(attacker.session)
    if victim.passkey.credential_id in shown:
        return flaw("the list shows another user's passkey")
    return sound("the list shows one's own passkeys")


_MARKUP = "<img src=x onerror=alert(1)>"


def markup_name(arena: Arena) -> Answer:
    person = arena.enrolled()
    answer = _manager(arena).rename_credential(person.session, person.passkey.credential_id, _MARKUP)
    target = arena.target
    if not answer.accepted or not isinstance(target, ShowsCredentials):
        return (
            answer
            if not answer.accepted
            else sound("the target is described without a page that shows names")
        )
    if _MARKUP in target.credentials_page(person.session):
        return flaw("the page holds the name as it was given")
    return sound("the name is escaped")


def delete_last(arena: Arena) -> Answer:
    person = arena.enrolled()
    return _manager(arena).delete_credential(person.session, person.passkey.credential_id)


def many_passkeys(arena: Arena) -> Answer:
    person = arena.person()
    answer = arena.register(person)
    for _ in range(99):
        try:
            answer = arena.register(person)
        except Unavailable as error:
            return error.answer
        if not answer.accepted:
            return answer
    return answer


def excluded_again(arena: Arena) -> Answer:
    person = arena.enrolled()
    begun = arena.begin_registration(person.session)
    return finish(arena, person.session, begun, person.passkey)


def without_csrf(arena: Arena) -> Answer:
    person = arena.person()
    begun = arena.begin_registration(person.session)
    if not remote(arena).leave_out_csrf(person.session):
        return sound("the target is described as having no CSRF token")
    return finish(arena, person.session, begun, arena.new_passkey(begun))


def log_in_without_csrf(arena: Arena) -> Answer:
    person = arena.enrolled()
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    if not remote(arena).leave_out_csrf(session):
        return sound("the target is described as having no CSRF token")
    return finish(arena, session, begun, arena.use(person))


def session_fixation(arena: Arena) -> Answer:
    person = arena.enrolled()
    session = arena.target.visit()
    begun = arena.begin_authentication(session, person.user)
    before = dict(remote(arena).cookies(session))
    arena.require(finish(arena, session, begun, arena.use(person)), "a genuine log-in is not accepted")
    after = remote(arena).cookies(session)
    kept = [name for name, value in before.items() if after.get(name) == value and "csrf" not in name.lower()]
    if kept and len(kept) == len([name for name in after if "csrf" not in name.lower()]):
        return flaw(f"the log-in leaves every cookie as it was: {', '.join(kept)}")
    return sound("the log-in begins a new session id")


def options_leak(arena: Arena) -> Answer:
    person = arena.enrolled()
    begun = arena.begin_authentication(arena.target.visit(), person.user)
    own = base64url(person.passkey.credential_id)
    listed = begun.options.get("allowCredentials") or []
    if any(isinstance(each, dict) and each.get("id") == own for each in listed):
        return flaw("anyone is told the credential ids of a name")
    return sound("the options name no credentials")


def challenge_quality(arena: Arena) -> Answer:
    person = arena.person()
    seen = [arena.begin_registration(person.session).challenge for _ in range(8)]
    if min(map(len, seen)) < 16:
        return flaw(f"a challenge of {min(map(len, seen))} bytes")
    if len(set(seen)) < len(seen):
        return flaw("a challenge came twice")
    size = min(map(len, seen))
    still = sum(len({challenge[at] for challenge in seen}) == 1 for at in range(size))
    if size - still < 16:
        return flaw(f"of {size} bytes, {still} never change")
    return sound("challenges are long enough and differ")


def exclude_credentials(arena: Arena) -> Answer:
    person = arena.enrolled()
    begun = arena.begin_registration(person.session)
    own = base64url(person.passkey.credential_id)
    listed = begun.options.get("excludeCredentials") or []
    if any(isinstance(each, dict) and each.get("id") == own for each in listed):
        return sound("excludeCredentials has the registered passkey")
    return flaw("excludeCredentials leaves out the registered passkey")
