"""One case against one target: control, lie, control, verdict; and once more before it is called a finding."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from types import FrameType

from harness.fuzz.arena import Arena, ControlFailed, Person, unavailable
from harness.fuzz.base import Base
from harness.fuzz.capability import Capability
from harness.fuzz.catalogue import operator_of
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.combinations import parts_of
from harness.fuzz.decode import decode_body, differences, plain
from harness.fuzz.forge import CannotTell, forge, require_all_told
from harness.fuzz.operator import Case, Expected, Operator, Scope, Variant
from harness.fuzz.targets import Answer, Outcome, Target, Unavailable
from harness.fuzz.targets.site import PATIENCE, Hung, Site
from harness.fuzz.verdicts import Conduct, Evidence, Judgement, Result, judge, skipped, undecided


class Trials:
    """Cases against one target. Remembers which genuine ceremonies it has just accepted: the control after one lie is
    the control before the next."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._proven: Base | None = None
        self._known: tuple[Base, Person] | None = None
        """Who has just logged in genuinely, at a site that keeps its accounts; no lie about them was believed."""
        self._refused: dict[tuple[Base, Ceremony], str] = {}
        """Genuine ceremonies that the target does not accept: it has no use for them, and no lies are based on them."""

    @property
    def patience(self) -> float:
        """Seconds that one telling of a lie may take, with its controls."""
        return float(getattr(self.target, "patience", PATIENCE))

    def play(self, case: Case, operator: Operator, variant: Variant) -> Result:
        missing = (operator.needs | variant.base.demands.needs) - self.target.capabilities
        if missing:
            needs = ", ".join(sorted(each.value for each in missing))
            return skipped(self.target.name, case, operator, variant, f"needs {needs}")
        known = self._refused.get((variant.base, case.ceremony))
        if known:
            return skipped(self.target.name, case, operator, variant, known)
        result = self._once(case, operator, variant)
        if result.judgement is not Judgement.FINDING:
            return result
        if (why := self._not_for_being_two(case)) is not None:
            return skipped(self.target.name, case, operator, variant, why)
        if result.conduct is Conduct.ACCEPTED and self._left_to_the_application(operator):
            note = "left to the application around the library"
            return replace(result, judgement=Judgement.POLICY, notes=(*result.notes, note))
        again = self._once(case, operator, variant)
        if (again.judgement, again.conduct) != (result.judgement, result.conduct):
            why = f"first {result.conduct.value}, then {again.conduct.value}"
            return undecided(self.target.name, case, operator, variant, why)
        return replace(again, confirmed=True)

    def _not_for_being_two(self, case: Case) -> str | None:
        """Why a pair of lies tells no more than one of them; None if it does, or if it is no pair."""
        for name, kind in parts_of(case):
            operator = operator_of(name)
            variant = operator.variant(kind)
            alone = self.play(
                Case(operator=name, variant=kind, ceremony=case.ceremony, seed=case.seed), operator, variant
            )
            must_hold = operator.expected_of(variant) is Expected.REJECT
            if alone.judgement is Judgement.FINDING or (must_hold and alone.judgement is not Judgement.HELD):
                return f"{alone.case.name} by itself: {alone.conduct.value}"
        return None

    def _left_to_the_application(self, operator: Operator) -> bool:
        return operator.scope is Scope.APPLICATION and Capability.ACCOUNTS not in self.target.capabilities

    def _once(self, case: Case, operator: Operator, variant: Variant) -> Result:
        seed = f"{case.seed} {case.name}"
        if isinstance(self.target, Site):
            self.target.reseed(seed)
        arena = Arena(
            target=self.target, random=Random(seed), demands=variant.base.demands, base=variant.base
        )
        name = self.target.name
        seconds = self.patience
        try:
            with patience(seconds):
                if variant.edits:
                    return self._edited(arena, case, operator, variant)
                return self._attacked(arena, case, operator, variant)
        except CannotTell as error:
            return skipped(name, case, operator, variant, str(error))
        except ControlFailed as failed:
            self._proven = self._known = None
            if failed.answer.outcome is Outcome.REFUSED and variant.edits:
                self._refused[variant.base, case.ceremony] = str(failed)
                return skipped(name, case, operator, variant, str(failed))
            return undecided(name, case, operator, variant, str(failed))
        except Unavailable as error:
            return judge(name, case, operator, variant, unavailable(error))
        except Hung:
            self._proven = self._known = None
            if Capability.KEEPS in self.target.capabilities:
                # Each of its answers came in time, or else that would have been told: there were many.
                why = f"not done within {seconds:.0f} s, though every answer came in time: the site is slow"
                return undecided(name, case, operator, variant, why)
            answer = Answer(outcome=Outcome.HUNG, reason=f"no answer within {seconds:.0f} s", kind="hang")
            return judge(name, case, operator, variant, answer)

    def _edited(self, arena: Arena, case: Case, operator: Operator, variant: Variant) -> Result:
        if case.ceremony is Ceremony.REGISTRATION:
            if self._proven != variant.base:
                arena.enrolled()
            person = arena.person()
            answer = arena.register(person, *variant.edits)
        else:
            person = self._logged_in_before(arena)
            answer = arena.authenticate(person, *variant.edits)
        made, body = arena.last, arena.body
        assert made is not None
        effect = ""
        if answer.accepted and operator.expected_of(variant) in (Expected.ACCEPT, Expected.IGNORE):
            effect = self._effect(arena, person)
        result = judge(self.target.name, case, operator, variant, answer, effect=effect)
        self._afterwards(arena, case, person, answer)
        if result.judgement is Judgement.FINDING:
            require_all_told(made)
            honest = forge(
                rp_id=made.rp_id,
                origin=made.origin,
                begun=made.begun,
                passkey=made.passkey,
                random=Random(f"{case.seed} {case.name}"),
            ).build()
            evidence = Evidence(
                request=plain(body),
                response=answer.raw or answer.reason,
                decoded=decode_body(body),
                honest=decode_body(honest),
                differences=differences(made),
            )
            result = replace(result, evidence=evidence)
        return result

    def _effect(self, arena: Arena, person: Person) -> str:
        """An accepted oddity must leave the account usable by its owner, and by nobody else."""
        answer = arena.authenticate(person)
        if not answer.accepted:
            return f"afterwards the owner's genuine log-in is not accepted: {answer.reason}"
        return ""

    def _afterwards(self, arena: Arena, case: Case, person: Person, answer: Answer) -> None:
        """The control after the lie."""
        logs_in = case.ceremony is Ceremony.AUTHENTICATION
        keeps = Capability.KEEPS in self.target.capabilities
        if logs_in and keeps and not answer.accepted and arena.authenticate(person).accepted:
            self._known = arena.base, person
            return
        if answer.accepted or logs_in:
            person = arena.person()
        arena.require(arena.register(person), "a genuine registration after the lie is not accepted")
        if logs_in:
            arena.require(arena.authenticate(person), "a genuine log-in after the lie is not accepted")
            self._known = (arena.base, person) if keeps else None
        self._proven = arena.base

    def _logged_in_before(self, arena: Arena) -> Person:
        """Somebody who has just logged in genuinely. Where accounts are kept, it may be whose log-in was the
        control after the lie before, if that lie was refused: signing up takes most of the time there."""
        known, self._known = self._known, None
        if known is not None and known[0] == arena.base:
            return known[1]
        person = arena.enrolled()
        arena.require(arena.authenticate(person), "a genuine log-in is not accepted")
        return person

    def _attacked(self, arena: Arena, case: Case, operator: Operator, variant: Variant) -> Result:
        assert callable(variant.lie)
        answer = variant.lie(arena)
        result = judge(self.target.name, case, operator, variant, answer)
        body, made = arena.body, arena.last
        arena.require_genuine()
        if result.judgement is Judgement.FINDING:
            evidence = Evidence(
                request=plain(body),
                response=answer.raw or answer.reason,
                decoded=decode_body(body) if body else {},
                honest={},
                differences=differences(made) if made is not None else (),
            )
            result = replace(result, evidence=evidence)
        return result


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Interrupts a library that hangs, where that can be done: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)  # again, if what follows hangs too
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
