"""What a lie is: which step of the standard it tests, what a relying party should do, and why that matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

from harness.fuzz.base import HONEST_BASE, Base
from harness.fuzz.capability import Capability
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.edit import Edit

if TYPE_CHECKING:
    from harness.fuzz.arena import Attack


class Concerns(Enum):
    """The ceremonies an operator's lies are told in."""

    REGISTRATION = "registration"
    AUTHENTICATION = "authentication"
    BOTH = "both"
    MANAGEMENT = "management"


class Expected(Enum):
    REJECT = "reject"
    ACCEPT = "accept"
    """It looks odd and is right: who refuses it locks people out."""
    IGNORE = "ignore"
    """Refused or accepted, as long as the lie has no effect."""
    POLICY = "policy"
    """The standard leaves it open: told, never counted as a fault."""
    FLAG = "flag"
    """Seen in what the relying party sends of its own accord."""


class Severity(IntEnum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Scope(Enum):
    LIBRARY = "library"
    """Verification itself: what a WebAuthn library decides."""
    APPLICATION = "application"
    """Accounts, sessions, credentials: what is built around a library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One change: an edit of one stage of a ceremony, or an attack that spans several."""

    name: str
    lie: Edit | tuple[Edit, ...] | Attack
    """Several edits where kinds of lies are combined."""
    base: Base = HONEST_BASE
    """The genuine ceremony that is changed; without the change it must be accepted."""
    expected: Expected | None = None
    """Where it differs from the operator's."""
    leaves: int = 1
    """How many members the change touches: both coordinates of a point are one change."""
    only: Ceremony | None = None
    """Where it is told in one of the operator's two ceremonies only."""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """None of an attack."""
        if isinstance(self.lie, Edit):
            return (self.lie,)
        return self.lie if isinstance(self.lie, tuple) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    id: str
    concerns: Concerns
    step: str
    """Of WebAuthn level 3, as counted in the editor's draft of July 2026: `7.1.8/7.2.11`."""
    title: str
    expected: Expected
    severity: Severity
    scope: Scope
    why: str
    fix: str
    cause: str = ""
    """What a refusal for this cause speaks of, as a regular expression."""
    reference: str = ""
    needs: frozenset[Capability] = frozenset()
    """What a target must be able to do."""
    variants: tuple[Variant, ...] = ()

    def cases(self, seed: int) -> Iterator[Case]:
        for variant in self.variants:
            for ceremony in ceremonies_of(self, variant):
                yield Case(operator=self.id, variant=variant.name, ceremony=ceremony, seed=seed)

    def variant(self, name: str) -> Variant:
        return next(variant for variant in self.variants if variant.name == name)

    def expected_of(self, variant: Variant) -> Expected:
        return variant.expected or self.expected


def ceremonies_of(operator: Operator, variant: Variant) -> tuple[Ceremony, ...]:
    if variant.only is not None:
        return (variant.only,)
    if operator.concerns is Concerns.AUTHENTICATION:
        return (Ceremony.AUTHENTICATION,)
    if operator.concerns is Concerns.BOTH and variant.edits:
        return (Ceremony.REGISTRATION, Ceremony.AUTHENTICATION)
    return (Ceremony.REGISTRATION,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A lie that can be told again exactly: everything random in it follows from these four."""

    operator: str
    variant: str
    ceremony: Ceremony
    seed: int

    @property
    def name(self) -> str:
        return f"{self.operator}/{self.ceremony.value}/{self.variant}"

    def to_json(self) -> dict[str, Any]:
        return {
            "operator": self.operator,
            "variant": self.variant,
            "ceremony": self.ceremony.value,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Case:
        return cls(
            operator=value["operator"],
            variant=value["variant"],
            ceremony=Ceremony(value["ceremony"]),
            seed=value["seed"],
        )
