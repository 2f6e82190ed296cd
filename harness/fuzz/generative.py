"""Lies that nobody has thought of: made by Hypothesis, judged by the exchange's strict verifier, and shrunk.

A ceremony is changed in a few random places. Where a library accepts what the strict verifier refuses, the changes are
shrunk to the smallest that are still accepted, and the search goes on for others, refused for another reason.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Self, TypeAlias

import cbor2
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from harness.errors import SetupError
from harness.fuzz.arena import Arena
from harness.fuzz.base import HONEST_BASE, Attestation, Base, Demands
from harness.fuzz.ceremony import Ceremony
from harness.fuzz.decode import differences, plain
from harness.fuzz.edit import Edit, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.targets import Answer, Outcome
from harness.fuzz.targets.exchange import Exchange
from harness.fuzz.targets.site import Site
from harness.fuzz.verdicts import Difference

Path: TypeAlias = tuple[Any, ...]
_BASES = (HONEST_BASE, Base(attestation="self", demands=Demands(attestation=Attestation.CHECKED)))
LEFT_TO_THE_APPLICATION = frozenset({"7.1.26", "7.2.19", "7.2.22"})
"""Steps that need what an application keeps: other credentials, BE, the counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a structure set, or left out."""

    stage: Stage
    path: Path
    value: Any = None
    gone: bool = False

    def __call__(self, structure: Any, forge: Forge) -> Any:
        return _with(structure, self.path, self.value, gone=self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Octets:
    """Some bytes in place of others."""

    stage: Stage
    position: int
    """Counted from the end if negative; beyond it, at it."""
    length: int
    """How many go."""
    instead: bytes

    def __call__(self, data: bytes, forge: Forge) -> bytes:
        start = max(0, min(len(data), self.position if self.position >= 0 else len(data) + self.position))
        return data[:start] + self.instead + data[start + self.length :]


Mutation: TypeAlias = Member | Octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    ceremony: Ceremony
    mutations: tuple[Mutation, ...]
    base: Base = HONEST_BASE

    def to_word(self) -> str:
        """All of it, for a command line. The order of members stays: it is part of a lie."""
        changes = [
            [each.stage.value, list(each.path), *([] if each.gone else [each.value])]
            if isinstance(each, Member)
            else [each.stage.value, each.position, each.length, each.instead]
            for each in self.mutations
        ]
        data = cbor2.dumps([self.ceremony.value, _BASES.index(self.base), changes])
        return urlsafe_b64encode(data).decode().rstrip("=")

    @classmethod
    def from_word(cls, word: str) -> Self:
        """What `to_word` made; ValueError for anything else."""
        try:
            ceremony, base, changes = cbor2.loads(urlsafe_b64decode(word + "=" * (-len(word) % 4)))
            return cls(
                ceremony=Ceremony(ceremony),
                mutations=tuple(_mutation(Stage(stage), *rest) for stage, *rest in changes),
                base=_BASES[base],
            )
        except (cbor2.CBORDecodeError, TypeError, LookupError) as error:
            raise ValueError(str(error)) from None


def _mutation(stage: Stage, place: Any, *rest: Any) -> Mutation:
    if isinstance(place, list):
        return Member(stage=stage, path=tuple(place), gone=not rest, value=rest[0] if rest else None)
    length, instead = rest
    return Octets(stage=stage, position=place, length=length, instead=instead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """The smallest lie of its kind that a target accepts and the strict verifier does not."""

    lie: Lie
    step: str
    reason: str
    """The strict verifier's."""
    differences: tuple[Difference, ...]
    seed: int

    def name(self, target: str) -> str:
        """One word that has all a replay needs."""
        return f"{target}:explore/{self.lie.to_word()}@{self.seed}"

    def to_json(self) -> dict[str, Any]:
        return {
            "ceremony": self.lie.ceremony.value,
            "step": self.step,
            "reason": self.reason,
            "mutations": [plain(each) for each in self.lie.mutations],
            "differences": [
                {"path": each.path, "honest": each.honest, "lie": each.lie} for each in self.differences
            ],
        }


def explore(target: Site, *, seed: int, examples: int = 2000, most: int = 20) -> Iterator[Disputed]:
    """Disputed lies, each of another kind, until none is found in `examples` tries or there are `most`."""
    strict = strict_for(target)
    known: set[tuple[str, str]] = set()

    left: frozenset[str] = frozenset() if target.application else LEFT_TO_THE_APPLICATION

    def is_new(lie: Lie) -> bool:
        kind = dispute(target, strict, lie, seed)
        return kind is not None and kind.step not in left and (kind.step, kind.reason) not in known

    options = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    while len(known) < most:
        try:
            smallest = find(lies(), is_new, settings=options, random=Random(f"{seed} {len(known)}"))
        except NoSuchExample:
            return
        found = dispute(target, strict, smallest, seed)
        if found is None:  # it was accepted by chance
            return
        known.add((found.step, found.reason))
        yield found


def strict_for(target: Site) -> Site:
    """The exchange's verifier, in the target's place."""
    return Site(verifier=Exchange(), rp_id=target.rp_id, origin=target.origin)


def dispute(target: Site, strict: Site, lie: Lie, seed: int) -> Disputed | None:
    accepted, _ = _tell(target, lie, seed)
    if not accepted.accepted:
        return None
    refused, made = _tell(strict, lie, seed)
    if refused.outcome is not Outcome.REFUSED:
        return None
    return Disputed(
        lie=lie, step=refused.step, reason=refused.reason, differences=differences(made), seed=seed
    )


def parse(name: str) -> tuple[str, Lie, int] | None:
    """Target, lie and seed of what `Disputed.name` made; None for the name of another finding."""
    match = re.fullmatch(r"(.+?):explore/([\w-]+)@(\d+)", name)
    if match is None:
        return None
    try:
        return match[1], Lie.from_word(match[2]), int(match[3])
    except ValueError as error:
        raise SetupError(
            f"{name}: that is no find of `stuntkey fuzz explore`, or a part of one: {error}"
        ) from None


def replay(target: Site, lie: Lie, seed: int) -> Disputed | None:
    """One find again: None if the target does not accept it any more."""
    return dispute(target, strict_for(target), lie, seed)


def _tell(site: Site, lie: Lie, seed: int) -> tuple[Answer, Forge]:
    """Both sites get the very same bytes: their challenges come from the same seed."""
    site.reseed(f"generative {seed}")
    arena = Arena(target=site, random=Random(f"generative {seed}"), demands=lie.base.demands, base=lie.base)
    edits = tuple(Edit(each.stage, each) for each in lie.mutations)
    if lie.ceremony is Ceremony.REGISTRATION:
        answer = arena.register(arena.person(), *edits)
    else:
        answer = arena.authenticate(arena.enrolled(), *edits)
    assert arena.last is not None
    return answer, arena.last


def _with(structure: Any, path: Path, value: Any, *, gone: bool) -> Any:
    """The structure with another member; as it was, if there is no such place in it."""
    name, *rest = path
    if not isinstance(structure, dict):
        return structure
    copy = dict(structure)
    if rest:
        if name in copy:
            copy[name] = _with(copy[name], tuple(rest), value, gone=gone)
    elif gone:
        copy.pop(name, None)
    else:
        copy[name] = value
    return copy


# Strategies

_TEXT = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "null",
        "none",
        "webauthn.get",
        "webauthn.create",
        "payment.get",
        "https://evil.example",
        "public-key",
    ]
)
_NUMBERS = st.integers(-300, 300) | st.sampled_from([2**31, 2**32, 2**53, -(2**31)])
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=3,
)
_BYTES = st.binary(max_size=40) | st.sampled_from([bytes(32), b"\x00", b"\xff" * 32])
_CBOR = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT | _BYTES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT | _NUMBERS, inner, max_size=2),
    max_leaves=3,
)

_CLIENT_DATA: tuple[Path, ...] = tuple(
    (name,) for name in ("type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding", "x")
)
_ENVELOPE: tuple[Path, ...] = (
    *((name,) for name in ("id", "rawId", "type", "authenticatorAttachment", "clientExtensionResults", "x")),
    *(("response", name) for name in ("clientDataJSON", "transports", "publicKey", "publicKeyAlgorithm")),
)
_COSE: tuple[Path, ...] = ((1,), (2,), (3,), (4,), (-1,), (-2,), (-3,), (-4,))
_OBJECT: tuple[Path, ...] = (("fmt",), ("attStmt",), ("authData",), ("attStmt", "x"), ("x",))
_FLAGS: tuple[Path, ...] = tuple((name,) for name in ("up", "uv", "be", "bs", "bit1", "bit5", "at", "ed"))
_ATTESTED: tuple[Path, ...] = (("attested", "aaguid"), ("attested", "credentialId"))


def _members(
    stage: Stage, paths: tuple[Path, ...], values: st.SearchStrategy[Any]
) -> st.SearchStrategy[Mutation]:
    place = st.sampled_from(paths)
    put = st.builds(lambda path, value: Member(stage=stage, path=path, value=value), place, values)
    return put | place.map(lambda path: Member(stage=stage, path=path, gone=True))


def _octets(*stages: Stage) -> st.SearchStrategy[Mutation]:
    return st.builds(
        lambda stage, position, length, instead: Octets(
            stage=stage, position=position, length=length, instead=instead
        ),
        st.sampled_from(stages),
        st.integers(-80, 200),
        st.integers(0, 4),
        st.binary(max_size=6),
    )


_FIELDS: st.SearchStrategy[Mutation] = (
    st.builds(
        lambda path, value: Member(stage=Stage.FIELDS, path=path, value=value),
        st.sampled_from(_FLAGS),
        st.booleans(),
    )
    | st.builds(
        lambda value: Member(stage=Stage.FIELDS, path=("rpIdHash",), value=value),
        st.binary(min_size=32, max_size=32),
    )
    | st.builds(
        lambda value: Member(stage=Stage.FIELDS, path=("signCount",), value=value), st.integers(0, 2**32 - 1)
    )
)
_COMMON = (
    _members(Stage.CLIENT_DATA, _CLIENT_DATA, _JSON)
    | _members(Stage.ENVELOPE, _ENVELOPE, _JSON)
    | _octets(Stage.CLIENT_DATA_JSON, Stage.AUTHENTICATOR_DATA)
    | _FIELDS
)
_REGISTRATION = (
    _COMMON
    | _members(Stage.COSE_KEY, _COSE, _CBOR)
    | _members(Stage.ATTESTATION_OBJECT, _OBJECT, _CBOR)
    | st.builds(
        lambda path, value: Member(stage=Stage.FIELDS, path=path, value=value),
        st.sampled_from(_ATTESTED),
        _BYTES,
    )
    | _octets(Stage.ATTESTATION_OBJECT_BYTES)
)
_AUTHENTICATION = _COMMON | _octets(
    Stage.SIGNATURE, Stage.MESSAGE, Stage.SENT_CLIENT_DATA, Stage.SENT_AUTHENTICATOR_DATA
)


def lies() -> st.SearchStrategy[Lie]:
    """One to three changes in a registration or a log-in."""
    registration = st.builds(
        lambda mutations, base: Lie(ceremony=Ceremony.REGISTRATION, mutations=tuple(mutations), base=base),
        st.lists(_REGISTRATION, min_size=1, max_size=3),
        st.sampled_from(_BASES),
    )
    authentication = st.builds(
        lambda mutations: Lie(ceremony=Ceremony.AUTHENTICATION, mutations=tuple(mutations)),
        st.lists(_AUTHENTICATION, min_size=1, max_size=3),
    )
    return registration | authentication
