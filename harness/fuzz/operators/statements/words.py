"""Words for lies about statements, whatever their format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authenticator.attestation.pki import (
    Extension,
    basic_constraints,
    issue,
    with_extension,
    without_extension,
)
from harness.fuzz.capability import Capability
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity, Variant
from harness.fuzz.operators.lies import attested, by
from harness.fuzz.statements import rogue_root

PACKED = attested("packed")
STATEMENT = "Verify the statement by its format's procedure (§8), every step of it."
CHAIN = "Build the chain from the leaf to a root from your own list: signatures, validity, CA bits."
LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH


def template_with(**members: Any) -> Change:
    return by(lambda template: replace(template, **members))


def extension(oid: str, value: bytes, *, critical: bool = False) -> Change:
    return by(lambda template: with_extension(template, Extension(oid=oid, value=value, critical=critical)))


def without(oid: str) -> Change:
    return by(lambda template: without_extension(template, oid))


def as_ca(template: Any, forge: Forge) -> Any:
    return with_extension(template, basic_constraints(ca=True))


def rogue_chain(chain: list[bytes], forge: Forge) -> list[bytes]:
    """Another leaf with the same key and names, issued by a root that nobody knows, which is sent along."""
    rogue = rogue_root()
    leaf = replace(forge.reached[Stage.LEAF], issuer=rogue.subject)
    return [issue(leaf, rogue.key), rogue.certificate]


def self_statement(statement: Any, forge: Forge) -> Any:
    key = forge.passkey.key
    return {"alg": int(key.algorithm), "sig": key.sign(forge.reached[Stage.MESSAGE])}


def statement_operator(
    number: str,
    step: str,
    title: str,
    severity: Severity,
    why: str,
    *variants: tuple[Variant, ...],
    fix: str = STATEMENT,
    cause: str = r"attest|statement|stmt|certificate|cert|x5c|signature|chain|trust|root",
    reference: str = "",
    expected: Expected = Expected.REJECT,
    scope: Scope = Scope.LIBRARY,
    needs: frozenset[Capability] = frozenset(),
) -> Operator:
    return Operator(
        id=number,
        concerns=Concerns.REGISTRATION,
        step=f"{step}/7.1.22/7.1.23/7.1.24",
        title=title,
        expected=expected,
        severity=severity,
        scope=scope,
        why=why,
        fix=fix,
        cause=cause,
        reference=reference,
        needs=needs,
        variants=tuple(variant for group in variants for variant in group),
    )
