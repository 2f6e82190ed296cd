"""Attestation statements: §7.1 steps 21 to 24 and §8."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.exchange.webauthn.attestation import android_key, apple, fido_u2f, packed, tpm
from scenarios.exchange.webauthn.attestation.chain import TrustAnchors, trust_path
from scenarios.exchange.webauthn.attestation.subject import Statement, Subject
from scenarios.exchange.webauthn.refusal import Refused

__all__ = ["Policy", "Subject", "TrustAnchors", "check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the relying party wants of attestation."""

    required: bool = False
    """Only authenticators that prove their model by a trusted chain may register."""
    anchors: TrustAnchors | None = None
    """Whom to trust; with None every chain is left unjudged."""
    aaguids: frozenset[bytes] | None = None
    """The models that may register; None: any."""


_VERIFIERS: Mapping[str, Callable[[Statement, Subject], None]] = {
    "packed": packed.verify,
    "fido-u2f": fido_u2f.verify,
    "tpm": tpm.verify,
    "android-key": android_key.verify,
    "apple": apple.verify,
}


def check(fmt: str, raw_statement: dict[Any, Any], subject: Subject, policy: Policy) -> bool:
    """Whether a trusted chain was shown. Refused where the statement is wrong, or the policy wants one."""
    trusted = _check(fmt, raw_statement, subject, policy)
    if policy.required and not trusted:
        raise Refused("7.1.24", "the authenticator does not prove its model, which this site asks for")
    if policy.aaguids is not None and subject.attested.aaguid not in policy.aaguids:
        raise Refused("7.1.24", "this model of authenticator is not accepted here")
    return trusted


def _check(fmt: str, raw_statement: dict[Any, Any], subject: Subject, policy: Policy) -> bool:
    if fmt == "none":
        if raw_statement:
            raise Refused("7.1.22", "an attestation of format none has an empty statement")
        return False
    if fmt == "compound":
        return _check_compound(raw_statement[""], subject, policy)
    # Step 21: formats are told apart by an exact match
    verify = _VERIFIERS.get(fmt)
    if verify is None:
        raise Refused("7.1.21", "the attestation format is not known")
    statement = Statement(raw_statement)
    # Step 22
    verify(statement, subject)
    # Steps 23 and 24
    if not statement.chain or policy.anchors is None:
        return False
    return trust_path(statement.chain, policy.anchors, subject.attested.aaguid)


def _check_compound(statements: list[Any], subject: Subject, policy: Policy) -> bool:
    """§8.9: two or more statements; here every one of them must hold."""
    step = "7.1.22"
    if len(statements) < 2:
        raise Refused(step, "a compound attestation has two statements or more")
    trusted = False
    for each in statements:
        if (
            not isinstance(each, dict)
            or not isinstance(each.get("fmt"), str)
            or not isinstance(each.get("attStmt"), dict)
        ):
            raise Refused(step, "a part of a compound attestation is no statement")
        if each["fmt"] == "compound":
            raise Refused(step, "a compound attestation holds another one")
        trusted = _check(each["fmt"], each["attStmt"], subject, policy) or trusted
    return trusted
